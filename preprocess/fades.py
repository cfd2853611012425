"""Finds fades: the picture sinks into one plain colour, and another one rises from it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from .thumbnails import Thumbnail

_PLAIN = 4.0  # contrast, in levels
_FULL = 8.0  # contrast from which a ramp must start, lest a plain wall count as a fade
_RAMP_SECONDS = (0.125, 2.0)
_MAX_SECONDS = 3.0
_RISE = 1.03  # by which contrast must grow over three frames for the ramp to go on
_RISE_FRAMES = 3
_RETURN = 0.35


@dataclass(frozen=True, kw_only=True)
class Fade:
    """A fade, in frame numbers."""

    first: int
    """Last frame that is all the old shot."""
    middle: int
    last: int
    """First frame that is all the new shot."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Entry:
    number: int
    thumbnail: Thumbnail


class FadeFinder:
    """Follows the contrast of the picture down to nothing and up again.

    A fade goes gradually on one side at least; cuts to and from a plain colour are left to `JumpFinder`. Where the
    same picture comes back it was a flash or a blink of the eye. When the plain colour stays on for long, the new
    shot begins in the middle of its rise.

    Args:
        rate: Frames a second.
    """

    def __init__(self, rate: Fraction) -> None:
        self._min_ramp = max(3, round(rate * Fraction(_RAMP_SECONDS[0])))
        self._max_ramp = round(rate * Fraction(_RAMP_SECONDS[1]))
        self.max_frames = round(rate * Fraction(_MAX_SECONDS))
        """Longest fade that counts as one, in frames."""
        self.delay = self.max_frames // 2 + _RISE_FRAMES
        """Frames after the middle of a fade by which it is told."""
        self._recent: deque[_Entry] = deque(maxlen=self._max_ramp)
        self._top: _Entry | None = None
        self._fall = 0
        self._plain_from: int | None = None
        self._plain_to = 0
        self._plain: Thumbnail
        self._rising: list[_Entry] = []

    def push(self, number: int, thumbnail: Thumbnail) -> Fade | None:
        """Take the next picture; return a fade that is now certain."""
        entry = _Entry(number=number, thumbnail=thumbnail)
        found = None
        if thumbnail.contrast < _PLAIN:
            if self._plain_from is None:
                self._begin(number)
            self._plain_to = number
            self._plain = thumbnail
            self._rising = []
        elif self._plain_from is not None:
            self._rising.append(entry)
            if self._has_risen():
                found = self._end()
        self._recent.append(entry)
        return found

    def _begin(self, number: int) -> None:
        """Look back along the fall."""
        self._plain_from = number
        entries = list(self._recent)
        top = len(entries) - 1
        while (
            top >= _RISE_FRAMES
            and entries[top - _RISE_FRAMES].thumbnail.contrast > _RISE * entries[top].thumbnail.contrast
        ):
            top -= 1
        self._top = entries[top] if entries else None
        self._fall = len(entries) - top

    def _has_risen(self) -> bool:
        rising = self._rising
        if len(rising) <= _RISE_FRAMES:
            return False
        grown = rising[-1].thumbnail.contrast > _RISE * rising[-1 - _RISE_FRAMES].thumbnail.contrast
        return not grown or len(rising) > self._max_ramp

    def _end(self) -> Fade | None:
        full = self._rising[-1 - _RISE_FRAMES]
        top, fall, rise = self._top, self._fall, len(self._rising) - _RISE_FRAMES
        self._plain_from, self._rising = None, []
        if top is None:
            return None
        if top.thumbnail.contrast < _FULL:
            fall = 0
        if full.thumbnail.contrast < _FULL:
            rise = 0
        if max(fall, rise) < self._min_ramp:
            return None
        plain = self._plain
        depth = max(top.thumbnail.distance(plain), full.thumbnail.distance(plain))
        if top.thumbnail.distance(full.thumbnail) < _RETURN * depth:
            return None
        if full.number - top.number <= self.max_frames:
            return Fade(first=top.number, middle=(top.number + full.number + 1) // 2, last=full.number)
        if rise < self._min_ramp:
            return None
        return Fade(first=self._plain_to, middle=(self._plain_to + full.number + 1) // 2, last=full.number)
