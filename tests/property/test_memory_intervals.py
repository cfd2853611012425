"""Interval algebra against brute force on a grid of moments."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from movieqa.intervals import Interval, Intervals, intersect, subtract, total, unite

_END = 24
_INTERVALS = st.lists(
    st.tuples(st.integers(0, _END - 1), st.integers(1, 6)).map(
        lambda pair: Interval(start=float(pair[0]), end=float(pair[0] + pair[1]))
    ),
    max_size=7,
)


def moments(intervals: list[Interval] | Intervals) -> set[int]:
    return {second for second in range(_END + 8) for one in intervals if one.start <= second < one.end}


@given(_INTERVALS, _INTERVALS)
def test_the_algebra_agrees_with_sets_of_moments(left: list[Interval], right: list[Interval]) -> None:
    one, other = unite(left), unite(right)
    results = {
        "union": (unite([*left, *right]), moments(left) | moments(right)),
        "intersection": (intersect(one, other), moments(left) & moments(right)),
        "difference": (subtract(one, other), moments(left) - moments(right)),
    }
    for name, (result, expected) in results.items():
        assert moments(result) == expected, name
        assert total(result) == len(expected), name
        assert all(before.end < after.start for before, after in pairwise(result)), name


@given(_INTERVALS, st.integers(0, 5))
def test_uniting_over_gaps_fills_exactly_the_short_ones(intervals: list[Interval], gap: int) -> None:
    seconds = sorted(moments(intervals))
    filled = set(seconds)
    for before, after in pairwise(seconds):
        if after - before - 1 <= gap:
            filled |= set(range(before, after))
    assert moments(unite(intervals, gap=gap)) == filled
