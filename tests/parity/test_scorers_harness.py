"""Scorers in reference mode against what lmms-eval 0.7.3 gave for the same replies; golden files from running it."""

from __future__ import annotations

from typing import Any

import pytest

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Moment, Sample
from movieqa.eval.scorers.cinepile import CinePile
from movieqa.eval.scorers.grounding import Grounding, Script
from movieqa.eval.scorers.longvideobench import LongVideoBench
from movieqa.eval.scorers.mlvu import MLVU
from movieqa.eval.scorers.reference_letters import (
    LMMS_LETTERS,
    read_cinepile,
    read_lmms,
    read_longvideobench,
    read_videomme_v2,
)
from movieqa.eval.scorers.reference_moments import read_charades, read_timelens
from movieqa.eval.scorers.registry import make_scorer
from movieqa.eval.scorers.videomme_v2 import VideoMMEv2, group_score
from tests.scored import answered, choice, golden, moments, rows

V2_OPTIONS = ("a red boat", "an empty hall", "two dogs", "a green field")
LETTERS = "ABCDE"


def test_every_letter_of_the_shared_extractor() -> None:
    for row in rows("harness/mcq_extract.jsonl"):
        letters = "ABCD" if row["choices"] == "ABCD" else LMMS_LETTERS
        assert (read_lmms(row["reply"], letters) or "") == row["letter"], row["reply"]


def test_the_choice_scorer_reads_as_the_shared_extractor_does() -> None:
    cases = [row for row in rows("harness/mcq_extract.jsonl") if row["choices"] == "ABCD"]
    predictions = [answered(choice(str(number), answer="B"), row["reply"]) for number, row in enumerate(cases)]
    scores = make_scorer("choice", is_reference_compatible=True).score(predictions)
    assert [score.parsed or "" for score in scores.samples] == [row["letter"] for row in cases]
    right = sum(row["letter"] == "B" for row in cases)
    assert scores.values["accuracy"] == pytest.approx(100 * right / len(cases))


def test_every_letter_of_longvideobench_and_chance_where_there_is_none() -> None:
    cases = rows("harness/longvideobench_parse.jsonl")
    for row in cases:
        assert read_longvideobench(row["reply"]) == row["letter"], row["reply"]
    predictions = [
        answered(choice(str(number), options=(*"vwxyz",), answer="C"), row["reply"]) for number, row in enumerate(cases)
    ]
    scores = make_scorer("longvideobench", is_reference_compatible=True).score(predictions)
    assert scores.counts["by_chance"] == sum(row["random"] for row in cases)
    again = LongVideoBench(is_reference_compatible=True).score(predictions[::-1])
    assert {score.id: score.parsed for score in again.samples} == {score.id: score.parsed for score in scores.samples}
    drawn = [
        {score.parsed for score in LongVideoBench(is_reference_compatible=True, seed=seed).score(predictions).samples}
        for seed in range(20)
    ]
    assert set().union(*drawn) == set(LETTERS)


def test_every_letter_of_videomme_v2() -> None:
    for row in rows("harness/videomme_v2_extract.jsonl"):
        assert read_videomme_v2(row["reply"], V2_OPTIONS) == row["pred_answer"], row["reply"]
        assert (row["pred_answer"] == "C") == bool(row["score_if_answer_is_C"])


def test_all_64_patterns_of_videomme_v2() -> None:
    table = rows("harness/videomme_v2_group_table.jsonl")
    assert len(table) == 64
    for row in table:
        found = group_score(row["group_type"], row["group_structure"], row["scores"])
        assert found == pytest.approx(row["group_score"], abs=1e-12), row


@pytest.mark.parametrize("is_reference", [True, False])
def test_all_aggregates_of_videomme_v2(is_reference: bool) -> None:
    content = golden("harness/videomme_v2_results.json")
    predictions = []
    for row in content["rows"]:
        facts = {key: row[key] for key in ("video_id", "question_id", "group_type", "group_structure", "level")}
        sample = choice(row["question_id"], answer="A", facts=facts)
        predictions.append(answered(sample, "A" if row["score"] else "B"))
    scores = VideoMMEv2(is_reference_compatible=is_reference).score(predictions)
    for metric, value in content["expected"].items():
        assert scores.values[metric] == pytest.approx(value, abs=1e-9), metric
    assert scores.counts["groups"] == 40
    assert sum("group_score" in score.values for score in scores.samples) == 40


def test_every_reply_of_cinepile() -> None:
    cases = rows("harness/cinepile.jsonl")
    texts = sorted({row["answer_key"] for row in cases})
    predictions = []
    for number, row in enumerate(cases):
        answer = read_cinepile(row["reply"])
        assert (answer.letter, answer.text) == (row["letter"], row["text"])
        others = iter(text for text in texts if text != row["answer_key"])
        options = tuple(
            row["answer_key"] if place == row["answer_key_position"] else next(others) for place in range(5)
        )
        sample = choice(str(number), options=options, answer=LETTERS[row["answer_key_position"]])
        predictions.append(answered(sample, row["reply"]))
    scores = CinePile(is_reference_compatible=True).score(predictions)
    assert [score.values["correct"] for score in scores.samples] == [row["correct"] for row in cases]


@pytest.mark.parametrize("is_reference", [True, False])
def test_both_averages_of_mlvu(is_reference: bool) -> None:
    content = golden("harness/mlvu_dev.json")
    predictions = [
        answered(choice(str(number), answer=row["answer"], tags=(f"task_type:{row['task_type']}",)), row["reply"])
        for number, row in enumerate(content["rows"])
    ]
    scores = MLVU(is_reference_compatible=is_reference).score(predictions)
    assert [score.parsed for score in scores.samples] == [row["pred_answer"] for row in content["rows"]]
    assert scores.values["M-Avg macro"] == pytest.approx(content["macro_lmms_eval"], abs=1e-9)
    assert scores.values["M-Avg pooled"] == pytest.approx(content["micro_ours_not_reference"], abs=1e-9)


def test_a_task_without_questions_is_nothing_to_lmms_eval() -> None:
    sample = choice("1", answer="B", tags=("task_type:ego",))
    ours = MLVU().score([answered(sample, "B")])
    theirs = MLVU(is_reference_compatible=True).score([answered(sample, "B")])
    assert ours.values["M-Avg macro"] == 100
    assert theirs.values["M-Avg macro"] == pytest.approx(100 / 7)


def test_lmms_eval_reads_four_letters_where_mlvu_has_six_options() -> None:
    sample = choice("1", answer="E", options=(*"uvwxyz",), tags=("task_type:sportsQA",))
    assert MLVU().score([answered(sample, "E")]).values["sportsQA"] == 100
    theirs = MLVU(is_reference_compatible=True).score([answered(sample, "E")])
    assert (theirs.values["sportsQA"], theirs.counts["unanswered"]) == (0, 1)


def _grounding(script: str) -> list[Prediction]:
    benchmark = "charades-sta" if script == "charades" else script
    return [
        answered(moments(str(number), (row["truth"][0], row["truth"][1]), benchmark=benchmark), row["reply"])
        for number, row in enumerate(rows("harness/grounding_seconds.jsonl"))
    ]


def _spans(found: Moment | tuple[Moment, ...] | None) -> list[list[float]]:
    listed = found if isinstance(found, tuple) else () if found is None else (found,)
    return [[moment.start, moment.end] for moment in listed]


@pytest.mark.parametrize("script", ["charades", "timelens"])
def test_every_span_and_overlap_of_the_two_parsers_in_seconds(script: Script) -> None:
    cases = rows("harness/grounding_seconds.jsonl")
    expected = golden("harness/grounding_seconds_expected.json")[script]
    for row in cases:
        found: Any = (read_charades if script == "charades" else read_timelens)(row["reply"])
        assert _spans(found) == row["charades_span" if script == "charades" else "timelens_spans"], row["reply"]
    scores = Grounding(is_reference_compatible=True).score(_grounding(script))
    for score, row in zip(scores.samples, cases, strict=True):
        assert score.values["iou"] == pytest.approx(row[f"{script}_iou"], abs=1e-12)
    named = {"IOU@3": "R1@0.3", "IOU@5": "R1@0.5", "IOU@7": "R1@0.7", "mIOU": "mIoU"}
    for metric, ours in named.items():
        assert scores.values[ours] == pytest.approx(expected[metric], abs=1e-9)


def test_charades_counts_samples_that_look_alike_once() -> None:
    samples = [
        Sample(
            id=name, film="f", question="q", task="moments", spans=(Moment(start=0, end=4),), benchmark="charades-sta"
        )
        for name in "ab"
    ]
    predictions = [answered(samples[0], "0 - 4"), answered(samples[1], "no idea")]
    theirs = Grounding(is_reference_compatible=True).score(predictions)
    assert theirs.values["mIoU"] == 0
    assert "1 samples" in theirs.notes[1]
    assert Grounding().score(predictions).values["mIoU"] == 50
