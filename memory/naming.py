"""Gives names to identities from reference pictures: to the whole group at once, and only where it is clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .provider import Scale

_MAYBE = 0.7  # of the way from the floor to a sure name: the name is possible


@dataclass(frozen=True, kw_only=True)
class Naming:
    """A name for one group."""

    group: int
    name: int
    score: float
    """Mean cosine of the group's faces and the pictures."""
    is_sure: bool


def name_groups(
    means: NDArray[np.float64],
    references: NDArray[np.float64],
    scale: Scale,
    forbidden: Sequence[tuple[int, int]] = (),
) -> tuple[Naming, ...]:
    """Give each name to the group that fits it best, by the mean cosine between a group's faces and a name's pictures.

    A name is sure where the group fits it well and clearly better than any other name; otherwise it is possible.

    Args:
        means: Mean vectors of the groups, `[groups, E]`, not scaled to length one.
        references: Mean vectors of each name's pictures, `[names, E]`.
        scale: How the provider's cosines are to be read.
        forbidden: Pairs of group and name that a person has ruled out.

    Returns:
        At most one sure name a group and one sure group a name; a possible name may go to several groups.
    """
    if not len(means) or not len(references):
        return ()
    scores = means @ references.T
    for group, name in forbidden:
        scores[group, name] = -1.0
    maybe = scale.part(_MAYBE, scale.named)
    best = scores.argmax(axis=1)
    highest = scores[np.arange(len(scores)), best]
    second = np.sort(scores, axis=1)[:, -2] if scores.shape[1] > 1 else np.full(len(scores), -1.0)
    is_clear = (highest >= scale.named) & (highest - second >= scale.margin)
    namings = []
    given: set[int] = set()
    for name in range(scores.shape[1]):
        groups = np.flatnonzero(is_clear & (best == name))
        if len(groups):
            group = int(groups[highest[groups].argmax()])
            namings.append(Naming(group=group, name=name, score=float(highest[group]), is_sure=True))
            given.add(group)
    for group in range(len(scores)):
        name = int(best[group])
        if group not in given and scores[group, name] >= maybe:
            namings.append(Naming(group=group, name=name, score=float(scores[group, name]), is_sure=False))
    return tuple(sorted(namings, key=lambda naming: naming.group))
