"""LongVideoBench: up to five options, by length and by kind of question."""

from __future__ import annotations

import random
from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import LETTERS, Sample
from movieqa.eval.score import Scores

from .choice import mark_choices, percent_by, read_option
from .reference_letters import read_longvideobench
from .tally import fact, make_scores, percent


class LongVideoBench:
    """Accuracy in percent: over all, by `duration_group`, by `question_category`; of a sample, whether it is `correct`.

    Args:
        is_reference_compatible: Read the first capital letter as the benchmark's script does, and where there is none
            let chance choose an option.
        seed: Of that chance, which depends on nothing else but the sample's id.
    """

    name = "longvideobench"

    def __init__(self, *, is_reference_compatible: bool = False, seed: int = 0) -> None:
        self._is_reference, self._seed = is_reference_compatible, seed

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score choices.

        Raises:
            ConfigError: No sample says which option is right.
        """
        marks = mark_choices(predictions, self._read_reference if self._is_reference else read_option, scorer=self.name)
        values = {"accuracy": percent(marks, "correct")}
        for name in ("duration_group", "question_category"):
            values |= percent_by(marks, lambda sample, name=name: _labels(sample, name))  # type: ignore[misc]
        by_chance = sum(self._is_reference and read_longvideobench(mark.prediction.text) is None for mark in marks)
        notes = [f"{by_chance} replies without a letter got one by chance, seed {self._seed}"] if by_chance else []
        return make_scores(self.name, predictions, marks, values, counts={"by_chance": by_chance}, notes=notes)

    def _read_reference(self, sample: Sample, reply: str) -> str:
        letter = read_longvideobench(reply)
        return letter or random.Random(f"{self._seed} {sample.id}").choice(LETTERS[: len(sample.options)])


def _labels(sample: Sample, name: str) -> list[str]:
    label = fact(sample, name)
    return [] if label is None else [f"{name} {label}"]
