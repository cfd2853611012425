"""Intervals, by hand; brute force is in tests/property/test_memory_intervals.py."""

from __future__ import annotations

import math

import pytest

from movieqa.intervals import Interval, clip, covers, intersect, subtract, total, unite


def spans(*pairs: tuple[float, float]) -> tuple[Interval, ...]:
    return tuple(Interval(start=start, end=end) for start, end in pairs)


def test_touching_intervals_are_one() -> None:
    assert unite(spans((4, 6), (0, 4))) == spans((0, 6))
    assert unite(spans((0, 1), (2, 3))) == spans((0, 1), (2, 3))
    assert unite(spans((0, 1), (2, 3)), gap=1) == spans((0, 3))


def test_subtracting_cuts_holes() -> None:
    assert subtract(spans((0, 10)), spans((2, 3), (5, 6))) == spans((0, 2), (3, 5), (6, 10))
    assert subtract(spans((0, 10)), spans((0, 10))) == ()


def test_common_time_is_half_open() -> None:
    assert intersect(spans((0, 5)), spans((5, 9))) == ()
    assert intersect(spans((0, 5), (6, 9)), spans((4, 7))) == spans((4, 5), (6, 7))
    assert clip(spans((0, 9)), 3, 3) == ()
    assert clip(spans((0, 9)), 3, 4) == spans((3, 4))


def test_a_moment_belongs_to_the_interval_it_starts() -> None:
    both = spans((0, 1), (2, 3))
    assert [covers(both, time) for time in (0, 0.5, 1, 2, 3)] == [True, True, False, True, False]
    assert total(both) == 2


@pytest.mark.parametrize(("start", "end"), [(1, 1), (2, 1), (0, math.inf), (math.nan, 1)])
def test_an_interval_has_a_length(start: float, end: float) -> None:
    with pytest.raises(ValueError, match="start < end"):
        Interval(start=start, end=end)
