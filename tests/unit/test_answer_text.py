"""How an answer looks in a terminal."""

from __future__ import annotations

from movieqa.answer import Answer, Span
from movieqa.answer_text import render_answer

SPANS = (
    Span(
        start=4.76,
        end=7.92,
        known="heard",
        score=0.9512,
        quote="Take the key.\nIt opens the strongbox.",
        speaker="Otto",
        shot=2,
        keyframe="keyframes/0003.jpg",
    ),
    Span(start=8.0, end=9.0, known="seen", score=0.5, shot=3),
)


def test_an_answer_shows_its_text_its_moments_its_names_and_its_notes_last() -> None:
    answer = Answer(
        question="Where is the key?",
        text="Otto has it.",
        answerer="extractive",
        spans=SPANS,
        names=("Otto", "Mara"),
        notes=("quoted", "in haste"),
    )
    assert render_answer(answer, width=100) == "\n".join(
        [
            "Otto has it.",
            "",
            "[00:00:04.760-00:00:07.920] heard 0.95 Otto: “Take the key. It opens the strongbox.”",
            "    keyframes/0003.jpg",
            "[00:00:08.000-00:00:09.000] seen 0.50",
            "",
            "Names: Otto, Mara",
            "",
            "(quoted)",
            "(in haste)",
        ]
    )


def test_what_is_not_there_takes_no_room() -> None:
    assert render_answer(Answer(question="Who?", text="Nobody knows.", answerer="extractive")) == "Nobody knows."


def test_long_text_is_wrapped_and_keeps_every_word() -> None:
    text = "The lighthouse is to be sold to a man from Trondheim who has never seen the sea in winter.\nSo it is."
    lines = render_answer(Answer(question="?", text=text, answerer="extractive"), width=40).splitlines()
    assert max(map(len, lines)) <= 40
    assert " ".join(" ".join(lines).split()) == text.replace("\n", " ")
    assert lines[-1] == "So it is."


def test_wide_letters_take_two_columns_and_marks_none() -> None:
    lines = render_answer(Answer(question="?", text="鍵" * 50, answerer="extractive"), width=40).splitlines()
    assert lines[0] == "鍵" * 20
    assert "".join(lines).replace(" ", "") == "鍵" * 50
    accented = "e\u0301" * 40
    assert render_answer(Answer(question="?", text=accented, answerer="extractive"), width=40) == accented


def test_escape_sequences_of_a_subtitle_never_reach_the_terminal() -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07Hello\u202e\x9b31m there"
    span = Span(start=0.0, end=1.0, known="heard", score=1.0, quote=hostile, speaker="\x1b[31mEve")
    shown = render_answer(Answer(question="?", text=hostile, answerer="extractive", spans=(span,), names=("\x1bE",)))
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(shown)
    assert "Hello31m there" in shown


def test_a_narrow_terminal_still_gets_forty_columns() -> None:
    answer = Answer(question="?", text="a " * 50, answerer="extractive")
    assert render_answer(answer, width=1) == render_answer(answer, width=40)


def test_lines_are_not_said_twice() -> None:
    told = Span(start=1.0, end=2.0, known="heard", score=1.0, quote="Take\nthe key.")
    further = Span(start=5.0, end=6.0, known="heard", score=0.8, quote="Which key?")
    text = render_answer(
        Answer(question="?", text="00:00:01.000 “Take / the key.”", answerer="extractive", spans=(told, further))
    )
    assert text.count("the key") == 1
    assert "[00:00:01.000-00:00:02.000] heard 1.00\n" in text
    assert "“Which key?”" in text
