"""How broken time stamps are mended."""

from __future__ import annotations

from fractions import Fraction

from movieqa.preprocess.clock import Clock


def times_of(*stamps: float | None, duration: float = 0.0) -> tuple[list[float], int]:
    clock = Clock(Fraction(10), duration, Fraction(1, 1000))
    times = [clock.time_of(None if stamp is None else round(stamp * 1000)) for stamp in stamps]
    return times, clock.num_filled


def test_a_gap_stays() -> None:
    assert times_of(1.7, 1.8, 101.9) == ([0.0, 0.1, 100.2], 0)


def test_missing_stamps_follow_the_rate() -> None:
    assert times_of(None, None, None) == ([0.0, 0.1, 0.2], 3)
    assert times_of(5.0, None, 5.2) == ([0.0, 0.1, 0.2], 1)
    assert times_of(None, 5.0, 5.3) == ([0.0, 0.1, 0.4], 1)


def test_a_film_that_starts_over_goes_on() -> None:
    assert times_of(50.0, 50.1, 0.0, 0.1, 0.2) == ([0.0, 0.1, 0.2, 0.3, 0.4], 1)


def test_a_repeated_stamp_comes_a_moment_later() -> None:
    assert times_of(0.0, 0.1, 0.1, 0.2) == ([0.0, 0.1, 0.101, 0.2], 1)


def test_a_jump_far_beyond_the_end_is_damage() -> None:
    assert times_of(0.0, 0.1, 95443.7, 0.3, duration=6.0) == ([0.0, 0.1, 0.2, 0.3], 1)
    assert times_of(0.0, 0.1, 95443.7)[0][-1] == 95443.7
