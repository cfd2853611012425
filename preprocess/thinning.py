"""Brings the sampled frames down to a number, when there turn out to be more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from movieqa.movie import Shot

from .containers import OPTIONS, to_url
from .proxy import ProxyWriter


def choose_frames(times: Sequence[float], shots: Sequence[Shot], limit: int) -> list[int]:
    """Choose at most `limit` frames: one of every shot if that can be, the others evenly.

    Args:
        times: Of all frames, in seconds.
        shots: Of the whole film, each with one frame or more.
        limit: Frames to keep.

    Returns:
        Positions in `times`, in order.
    """
    owner = np.searchsorted([shot.start for shot in shots], np.asarray(times), side="right") - 1
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    last = np.append(first[1:], len(times)) - 1
    middles = (first + last) // 2
    if len(middles) >= limit:
        return sorted(int(index) for index in _evenly(middles, limit))
    others = np.setdiff1d(np.arange(len(times)), middles)
    return sorted(int(index) for index in [*middles, *_evenly(others, limit - len(middles))])


def _evenly(items: np.ndarray[tuple[int], np.dtype[np.intp]], count: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return items[(2 * np.arange(count) + 1) * len(items) // (2 * count)]


def thin_proxy(path: Path, times: Sequence[float], kept: Sequence[int]) -> None:
    """Write a proxy again with some of its frames.

    Args:
        path: The proxy, replaced in place.
        times: Of all its frames, in seconds.
        kept: Positions of the frames to keep, in order.
    """
    wanted = set(kept)
    thin = path.with_name(f".{path.name}")
    with av.open(to_url(path), options=dict(OPTIONS)) as container:
        stream = container.streams.video[0]
        writer = ProxyWriter(thin, stream.codec_context.width, stream.codec_context.height)
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted:
                writer.write(np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8), times[index])
        writer.close()
    thin.replace(path)
