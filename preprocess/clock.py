"""Turns the time stamps of decoded pictures into the film's times: from zero, strictly increasing."""

from __future__ import annotations

from fractions import Fraction

_BACKWARD = 1.0
_FORWARD = 3600.0


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
    """

    def __init__(self, rate: Fraction, duration: float) -> None:
        self._interval = 1 / rate
        self._limit = duration + _FORWARD if duration else None
        self._origin: Fraction | None = None
        self._last: Fraction | None = None
        self.num_filled = 0
        """Pictures whose time was not in the stream."""

    def time_of(self, stamp: Fraction | None) -> float:
        """Return the time of the next picture.

        Args:
            stamp: Presentation time stamp in seconds, as the stream has it.
        """
        exact = self._exact(stamp)
        self._last = exact
        return round(float(exact), 6)

    def _exact(self, stamp: Fraction | None) -> Fraction:
        if self._last is None:
            self._origin = stamp
            self.num_filled += stamp is None
            return Fraction(0)
        following = self._last + self._interval
        if stamp is None:
            self.num_filled += 1
            return following
        if self._origin is None:
            self._origin = stamp - following
        time = stamp - self._origin
        if time - self._last >= Fraction(1, 1_000_000):
            if self._limit is None or time <= self._limit or time - self._last <= _FORWARD:
                return time
            self.num_filled += 1
            return following
        self.num_filled += 1
        if time < self._last - _BACKWARD:
            self._origin = stamp - following
            return following
        return self._last + Fraction(1, 1000)
