"""Turns sampled frames into time: how long each of them stands for, and in which shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movieqa.movie import Frames, Shot


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameSpans:
    """What each sampled frame stands for.

    A frame stands for the time from itself to the next one, and the first of a shot also for the shot's beginning;
    never for another shot.

    Attributes:
        shots: Int32[T], the shot each frame lies in.
        starts: Float64[T], seconds.
        ends: Float64[T], seconds.
    """

    shots: NDArray[np.int32]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]


def frame_spans(frames: Frames, shots: Sequence[Shot]) -> FrameSpans:
    """Say for each sampled frame which shot it lies in and which time it stands for."""
    times = frames.times
    begins = np.array([shot.start for shot in shots])
    of_shot = np.maximum(0, np.searchsorted(begins, times, side="right") - 1).astype(np.int32)
    shot_ends = np.array([shot.end for shot in shots])[of_shot]
    is_first = np.diff(of_shot, prepend=-1) != 0
    starts = np.where(is_first, np.minimum(begins[of_shot], times), times)
    following = np.append(times[1:], np.inf)
    ends = np.minimum(following, shot_ends)
    ends = np.where(ends > times, ends, times + 1e-3)  # a frame on the film's very last moment still is something
    return FrameSpans(shots=of_shot, starts=starts, ends=ends)
