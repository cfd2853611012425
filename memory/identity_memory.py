"""The memory of a film under way: looks new faces up at once, decides every ten minutes, and again at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movieqa.assignment import match
from movieqa.errors import WorkspaceError
from movieqa.people_files import ProviderFacts

from .clustering import (
    CHUNK,
    GOOD,
    TrackRows,
    calibrate,
    cluster_film,
    join_groups,
    move_to_best,
    pairs_together,
    settle,
)
from .ids import NOBODY, IdBook, carry_ids
from .index import Backend, VectorIndex
from .provider import Scale
from .tracklets import Track

_EXEMPLARS = 48
_BEST = 3
_NEIGHBOURS = 96
_ACCEPT = 0.85  # of the way from floor to threshold
_CLEARLY = 0.06  # how much better than the second identity, of one minus floor


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmPeople:
    """What a memory knows at the end.

    Attributes:
        ids: Int64[N], the identity of each tracklet, -1 where it fits nobody.
    """

    ids: NDArray[np.int64]
    book: IdBook
    threshold: float


class IdentityMemory:
    """Takes a film's tracklets shot by shot and keeps the people apart.

    `add_shot` answers at once where it is sure; what it is not sure of waits for the next decision, every ten minutes
    of film. `finish` decides over the whole film again; ids stay, and those that turn out to be one become aliases.

    Args:
        facts: The provider whose embeddings it takes.
        scale: How their cosines are to be read.
        backend: What searches the exemplars.
    """

    def __init__(self, facts: ProviderFacts, scale: Scale, *, backend: Backend = "auto") -> None:
        self._facts = facts
        self._scale = scale
        self._backend: Backend = backend
        self._vectors: list[NDArray[np.float32]] = []
        self._best: list[NDArray[np.float32]] = []
        self._qualities: list[float] = []
        self._shots: list[int] = []
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._labels = np.zeros(0, np.int64)  # of clear tracklets only
        self._ids = np.zeros(0, np.int64)
        self._book = IdBook()
        self._threshold = scale.threshold
        self._decided = 0.0  # seconds of film
        self._num_decided = 0  # tracklets
        self._exemplars = VectorIndex(facts.dimension, backend=backend)
        self._owners = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def num_uncertain(self) -> int:
        """How many tracklets wait for the next decision without an identity."""
        return len(self) - int((self._ids >= 0).sum())

    def check(self, fingerprint: str) -> None:
        """Refuse embeddings of another provider.

        Raises:
            WorkspaceError: The fingerprints differ.
        """
        if fingerprint != self._facts.fingerprint:
            raise WorkspaceError(
                f"faces seen by another provider than {self._facts.name} do not mix with this memory",
                hint="find the people again with one provider for the whole film",
            )

    def add_shot(
        self, shot: int, tracks: Sequence[Track], spans: Sequence[tuple[float, float]]
    ) -> tuple[int | None, ...]:
        """Take in the tracks of the next shot and say who they are, where that is sure.

        Args:
            shot: Index of the shot; shots come in film order.
            tracks: The people of the shot.
            spans: When each is on screen, seconds.

        Returns:
            An id for each track, or None for one in the uncertain cache. Two on screen together get different ids.
        """
        if spans and spans[0][0] >= self._decided + CHUNK:
            self._decide()
            self._decided = spans[0][0] // CHUNK * CHUNK
        found = self.look_up(tracks, spans)
        for track, (start, end) in zip(tracks, spans, strict=True):
            self._vectors.append(track.vector)
            self._best.append(track.best)
            self._qualities.append(track.quality)
            self._shots.append(shot)
            self._starts.append(start)
            self._ends.append(end)
        self._ids = np.concatenate([self._ids, [NOBODY if one is None else one for one in found]]).astype(np.int64)
        return found

    def look_up(self, tracks: Sequence[Track], spans: Sequence[tuple[float, float]]) -> tuple[int | None, ...]:
        """Say who the tracks of one shot are, all at once, from the decisions so far."""
        if not tracks or not len(self._exemplars):
            return (None,) * len(tracks)
        near = self._exemplars.search(np.stack([track.vector for track in tracks]), _NEIGHBOURS)
        people = np.unique(self._owners)
        scores = np.full((len(tracks), len(people)), -1.0)
        owners = np.searchsorted(people, self._owners[near.ids])
        for row, (columns, cosines) in enumerate(zip(owners, near.scores, strict=True)):
            order = np.argsort(columns, kind="stable")  # nearest first within each identity
            firsts = np.flatnonzero(np.diff(columns[order], prepend=-1))
            ranks = np.arange(len(order)) - np.repeat(firsts, np.diff(firsts, append=len(order)))
            kept = order[ranks < _BEST]
            totals = np.bincount(columns[kept], cosines[kept], len(people))
            counts = np.bincount(columns[kept], minlength=len(people))
            scores[row, counts > 0] = totals[counts > 0] / counts[counts > 0]
        return self._assign(tracks, spans, scores, people)

    def _assign(
        self,
        tracks: Sequence[Track],
        spans: Sequence[tuple[float, float]],
        scores: NDArray[np.float64],
        people: NDArray[np.int64],
    ) -> tuple[int | None, ...]:
        """Match tracks and identities one to one, leaving unknown who is not clearly anybody."""
        ordered = np.sort(scores, axis=1)
        second = ordered[:, -2] if scores.shape[1] > 1 else np.full(len(tracks), -1.0)
        lowest = self._scale.part(_ACCEPT, self._threshold)
        margin = _CLEARLY * (1 - self._scale.floor)
        sure = (scores >= lowest) & (scores >= second[:, None] + margin)
        found: list[int | None] = [None] * len(tracks)
        for row, column in match(np.where(sure, 2 + scores, 0)):
            if sure[row, column]:
                found[row] = int(people[column])
        return tuple(found)

    def rows(self) -> TrackRows:
        """Return everything taken in so far."""
        vectors = np.stack(self._vectors) if self._vectors else np.zeros((0, self._facts.dimension), np.float32)
        shots, starts, ends = np.array(self._shots, np.int32), np.array(self._starts), np.array(self._ends)
        return TrackRows(
            vectors=vectors,
            qualities=np.array(self._qualities, np.float32),
            starts=starts.astype(np.float64),
            ends=ends.astype(np.float64),
            together=pairs_together(shots, starts, ends, vectors, self._scale),
        )

    def finish(self) -> FilmPeople:
        """Decide over the whole film from scratch; ids stay by the largest overlap."""
        rows = self.rows()
        self._decide(rows)
        labels = cluster_film(rows, self._scale, self._threshold)
        carried = carry_ids(labels, self._ids, self._book)
        self._ids, self._book = carried.ids, carried.book
        return FilmPeople(ids=self._ids, book=self._book, threshold=self._threshold)

    def decided(self) -> FilmPeople:
        """Decide on everything taken in so far, chunk by chunk, without looking at the whole film again."""
        self._decide()
        return FilmPeople(ids=self._ids, book=self._book, threshold=self._threshold)

    def _decide(self, rows: TrackRows | None = None) -> None:
        """Join the identities so far and the clear new tracklets, then let the poor ones settle."""
        rows = rows or self.rows()
        self._threshold = calibrate(rows, self._scale)
        fresh = np.arange(len(self._labels), len(rows))
        new = np.where(rows.qualities[fresh] >= GOOD, fresh, NOBODY)
        labels = join_groups(rows, np.concatenate([self._labels, new]).astype(np.int64), self._threshold)
        self._labels = move_to_best(rows, labels, np.flatnonzero(labels >= 0))
        carried = carry_ids(settle(rows, self._labels, self._scale, self._threshold), self._known(), self._book)
        self._ids, self._book = carried.ids, carried.book
        self._remember(rows)

    def _known(self) -> NDArray[np.int64]:
        """Return the ids that were decided; what a look-up said since is no decision."""
        known = self._ids.copy()
        known[self._num_decided :] = NOBODY
        return known

    def _remember(self, rows: TrackRows) -> None:
        """Rebuild the exemplars: the clearest faces of each identity's clear tracklets."""
        self._num_decided = len(rows)
        vectors: list[NDArray[np.float32]] = []
        owners: list[int] = []
        clear = np.flatnonzero((self._ids >= 0) & (rows.qualities >= GOOD))
        for id_ in np.unique(self._ids[clear]):
            own = clear[self._ids[clear] == id_]
            clearest = own[np.lexsort((own, -rows.qualities[own]))][:_EXEMPLARS]
            faces = np.concatenate([self._best[row] for row in clearest])[:_EXEMPLARS]
            vectors.append(faces)
            owners += [int(id_)] * len(faces)
        self._exemplars = VectorIndex(self._facts.dimension, backend=self._backend)
        self._owners = np.array(owners, np.int64)
        if vectors:
            self._exemplars.add(np.arange(len(owners)), np.concatenate(vectors))
