"""Readers and scorers together: right replies to what was read score full marks, wrong ones none."""

from __future__ import annotations

from pathlib import Path

import pytest

from movieqa.eval.benchmarks import list_benchmarks, read_samples
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import LETTERS, Sample
from movieqa.eval.score import Scores
from movieqa.eval.scorers.registry import SCORERS, make_scorer
from movieqa.eval.scoring import TASKS
from tests.benchmark_files import WRITERS

NEEDS_JAVA = ("soda", "captioning")
PAIRS = [
    (benchmark.name, scorer)
    for benchmark in list_benchmarks()
    for scorer in benchmark.scorers
    if scorer in SCORERS and scorer not in NEEDS_JAVA and benchmark.name != "movieqa"
]
IN_HUNDREDTHS = ("activitynet-captions", "tacos", "qvhighlights")
"""Whose moments VTimeLLM's script reads, which knows no seconds."""
CASES = [
    (name, scorer, is_reference_compatible)
    for name, scorer in PAIRS
    for is_reference_compatible in (False, True)
    if not (is_reference_compatible and scorer == "grounding" and name in IN_HUNDREDTHS)
]
PARTS_OF_ONE = ("box", "matching")


def right_reply(sample: Sample) -> str:
    if sample.task == "moments":
        return ", ".join(f"{span.start} - {span.end}" for span in sample.spans)
    if sample.box is not None:
        left, top, right, bottom = (round(1000 * side) for side in sample.box)
        return f"<ref>Mara</ref><box>({left},{top}),({right},{bottom})</box>"
    return (sample.answer_text if sample.benchmark == "mm-id" else sample.answer) or ""


def wrong_reply(sample: Sample) -> str:
    if sample.task == "choice":
        return next(letter for letter in LETTERS[: len(sample.options)] if letter != sample.answer)
    if sample.task == "yes_no":
        return "false" if sample.answer == "true" else "true"
    return "<box>(0,0),(10,10)</box>" if sample.task == "box" else "9000 - 9001 seconds"


def score(scorer: str, samples: list[Sample], replies: list[str], *, is_reference_compatible: bool) -> Scores:
    predictions = [Prediction(sample=sample, text=text) for sample, text in zip(samples, replies, strict=True)]
    return make_scorer(scorer, is_reference_compatible=is_reference_compatible).score(predictions)


@pytest.mark.parametrize(("name", "scorer", "is_reference_compatible"), CASES)
def test_right_replies_score_full_marks(name: str, scorer: str, is_reference_compatible: bool, tmp_path: Path) -> None:
    samples = [
        sample
        for sample in read_samples(WRITERS[name](tmp_path), benchmark=name)
        if sample.task in TASKS.get(scorer, (sample.task,)) and (sample.answer is not None or sample.spans)
    ]
    assert samples
    best = 1.0 if scorer in PARTS_OF_ONE else 100.0
    right = score(
        scorer, samples, [right_reply(sample) for sample in samples], is_reference_compatible=is_reference_compatible
    )
    wrong = score(
        scorer, samples, [wrong_reply(sample) for sample in samples], is_reference_compatible=is_reference_compatible
    )
    first = "M-Avg pooled" if scorer == "mlvu" else next(iter(right.values))  # macro is over all tasks of the set
    assert right.values[first] == pytest.approx(best) and wrong.values[first] < best / 2, (right.values, wrong.values)
    assert len(right.samples) == len(samples)
