"""CinePile: five options about a scene, in five categories."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample
from movieqa.eval.score import Scores

from .choice import mark_choices, percent_by, read_option
from .reference_letters import read_cinepile
from .tally import Mark, fact, make_scores, percent, reply_of


class CinePile:
    """Accuracy in percent: over all, by `question_category`, on the hard split; of a sample, whether it is `correct`.

    Args:
        is_reference_compatible: Ask, as the benchmark's script does, that the text behind the letter equals the right
            option to the letter, and that without `Answer:` the whole reply does.
    """

    name = "cinepile"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score choices.

        Raises:
            ConfigError: No sample says which option is right.
        """
        marks = mark_choices(predictions, read_option, scorer=self.name)
        if self._is_reference:
            marks = [_mark_reference(mark) for mark in marks]
        by_label = percent_by(marks, _labels)
        return make_scores(self.name, predictions, marks, {"accuracy": percent(marks, "correct"), **by_label})


def _mark_reference(mark: Mark) -> Mark:
    sample, prediction = mark.sample, mark.prediction
    answer = read_cinepile(reply_of(prediction))
    is_right = answer.is_right(sample.answer or "", sample.answer_text or "") and prediction.status == "answered"
    return Mark(prediction=prediction, values={"correct": float(is_right)}, parsed=answer.letter or answer.text or None)


def _labels(sample: Sample) -> list[str]:
    category = fact(sample, "question_category")
    labels = [] if category is None else [" ".join(str(category).split())]
    return labels + ["hard split"] * (str(fact(sample, "hard_split")).lower() == "true")
