"""EgoSchema: five options about three minutes of somebody's day."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.score import Scores

from .choice import mark_choices, read_option
from .tally import make_scores, percent


class EgoSchema:
    """Accuracy in percent over the samples whose answers are published (500); of a sample, whether it is `correct`.

    The benchmark has no script, but a server that compares the numbers of options: both ways of reading are one.

    Args:
        is_reference_compatible: Changes nothing here.
    """

    name = "egoschema"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score choices.

        Raises:
            ConfigError: No sample says which option is right.
        """
        marks = mark_choices(predictions, read_option, scorer=self.name)
        notes = ["EgoSchema has no script of its own; its server compares option numbers"] if self._is_reference else []
        return make_scores(self.name, predictions, marks, {"accuracy": percent(marks, "correct")}, notes=notes)
