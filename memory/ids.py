"""Gives identities their numbers: kept through every change of mind by largest overlap, and never used twice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from movieqa.assignment import match

NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class IdBook:
    """Which numbers were given, and what became of those that were given up."""

    next: int = 1
    """The next number nobody ever had."""
    aliases: dict[int, int] = field(default_factory=dict)
    """From a number given up to the one that took its place at the time; follow it with `current`."""

    def current(self, id_: int) -> int:
        """Return the number that stands for an id now."""
        while id_ in self.aliases:
            id_ = self.aliases[id_]
        return id_

    def flat(self) -> dict[int, int]:
        """Return every number given up with the one that stands for it now."""
        return {old: self.current(old) for old in self.aliases}


@dataclass(frozen=True, kw_only=True, eq=False)
class Carried:
    """Numbers carried over to a new grouping.

    Attributes:
        ids: Int64[N], the id of each tracklet, -1 where it is nobody's.
    """

    ids: NDArray[np.int64]
    book: IdBook


def carry_ids(labels: NDArray[np.int64], earlier: NDArray[np.int64], book: IdBook) -> Carried:
    """Give the groups of a new grouping the ids of the earlier one, by the largest overlap in tracklets.

    Args:
        labels: The group of each tracklet, -1 for none.
        earlier: The id each tracklet had, -1 where it had none.
        book: The numbers so far.

    Returns:
        An id a tracklet. A group that overlaps no id gets a new number; an id that no group carries on becomes an
        alias of the id most of its tracklets have now, or stays retired where they have none.
    """
    groups, members = np.unique(labels[labels >= 0], return_inverse=True)
    had = np.array([book.current(int(id_)) if id_ >= 0 else NOBODY for id_ in earlier], np.int64)
    olds = np.unique(had[had >= 0])
    table = np.zeros((len(groups), len(olds)))
    of_group = had[labels >= 0]
    known = of_group >= 0
    np.add.at(table, (members[known], np.searchsorted(olds, of_group[known])), 1)
    numbers = np.full(len(groups), NOBODY, np.int64)
    for group, old in match(table):
        if table[group, old]:
            numbers[group] = olds[old]
    following = book.next
    for group in range(len(groups)):  # groups are named after their first tracklet: numbers follow the film
        if numbers[group] == NOBODY:
            numbers[group] = following
            following += 1
    ids = np.full(len(labels), NOBODY, np.int64)
    ids[labels >= 0] = numbers[members]
    aliases = dict(book.aliases)
    for column, old in enumerate(olds.tolist()):
        if old not in numbers and len(groups) and table[:, column].any():
            aliases[old] = int(numbers[table[:, column].argmax()])
    return Carried(ids=ids, book=IdBook(next=following, aliases=aliases))
