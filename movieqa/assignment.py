"""The best one-to-one matching of two sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]


def match(worth: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Return pairs of a row and a column, each at most once, whose worth together is the largest possible.

    Args:
        worth: Finite, `[rows, columns]`; the shorter side is matched whole.

    Example:
        >>> match(np.array([[5.0, 4.0], [4.0, 0.0]]))
        [(0, 1), (1, 0)]
    """
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
