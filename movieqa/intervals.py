"""Exact algebra of time: sorted, disjoint, half-open intervals in seconds."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, order=True)
class Interval:
    """The half-open interval `[start, end)` in seconds."""

    start: float
    end: float

    def __post_init__(self) -> None:
        """Check the order."""
        if not (math.isfinite(self.start) and math.isfinite(self.end) and self.start < self.end):
            raise ValueError(f"an interval needs start < end, got {self.start=} {self.end=}")

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.end - self.start


Intervals = tuple[Interval, ...]
"""Sorted and disjoint, with a gap between neighbours; what every function here returns."""


def unite(intervals: Iterable[Interval], *, gap: float = 0.0) -> Intervals:
    """Join intervals that overlap, touch, or lie at most `gap` seconds apart.

    Example:
        >>> unite([Interval(start=4, end=6), Interval(start=0, end=4)])
        (Interval(start=0, end=6),)
    """
    united: list[Interval] = []
    for interval in sorted(intervals):
        if united and interval.start <= united[-1].end + gap:
            united[-1] = Interval(start=united[-1].start, end=max(united[-1].end, interval.end))
        else:
            united.append(interval)
    return tuple(united)


def intersect(one: Sequence[Interval], other: Sequence[Interval]) -> Intervals:
    """Return the time that lies in both; both must be sorted and disjoint.

    Example:
        >>> intersect([Interval(start=0, end=5)], [Interval(start=3, end=9)])
        (Interval(start=3, end=5),)
    """
    common: list[Interval] = []
    left = right = 0
    while left < len(one) and right < len(other):
        start = max(one[left].start, other[right].start)
        end = min(one[left].end, other[right].end)
        if start < end:
            common.append(Interval(start=start, end=end))
        if one[left].end <= other[right].end:
            left += 1
        else:
            right += 1
    return unite(common)


def subtract(one: Sequence[Interval], other: Sequence[Interval]) -> Intervals:
    """Return the time of `one` that does not lie in `other`; both must be sorted and disjoint.

    Example:
        >>> subtract([Interval(start=0, end=9)], [Interval(start=3, end=5)])
        (Interval(start=0, end=3), Interval(start=5, end=9))
    """
    rest: list[Interval] = []
    right = 0
    for interval in one:
        start = interval.start
        while right < len(other) and other[right].end <= start:
            right += 1
        cut = right
        while cut < len(other) and other[cut].start < interval.end:
            if start < other[cut].start:
                rest.append(Interval(start=start, end=other[cut].start))
            start = max(start, other[cut].end)
            cut += 1
        if start < interval.end:
            rest.append(Interval(start=start, end=interval.end))
    return unite(rest)


def clip(intervals: Sequence[Interval], start: float, end: float) -> Intervals:
    """Return the time that lies in `[start, end)`."""
    return intersect(intervals, (Interval(start=start, end=end),)) if start < end else ()


def total(intervals: Iterable[Interval]) -> float:
    """Return the length in seconds of disjoint intervals together."""
    return math.fsum(interval.seconds for interval in intervals)


def covers(intervals: Sequence[Interval], time: float) -> bool:
    """Whether a moment lies in one of the sorted, disjoint intervals."""
    place = bisect_right(intervals, time, key=lambda interval: interval.start) - 1
    return place >= 0 and time < intervals[place].end
