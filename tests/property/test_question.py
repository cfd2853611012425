"""Whatever is asked, reading it never fails, and times stay inside the film."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from movieqa.answer import Answer, Span
from movieqa.answer_text import render_answer
from movieqa.question import parse_question
from movieqa.times import format_time
from tests.questions import questions


@given(text=questions(), duration=st.floats(0.04, 1e6))
def test_reading_never_fails_and_windows_stay_inside(text: str, duration: float) -> None:
    timed = parse_question(text, duration)
    if timed.window is not None:
        assert 0 <= timed.window.start <= timed.window.end <= duration


@given(text=questions(), duration=st.floats(0.04, 1e6))
def test_no_word_is_invented(text: str, duration: float) -> None:
    left = iter(parse_question(text, duration).words.replace(" ", ""))
    letters = iter("".join(text.split()))
    assert all(letter in letters for letter in left), "what is left is a part of what was asked, in its order"


@given(
    start=st.integers(0, 7_199_998),
    length=st.integers(1, 7_199_999),
    is_short=st.booleans(),
    dash=st.sampled_from("-–"),
)
def test_a_written_stretch_is_read_back(start: int, length: int, is_short: bool, dash: str) -> None:
    low, high = start / 1000, min(7_200_000, start + length) / 1000
    when = (
        f"{format_time(low)}{dash}{format_time(high)}"
        if is_short
        else f"between {format_time(low)} and {format_time(high)}"
    )
    timed = parse_question(f"Who dies {when}?", 7200.0)
    assert timed.words == "Who dies?"
    assert timed.window is not None
    assert abs(timed.window.start - low) < 1e-6
    assert abs(timed.window.end - high) < 1e-6


@given(text=st.text(max_size=300), quote=st.text(max_size=200), width=st.integers(1, 120))
def test_any_answer_can_be_printed(text: str, quote: str, width: int) -> None:
    span = Span(start=0.0, end=1.0, known="heard", score=0.5, quote=quote)
    shown = render_answer(Answer(question="?", text=text, answerer="extractive", spans=(span,)), width=width)
    assert not any(ord(letter) < 32 and letter != "\n" for letter in shown)
    assert "[00:00:00.000-00:00:01.000] heard 0.50" in shown
