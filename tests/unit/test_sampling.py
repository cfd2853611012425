"""Which pictures a film leaves behind, and how little waits for the decision."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movieqa.movie import Shot, VideoInfo
from movieqa.preprocess.decoding import Picture
from movieqa.preprocess.proxy import PictureScaler, proxy_size
from movieqa.preprocess.sampling import FrameSampler, Middle
from movieqa.preprocess.shots import MIN_SHOT_FRAMES, Boundary, build_shots
from movieqa.preprocess.thinning import choose_frames

VIDEO = VideoInfo(
    name="film.mp4",
    digest="sha256:0",
    num_bytes=1,
    container="mp4",
    duration=0.0,
    rate=Fraction(24),
    width=64,
    height=36,
    rotation=0,
    sample_aspect=Fraction(1),
    codec="h264",
    pixel_format="yuv420p",
    stream_index=0,
    streams=(),
)


def cut(frame: int) -> Boundary:
    return Boundary(frame=frame, kind="cut", first=frame, last=frame)


def sample(
    count: int,
    boundaries: Iterable[int],
    *,
    spacing: float = 1.0,
    lookahead: int = 30,
    size: tuple[int, int] = (64, 36),
) -> tuple[list[float], int, list[Boundary], int]:
    """Sample a film of `count` frames; return times, number of shots shown, boundaries, and most kept waiting."""
    times: list[float] = []
    shown: list[None] = []
    video = replace(VIDEO, width=size[0], height=size[1])
    sampler = FrameSampler(
        PictureScaler(video),
        spacing=spacing,
        lookahead=lookahead,
        keep=lambda picture, time: times.append(time),
        show=lambda picture: shown.append(None),
    )
    due = sorted(boundaries)
    most = 0
    frame = av.VideoFrame(*size, "yuv420p")
    for number in range(count):
        told = [cut(boundary) for boundary in due if boundary + lookahead == number]
        sampler.push(Picture(number=number, time=round(number / 24, 6), frame=frame), told)
        most = max(most, sampler.num_waiting)
    sampler.finish([cut(boundary) for boundary in due if boundary + lookahead >= count], round(count / 24, 6))
    assert times == sorted(set(times))
    return times, len(shown), sampler.boundaries, most


@given(
    count=st.integers(1, 400),
    boundaries=st.sets(st.integers(0, 400), max_size=40),
    spacing=st.sampled_from([0.04, 0.3, 1.0, 30.0]),
    lookahead=st.integers(0, 90),
)
def test_every_shot_has_a_frame(count: int, boundaries: set[int], spacing: float, lookahead: int) -> None:
    kept, num_shown, accepted, _ = sample(
        count, {frame for frame in boundaries if frame < count}, spacing=spacing, lookahead=lookahead
    )
    times = [round(number / 24, 6) for number in range(count)]
    shots = build_shots(accepted, times, round(count / 24, 6))
    assert num_shown == len(shots)
    for shot in shots:
        assert any(shot.start <= time < shot.end for time in kept)
    frames = [0, *(boundary.frame for boundary in accepted)]
    assert all(later - earlier >= MIN_SHOT_FRAMES for earlier, later in itertools.pairwise(frames))
    slots = {int((time + 1e-6) / spacing) for time in times}
    assert slots == {int((time + 1e-6) / spacing) for time in kept}


def test_a_boundary_later_than_promised_still_counts() -> None:
    sampler = FrameSampler(PictureScaler(VIDEO), spacing=1.0, lookahead=10, keep=lambda *_: None, show=lambda _: None)
    frame = av.VideoFrame(64, 36, "yuv420p")
    for number in range(100):
        sampler.push(Picture(number=number, time=number / 24, frame=frame), [cut(40)] if number == 90 else [])
    sampler.finish([], 100 / 24)
    assert [boundary.frame for boundary in sampler.boundaries] == [80]


@pytest.mark.parametrize(
    ("size", "most"), [((1280, 720), 82), ((1920, 1080), 42), ((3840, 2160), 20), ((7680, 4320), 20)]
)
def test_what_waits_is_bounded(size: tuple[int, int], most: int) -> None:
    assert sample(120, [50], lookahead=80, size=size)[3] <= most


@given(st.integers(1, 2000), st.integers(1, 20))
def test_the_middle_is_found_without_knowing_the_end(count: int, capacity: int) -> None:
    middle: Middle[int] = Middle(capacity)
    for number in range(count):
        middle.offer(float(number), number)
    best = middle.best((count - 1) / 2)
    assert best is not None
    assert best[0] == best[1]
    assert abs(best[1] - (count - 1) / 2) <= max(1.0, count / capacity)


def test_the_middle_of_nothing_is_nothing() -> None:
    assert Middle[int](3).best(0.0) is None


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=20),
    limit=st.integers(1, 100),
)
def test_thinning_keeps_one_a_shot_where_it_can(counts: list[int], limit: int) -> None:
    starts = np.cumsum([0, *counts]).tolist()
    shots = [
        Shot(index=index, start=start, end=end, kind="cut" if index else "start")
        for index, (start, end) in enumerate(itertools.pairwise(starts))
    ]
    times = [float(second) for second in range(starts[-1])]
    kept = choose_frames(times, shots, min(limit, len(times)))
    assert kept == sorted(set(kept))
    assert len(kept) == min(limit, len(times))
    seen = {next(shot.index for shot in shots if shot.start <= times[index] < shot.end) for index in kept}
    assert len(seen) == min(len(shots), len(kept))


def test_shots_follow_the_boundaries() -> None:
    dissolve = Boundary(frame=10, kind="dissolve", first=8, last=12)
    times = [index / 10 for index in range(20)]
    shots = build_shots([dissolve, cut(15), cut(0), cut(15)], times, 2.0)
    assert [(shot.start, shot.end, shot.kind, shot.transition) for shot in shots] == [
        (0, 1, "start", 0),
        (1, 1.5, "dissolve", 0.4),
        (1.5, 2, "cut", 0),
    ]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 720), (854, 480)),
        ((720, 1280), (480, 854)),
        ((640, 480), (640, 480)),
        ((321, 181), (320, 180)),
        ((1, 1), (2, 2)),
        ((100_000, 480), (2048, 10)),
    ],
)
def test_the_proxy_is_small_and_even(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert proxy_size(replace(VIDEO, width=size[0], height=size[1])) == expected
