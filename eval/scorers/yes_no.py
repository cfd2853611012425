"""Yes-or-no questions, as POPE counts: how often the model says yes where it should, and where it should not."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample
from movieqa.eval.score import Scores

from .polar import read_polar, read_pope
from .tally import PERCENT, Mark, make_scores, percent, reply_of, with_reference


class YesNo:
    """Accuracy, precision, recall and F1 of yes, and the share of yes among the replies, in percent.

    Of a sample, whether it is `correct`. A reply that is neither is wrong, and counts as a yes that was missed where
    yes is right.

    Args:
        is_reference_compatible: Take every reply for yes whose first sentence has none of No, no, not.
    """

    name = "yes_no"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score yes or no.

        Raises:
            ConfigError: No sample has yes or no as its answer.
        """
        marks = mark_polar(predictions, is_reference_compatible=self._is_reference, scorer=self.name)
        right_yes = sum(mark.parsed == "yes" and is_yes(mark.sample) is True for mark in marks)
        said_yes = sum(mark.parsed == "yes" for mark in marks)
        true_yes = sum(is_yes(mark.sample) is True for mark in marks)
        values = {
            "accuracy": percent(marks, "correct"),
            "precision": _share(right_yes, said_yes),
            "recall": _share(right_yes, true_yes),
            "f1": _share(2 * right_yes, said_yes + true_yes),
            "yes_ratio": _share(said_yes, len(marks)),
        }
        return make_scores(self.name, predictions, marks, values)


def is_yes(sample: Sample) -> bool | None:
    """Whether the right answer is yes; None where it is neither yes nor no, or not known."""
    return None if sample.answer is None else read_polar(sample.answer)


def mark_polar(predictions: Sequence[Prediction], *, is_reference_compatible: bool, scorer: str) -> list[Mark]:
    """Mark each reply to a yes-or-no question as right (1) or wrong (0).

    Raises:
        ConfigError: No sample has yes or no as its answer.
    """
    known = with_reference(
        predictions, lambda sample: is_yes(sample) is not None, scorer=scorer, what="yes or no as its answer"
    )
    marks = []
    for prediction in known:
        said = (read_pope if is_reference_compatible else read_polar)(reply_of(prediction))
        if prediction.status != "answered":
            said = None
        marks.append(
            Mark(
                prediction=prediction,
                values={"correct": float(said is not None and said == is_yes(prediction.sample))},
                parsed=None if said is None else ("yes" if said else "no"),
            )
        )
    return marks


def _share(part: int, whole: int) -> float:
    return PERCENT * part / whole if whole else 0.0
