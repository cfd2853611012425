"""Choosing an option without a model: by the film's lines, and not at all where they do not tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from movieqa import api
from movieqa.engine import ExtractiveAnswerer
from movieqa.eval.choosing import NO_CHOICE, choose
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample
from movieqa.eval.scorers.registry import make_scorer
from tests.evaluation_films import make_films, make_samples, write_samples
from tests.harbour_film import LINES, SHOT_BOUNDS
from tests.workspaces import make_shots, make_subtitles, make_workspace


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> ExtractiveAnswerer:
    folder = tmp_path_factory.mktemp("harbour")
    shots, subtitles = make_shots(*SHOT_BOUNDS), make_subtitles(*LINES)
    return ExtractiveAnswerer(make_workspace(folder, shots=shots, subtitles=subtitles))


def sample(question: str, *options: str, answer: str | None = None) -> Sample:
    return Sample(id="1", film="harbour", question=question, task="choice", options=options, answer=answer)


@pytest.mark.parametrize(
    ("question", "options", "right"),
    [
        ("Where is the key?", ("in the piano", "under the third step", "on the ferry"), "B"),
        ("Which bank did Karlsen rob?", ("in Oslo", "in Bergen", "in Trondheim", "in Narvik"), "C"),
        ("What do they burn?", ("the boat", "the letters"), "A"),
        ("Who drowned?", ("Otto", "Lund", "Mara", "Gunnar", "Karlsen"), "E"),
    ],
)
@pytest.mark.parametrize("turn", [0, 1])
def test_the_option_that_the_lines_speak_for_is_chosen(
    answerer: ExtractiveAnswerer, question: str, options: tuple[str, ...], right: str, turn: int
) -> None:
    turned = options[turn:] + options[:turn]
    letter = "ABCDE"[("ABCDE".index(right) - turn) % len(options)]
    asked = sample(question, *turned, answer=letter)
    answer = choose(answerer, asked)
    assert answer.text == f"{letter}. {options['ABCDE'.index(right)]}"
    assert answer.spans and answer.answerer == "extractive" and all(span.quote for span in answer.spans)
    scores = make_scorer("choice").score([Prediction(sample=asked, text=answer.text)])
    assert scores.values["accuracy"] == 100


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Who steals the diamond?", ("a pirate", "a dentist", "an emperor")),
        ("Is it so?", ("yes", "no")),
        ("Is it so?", ("the film", "the lines")),
        ("Where is the key?", ("here", "here")),
    ],
)
def test_where_the_lines_do_not_tell_nothing_is_chosen(
    answerer: ExtractiveAnswerer, question: str, options: tuple[str, ...]
) -> None:
    asked = sample(question, *options, answer="A")
    answer = choose(answerer, asked)
    assert (answer.text, answer.spans, answer.notes) == ("", (), (NO_CHOICE,))
    scores = make_scorer("choice").score([Prediction(sample=asked, text=answer.text)])
    assert scores.counts["unanswered"] == 1, "what chose nothing is no lucky guess"


def test_what_comes_later_speaks_for_nothing(answerer: ExtractiveAnswerer) -> None:
    asked = sample("Where is the key?", "in the piano", "under the third step")
    assert choose(answerer, asked, until=24.0).notes == (NO_CHOICE,)
    assert choose(answerer, asked, until=28.0).text == "B. under the third step"


def test_an_evaluation_without_a_model_chooses(tmp_path: Path) -> None:
    """Every second question of these films has options, of which the film names the right one."""
    samples = make_samples(make_films(tmp_path, 4), 24)
    run = api.evaluate(write_samples(tmp_path / "qa.jsonl", samples), out=tmp_path / "run.jsonl")
    choices = [one for one in run.predictions if one.sample.task == "choice"]
    assert len(choices) == 12
    assert {one.text for one in choices} == {f"A. {one.sample.options[0]}" for one in choices}
    assert all("“" in one.text for one in run.predictions if one.sample.task == "open"), "others are quoted as before"
