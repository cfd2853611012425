"""SODA_c: dense captions as a story, matched one to one in the order of time (Fujita et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Moment
from movieqa.eval.score import Scores

from .dense import DenseCaptions, collect
from .meteor import Pair, meteor
from .overlap import caption_iou, moment_iou
from .tally import Mark, make_scores, mean, percent


@dataclass(frozen=True, kw_only=True)
class Story:
    """The best match in order of right captions and predicted ones.

    Attributes:
        worth: Sum over the matched pairs.
        path: Their indices, right one first.
        precision: Worth a predicted caption.
        recall: Worth a right caption.
    """

    worth: float
    path: tuple[tuple[int, int], ...]
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of both, 0 where nothing is worth anything."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total > 0 else 0.0


class Soda:
    """`soda_c`, the mean over films of F1 of the best match in order, in percent; of a sample its `soda_c`.

    What a right and a predicted caption are worth together is the overlap of their moments times METEOR.

    Args:
        is_reference_compatible: Read replies and count as VTimeLLM's script does: METEOR with the two captions
            exchanged, an overlap a little too small, ends as they stand.
    """

    name = "soda"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score dense captions.

        Raises:
            ConfigError: No sample has captioned moments.
            MissingDependencyError: Java or pycocoevalcap is not installed.
        """
        captions = [
            _by_start(item)
            for item in collect(predictions, is_reference_compatible=self._is_reference, scorer=self.name)
        ]
        groups = [self._pairs(item) for item in captions]
        marks = []
        for item, scores in zip(captions, meteor(groups), strict=True):
            table = np.array(scores.segments).reshape(len(item.right), len(item.said))
            story = match_in_order(overlaps(item.right, item.said, is_reference_compatible=self._is_reference) * table)
            parsed = f"{len(item.said)} events" if item.said else None
            marks.append(Mark(prediction=item.prediction, values={"soda_c": story.f1}, parsed=parsed))
        values = {
            "soda_c": percent(marks, "soda_c"),
            "outputs_per_film": mean(float(len(item.said)) for item in captions),
        }
        return make_scores(self.name, predictions, marks, values)

    def _pairs(self, item: DenseCaptions) -> list[Pair]:
        """Return every right caption with every predicted one, row by row."""
        return [
            Pair(hypothesis=right, reference=said) if self._is_reference else Pair(hypothesis=said, reference=right)
            for right in item.right_tokens
            for said in item.said_tokens
        ]


def overlaps(
    right: Sequence[Moment], said: Sequence[Moment], *, is_reference_compatible: bool = False
) -> NDArray[np.float64]:
    """Return the IoU of every right moment (rows) with every predicted one (columns)."""
    iou = caption_iou if is_reference_compatible else moment_iou
    return np.array([[iou(one, other) for other in said] for one in right]).reshape(len(right), len(said))


def match_in_order(worth: NDArray[np.floating]) -> Story:
    """Return the one-to-one match that keeps the order on both sides and is worth the most.

    Args:
        worth: Not negative, `[right captions, predicted captions]`, both sorted by their start.

    Example:
        >>> match_in_order(np.array([[0.0, 0.9], [0.5, 0.0]])).path
        ((0, 1),)
    """
    rows, columns = worth.shape
    best = np.zeros((rows + 1, columns + 1))
    for row in range(rows):
        for column in range(columns):
            best[row + 1, column + 1] = max(
                best[row, column + 1], best[row + 1, column], best[row, column] + worth[row, column]
            )
    path = []
    row, column = rows, columns
    while row and column:
        if best[row, column] == best[row - 1, column]:
            row -= 1
        elif best[row, column] == best[row, column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            path.append((row, column))
    total = float(best[rows, columns])
    return Story(
        worth=total,
        path=tuple(reversed(path)),
        precision=total / columns if columns else 0.0,
        recall=total / rows if rows else 0.0,
    )


def _by_start(item: DenseCaptions) -> DenseCaptions:
    """Sort both sides by when they start; equal starts keep their order."""
    said = sorted(range(len(item.said)), key=lambda index: item.said[index].start)
    right = sorted(range(len(item.right)), key=lambda index: item.right[index].start)
    return DenseCaptions(
        prediction=item.prediction,
        said=tuple(item.said[index] for index in said),
        right=tuple(item.right[index] for index in right),
        said_tokens=tuple(item.said_tokens[index] for index in said),
        right_tokens=tuple(item.right_tokens[index] for index in right),
    )
