"""MF2: a true and a false statement about a film, judged one by one; only both right count."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.score import Scores

from .tally import Mark, make_scores, need_fact, percent
from .yes_no import is_yes, mark_polar

PAIR = 2


class MF2:
    """`pair_accuracy`, the share of pairs with both statements right, and `accuracy` over statements, in percent.

    A sample's fact `pair` names its pair; its answer is true or false (or yes or no). Of a sample: whether it is
    `correct`; and with the true statement of a pair, whether the pair is (`pair_correct`).

    A pair without its other half counts as wrong.

    Args:
        is_reference_compatible: Changes nothing here: there is no original script.
    """

    name = "mf2"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score pairs.

        Raises:
            ConfigError: No sample has a right answer, or one names no pair.
        """
        marks = mark_polar(predictions, is_reference_compatible=False, scorer=self.name)
        pairs: dict[str, list[Mark]] = {}
        for mark in marks:
            name = str(need_fact(mark.sample, "pair", scorer=self.name))
            pairs.setdefault(name, []).append(mark)
        worth = {_keeper(pair).sample.id: _is_right(pair) for pair in pairs.values()}
        marks = [_with_pair(mark, worth) for mark in marks]
        broken = sum(len(pair) != PAIR for pair in pairs.values())
        notes = [f"{broken} pairs have not two statements and count as wrong"] if broken else []
        values = {"pair_accuracy": percent(marks, "pair_correct"), "accuracy": percent(marks, "correct")}
        return make_scores(self.name, predictions, marks, values, counts={"pairs": len(pairs)}, notes=notes)


def _keeper(pair: Sequence[Mark]) -> Mark:
    """Return the member that carries the pair's value, whatever the order: the true statement, else the first id."""
    return min(pair, key=lambda mark: (not is_yes(mark.sample), mark.sample.id))


def _is_right(pair: Sequence[Mark]) -> bool:
    return len(pair) == PAIR and all(mark.values["correct"] for mark in pair)


def _with_pair(mark: Mark, worth: dict[str, bool]) -> Mark:
    if mark.sample.id not in worth:
        return mark
    values = {**mark.values, "pair_correct": float(worth[mark.sample.id])}
    return Mark(prediction=mark.prediction, values=values, parsed=mark.parsed)
