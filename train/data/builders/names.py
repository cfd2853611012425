"""Names for people whom nobody named: each fits anybody, and no two people of a sample share one."""

from __future__ import annotations

from random import Random

NAMES = (
    "Alex", "Ariel", "Ash", "Avery", "Bailey", "Blake", "Brook", "Cameron", "Casey", "Charlie", "Chris", "Dakota",
    "Dana", "Devon", "Drew", "Eden", "Ellis", "Emery", "Finley", "Frankie", "Gray", "Harley", "Harper", "Hayden",
    "Indigo", "Jamie", "Jess", "Jordan", "Jules", "Kai", "Kelly", "Kendall", "Lane", "Lee", "Logan", "Marley",
    "Max", "Micah", "Morgan", "Nicky", "Noel", "Oakley", "Parker", "Pat", "Peyton", "Phoenix", "Quinn", "Reese",
    "Remy", "Riley", "River", "Robin", "Rory", "Rowan", "Sage", "Sam", "Sasha", "Shay", "Sidney", "Skyler",
    "Sloan", "Stevie", "Tatum", "Taylor", "Toby", "Tracy", "Val", "Wren", "Yael", "Zion",
)  # fmt: skip


def choose_names(count: int, dice: Random) -> list[str]:
    """Return so many different names.

    Example:
        >>> len(set(choose_names(5, Random(1))))
        5
    """
    return dice.sample(NAMES, count)
