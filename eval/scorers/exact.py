"""Short answers, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample
from movieqa.eval.score import Scores

from .letters import shorten
from .tally import Mark, make_scores, percent, reply_of, with_reference
from .wording import content_words


class Exact:
    """The share of replies that equal a right answer but for case, punctuation and articles, in percent.

    Of a sample, whether it is `correct`.

    Args:
        is_reference_compatible: Changes nothing here: there is no original script.
    """

    name = "exact"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score short answers.

        Raises:
            ConfigError: No sample has a right answer.
        """
        known = with_reference(predictions, has_answer, scorer=self.name, what="a right answer")
        marks = []
        for prediction in known:
            words = content_words(shorten(reply_of(prediction)))
            is_right = bool(words) and any(
                words == content_words(answer) for answer in right_answers(prediction.sample)
            )
            marks.append(
                Mark(prediction=prediction, values={"correct": float(is_right)}, parsed=" ".join(words) or None)
            )
        return make_scores(self.name, predictions, marks, {"exact_match": percent(marks, "correct")})


def has_answer(sample: Sample) -> bool:
    """Whether a right answer in words is known."""
    return bool(right_answers(sample))


def right_answers(sample: Sample) -> list[str]:
    """Return all texts that count as right; of a choice the text of the option."""
    return [answer for answer in (sample.answer_text, *sample.other_answers) if answer]
