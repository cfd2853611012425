"""Who looks most like somebody: for a person to see whether two are one, which the machine did not dare to say."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from movieqa.identity import Identity
from movieqa.intervals import intersect
from movieqa.people_choice import choose
from movieqa.people_files import load_cast
from movieqa.workspace import Workspace

from .cast import identity_of
from .index import Backend, VectorIndex
from .material import read_material
from .provider import unit

_NEIGHBOURS = 256  # tracklets of others that are looked at, for each of the person's own
_BEST = 3


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    """Somebody who looks like a person."""

    identity: Identity
    score: float
    """Mean cosine of the three pairs of tracklets most alike; comparable within one film only."""
    time: float
    """A moment of the person, seconds,"""
    other_time: float
    """and one of this other, when they look most alike."""
    is_together: bool
    """Whether both are on screen at once: then they are two, unless one is a mirror's or a picture's."""


def find_look_alikes(
    workspace: Workspace, who: str, *, most: int = 5, backend: Backend = "auto"
) -> tuple[LookAlike, ...]:
    """Find who looks most like a person, by the nearest tracklets of everybody else.

    Args:
        workspace: A film with people.
        who: A number, a name, or a place and moment.
        most: How many are returned at most.
        backend: What searches the tracklets; all give equal results.

    Returns:
        The most alike first.

    Raises:
        ConfigError: Nobody is meant.
        WorkspaceError: The people are missing or damaged.
    """
    cast = load_cast(workspace)
    person = identity_of(choose(cast, who), who)
    material = read_material(workspace)
    vectors = unit(material.vectors)
    index = VectorIndex(vectors.shape[1], backend=backend)
    owned = np.array(sorted(row for one in cast.identities for row in one.tracklets), np.int64)
    index.add(owned, vectors[owned])
    own = np.array(person.tracklets, np.int64)
    index.remove(own)
    near = index.search(vectors[own], _NEIGHBOURS)
    pairs: dict[int, list[tuple[float, int, int]]] = defaultdict(list)
    for row, (ids, scores) in zip(own.tolist(), zip(near.ids, near.scores, strict=True), strict=True):
        for other, score in zip(ids.tolist(), scores.tolist(), strict=True):
            owner = cast.owner(other)
            if owner is not None:
                pairs[owner.id].append((score, row, other))
    clearest = material.times[material.table.frames[material.tracklets.best]]  # when each tracklet is seen best
    found = []
    for id_, own_pairs in pairs.items():
        best = sorted(own_pairs, key=lambda pair: (-pair[0], pair[1:]))[:_BEST]
        identity = cast.get(id_)
        assert identity is not None
        found.append(
            LookAlike(
                identity=identity,
                score=float(np.mean([score for score, _, _ in best])),
                time=float(clearest[best[0][1]]),
                other_time=float(clearest[best[0][2]]),
                is_together=bool(intersect(person.spans, identity.spans)),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.score, one.identity.id))[:most])
