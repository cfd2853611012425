"""Makes small real workspaces for tests: written by the real builder, with a playable proxy and real keyframes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import movieqa
from movieqa import movie_files
from movieqa.builder import WorkspaceBuilder
from movieqa.manifest import Manifest
from movieqa.movie import CutKind, Frames, Shot, Stream, Subtitle, VideoInfo
from movieqa.workspace import SUFFIX, Workspace

_TIME_BASE = Fraction(1, 1_000_000)
_HUES = 30  # shots that follow each other differ by this much in OpenCV's hue circle of 180


def make_shots(*bounds: float, kind: CutKind = "cut", transition: float = 0.0) -> tuple[Shot, ...]:
    """Make shots from their bounds: `make_shots(0, 2.5, 6)` is two shots; all but the first begin with `kind`."""
    return tuple(
        Shot(
            index=index,
            start=float(start),
            end=float(end),
            kind=kind if index else "start",
            transition=transition if index else 0.0,
        )
        for index, (start, end) in enumerate(pairwise(bounds))
    )


def make_subtitles(*lines: tuple[float, float, str], source: str = "film.srt") -> tuple[Subtitle, ...]:
    """Make subtitles from `(start, end, text)`; a text of the form `Anna> Hello` has a speaker."""
    subtitles = []
    for start, end, text in lines:
        speaker, mark, said = text.partition("> ")
        subtitles.append(
            Subtitle(
                start=float(start),
                end=float(end),
                text=said if mark else text,
                speaker=speaker if mark else None,
                source=source,
            )
        )
    return tuple(subtitles)


def make_workspace(
    folder: Path,
    *,
    shots: Sequence[Shot] = (),
    subtitles: Sequence[Subtitle] = (),
    num_frames: int | None = None,
    name: str = "film.mp4",
    rate: Fraction = Fraction(25),
    size: tuple[int, int] = (64, 48),
) -> Workspace:
    """Write `folder/film.movieqa` and open it.

    Args:
        folder: An existing folder, usually `tmp_path`.
        shots: All shots; three shots of two seconds when none are given.
        subtitles: Subtitle lines, sorted by the caller.
        num_frames: How many frames were sampled, spread evenly; one a second when not given.
        name: The film's file name; the workspace is named after it.
        rate: The film's frame rate.
        size: Width and height, in pixels, of the film and the proxy; even numbers.

    Returns:
        The finished workspace, opened.
    """
    shots = tuple(shots) or make_shots(0, 2, 4, 6)
    duration = shots[-1].end
    width, height = size
    video = VideoInfo(
        name=name,
        digest=f"sha256:{hashlib.sha256(name.encode()).hexdigest()}",
        num_bytes=1000,
        container="mov,mp4,m4a,3gp,3g2,mj2",
        duration=duration,
        rate=rate,
        width=width,
        height=height,
        rotation=0,
        sample_aspect=Fraction(1),
        codec="h264",
        pixel_format="yuv420p",
        stream_index=0,
        streams=(Stream(index=0, kind="video", codec="h264", is_default=True),),
    )
    spacing = 1.0 if num_frames is None else duration / num_frames
    frames = Frames(times=np.arange(num_frames or np.ceil(duration), dtype=np.float64) * spacing)
    source = Manifest(
        source_name=video.name,
        source_digest=video.digest,
        source_bytes=video.num_bytes,
        versions={"movieqa": movieqa.__version__},
    )
    path = folder / f"{Path(name).stem}{SUFFIX}"
    with WorkspaceBuilder(path, source) as builder:
        with builder.step("probe", {}) as output:
            (output.folder / "video.json").write_text(movie_files.dump_video(video), encoding="utf-8")
        with builder.step("scan", {}) as output:
            (output.folder / "shots.csv").write_text(movie_files.dump_shots(shots), encoding="utf-8")
            (output.folder / "frames.npy").write_bytes(movie_files.dump_frames(frames))
            _write_keyframes(output.folder / "keyframes", shots, size)
            _write_proxy(output.folder / "proxy.mp4", frames, shots, size)
        with builder.step("subtitles", {}) as output:
            (output.folder / "subtitles.jsonl").write_text(movie_files.dump_subtitles(subtitles), encoding="utf-8")
            (output.folder / "subtitles.srt").write_text(movie_files.dump_srt(subtitles), encoding="utf-8")
    return Workspace.open(path)


def draw_frame(index: int, shot: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """Draw a sampled frame, `UInt8[H, W, 3]` in RGB: one colour a shot, and a bright bar that walks with the index."""
    width, height = size
    hsv = np.array([[[shot * _HUES % 180, 200, 150]]], dtype=np.uint8)
    colour = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    picture = np.broadcast_to(colour, (height, width, 3)).astype(np.uint8)
    left = index * 4 % width
    picture[height // 4 : height // 2, left : left + 4] = 255
    return picture


def _write_keyframes(folder: Path, shots: Sequence[Shot], size: tuple[int, int]) -> None:
    folder.mkdir()
    for shot in shots:
        picture = cv2.cvtColor(draw_frame(0, shot.index, size), cv2.COLOR_RGB2BGR)
        is_written = cv2.imwrite(str(folder / f"{shot.index + 1:04d}.jpg"), picture)
        assert is_written


def _write_proxy(path: Path, frames: Frames, shots: Sequence[Shot], size: tuple[int, int]) -> None:
    starts = np.array([shot.start for shot in shots])
    on_screen = np.maximum(0, np.searchsorted(starts, frames.times, side="right") - 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1, options={"preset": "ultrafast", "threads": "1"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _TIME_BASE
        for index, (shot, time) in enumerate(zip(on_screen, frames.times, strict=True)):
            frame = av.VideoFrame.from_ndarray(draw_frame(index, int(shot), size), format="rgb24")
            frame.pts = round(time / _TIME_BASE)
            frame.time_base = _TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
