"""LVBench: four options about hours of video; a question counts in each of its categories."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample
from movieqa.eval.score import Scores

from .choice import mark_choices, percent_by, read_option
from .reference_letters import read_lvbench
from .tally import fact, make_scores, percent, tagged

SHORT = {
    "entity recognition": "ER",
    "event understanding": "EU",
    "key information retrieval": "KIR",
    "temporal grounding": "TG",
    "reasoning": "Rea",
    "summarization": "Sum",
}


class LVBench:
    """`Overall` and ER, EU, KIR, TG, Rea, Sum, in percent; of a sample, whether it is `correct`.

    A sample's tags `question_type:...` name its categories, or its fact `question_type`, with commas between.

    Args:
        is_reference_compatible: Compare the first character in brackets, and leave questions without an answer out.
    """

    name = "lvbench"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score choices.

        Raises:
            ConfigError: No sample says which option is right.
        """
        marks = mark_choices(predictions, _read_reference if self._is_reference else read_option, scorer=self.name)
        counted, notes = marks, []
        if self._is_reference:
            counted = [mark for mark in marks if mark.prediction.status == "answered"]
            absent = len(marks) - len(counted)
            notes = [f"{absent} questions without an answer are left out, as in LVBench's script"] if absent else []
        values = {"Overall": percent(counted, "correct"), **percent_by(counted, _categories)}
        return make_scores(self.name, predictions, marks, values, notes=notes)


def _read_reference(sample: Sample, reply: str) -> str | None:
    return read_lvbench(reply) or None


def _categories(sample: Sample) -> list[str]:
    named = tagged(sample, "question_type") or str(fact(sample, "question_type") or "").split(",")
    return [SHORT.get(name.strip().lower(), name.strip()) for name in dict.fromkeys(named) if name.strip()]
