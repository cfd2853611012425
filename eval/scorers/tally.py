"""What all scorers share: which predictions count, what their replies say, and how marks become scores.

What a sample is worth is a part of one, 0 to 1. The whole is in percent, 0 to 100, as papers print it, but where the
paper prints parts of one: `matching`, `box` and `identity`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from movieqa.errors import ConfigError, EvaluationError
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Fact, Sample
from movieqa.eval.score import SampleScore, Scores

PERCENT = 100.0


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What one prediction is worth."""

    prediction: Prediction
    values: Mapping[str, float]
    parsed: str | None = None
    """How the reply was read; None where it could not be, or where there is none."""

    @property
    def sample(self) -> Sample:
        """What was asked."""
        return self.prediction.sample


def reply_of(prediction: Prediction) -> str:
    """Return what was answered, the empty text where nothing was."""
    return prediction.text if prediction.status == "answered" else ""


def fact(sample: Sample, name: str) -> Fact:
    """Return what the sample says under a name, in its facts or else in its first tag `name:value`; None without."""
    if name in sample.facts:
        return sample.facts[name]
    return next(iter(tagged(sample, name)), None)


def tagged(sample: Sample, name: str) -> list[str]:
    """Return the values of all tags `name:value`, in their order."""
    return [tag.partition(":")[2] for tag in sample.tags if tag.startswith(f"{name}:")]


def need_fact(sample: Sample, name: str, *, scorer: str) -> str | int | float | bool:
    """Return a fact that a scorer cannot do without.

    Raises:
        ConfigError: The sample lacks it.
    """
    value = fact(sample, name)
    if value is None:
        raise ConfigError(
            f"{sample.id}: the scorer {scorer} needs its {name}", hint="read the samples with their benchmark's reader"
        )
    return value


def need_number(sample: Sample, name: str, *, scorer: str) -> float:
    """Return a fact that is a number above zero.

    Raises:
        ConfigError: The sample lacks it, or it is none.
    """
    value = need_fact(sample, name, scorer=scorer)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ConfigError(f"{sample.id}: its {name} is {value!r}, no number above zero", hint="mend the samples")
    return number


def with_reference(
    predictions: Sequence[Prediction], has_reference: Callable[[Sample], bool], *, scorer: str, what: str
) -> list[Prediction]:
    """Return the predictions whose right answer is known.

    Raises:
        ConfigError: There are predictions, and it is known for none.
        EvaluationError: A time or a side of a box in a right answer is no number.
    """
    for prediction in predictions:
        _check_numbers(prediction.sample)
    known = [prediction for prediction in predictions if has_reference(prediction.sample)]
    if predictions and not known:
        raise ConfigError(
            f"the scorer {scorer} needs {what}, and none of {len(predictions)} samples has one",
            hint="score a split whose answers are published, or name another scorer",
        )
    return known


def _check_numbers(sample: Sample) -> None:
    """Refuse what is no number: comparisons would take it for anything."""
    times = (time for span in sample.spans for time in (span.start, span.end))
    for value in (*times, *(sample.box or ())):
        if not math.isfinite(value):
            raise EvaluationError(f"{sample.id}: its right answer holds {value}, no number", hint="mend the samples")


def mean(values: Iterable[float]) -> float:
    """Return the mean, 0 of nothing."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def percent(marks: Iterable[Mark], metric: str) -> float:
    """Return the mean of a metric over the marks that have it, in percent; 0 of nothing."""
    return PERCENT * mean(mark.values[metric] for mark in marks if metric in mark.values)


def make_scores(
    scorer: str,
    predictions: Sequence[Prediction],
    marks: Sequence[Mark],
    values: Mapping[str, float],
    *,
    counts: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
) -> Scores:
    """Put marks into the order of the predictions and count what was not answered.

    Args:
        scorer: Its name.
        predictions: All that were given, also those without a reference.
        marks: One for each prediction that has a reference.
        values: Over all marks; dropped where there is no mark.
        counts: Further counts.
        notes: What the reader must know besides.
    """
    unscored = len(predictions) - len(marks)
    held_back = [f"{unscored} samples have no reference and are not scored"] if unscored else []
    nothing = ["there is nothing to score"] if not marks else []
    return Scores(
        scorer=scorer,
        values=dict(values) if marks else {},
        samples=tuple(SampleScore(id=mark.sample.id, values=dict(mark.values), parsed=mark.parsed) for mark in marks),
        counts={
            "scored": len(marks),
            "unanswered": sum(mark.parsed is None and mark.prediction.status == "answered" for mark in marks),
            "refused": sum(mark.prediction.status == "refused" for mark in marks),
            "failed": sum(mark.prediction.status == "failed" for mark in marks),
            "unscored": unscored,
            **(counts or {}),
        },
        notes=(*nothing, *held_back, *notes),
    )
