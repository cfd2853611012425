"""An answer is tied to moments, and every moment says how it is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movieqa.answer import Span
from movieqa.moments import Moment, NamedTime, attended_moments, named_times
from movieqa.movie import Shot
from movieqa.question import TimeWindow
from movieqa.shown import ShownFilm
from movieqa.spans import Evidence, merge_moments, named_characters
from tests.workspaces import make_shots, make_subtitles

LINES = make_subtitles(
    (1.0, 3.0, "Anna> Good morning, Otto."),
    (12.0, 14.0, "Mara> Give me the key."),
    (41.0, 43.0, "Otto> The boathouse is locked."),
    (70.0, 74.0, "Anna> It was the gardener all along."),
)


def film_until(until: float | None = None) -> ShownFilm:
    duration = 90.0 if until is None else until
    shots = make_shots(0, 10, 20, 40, 60, 90)
    begun = [shot for shot in shots if shot.start < duration]
    return ShownFilm(
        duration=duration,
        is_whole=until is None,
        lines=tuple(line for line in LINES if line.end <= duration),
        shots=tuple(
            Shot(index=shot.index, start=shot.start, end=min(shot.end, duration), kind=shot.kind) for shot in begun
        ),
        num_whole_shots=sum(shot.end <= duration for shot in begun),
    )


def moment(start: float, end: float, score: float = 0.5) -> Moment:
    return Moment(window=TimeWindow(start=start, end=end), score=score, origin="attended")


def merge(answer: str, *, until: float | None = None, **sources: object) -> Evidence:
    return merge_moments(answer, film=film_until(until), keyframe=lambda shot: f"{shot.index}.jpg", **sources)  # type: ignore[arg-type]


def retrieved(start: float, end: float, score: float = 0.8) -> Span:
    return Span(start=start, end=end, known="heard", score=score)


def test_what_is_said_there_is_heard() -> None:
    (span,) = merge("The boathouse was locked.", retrieved=[retrieved(41, 43)]).spans
    assert (span.known, span.quote, span.speaker) == ("heard", "The boathouse is locked.", "Otto")
    assert (span.start, span.end, span.shot, span.keyframe, span.score) == (41, 43, 3, "3.jpg", 0.8)


def test_a_line_that_only_fits_the_question_is_inferred() -> None:
    (span,) = merge("A red car.", retrieved=[retrieved(12, 14)]).spans
    assert (span.known, span.quote, span.score) == ("inferred", "Give me the key.", 0.4)


def test_what_was_looked_at_is_seen() -> None:
    (span,) = merge("A red car.", attended=[moment(22, 24)]).spans
    assert (span.known, span.quote, span.shot, span.score) == ("seen", None, 2, 0.5)


def test_what_was_looked_at_while_it_is_said_is_heard() -> None:
    (span,) = merge("The boathouse.", attended=[moment(41, 44)]).spans
    assert span.known == "heard" and span.quote == "The boathouse is locked."


def test_two_that_point_there_are_surer_than_one() -> None:
    (span,) = merge("The boathouse.", retrieved=[retrieved(41, 43, 0.8)], attended=[moment(40, 44, 0.5)]).spans
    assert (span.start, span.end, span.known, span.score) == (41, 43, "heard", 0.9)


def test_a_named_time_that_holds_up() -> None:
    evidence = merge("The gardener did it, at 00:01:12.", named=named_times("at 00:01:12"))
    (span,) = evidence.spans
    assert (span.known, span.quote) == ("heard", "It was the gardener all along.")
    assert span.start == 70 and span.end == 74 and evidence.notes == ()


def test_a_named_time_that_is_looked_at() -> None:
    (span,) = merge("A red car.", named=named_times("00:00:25"), attended=[moment(24, 26)]).spans
    assert (span.known, span.start, span.end, span.score) == ("seen", 24, 26, 0.75)


def test_a_named_time_with_nothing_there_is_not_found() -> None:
    evidence = merge("A red car at 00:00:25.", named=named_times("at 00:00:25"), retrieved=[retrieved(12, 14)])
    assert [span.known for span in evidence.spans] == ["inferred", "not found"]
    assert evidence.spans[-1].score == 0.0


def test_a_time_outside_the_film_is_told() -> None:
    assert merge("At 02:00:00.", named=named_times("At 02:00:00.")) == Evidence(
        spans=(), notes=("The answer names 02:00:00, which is not in the film.",)
    )
    assert merge("At 00:01:12.", until=50.0, named=named_times("At 00:01:12.")) == Evidence(
        spans=(), notes=("The answer names 00:01:12, which has not been shown.",)
    )


def test_a_shot_that_is_cut_has_no_picture() -> None:
    (span,) = merge("A red car.", until=50.0, attended=[moment(45, 48)]).spans
    assert (span.shot, span.keyframe) == (3, None)


def test_the_best_are_kept() -> None:
    moments = [moment(start, start + 1, score) for start, score in ((5, 0.1), (25, 0.9), (45, 0.3))]
    spans = merge("A red car.", attended=moments, max_spans=2).spans
    assert [span.start for span in spans] == [25, 45]


def test_an_answer_without_words_rests_on_nothing_said() -> None:
    (span,) = merge("Yes.", retrieved=[retrieved(12, 14)]).spans
    assert span.known == "inferred"


intervals = st.tuples(st.floats(0, 200), st.floats(0.01, 60)).map(lambda pair: (pair[0], pair[0] + pair[1]))
scores = st.floats(0, 1)


@given(
    st.sampled_from(["", "Yes.", "The boathouse key.", "Otto at 00:00:41.", "00:01:30", "???"]),
    st.one_of(st.none(), st.floats(0.5, 89)),
    st.lists(st.tuples(intervals, scores), max_size=6),
    st.lists(st.tuples(intervals, scores), max_size=6),
    st.lists(intervals, max_size=4),
    st.integers(1, 5),
)
def test_spans_never_leave_what_was_shown(
    answer: str,
    until: float | None,
    found: list[tuple[tuple[float, float], float]],
    looked: list[tuple[tuple[float, float], float]],
    named: list[tuple[float, float]],
    max_spans: int,
) -> None:
    evidence = merge(
        answer,
        until=until,
        retrieved=[retrieved(*window, score) for window, score in found],
        attended=[moment(*window, score) for window, score in looked],
        named=[NamedTime(text="then", window=TimeWindow(start=start, end=end)) for start, end in named],
        max_spans=max_spans,
    )
    film = film_until(until)
    assert len(evidence.spans) <= max_spans
    for span in evidence.spans:
        assert 0 <= span.start < span.end <= film.duration
        assert 0 <= span.score <= 1
        assert span.quote is None or all(
            quote in {line.text for line in film.lines} for quote in span.quote.split("\n")
        )
        assert span.shot is not None and span.shot < len(film.shots)
        assert span.keyframe is None or span.shot < film.num_whole_shots
    ranks = [(span.known == "not found", -span.score) for span in evidence.spans]
    assert ranks == sorted(ranks)


def test_attention_points_where_it_stands_out() -> None:
    times = np.arange(90.0)
    attention = 0.01 + 0.001 * np.sin(times) + 0.0001 * times  # uneven, and drifting as attention does
    attention[22:24] += 0.05
    attention[65] += 0.02
    moments = attended_moments(attention, times, film_until().shots, duration=90.0)
    assert [(one.window.start, one.window.end) for one in moments] == [(22, 24), (65, 66)]
    assert moments[0].score > moments[1].score and sum(one.score for one in moments) == pytest.approx(1)


def test_a_moment_ends_with_its_shot() -> None:
    attention = np.full(45, 0.01)
    times = np.arange(45) * 2.0
    attention[18:22] = 0.5  # frames at 36, 38, 40 and 42 seconds, with a cut at 40
    moments = attended_moments(attention, times, film_until().shots, duration=90.0)
    assert sorted((one.window.start, one.window.end) for one in moments) == [(36, 40), (40, 44)]


@pytest.mark.parametrize("attention", [np.full(50, 0.02), np.linspace(0.01, 0.03, 50), np.zeros(50), np.ones(2)])
def test_even_attention_points_nowhere(attention: np.ndarray) -> None:
    times = np.arange(float(len(attention)))
    assert attended_moments(attention, times, film_until().shots, duration=90.0) == ()


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=80),
    st.one_of(st.none(), st.floats(1, 89)),
    st.floats(0.1, 3),
)
def test_attended_moments_are_in_the_film(values: list[float], until: float | None, spacing: float) -> None:
    film = film_until(until)
    times = np.arange(len(values)) * spacing
    times = times[times < film.duration]
    moments = attended_moments(np.array(values)[: len(times)], times, film.shots, duration=film.duration)
    for one in moments:
        assert 0 <= one.window.start < one.window.end <= film.duration
    windows = sorted((one.window.start, one.window.end) for one in moments)
    assert all(before[1] <= after[0] for before, after in pairwise(windows))


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("At 00:12:30 Anna leaves.", [(750, 751)]),
        ("From 12:30 to 13:10 they talk.", [(750, 790)]),
        ("At 12 minutes, he runs.", [(720, 780)]),
        ("About an hour and a half into the film.", [(5400, 5460)]),
        ("At the 12 minute mark.", [(720, 780)]),
        ("In minute 3 and at 00:00:05.", [(180, 240), (5, 6)]),
        ("She waits for two hours and pays 10:30 pm prices.", []),
        ("He is 12.", []),
        ("", []),
    ],
)
def test_times_a_text_names(text: str, windows: list[tuple[float, float]]) -> None:
    assert [(named.window.start, named.window.end) for named in named_times(text)] == windows


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    assert all(named.window.start < named.window.end for named in named_times(text))


def test_characters_are_named_by_whole_words() -> None:
    assert named_characters("Mara gives Otto's key away; annals of Anna-Lena", LINES) == ("Anna", "Mara", "Otto")
    assert named_characters("The annals say nothing.", LINES) == ()
