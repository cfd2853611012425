"""Splits: which part of the vocabulary a film may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .dice import is_reserved

Split = Literal["all", "train", "test"]
SPLITS: tuple[Split, ...] = ("all", "train", "test")


def is_allowed(split: Split, *key: object) -> bool:
    """Tell whether a split may use a piece of vocabulary: train films never use what is reserved for test."""
    return split != "train" or not is_reserved(*key)


def allowed_items(split: Split, kind: str, items: Sequence[str]) -> list[str]:
    """Return the items a split may use; never an empty list where there are items, as the first is always common."""
    return [item for rank, item in enumerate(items) if rank == 0 or is_allowed(split, kind, item)]
