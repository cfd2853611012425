"""What the extractive answerer answers: the right moments, nothing invented, nothing later than `until`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from movieqa.answer import Answer
from movieqa.chat import Chat
from movieqa.engine import NO_MODEL_NOTE, Answerer, ExtractiveAnswerer, check_question
from movieqa.errors import ConfigError
from movieqa.workspace import Workspace
from tests.harbour_film import LINES, QUESTIONS, SHOT_BOUNDS, Expected
from tests.workspaces import make_shots, make_subtitles, make_workspace


@pytest.fixture(scope="session")
def signs(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> ExtractiveAnswerer:
    """A workspace with the real shots and lines of the film in the assets."""
    shots = json.loads((assets / "signs.truth.json").read_text())["shots"]
    cues = (assets / "signs.srt").read_text().strip().split("\n\n")
    lines = []
    for cue in cues:
        _, times, text = cue.split("\n", 2)
        start, end = (float(time[-6:].replace(",", ".")) for time in times.split(" --> "))
        lines.append((start, end, text))
    workspace = make_workspace(
        tmp_path_factory.mktemp("signs"),
        shots=make_shots(0.0, *(shot["end"] for shot in shots)),
        subtitles=make_subtitles(*lines, source="signs.srt"),
    )
    return ExtractiveAnswerer(workspace)


@pytest.fixture(scope="session")
def harbour_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(
        tmp_path_factory.mktemp("harbour"), shots=make_shots(*SHOT_BOUNDS), subtitles=make_subtitles(*LINES)
    )


@pytest.fixture(scope="session")
def harbour(harbour_workspace: Workspace) -> ExtractiveAnswerer:
    return ExtractiveAnswerer(harbour_workspace)


def moments(answer: Answer) -> list[tuple[float, float, str]]:
    return [(span.start, span.end, span.known) for span in answer.spans]


def test_the_moment_of_a_line_comes_first_and_alone(signs: ExtractiveAnswerer) -> None:
    answer = signs.answer("When is the word book signed?")
    assert moments(answer) == [(4.76, 7.92, "heard")]
    (span,) = answer.spans
    assert span.quote == '[signs the word "book"]'
    assert (span.source, span.speaker, span.shot, span.keyframe) == ("signs.srt", None, 2, "keyframes/0003.jpg")
    assert span.score == 1.0
    assert answer.text == '00:00:04.760-00:00:07.920 “[signs the word "book"]”'
    assert answer.notes == (NO_MODEL_NOTE,)
    assert "model" not in answer.text


@pytest.mark.parametrize("question", ["When is the word elephant signed?", "Who steals the diamond?", "What happens?"])
def test_what_nothing_supports_is_not_found(signs: ExtractiveAnswerer, question: str) -> None:
    answer = signs.answer(question)
    assert not answer.is_found
    assert answer.spans == ()
    assert answer.text.endswith(("supports an answer.", "nothing to look for."))


def test_questions_about_an_invented_film(harbour: ExtractiveAnswerer) -> None:
    def is_hit(expected: Expected) -> bool:
        spans = harbour.answer(expected.question).spans
        if not (spans and expected.lines):
            return bool(spans) == bool(expected.lines)
        return any(LINES[line][0] < spans[0].end and spans[0].start < LINES[line][1] for line in expected.lines)

    missed = [expected.question for expected in QUESTIONS if not is_hit(expected)]
    answerable = [expected.question for expected in QUESTIONS if expected.lines]
    assert not set(missed) - set(answerable), "an answer was given to what the film does not say"
    assert len(missed) <= 0.2 * len(answerable), missed


def test_the_answer_names_who_speaks(harbour: ExtractiveAnswerer) -> None:
    answer = harbour.answer("What does Captain Lund say about the fire on the cliff?")
    assert answer.names == ("Captain Lund",)
    assert answer.spans[0].speaker == "Captain Lund"
    assert "Captain Lund: “I saw a fire on the cliff / and I turned the wheel.”" in answer.text


def test_lines_of_several_speakers_say_who_says_what(harbour: ExtractiveAnswerer) -> None:
    answer = harbour.answer("Whose boat is wood?")
    assert answer.spans[0].speaker is None
    assert answer.spans[0].quote == "Otto: Grandfather's boat?\nMara: It's wood. It will burn for an hour."
    assert answer.names == ("Otto", "Mara")


def test_a_time_alone_lists_shots_and_lines_in_film_order(signs: ExtractiveAnswerer) -> None:
    assert moments(signs.answer("What happens in the first five seconds?")) == [
        (0.0, 2.52, "seen"),
        (0.2, 2.32, "heard"),
        (2.52, 4.56, "seen"),
        (2.72, 4.36, "heard"),
        (4.56, 5.0, "seen"),
    ]
    assert moments(signs.answer("What is said after 00:00:15?")) == [
        (15.28, 16.8, "heard"),
        (17.2, 18.44, "heard"),
        (18.84, 20.64, "heard"),
    ]
    shown = signs.answer("What is shown at 00:00:05?")
    assert moments(shown) == [(5.0, 6.0, "seen")]
    assert shown.spans[0].keyframe == "keyframes/0003.jpg"
    assert "keyframes/0003.jpg" in shown.text


def test_a_long_part_is_sampled_and_says_so(harbour: ExtractiveAnswerer) -> None:
    answer = harbour.answer("What happens before 00:02:00?")
    assert len(answer.spans) == 5
    assert answer.spans[0].start < 10
    assert answer.spans[-1].end > 105
    assert [span.start for span in answer.spans] == sorted(span.start for span in answer.spans)
    assert "5 of " in answer.notes[0]


def test_many_lines_are_grouped(harbour: ExtractiveAnswerer) -> None:
    answer = harbour.answer("What is said before 00:00:50?")
    assert len(answer.spans) <= 5
    assert any("\n" in (span.quote or "") for span in answer.spans)
    assert sum(len((span.quote or "").split("\n")) for span in answer.spans) > 5


def test_what_is_shown_while_something_is_said(harbour: ExtractiveAnswerer) -> None:
    answer = harbour.answer("What do we see when Otto says the generator is dead?")
    assert moments(answer) == [(60.2, 63.0, "heard"), (60.2, 63.0, "seen")]
    assert answer.spans[1].keyframe == "keyframes/0008.jpg"
    assert answer.spans[1].score <= answer.spans[0].score


def test_a_time_bounds_the_search(harbour: ExtractiveAnswerer) -> None:
    assert harbour.answer("Who mentions the strongbox?").spans[0].start == 90.0
    assert harbour.answer("Who mentions the strongbox in the first minute?").spans[0].start == 31.5
    late = harbour.answer("Who mentions the strongbox after 00:01:35?")
    assert not late.is_found
    assert late.text == "Nothing from 00:01:35.000 to 00:02:05.000 supports an answer."
    never = harbour.answer("Who mentions the strongbox after 01:00:00?")
    assert never.text == "There is no such time: the film is 00:02:05.000 long."


def test_facts_of_the_film(signs: ExtractiveAnswerer) -> None:
    answer = signs.answer("How many shots are there?")
    assert answer.text == "10 shots in the film."
    assert moments(answer) == [(0.0, 20.84, "seen")]
    part = signs.answer("How many shots are there in the first five seconds?")
    assert part.text == "3 shots from 00:00:00.000 to 00:00:05.000."
    assert moments(part) == [(0.0, 5.0, "seen")]
    assert signs.answer("How long is the film?").text == "The film is 00:00:20.840 long."


def test_nothing_after_until_is_used(harbour: ExtractiveAnswerer) -> None:
    assert harbour.answer("Who drowned?").is_found
    assert not harbour.answer("Who drowned?", until=107.8 - 1e-6).is_found  # the line is not over
    assert harbour.answer("Who drowned?", until=107.8).is_found
    assert harbour.answer("Who drowned?", until=60.0).text == "Nothing up to 00:01:00.000 supports an answer."


def test_times_are_relative_to_what_has_been_shown(signs: ExtractiveAnswerer) -> None:
    assert moments(signs.answer("What is said at the end?", until=8.0)) == [(3.0, 4.36, "heard"), (4.76, 7.92, "heard")]
    length = signs.answer("How long is the film?", until=8.0)
    assert "00:00:08.000 of the film have been shown" in length.text
    assert moments(length) == [(0.0, 8.0, "seen")]
    assert signs.answer("How many shots are there?", until=8.0).text == "3 shots from 00:00:00.000 to 00:00:08.000."
    later = signs.answer("What happens after 00:00:10?", until=8.0)
    assert later.text == "There is no such time: what has been shown is 00:00:08.000 long."


def test_the_keyframe_of_an_unfinished_shot_is_hidden(signs: ExtractiveAnswerer) -> None:
    shots = [span for span in signs.answer("What is shown at the end?", until=8.0).spans if span.known == "seen"]
    assert [(span.shot, span.end, span.keyframe) for span in shots] == [(1, 4.56, "keyframes/0002.jpg"), (2, 8.0, None)]
    heard = signs.answer("When is the word book signed?", until=8.0).spans[0]
    assert (heard.shot, heard.keyframe) == (2, None)


@pytest.mark.parametrize("until", [0.0, -1.0, float("nan"), float("inf")])
def test_until_must_leave_something(signs: ExtractiveAnswerer, until: float) -> None:
    with pytest.raises(ConfigError, match="until must be later"):
        signs.answer("Who?", until=until)


def test_the_same_question_has_the_same_answer(harbour_workspace: Workspace, harbour: ExtractiveAnswerer) -> None:
    others = [ExtractiveAnswerer(Workspace.open(harbour_workspace.path)) for _ in range(2)]
    for question in ("Where is the boat?", "What happens in the first minute?", "Who drowned?"):
        answers = [replace(answerer.answer(question), seconds=0.0) for answerer in (harbour, harbour, *others)]
        assert all(answer == answers[0] for answer in answers)


def test_the_index_is_built_once(harbour_workspace: Workspace) -> None:
    answerer = ExtractiveAnswerer(Workspace.open(harbour_workspace.path))
    answerer.answer("Where is the boat?")
    (harbour_workspace.path / "subtitles.jsonl").rename(harbour_workspace.path / "away")
    try:
        assert answerer.answer("Who drowned?").is_found
        assert answerer.answer("Who drowned?", until=124.0).is_found
    finally:
        (harbour_workspace.path / "away").rename(harbour_workspace.path / "subtitles.jsonl")


def test_a_film_without_subtitles_still_shows_its_shots(tmp_path: Path) -> None:
    answerer = ExtractiveAnswerer(make_workspace(tmp_path))
    assert (
        answerer.answer("Who has the key?").text == "The film has no subtitles, so nothing said in it can be searched."
    )
    assert moments(answerer.answer("How does the film begin?")) == [
        (0.0, 2.0, "seen"),
        (2.0, 4.0, "seen"),
        (4.0, 5.0, "seen"),
    ]
    assert not answerer.answer("What is said at the beginning?").is_found


def test_lines_past_the_last_shot_end_with_the_film(tmp_path: Path) -> None:
    subtitles = make_subtitles((5.0, 9.0, "The key!"), (7.0, 8.0, "The second key!"))
    answer = ExtractiveAnswerer(make_workspace(tmp_path, subtitles=subtitles)).answer("Who has the key?")
    assert moments(answer) == [(5.0, 6.0, "heard")]


@pytest.mark.parametrize("max_spans", [1, 2, 3, 4, 5])
def test_at_most_so_many_spans(harbour_workspace: Workspace, max_spans: int) -> None:
    answerer = ExtractiveAnswerer(harbour_workspace, max_spans=max_spans)
    for question in ("What happens in the first minute?", "Where is the boat?", "What is shown when the boat burns?"):
        assert 1 <= len(answerer.answer(question).spans) <= max_spans


@pytest.mark.parametrize("max_spans", [0, 6, -1])
def test_max_spans_has_bounds(harbour_workspace: Workspace, max_spans: int) -> None:
    with pytest.raises(ConfigError, match="max_spans must be 1 to 5"):
        ExtractiveAnswerer(harbour_workspace, max_spans=max_spans)


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "x" * 10_001, "why " * 25_000])
def test_an_empty_or_huge_question_is_one_clear_line(harbour: ExtractiveAnswerer, question: str) -> None:
    with pytest.raises(ConfigError) as caught:
        harbour.answer(question)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 120


def test_a_question_is_stripped_and_may_be_long() -> None:
    assert check_question("  Who?\n") == "Who?"
    assert len(check_question("x" * 10_000)) == 10_000


def test_it_is_an_answerer(harbour: ExtractiveAnswerer) -> None:
    assert isinstance(harbour, Answerer)
    assert harbour.answer("Who drowned?").answerer == harbour.name == "extractive"


def test_shots_of_a_line_leave_room_for_the_line(tmp_path: Path) -> None:
    workspace = make_workspace(
        tmp_path, shots=make_shots(0, 1, 2, 3, 4, 5, 6), subtitles=make_subtitles((0.1, 5.9, "Behold the lighthouse."))
    )
    answer = ExtractiveAnswerer(workspace, max_spans=3).answer("What is shown when they say lighthouse?")
    assert [span.known for span in answer.spans].count("heard") == 1
    assert len(answer.spans) == 3


def test_a_shot_that_ends_at_until_may_go_on(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, shots=make_shots(0, 2, 4, 6))
    spans = ExtractiveAnswerer(workspace).answer("What is shown in the first three seconds?", until=4.0).spans
    assert [span.keyframe for span in spans] == ["keyframes/0001.jpg", None]


def test_a_chat_remembers_its_answers(harbour: ExtractiveAnswerer) -> None:
    chat = Chat(harbour)
    first = chat.ask("Who takes the key?")
    pieces = chat.stream("Where is the letter?")
    text = "".join(pieces)
    assert chat.history[0] == first
    assert [answer.question for answer in chat.history] == ["Who takes the key?", "Where is the letter?"]
    assert chat.history[1].text == text
    with pytest.raises(ConfigError, match="empty"):
        chat.ask(" ")
    assert len(chat.history) == 2
