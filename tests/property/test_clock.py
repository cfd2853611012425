"""Whatever time stamps a film has, its times are those of the film where that can be, and always in order."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from movieqa.preprocess.clock import Clock

RATE = Fraction(24)
TICK = Fraction(1, 90_000)
STAMPS = st.one_of(st.none(), st.integers(min_value=-(10**11), max_value=10**14))


@given(stamps=st.lists(STAMPS, max_size=60), duration=st.sampled_from([0.0, 6.0, 9000.0]))
def test_times_start_at_zero_and_increase(stamps: list[int | None], duration: float) -> None:
    clock = Clock(RATE, duration, TICK)
    times = [clock.time_of(stamp) for stamp in stamps]
    assert times[:1] in ([], [0.0])
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


@given(
    start=st.integers(min_value=-(10**7), max_value=10**11),
    steps=st.lists(st.integers(min_value=1, max_value=90_000 * 600), max_size=60),
)
def test_good_stamps_are_kept(start: int, steps: list[int]) -> None:
    clock = Clock(RATE, 0.0, TICK)
    stamps = [start]
    for step in steps:
        stamps.append(stamps[-1] + step)
    assert [clock.time_of(stamp) for stamp in stamps] == [round(float((stamp - start) * TICK), 6) for stamp in stamps]
    assert clock.num_filled == 0
