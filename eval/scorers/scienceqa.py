"""ScienceQA: options about a picture or a text."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import LETTERS, Sample
from movieqa.eval.score import Scores

from .choice import mark_choices, read_option
from .reference_letters import read_scienceqa
from .tally import fact, make_scores, percent


class ScienceQA:
    """Accuracy in percent over all, and over the questions with a picture; of a sample, whether it is `correct`.

    A sample's fact `has_picture` says whether there is one.

    Args:
        is_reference_compatible: Read letters as LLaVA's script does: alone, as `B. ...`, or in "The answer is B."
    """

    name = "scienceqa"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score choices.

        Raises:
            ConfigError: No sample says which option is right.
        """
        marks = mark_choices(predictions, _read_reference if self._is_reference else read_option, scorer=self.name)
        pictured = [mark for mark in marks if fact(mark.sample, "has_picture") in (True, "true", "True")]
        values = {"accuracy": percent(marks, "correct")}
        if pictured:
            values["accuracy with picture"] = percent(pictured, "correct")
        return make_scores(self.name, predictions, marks, values, counts={"with_picture": len(pictured)})


def _read_reference(sample: Sample, reply: str) -> str | None:
    return read_scienceqa(reply, LETTERS[: len(sample.options)])
