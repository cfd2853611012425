"""Keeps people apart: average-link clustering that never joins two who were seen together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .provider import Scale

if TYPE_CHECKING:
    from jaxtyping import Bool, Float32, Float64, Int64

GOOD = 0.6
"""Tracklets below this quality shape no identity; they join one at the end."""
MOST_ROWS = 6000
"""Average link looks at every pair; more rows than this are joined chunk by chunk first."""
CHUNK = 600.0
"""Seconds of film that are decided together."""

_ENOUGH_PAIRS = 50
_PERCENTILE = 98.5
_SETTLE = 0.6  # of the way from floor to threshold: a poor tracklet this near joins
_NEARNESS = 0.1  # what being seen at the same moment is worth, in cosine, to a poor tracklet,
_NEAR = 60.0  # fading over so many seconds
_MOVES = 4
_SURER = 0.03  # chunks join on a threshold this much higher (of one minus floor) before the whole film is looked at


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackRows:
    """Tracklets as columns, in film order.

    Attributes:
        vectors: Float32[N, E], of length one.
        qualities: Float32[N].
        starts: Float64[N], seconds.
        ends: Float64[N], seconds.
        together: Int64[C, 2], pairs of tracklets that are on screen at once: they are not one person.
    """

    vectors: NDArray[np.float32]
    qualities: NDArray[np.float32]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    together: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.vectors)


def pairs_together(
    shots: NDArray[np.int32],
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    vectors: NDArray[np.float32],
    scale: Scale,
) -> Int64[np.ndarray, "C 2"]:
    """Return the pairs of tracklets of one shot that overlap in time, except where both show the same face.

    The same face twice in a frame is a mirror, a photograph or a split screen: no evidence of two people.
    """
    pairs: list[NDArray[np.int64]] = []
    bounds = np.flatnonzero(np.diff(shots, prepend=-1, append=-1))
    for low, high in pairwise(bounds.tolist()):
        overlap = (starts[low:high, None] < ends[None, low:high]) & (starts[None, low:high] < ends[low:high, None])
        alike = vectors[low:high] @ vectors[low:high].T > scale.twin
        left, right = np.nonzero(np.triu(overlap & ~alike, 1))
        pairs.append(np.stack([left, right], axis=1) + low)
    return np.concatenate(pairs).astype(np.int64) if pairs else np.zeros((0, 2), np.int64)


def calibrate(rows: TrackRows, scale: Scale) -> float:
    """Read the threshold off the film: people seen together are different people.

    Returns:
        The cosine that nearly all pairs of clear tracklets seen together stay below, inside the provider's bounds; the
        provider's own threshold where there are too few pairs.
    """
    left, right = rows.together[:, 0], rows.together[:, 1]
    clear = (rows.qualities[left] >= GOOD) & (rows.qualities[right] >= GOOD)
    left, right = left[clear], right[clear]
    if len(left) < _ENOUGH_PAIRS:
        return scale.threshold
    cosines = np.einsum("ne,ne->n", rows.vectors[left], rows.vectors[right])
    return float(np.clip(np.percentile(cosines, _PERCENTILE), scale.lowest, scale.highest))


def cluster_film(rows: TrackRows, scale: Scale, threshold: float) -> Int64[np.ndarray, " N"]:
    """Decide who is who over the whole film.

    Clear tracklets are joined by average link, chunk by chunk first where they are many; then each is moved to the
    group it fits best; then the poor ones settle.

    Args:
        rows: The film's tracklets.
        scale: How the provider's cosines are to be read.
        threshold: Groups at least this alike are joined.

    Returns:
        A label for each tracklet, -1 where it fits nobody; a label is the smallest tracklet of its group.
    """
    labels = np.full(len(rows), -1, np.int64)
    clear = np.flatnonzero(rows.qualities >= GOOD)
    if len(clear) > MOST_ROWS:
        surer = threshold + _SURER * (1 - scale.floor)
        for chunk in np.split(clear, np.flatnonzero(np.diff(rows.starts[clear] // CHUNK)) + 1):
            for part in np.array_split(chunk, -(-len(chunk) // MOST_ROWS)):
                labels[part] = part[join_rows(rows.vectors[part], np.ones(len(part)), _apart(rows, part), surer)]
    else:
        labels[clear] = clear
    labels = join_groups(rows, labels, threshold)
    labels = move_to_best(rows, labels, clear)
    return settle(rows, labels, scale, threshold)


def join_groups(rows: TrackRows, labels: NDArray[np.int64], threshold: float) -> Int64[np.ndarray, " N"]:
    """Join labelled groups by average link; unlabelled tracklets stay out.

    Of more than `MOST_ROWS` groups the largest are looked at, so that memory stays bounded; others stay as they are.
    """
    names, members = np.unique(labels[labels >= 0], return_inverse=True)
    if not len(names):
        return labels
    where = np.flatnonzero(labels >= 0)
    sums, counts = _sums(rows.vectors[where], members, len(names))
    largest = np.sort(np.lexsort((names, -counts))[:MOST_ROWS])
    rank = np.full(len(names), -1, np.int64)
    rank[largest] = np.arange(len(largest))
    place = np.full(len(rows), -1, np.int64)
    place[where] = rank[members]
    means = (sums[largest] / counts[largest, None]).astype(np.float32)
    roots = np.arange(len(names))
    roots[largest] = largest[join_rows(means, counts[largest], _apart_groups(rows, place, len(largest)), threshold)]
    joined = labels.copy()
    joined[where] = names[roots[members]]
    return _smallest_members(joined)


def join_rows(
    means: Float32[np.ndarray, "N E"],
    weights: Float64[np.ndarray, " N"],
    apart: Bool[np.ndarray, "N N"],
    threshold: float,
) -> Int64[np.ndarray, " N"]:
    """Join the most alike pair again and again until none reaches the threshold.

    The product of two mean vectors is the mean cosine of all pairs between their groups, so the threshold means the
    same for small and large groups. A pair that must stay apart stays apart with everything either is joined to.

    Args:
        means: Mean vectors of groups, not scaled to length one.
        weights: How many tracklets each group holds.
        apart: Symmetric; which pairs must never be joined.
        threshold: The lowest mean cosine that joins.

    Returns:
        For each row the row that stands for its group in the end.
    """
    count = len(means)
    alike = np.asarray(means @ means.T, np.float32)
    alike = np.minimum(alike, alike.T)  # equal both ways to the last bit, so that ties never depend on the order
    alike[apart] = -np.inf
    np.fill_diagonal(alike, -np.inf)
    weights = weights.astype(np.float64)
    parents = np.arange(count)
    best = alike.max(axis=1, initial=-np.inf)
    partner = alike.argmax(axis=1) if count else parents
    is_stale = np.zeros(count, bool)  # its `best` is only an upper bound: joining never raises a row's maximum
    while count:
        row = int(best.argmax())
        if best[row] < threshold:
            break
        if is_stale[row]:
            partner[row] = alike[row].argmax()
            best[row], is_stale[row] = alike[row, partner[row]], False
            continue
        keep, drop = sorted((row, int(partner[row])), key=lambda index: (-weights[index], index))
        merged = (weights[keep] * alike[keep] + weights[drop] * alike[drop]) / (weights[keep] + weights[drop])
        merged[keep] = merged[drop] = -np.inf
        alike[keep] = alike[:, keep] = merged
        alike[drop] = alike[:, drop] = -np.inf
        weights[keep] += weights[drop]
        parents[drop] = keep
        is_stale |= (partner == keep) | (partner == drop)
        best[drop] = -np.inf
        partner[keep] = merged.argmax()
        best[keep], is_stale[keep] = merged[partner[keep]], False
    for row in range(count):
        while parents[row] != parents[parents[row]]:
            parents[row] = parents[parents[row]]
    return parents


def move_to_best(rows: TrackRows, labels: NDArray[np.int64], clear: NDArray[np.int64]) -> Int64[np.ndarray, " N"]:
    """Move each clear tracklet to the group it is most alike to on average, if nobody there was seen beside it."""
    labels = labels.copy()
    beside = _neighbours(rows)
    for _ in range(_MOVES):
        names, members = np.unique(labels[clear], return_inverse=True)
        sums, counts = _sums(rows.vectors[clear], members, len(names))
        products = rows.vectors[clear] @ sums.T.astype(np.float32)
        own = np.arange(len(clear)), members
        averages = products / counts[None].astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):  # a group of one has nobody else to be alike to
            averages[own] = np.where(counts[members] > 1, (products[own] - 1) / (counts[members] - 1), -np.inf)
        averages[own] = np.where(counts[members] > 1, averages[own], np.inf)
        better = np.flatnonzero(averages.max(axis=1, initial=-np.inf) > averages[own] + 1e-6)
        moved = 0
        for row in better:
            target = names[averages[row].argmax()]
            if not any(labels[other] == target for other in beside.get(int(clear[row]), ())):
                labels[clear[row]] = target
                moved += 1
        if not moved:
            break
    return _smallest_members(labels)


def settle(rows: TrackRows, labels: NDArray[np.int64], scale: Scale, threshold: float) -> Int64[np.ndarray, " N"]:
    """Let the unlabelled tracklets join the identity they are most alike to, surest first, if they are alike enough.

    Among identities alike, one that was on screen moments before or after is likelier.
    """
    labels = labels.copy()
    known, waiting = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
    if not len(known) or not len(waiting):
        return labels
    names, members = np.unique(labels[known], return_inverse=True)
    sums, counts = _sums(rows.vectors[known], members, len(names))
    scores = rows.vectors[waiting] @ (sums / counts[:, None]).T.astype(np.float32)
    scores += _NEARNESS * (1 - scale.floor) * _nearness(rows, known, members, waiting, len(names))
    beside = _neighbours(rows)
    column = {int(name): index for index, name in enumerate(names)}
    place = {int(index): row for row, index in enumerate(waiting)}
    for index, row in place.items():
        for other in beside.get(index, ()):
            if labels[other] >= 0:
                scores[row, column[int(labels[other])]] = -np.inf
    lowest = scale.part(_SETTLE, threshold)
    for row in np.lexsort((waiting, -scores.max(axis=1))):
        target = int(scores[row].argmax())
        if scores[row, target] < lowest:
            continue
        labels[waiting[row]] = names[target]
        for other in beside.get(int(waiting[row]), ()):
            if other in place:
                scores[place[other], target] = -np.inf
    return _smallest_members(labels)


def _nearness(
    rows: TrackRows, known: NDArray[np.int64], members: NDArray[np.int64], waiting: NDArray[np.int64], groups: int
) -> NDArray[np.float32]:
    """Return for each waiting tracklet and group 1 where the group is on screen at that time, fading with distance."""
    gaps = np.full((len(waiting), groups), np.inf, np.float32)
    for group in range(groups):
        own = known[members == group]
        starts = np.sort(rows.starts[own])
        ends = np.maximum.accumulate(rows.ends[own][np.argsort(rows.starts[own], kind="stable")])
        place = np.searchsorted(starts, rows.ends[waiting], side="left")
        before = np.where(place > 0, rows.starts[waiting] - ends[np.maximum(place - 1, 0)], np.inf)
        after = np.where(place < len(starts), starts[np.minimum(place, len(starts) - 1)] - rows.ends[waiting], np.inf)
        gaps[:, group] = np.maximum(0, np.minimum(before, after))
    return np.asarray(np.exp(-gaps / _NEAR), np.float32)


def _sums(
    vectors: NDArray[np.float32], members: NDArray[np.int64], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each group's sum of vectors and number of members; sums do not depend on the order of other groups."""
    sums = np.zeros((groups, vectors.shape[1]), np.float64)
    order = np.argsort(members, kind="stable")
    bounds = np.searchsorted(members[order], np.arange(groups))
    if groups:
        sums = np.add.reduceat(vectors[order].astype(np.float64), bounds, axis=0)
    return sums, np.bincount(members, minlength=groups).astype(np.float64)


def _apart(rows: TrackRows, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    place = np.full(len(rows), -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    return _apart_groups(rows, place, len(chosen))


def _apart_groups(rows: TrackRows, place: NDArray[np.int64], groups: int) -> NDArray[np.bool_]:
    left, right = place[rows.together[:, 0]], place[rows.together[:, 1]]
    both = (left >= 0) & (right >= 0)
    apart = np.zeros((groups, groups), bool)
    apart[left[both], right[both]] = apart[right[both], left[both]] = True
    return apart


def _neighbours(rows: TrackRows) -> dict[int, list[int]]:
    beside: dict[int, list[int]] = {}
    for left, right in rows.together.tolist():
        beside.setdefault(left, []).append(right)
        beside.setdefault(right, []).append(left)
    return beside


def _smallest_members(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rename each group after its smallest member, so that labels do not depend on how they came about."""
    known = np.flatnonzero(labels >= 0)
    _, first, members = np.unique(labels[known], return_index=True, return_inverse=True)
    renamed = labels.copy()
    renamed[known] = known[first[members]]
    return renamed
