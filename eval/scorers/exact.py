"""Short answers, word for word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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

    def __init__(self, *, is_reference_compatible: bool = False) -> None: ...

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score short answers.

        Raises:
            ConfigError: No sample has a right answer.
        """

        def is_equal(said: list[str], right: list[str]) -> float:
            return float(bool(said) and said == right)

        return score_words(predictions, is_equal, scorer=self.name, metric="exact_match", value="correct")


def score_words(
    predictions: Sequence[Prediction],
    compare: Callable[[list[str], list[str]], float],
    *,
    scorer: str,
    metric: str,
    value: str,
) -> Scores:
    """Score short answers word by word, each against the right answer that fits best.

    Args:
        predictions: With short answers.
        compare: Gives 0 to 1 to the words that were said and those that are right.
        scorer: Name of the scorer.
        metric: Name of the mean, in percent.
        value: Name of the value of single samples.

    Raises:
        ConfigError: No sample has a right answer.
    """
    marks = []
    for prediction in with_reference(predictions, has_answer, scorer=scorer, what="a right answer"):
        words = content_words(shorten(reply_of(prediction)))
        best = max(compare(words, content_words(answer)) for answer in right_answers(prediction.sample))
        marks.append(Mark(prediction=prediction, values={value: best}, parsed=" ".join(words) or None))
    return make_scores(scorer, predictions, marks, {metric: percent(marks, value)})


def has_answer(sample: Sample) -> bool:
    """Whether a right answer in words is known."""
    return bool(right_answers(sample))


def right_answers(sample: Sample) -> list[str]:
    """Return all texts that count as right; of a choice the text of the option."""
    return [answer for answer in (sample.answer_text, *sample.other_answers) if answer]
