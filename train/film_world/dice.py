"""Dice: random choices that depend on a seed and a path of names only, not on who asked before."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """Random choices that stay the same for the same seed and path on every machine and Python.

    Only `random.Random.random()` is used underneath: its stream is promised never to change.

    Example:
        >>> Dice(7, "story").pick("abc") == Dice(7, "story").pick("abc")
        True
    """

    def __init__(self, *path: object) -> None:
        self._path = path
        digest = hashlib.sha256("/".join(map(str, path)).encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))

    def fork(self, *names: object) -> Dice:
        """Return independent dice for a sub-matter."""
        return Dice(*self._path, *names)

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return a number in `[low, high)`."""
        return low + (high - low) * self._random.random()

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self._random.random() < probability

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[int(self._random.random() * len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in another order."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = int(self._random.random() * (last + 1))
            result[last], result[other] = result[other], result[last]
        return result

    def sample(self, items: Sequence[Item], count: int) -> list[Item]:
        """Return up to `count` different items in random order."""
        return self.shuffled(items)[:count]


def is_reserved(*key: object) -> bool:
    """Tell whether a piece of vocabulary is kept for test films: one in four, by its own digest."""
    return hashlib.sha256("/".join(map(str, key)).encode()).digest()[0] % 4 == 0
