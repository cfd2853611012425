"""One of several options: the share of right letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import LETTERS, Sample
from movieqa.eval.score import Scores

from .letters import read_letter
from .reference_letters import read_lmms
from .tally import Mark, make_scores, percent, reply_of, with_reference


class Choice:
    """Accuracy in percent; of a sample, whether it is `correct`.

    Args:
        is_reference_compatible: Read letters as lmms-eval's shared extractor does.
    """

    name = "choice"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score choices.

        Raises:
            ConfigError: No sample says which option is right.
        """
        marks = mark_choices(predictions, read_lmms_option if self._is_reference else read_option, scorer=self.name)
        return make_scores(self.name, predictions, marks, {"accuracy": percent(marks, "correct")})


def read_option(sample: Sample, reply: str) -> str | None:
    """Read the letter of a sample's option, however it is put."""
    return read_letter(reply, sample.options)


def read_lmms_option(sample: Sample, reply: str) -> str | None:
    """Read the letter of a sample's option as lmms-eval does."""
    return read_lmms(reply, LETTERS[: len(sample.options)])


def mark_choices(
    predictions: Sequence[Prediction], read: Callable[[Sample, str], str | None], *, scorer: str
) -> list[Mark]:
    """Mark each reply to a question with options as right (1) or wrong (0).

    Raises:
        ConfigError: No sample says which option is right.
    """
    known = with_reference(
        predictions,
        lambda sample: bool(sample.options) and sample.answer is not None,
        scorer=scorer,
        what="options and the right one",
    )
    marks = []
    for prediction in known:
        letter = read(prediction.sample, reply_of(prediction)) if prediction.status == "answered" else None
        correct = float(letter is not None and letter == prediction.sample.answer)
        marks.append(Mark(prediction=prediction, values={"correct": correct}, parsed=letter))
    return marks


def percent_by(marks: Sequence[Mark], labels: Callable[[Sample], Sequence[str]]) -> dict[str, float]:
    """Return the share of right answers by label, in percent and in the order of the labels; a sample may have more."""
    groups: dict[str, list[Mark]] = {}
    for mark in marks:
        for label in labels(mark.sample):
            groups.setdefault(label, []).append(mark)
    return {label: percent(groups[label], "correct") for label in sorted(groups)}
