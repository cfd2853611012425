"""Scores who-is-who against the truth, face by face; pure functions over labels.

Truth and prediction are arrays of one label a face: an integer for a person, -1 where there is none (a false detection
in the truth; a face left without an identity in the prediction).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from movieqa.assignment import match

if TYPE_CHECKING:
    from jaxtyping import Float, Int

NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class BCubed:
    """How pure and how complete the group of each face is, on average."""

    precision: float
    recall: float

    @property
    def f_score(self) -> float:
        """Harmonic mean of both."""
        return _harmonic(self.precision, self.recall)


@dataclass(frozen=True, kw_only=True)
class NamedScore:
    """How right names are, counted in faces."""

    precision: float
    """Of the faces given a name, the share that bears it; 1 where no face was given one."""
    recall: float
    """Of the faces of people that have a name, the share given theirs; 1 where there are none."""


def idf1(truth: Int[np.ndarray, " N"], predicted: Int[np.ndarray, " N"]) -> float:
    """Return IDF1 over the film: faces right under the best one-to-one match of people and identities.

    Returns:
        `2 IDTP / (faces in the truth + faces predicted)`, 0 to 1; 1 where there is nothing on either side.

    Raises:
        ValueError: The arrays differ in length.

    Example:
        >>> round(idf1(np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 2, 2, 2, 2])), 4)
        0.6667
    """
    _check(truth, predicted)
    people, groups = int((truth != NOBODY).sum()), int((predicted != NOBODY).sum())
    if people + groups == 0:
        return 1.0
    table = _contingency(truth, predicted)
    matched = sum(table[person, group] for person, group in match(table))
    return float(2 * matched / (people + groups))


def bcubed(truth: Int[np.ndarray, " N"], predicted: Int[np.ndarray, " N"]) -> BCubed:
    """Return BCubed precision and recall; a face without an identity counts as a group of its own.

    Raises:
        ValueError: The arrays differ in length, or no face has a person.
    """
    truth, predicted = _with_truth(truth, predicted)
    table = _contingency(truth, _alone(predicted))
    pairs = table**2
    return BCubed(
        precision=float((pairs / table.sum(axis=0, keepdims=True)).sum() / len(truth)),
        recall=float((pairs / table.sum(axis=1, keepdims=True)).sum() / len(truth)),
    )


def weighted_purity(truth: Int[np.ndarray, " N"], predicted: Int[np.ndarray, " N"]) -> float:
    """Return WCP, weighted clustering purity: the share of faces that are of their group's main person.

    Raises:
        ValueError: The arrays differ in length, or no face has a person.
    """
    truth, predicted = _with_truth(truth, predicted)
    return float(_contingency(truth, _alone(predicted)).max(axis=0).sum() / len(truth))


def named_score(truth: Int[np.ndarray, " N"], named: Int[np.ndarray, " N"], names: Int[np.ndarray, " K"]) -> NamedScore:
    """Return how right names are.

    Args:
        truth: The person of each face.
        named: The person whose name each face was given, -1 where it got none.
        names: The people that have a name at all.

    Raises:
        ValueError: The arrays differ in length.
    """
    _check(truth, named)
    given, wanted = named != NOBODY, np.isin(truth, names)
    right = (named == truth) & given
    return NamedScore(
        precision=float(right[given].mean()) if given.any() else 1.0,
        recall=float(right[wanted].mean()) if wanted.any() else 1.0,
    )


def search_precision(
    scores: Float[np.ndarray, "Q N"], truth: Int[np.ndarray, " N"], queries: Int[np.ndarray, " Q"]
) -> float:
    """Return the mean average precision of character search: faces ranked for each reference picture.

    Args:
        scores: How well each face fits each query; ties keep the faces' order.
        truth: The person of each face.
        queries: The person of each query; one who is nowhere in the film is left out.

    Raises:
        ValueError: The arrays disagree, or no query's person is in the film.
    """
    if scores.shape != (len(queries), len(truth)):
        raise ValueError(f"scores must be [{len(queries)}, {len(truth)}], got {scores.shape}")
    precisions = []
    for row, person in zip(scores, queries, strict=True):
        hits = (truth == person)[np.argsort(-row, kind="stable")]
        if hits.any():
            ranks = np.flatnonzero(hits) + 1
            precisions.append(float((np.arange(1, len(ranks) + 1) / ranks).mean()))
    if not precisions:
        raise ValueError("no query's person is in the film")
    return float(np.mean(precisions))


def cross_gap_recall(
    truth: Int[np.ndarray, " N"],
    predicted: Int[np.ndarray, " N"],
    times: Float[np.ndarray, " N"],
    *,
    gap: float = 600.0,
) -> float:
    """Return the share of pairs of one person's faces more than `gap` seconds apart that share an identity.

    Raises:
        ValueError: The arrays differ in length, or no person is seen again after so long.
    """
    _check(truth, predicted)
    if times.shape != truth.shape:
        raise ValueError(f"{len(times)} times for {len(truth)} faces")
    pairs = kept = 0
    for person in np.unique(truth[truth != NOBODY]):
        own = np.flatnonzero(truth == person)
        pairs += _far_pairs(times[own], gap)
        for group in np.unique(predicted[own]):
            if group != NOBODY:
                kept += _far_pairs(times[own[predicted[own] == group]], gap)
    if not pairs:
        raise ValueError(f"nobody is seen again more than {gap} s later")
    return kept / pairs


def _far_pairs(times: NDArray[np.floating], gap: float) -> int:
    """Count the pairs of moments more than `gap` apart."""
    ordered = np.sort(times)
    return int((len(ordered) - np.searchsorted(ordered, ordered + gap, side="right")).sum())


def _contingency(truth: NDArray[np.integer], predicted: NDArray[np.integer]) -> NDArray[np.float64]:
    """Count faces by person and identity, where both are known."""
    known = (truth != NOBODY) & (predicted != NOBODY)
    people, rows = np.unique(truth[known], return_inverse=True)
    groups, columns = np.unique(predicted[known], return_inverse=True)
    table = np.zeros((len(people), len(groups)))
    np.add.at(table, (rows, columns), 1)
    return table


def _alone(predicted: NDArray[np.integer]) -> NDArray[np.int64]:
    """Give every face without an identity a group of its own."""
    groups = predicted.astype(np.int64)
    alone = np.flatnonzero(groups == NOBODY)
    groups[alone] = groups.max(initial=0) + 1 + np.arange(len(alone))
    return groups


def _with_truth(
    truth: NDArray[np.integer], predicted: NDArray[np.integer]
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    _check(truth, predicted)
    known = truth != NOBODY
    if not known.any():
        raise ValueError("no face has a person")
    return truth[known], predicted[known]


def _check(truth: NDArray[np.integer], predicted: NDArray[np.integer]) -> None:
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(f"one label a face on both sides, got {truth.shape} and {predicted.shape}")


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0
