"""Scores: what a scorer makes of predictions, as a whole and one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from movieqa.errors import EvaluationError

from .prediction import Prediction


@dataclass(frozen=True, kw_only=True)
class SampleScore:
    """The values of one sample; what two runs are compared by."""

    id: str
    values: Mapping[str, float]
    """By metric, each finite. A sample that a metric says nothing about lacks it."""
    parsed: str | None = None
    """How the reply was read, such as the letter; None where it could not be."""

    def __post_init__(self) -> None:
        """Refuse what is no number: it would silently spoil every mean it enters."""
        _check(self.values, where=self.id)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a scorer makes of predictions.

    Attributes:
        scorer: Its name.
        values: Metrics over all samples, in the units that their papers use.
        samples: One by one, in the order of the predictions.
        counts: How many samples were `scored`, `unanswered`, `failed`, `unjudged` and the like.
        notes: What the reader must know, such as a missing reference.
    """

    scorer: str
    values: Mapping[str, float]
    samples: tuple[SampleScore, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no number."""
        _check(self.values, where=self.scorer)


class Scorer(Protocol):
    """What gives numbers to predictions; a pure function of them.

    Predictions without an answer count as wrong, never as absent, and in no order in particular.
    """

    name: str

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score predictions of this scorer's task.

        Raises:
            ConfigError: The predictions lack what the metric needs, such as reference spans.
            MissingDependencyError: A library, or Java, is not installed.
        """
        ...


def _check(values: Mapping[str, float], *, where: str) -> None:
    """Raise EvaluationError where a value is not finite."""
    for metric, value in values.items():
        if not math.isfinite(value):
            raise EvaluationError(
                f"{where}: its {metric} is {value}, no number", hint="look at the times and boxes of its reference"
            )
