"""Short answers by the words they share with the right one (as SQuAD counts)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.score import Scores

from .exact import score_words


class TokenF1:
    """F1 over words, against the right answer that fits best, in percent; of a sample its `f1`.

    Args:
        is_reference_compatible: Changes nothing here: there is no original script.
    """

    name = "token_f1"

    def __init__(self, *, is_reference_compatible: bool = False) -> None: ...

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score short answers.

        Raises:
            ConfigError: No sample has a right answer.
        """
        return score_words(predictions, token_f1, scorer=self.name, metric="f1", value="f1")


def token_f1(said: Sequence[str], right: Sequence[str]) -> float:
    """Return the harmonic mean of the shares of words in common, 0 to 1; 0 where either side has none.

    Example:
        >>> token_f1(["red", "book"], ["book"])
        0.6666666666666666
    """
    common = (Counter(said) & Counter(right)).total()
    return 2 * common / (len(said) + len(right)) if common else 0.0
