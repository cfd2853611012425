"""Short answers that ten people gave (TextVQA, VQAv2): how many of them agree with the reply."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.score import Scores

from .exact import has_answer, right_answers
from .letters import shorten
from .tally import Mark, make_scores, mean, percent, reply_of, with_reference
from .wording import content_words

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"none": "0"} | {word: str(number) for number, word in enumerate(_DIGITS)}
_ENOUGH = 3
"""People who must agree for the full score."""


class VQA:
    """Accuracy in percent; of a sample its `accuracy`, the mean over leaving out one person of min(1, agreeing / 3).

    The sample's answer and its other answers are what the people said, repeated as often as it was said. Where fewer
    than four are given, the reply is right if it equals one of them.

    Args:
        is_reference_compatible: Changes nothing here: answers are compared after the usual normalisation of words,
            numbers, articles and apostrophes in both.
    """

    name = "vqa"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score short answers.

        Raises:
            ConfigError: No sample has a right answer.
        """
        known = with_reference(predictions, has_answer, scorer=self.name, what="people's answers")
        marks = []
        for prediction in known:
            said = normal_answer(shorten(reply_of(prediction)))
            accuracy = agreement(said, [normal_answer(answer) for answer in right_answers(prediction.sample)])
            marks.append(Mark(prediction=prediction, values={"accuracy": accuracy}, parsed=said or None))
        return make_scores(self.name, predictions, marks, {"accuracy": percent(marks, "accuracy")})


def agreement(said: str, people: Sequence[str]) -> float:
    """Return how far people agree with an answer, 0 to 1.

    Example:
        >>> agreement("red", ["red"] * 3 + ["blue"] * 7)
        0.9
    """
    if not said:
        return 0.0
    if len(people) <= _ENOUGH:
        return float(said in people)
    agreeing = people.count(said)
    return mean(min(1.0, (agreeing - (person == said)) / _ENOUGH) for person in people)


def normal_answer(text: str) -> str:
    """Return an answer without case, punctuation, articles and apostrophes, numbers to ten in digits."""
    words = (word.replace("'", "") for word in content_words(text))
    return " ".join(_NUMBERS.get(word, word) for word in words)
