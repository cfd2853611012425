"""Whatever the records hold, their files give it back."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movieqa import movie_files
from movieqa.movie import CUT_KINDS, Frames, Shot, Stream, Subtitle, VideoInfo
from movieqa.times import format_time, parse_time

milliseconds = st.integers(0, 20_000_000)
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip)


@st.composite
def subtitles(draw: st.DrawFn) -> Subtitle:
    start = draw(milliseconds) / 1000
    return Subtitle(
        start=start,
        end=start + draw(st.integers(1, 100_000)) / 1000,
        text=draw(st.lists(words, min_size=1, max_size=3).map("\n".join)),
        speaker=draw(st.none() | words),
        source=draw(st.text(max_size=10)),
    )


@given(st.lists(subtitles()))
def test_subtitles_round_trip(lines: list[Subtitle]) -> None:
    assert movie_files.load_subtitles(movie_files.dump_subtitles(lines).encode()) == tuple(lines)


@given(st.lists(st.integers(1, 10_000_000), min_size=1, unique=True), st.data())
def test_shots_round_trip(bounds: list[int], data: st.DataObject) -> None:
    times = [0.0, *(bound / 1e6 for bound in sorted(bounds))]
    shots = tuple(
        Shot(
            index=index,
            start=start,
            end=end,
            kind=data.draw(st.sampled_from(CUT_KINDS)),
            transition=data.draw(st.integers(0, 10**6)) / 1e6,
        )
        for index, (start, end) in enumerate(pairwise(times))
    )
    assert movie_files.load_shots(movie_files.dump_shots(shots).encode()) == shots


@given(st.lists(st.floats(0, 1e6), unique=True))
def test_frames_round_trip_bit_for_bit(times: list[float]) -> None:
    frames = Frames(times=np.array(sorted(abs(time) for time in times), dtype=np.float64))
    data = movie_files.dump_frames(frames)
    assert np.array_equal(movie_files.load_frames(data).times, frames.times)
    assert movie_files.dump_frames(movie_files.load_frames(data)) == data


@given(words, st.fractions(min_value=Fraction(1, 1000), max_value=240))
def test_video_round_trips(name: str, rate: Fraction) -> None:
    video = VideoInfo(
        name=name,
        digest="sha256:00",
        num_bytes=1,
        container="mov,mp4",
        duration=1.5,
        rate=rate,
        width=4,
        height=2,
        rotation=90,
        sample_aspect=Fraction(16, 15),
        codec="h264",
        pixel_format="yuv420p",
        stream_index=0,
        streams=(Stream(index=0, kind="video", codec="h264"),),
    )
    assert movie_files.load_video(movie_files.dump_video(video).encode()) == video


@given(st.floats(0, 1e6))
def test_written_times_read_back_to_the_millisecond(seconds: float) -> None:
    assert parse_time(format_time(seconds)) == pytest.approx(seconds, abs=0.000_51)


def test_srt_is_what_players_read() -> None:
    lines = (
        Subtitle(start=0.2, end=2.32, text="42"),
        Subtitle(start=3_600.0, end=3_601.5, text="first\n\nsecond", speaker="Anna"),
    )
    read = pysubs2.SSAFile.from_string(movie_files.dump_srt(lines), format_="srt")
    assert [(event.start, event.end, event.plaintext) for event in read] == [
        (200, 2320, "42"),
        (3_600_000, 3_601_500, "Anna: first\nsecond"),
    ]
