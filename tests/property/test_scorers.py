"""What holds of every scorer: bounded values, any order, perfect answers, and nothing for what is not answered."""

from __future__ import annotations

import math
import random
import string
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import LETTERS, Moment, Sample
from movieqa.eval.score import Scores
from movieqa.eval.scorers.box import read_box
from movieqa.eval.scorers.captions import read_captions
from movieqa.eval.scorers.letters import read_letter
from movieqa.eval.scorers.matching import read_number
from movieqa.eval.scorers.moments import read_moments
from movieqa.eval.scorers.polar import read_polar
from movieqa.eval.scorers.reference_captions import read_vtimellm_captions
from movieqa.eval.scorers.registry import SCORERS, make_scorer
from movieqa.eval.scorers.soda import match_in_order
from tests.scored import answered, box, choice, moments, not_answered, yes_no

WORDS = ("book", "door", "key", "lamp", "rope")
WITHOUT_JAVA = tuple(name for name in SCORERS if name not in ("soda", "captioning"))
OF_ONE = ("matching", "box", "identity")
OF_NOBODY = ("bcubed_precision", "bcubed_recall", "bcubed_f1", "purity", "named_precision")
SCRIPT_REPLIES = {
    "scienceqa": "{answer}. It is so.",
    "lvbench": "({answer})",
    "longvideobench": "The answer is {answer}",
}
"""What the original scripts can read."""
ANY_TEXT = st.text(max_size=80) | st.text(alphabet="ABCD .,()-:to0123456789{}[]\"'\n", max_size=80)


def _choice(number: int, answer: str) -> Sample:
    facts = {
        "video_id": f"v{number // 4}",
        "question_id": f"v{number // 4}-{number % 4 + 1}",
        "group_type": "relevance",
        "level": number % 3,
        "task_type": WORDS[number % 5],
    }
    return choice(str(number), options=WORDS, answer=answer, facts=facts, tags=(f"question_type:{WORDS[number % 3]}",))


def _perfect_choice(number: int) -> tuple[Sample, str]:
    answer = LETTERS[number % 5]
    return _choice(number, answer), f"Answer: {answer}"


def _perfect_match(number: int) -> tuple[Sample, str]:
    images = tuple(f"Image {place}" for place in range(1, 5))
    return choice(str(number), options=images, answer=LETTERS[number % 4]), images[number % 4]


def _perfect_moment(number: int) -> tuple[Sample, str]:
    start, end = number + 0.25, 2 * number + 1.5
    return moments(str(number), (start, end), duration=500.0), f"{start} - {end}"


def _perfect_statement(number: int) -> tuple[Sample, str]:
    answer = "yes" if number % 2 else "no"
    return yes_no(str(number), answer, pair=str(number // 2)), answer


def _perfect_box(number: int) -> tuple[Sample, str]:
    return box(str(number), (0.1, 0.2, 0.5, 0.9)), "<ref>Ann</ref><box>(100,200),(500,900)</box>"


def _perfect_text(number: int) -> tuple[Sample, str]:
    word = WORDS[number % 5]
    return Sample(id=str(number), film="f", question="q", answer=word), word


PERFECT: dict[str, Callable[[int], tuple[Sample, str]]] = {
    **dict.fromkeys(WITHOUT_JAVA, _perfect_choice),
    **dict.fromkeys(("exact", "token_f1", "vqa", "identity"), _perfect_text),
    **dict.fromkeys(("grounding", "qvhighlights"), _perfect_moment),
    **dict.fromkeys(("yes_no", "mf2"), _perfect_statement),
    "matching": _perfect_match,
    "box": _perfect_box,
}


def _values_by_id(scores: Scores) -> dict[str, dict[str, float]]:
    return {score.id: dict(score.values) for score in scores.samples}


def _perfect_replies(name: str, *, is_reference: bool) -> list[Prediction]:
    """Return perfect answers, as the original script of a scorer can read them where that is asked for."""
    asked = [PERFECT[name](number) for number in range(20)]
    if name == "mlvu":
        asked = [(_choice_of_task(number), "B") for number in range(20)]
    if is_reference and name in SCRIPT_REPLIES:
        asked = [(sample, SCRIPT_REPLIES[name].format(answer=sample.answer)) for sample, _ in asked]
    if is_reference and name == "grounding":
        asked = [
            (moments(str(number), (number, number + 20), duration=100.0), f"from {number} to {number + 20}")
            for number in range(10, 30)
        ]
    return [answered(sample, text) for sample, text in asked]


@pytest.mark.parametrize("is_reference", [False, True])
@pytest.mark.parametrize("name", WITHOUT_JAVA)
def test_perfect_answers_are_perfect_and_no_answers_are_nothing(name: str, is_reference: bool) -> None:
    top = 1 if name in OF_ONE else 100
    replies = _perfect_replies(name, is_reference=is_reference)
    scores = make_scorer(name, is_reference_compatible=is_reference).score(replies)
    perfect = {metric: value for metric, value in scores.values.items() if metric != "yes_ratio"}
    assert perfect == dict.fromkeys(perfect, pytest.approx(top))
    for values in _values_by_id(scores).values():
        assert set(values.values()) == {1.0}
    missing = [not_answered(one.sample, "failed" if index % 2 else "refused") for index, one in enumerate(replies)]
    nothing = make_scorer(name, is_reference_compatible=is_reference).score(missing)
    # Faces without a name are groups of their own: pure, and no name is false.
    assert {value for metric, value in nothing.values.items() if metric not in OF_NOBODY} <= {0}
    assert (nothing.counts["failed"], nothing.counts["refused"], nothing.counts["scored"]) == (10, 10, 20)
    for values in _values_by_id(nothing).values():
        assert set(values.values()) == {0.0}


def _choice_of_task(number: int) -> Sample:
    tasks = ("anomaly_reco", "count", "ego", "needle", "order", "plotQA", "topic_reasoning")
    return choice(str(number), answer="B", facts={"task_type": tasks[number % 7]})


@pytest.mark.parametrize("name", WITHOUT_JAVA)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=12), seed=st.integers(0, 9), is_reference=st.booleans())
def test_any_replies_in_any_order_give_the_same_bounded_values(
    name: str, texts: list[str], seed: int, is_reference: bool
) -> None:
    top = 1 if name in OF_ONE else 100
    samples = [PERFECT[name](number)[0] for number in range(len(texts))]
    predictions = [answered(sample, text) for sample, text in zip(samples, texts, strict=True)]
    scorer = make_scorer(name, is_reference_compatible=is_reference)
    scores = scorer.score(predictions)
    assert all(0 <= value <= top * (1 + 1e-9) for value in scores.values.values())
    assert all(0 <= value <= 1 for values in _values_by_id(scores).values() for value in values.values())
    shuffled = list(predictions)
    random.Random(seed).shuffle(shuffled)
    again = scorer.score(shuffled)
    assert again.values == {metric: pytest.approx(value, abs=1e-9) for metric, value in scores.values.items()}
    assert _values_by_id(again) == _values_by_id(scores)
    assert {**again.counts} == {**scores.counts}
    assert [score.id for score in again.samples] == [one.sample.id for one in shuffled]


@given(text=st.text(max_size=300) | ANY_TEXT)
def test_every_text_can_be_read(text: str) -> None:
    assert read_letter(text, WORDS) in (None, *"ABCDE")
    assert read_polar(text) in (None, True, False)
    assert read_number(text) is None or read_number(text) in range(100)
    found = read_box(text)
    assert found is None or all(0 <= side <= 1 for side in found)
    for is_relative in (False, True):
        for moment in (
            *read_moments(text, duration=90.0, is_relative=is_relative),
            *read_captions(text, duration=90.0, is_relative=is_relative),
        ):
            assert 0 <= moment.start <= moment.end
            assert math.isfinite(moment.end)
    read_vtimellm_captions(text, 90.0)


@given(
    letter=st.sampled_from("ABCDE"),
    form=st.sampled_from(
        ["{}", "({})", "{}.", "{})", "**{}**", "The answer is {}.", "Answer: {}", "Option {}", "I choose {}!", "[{}]"]
    ),
    after=st.sampled_from(["", "\n", "  "]),
)
def test_letters_survive_their_wrapping(letter: str, form: str, after: str) -> None:
    assert read_letter(form.format(letter) + after, WORDS) == letter


@given(
    start=st.integers(0, 5000),
    length=st.integers(1, 500),
    form=st.sampled_from(["{} - {}", "{} to {}", "[{}, {}]", "between {} and {}", "start: {}, end: {}", "{}s–{}s"]),
    as_clock=st.booleans(),
)
def test_moments_survive_their_wrapping(start: int, length: int, form: str, as_clock: bool) -> None:
    times = [start / 10, (start + length) / 10]
    as_clock = as_clock and "s–" not in form
    shown = [f"{int(time // 60)}:{time % 60:04.1f}" if as_clock else f"{time}" for time in times]
    (moment,) = read_moments(f"It happens {form.format(*shown)}.")
    assert (moment.start, moment.end) == pytest.approx(times)


@given(table=st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=5))
def test_the_best_story_is_bounded_and_in_order(table: list[list[float]]) -> None:
    worth = np.array(table)
    story = match_in_order(worth)
    assert story.worth == pytest.approx(sum(worth[pair] for pair in story.path))
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in zip(story.path, story.path[1:], strict=False))
    assert story.worth >= worth.max() - 1e-12
    assert 0 <= story.f1 <= 1
    assert match_in_order(np.eye(4)).f1 == 1


def test_every_printable_character_alone_is_read() -> None:
    for character in string.printable:
        read_letter(character, WORDS)
        read_moments(character)
    assert Moment(start=0, end=1) == read_moments("0-1")[0]
