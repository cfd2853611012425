"""Turns the time stamps of decoded pictures into the film's times: from zero, strictly increasing."""

from __future__ import annotations

from fractions import Fraction

_MICROSECONDS = 1_000_000
_BACKWARD = 1
_FORWARD = 3600


class Clock:
    """Gives every decoded picture its presentation time in seconds.

    Times count from the first picture's stamp and are rounded to a microsecond, as `shots.csv` and `proxy.mp4` keep
    them, so that a shot's start and a frame's time can be compared. A gap between stamps is kept. What a broken
    stream leaves out is filled in and counted: a picture without a stamp follows the one before it by the average
    frame interval; where stamps jump back by more than a second (joined recordings, wrapped counters), the film goes
    on from there; a single stamp that does not come after the one before it is set a millisecond after it; and a
    jump of more than an hour past the film's claimed end is taken for damage.

    Args:
        rate: Average frame rate, frames a second.
        duration: The film's claimed length in seconds; 0.0 when unknown.
        time_base: Seconds in one unit of the stamps.
    """

    def __init__(self, rate: Fraction, duration: float, time_base: Fraction) -> None:
        self._time_base = time_base
        self._interval = 1 / (rate * time_base)
        self._shortest = Fraction(1, _MICROSECONDS) / time_base
        self._nudge = Fraction(1, 1000) / time_base
        self._backward = _BACKWARD / time_base
        self._forward = _FORWARD / time_base
        self._limit = (Fraction(duration) + _FORWARD) / time_base if duration else None
        self._origin: int | Fraction | None = None
        self._last: int | Fraction | None = None
        self.num_filled = 0
        """Pictures whose time was not in the stream."""

    def time_of(self, stamp: int | None) -> float:
        """Return the time of the next picture, in seconds.

        Args:
            stamp: Its presentation time stamp, in units of the time base, as the stream has it.
        """
        self._last = self._place(stamp)
        seconds = self._last * self._time_base.numerator * _MICROSECONDS
        return round(seconds / self._time_base.denominator) / _MICROSECONDS

    def _place(self, stamp: int | None) -> int | Fraction:
        """Return the picture's distance from the first one, in units of the time base."""
        if self._last is None:
            self._origin = stamp
            self.num_filled += stamp is None
            return 0
        if stamp is not None and self._origin is not None:
            place = stamp - self._origin
            if place - self._last >= self._shortest and not self._is_damage(place):
                return place
            if -self._backward <= place - self._last < self._shortest:
                self.num_filled += 1
                return self._last + self._nudge
        following = self._last + self._interval
        if stamp is None:
            self.num_filled += 1
        elif self._origin is None:
            self._origin = stamp - following
        else:
            self.num_filled += 1
            if stamp - self._origin < self._last:
                self._origin = stamp - following
        return following

    def _is_damage(self, place: int | Fraction) -> bool:
        assert self._last is not None
        return self._limit is not None and place > self._limit and place - self._last > self._forward
