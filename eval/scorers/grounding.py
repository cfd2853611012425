"""When something happens: overlap of the first moment a reply names with the right one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from movieqa.errors import ConfigError, EvaluationError
from movieqa.eval.asking import HUNDREDTHS
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Moment, Sample
from movieqa.eval.score import Scores

from .moments import read_moments
from .overlap import hull_iou, moment_iou
from .reference_moments import read_charades, read_timelens, read_vtimellm
from .tally import Mark, fact, make_scores, need_number, percent, reply_of, with_reference

THRESHOLDS = (0.3, 0.5, 0.7)

Script = Literal["vtimellm", "charades", "timelens"]
"""Whose numbers: VTimeLLM's `metric.py`, or lmms-eval's for Charades-STA or TimeLens-Bench."""


class Grounding:
    """R1@0.3, R1@0.5, R1@0.7 and mIoU, in percent; of a sample its `iou` and whether it reaches each threshold.

    Where several moments are right, the best-fitting one counts. A reply without a moment counts as 0; so does one that
    only gives an instant. Where the reply's text names none, the first moment that the engine cites is taken.

    A sample with the fact `times` = `hundredths` was asked for VTimeLLM's numbers, 00 to 99; it needs the fact
    `duration`.

    Args:
        is_reference_compatible: Read and count as the original script of the sample's benchmark does: lmms-eval's for
            Charades-STA and TimeLens, VTimeLLM's for everything else.
        script: Whose script, whatever the benchmark; only together with `is_reference_compatible`.
        is_strict: Ask for an IoU above the threshold, as classic code does, not for at least the threshold.
    """

    name = "grounding"

    def __init__(
        self, *, is_reference_compatible: bool = False, script: Script | None = None, is_strict: bool = False
    ) -> None:
        if script is not None and not is_reference_compatible:
            raise ConfigError("a script is named, but its numbers are not asked for", hint="set reference-compatible")
        self._is_reference, self._script, self._is_strict = is_reference_compatible, script, is_strict

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score moments.

        Raises:
            ConfigError: No sample has a right moment, or one asks for hundredths without saying how long its film is.
            EvaluationError: The original script would stop at a sample.
        """
        known = with_reference(
            predictions, lambda sample: bool(sample.spans), scorer=self.name, what="the right moments (spans)"
        )
        marks = [self._mark(prediction) for prediction in known]
        pooled = self._pool(marks)
        collapsed = len(marks) - len(pooled)
        values = {f"R1@{threshold}": percent(pooled, f"R1@{threshold}") for threshold in THRESHOLDS}
        notes = [f"R1@m counts an IoU {'above' if self._is_strict else 'of at least'} m"]
        if collapsed:
            notes.append(f"{collapsed} samples with the same film, query and moment as a later one do not count")
        return make_scores(self.name, predictions, marks, values | {"mIoU": percent(pooled, "iou")}, notes=notes)

    def _mark(self, prediction: Prediction) -> Mark:
        moment, iou = self._reference(prediction) if self._is_reference else self._default(prediction)
        reached = {
            f"R1@{threshold}": float(iou > threshold if self._is_strict else iou >= threshold)
            for threshold in THRESHOLDS
        }
        parsed = f"{moment.start:g}-{moment.end:g}" if moment else None
        return Mark(prediction=prediction, values={"iou": iou, **reached}, parsed=parsed)

    def _default(self, prediction: Prediction) -> tuple[Moment | None, float]:
        sample = prediction.sample
        found = (*read_sample_moments(prediction), *(prediction.spans if prediction.status == "answered" else ()))
        if not found:
            return None, 0.0
        return found[0], max(moment_iou(found[0], span) for span in sample.spans)

    def _reference(self, prediction: Prediction) -> tuple[Moment | None, float]:
        sample, reply = prediction.sample, reply_of(prediction)
        script = self._script_of(sample)
        truth = sample.spans[0]
        if script == "vtimellm":
            found = read_vtimellm(reply)
            duration = need_number(sample, "duration", scorer=self.name)
            truth = replace(truth, start=truth.start / duration, end=truth.end / duration)
        elif script == "charades":
            found = read_charades(reply)
        else:
            found = next(iter(read_timelens(reply)), None)
        if found is None:
            return None, 0.0
        try:
            iou = hull_iou(truth, found)
        except ZeroDivisionError as error:
            if script != "vtimellm":
                return found, 0.0
            raise EvaluationError(
                f"{sample.id}: the original script stops here, dividing by zero: both moments have no length",
                hint="score it without reference-compatible",
            ) from error
        return found, max(0.0, round(iou, 2)) if script == "vtimellm" else iou

    def _script_of(self, sample: Sample) -> Script:
        if self._script is not None:
            return self._script
        if "timelens" in sample.benchmark:
            return "timelens"
        return "charades" if "charades" in sample.benchmark else "vtimellm"

    def _pool(self, marks: Sequence[Mark]) -> list[Mark]:
        """Return the marks that the whole is made of: lmms-eval keeps one of each film, query and moment."""
        kept: dict[object, Mark] = {}
        for mark in marks:
            sample = mark.sample
            is_keyed = self._is_reference and self._script_of(sample) != "vtimellm"
            kept[(sample.film, sample.question, sample.spans) if is_keyed else sample.id] = mark
        return list(kept.values())


def read_sample_moments(prediction: Prediction) -> tuple[Moment, ...]:
    """Return the moments that a reply names, read as its sample was asked.

    Raises:
        ConfigError: Hundredths were asked for, and the sample does not say how long its film is.
    """
    sample = prediction.sample
    is_relative = fact(sample, "times") == HUNDREDTHS
    is_known = is_relative or fact(sample, "duration") is not None
    duration = need_number(sample, "duration", scorer=Grounding.name) if is_known else None
    return read_moments(reply_of(prediction), duration=duration, is_relative=is_relative)
