"""Finds dissolves: one picture turning into another along a straight line."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from .thumbnails import Thumbnail, shared_detail

_LOOKS_A_SECOND = 12
_LENGTHS = (4, 6, 8, 10, 12, 16, 20, 24, 28)  # looks, a third of a second to more than two
_SETTLE = 8  # looks to wait for a better window
_MIN_CHANGE = 8.0
_MIN_DIFFERENCE = 0.53
_MIN_CONTRAST = 3.0
_MIN_STRAIGHTNESS = 0.30  # and as much more as the misfit is
_MIN_STEP, _MAX_STEP = 0.13, 0.40
_MAX_MISFIT = 0.28
_MAX_SHARED = 0.35


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A run of frames over which one picture becomes another."""

    first: int
    """Frame number of the last picture that is all old."""
    last: int
    """Frame number of the first picture that is all new."""
    score: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Look:
    number: int
    thumbnail: Thumbnail


class DissolveFinder:
    """Tries windows of many lengths, twelve times a second of film.

    In a dissolve from A to B the picture is (1 - a) A + a B with a growing evenly. Three marks tell it from motion:

    - straightness: the way from A to B, measured over four steps, is hardly longer than the distance between them
      (a pan takes a long way round), and all steps are about equal (a cut or a flash is one step);
    - detail: the squared gradients follow (1 - a)^2 A + a^2 B and so sink to about a half in the middle, however the
      camera moves; pans, zooms and changes of light leave them near the straight line between both ends. This is the
      mark that holds when both shots are in motion, so the better it fits, the less straight the way has to be.
      Light that swells and sinks is reckoned out;
    - A and B are as far apart as unrelated pictures of their contrast are, share no outlines, and neither is one
      plain colour (that would be a fade).

    Args:
        rate: Frames a second.
    """

    def __init__(self, rate: Fraction) -> None:
        self._step = max(1, round(rate / _LOOKS_A_SECOND))
        self._looks: deque[_Look] = deque(maxlen=_LENGTHS[-1] + 1)
        self._best: Stretch | None = None
        self._after = -1
        self.max_frames = _LENGTHS[-1] * self._step
        """Longest dissolve that is found, in frames."""
        self.delay = (_SETTLE + 1) * self._step
        """Frames after the end of a dissolve by which it is told."""

    def push(self, number: int, thumbnail: Thumbnail) -> Stretch | None:
        """Take the next picture; return a dissolve that is now certain."""
        if number % self._step:
            return None
        self._looks.append(_Look(number=number, thumbnail=thumbnail))
        for length in _LENGTHS:
            if length < len(self._looks):
                found = self._judge(length)
                if found and (self._best is None or found.score > self._best.score):
                    self._best = found
        if self._best and number - self._best.last >= _SETTLE * self._step:
            return self.finish()
        return None

    def finish(self) -> Stretch | None:
        """Return the dissolve that was waiting for a better one, if any."""
        best, self._best = self._best, None
        if best:
            self._after = best.last
        return best

    def _judge(self, length: int) -> Stretch | None:
        start = len(self._looks) - 1 - length
        first, last = self._looks[start], self._looks[-1]
        if first.number < self._after:
            return None
        change = last.thumbnail.distance(first.thumbnail)
        contrasts = first.thumbnail.contrast, last.thumbnail.contrast
        if change < max(_MIN_CHANGE, _MIN_DIFFERENCE * math.hypot(*contrasts)) or min(contrasts) < _MIN_CONTRAST:
            return None
        points = [self._looks[start + length * quarter // 4].thumbnail for quarter in range(5)]
        steps = [new.distance(old) for old, new in pairwise(points)]
        way = sum(steps)
        straightness = change / way
        if straightness < _MIN_STRAIGHTNESS or min(steps) < _MIN_STEP * way or max(steps) > _MAX_STEP * way:
            return None
        misfit = self._misfit(start, length)
        if misfit > min(_MAX_MISFIT, straightness - _MIN_STRAIGHTNESS):
            return None
        return Stretch(first=first.number, last=last.number, score=change * straightness * (1 - misfit))

    def _misfit(self, start: int, length: int) -> float:
        """Return how far the detail is from a dissolve's: 0 when it follows it, 1 when it does not sink at all."""
        window = [self._looks[start + offset].thumbnail for offset in range(length + 1)]
        old, new = window[0].detail, window[-1].detail
        shared = shared_detail(window[0], window[-1])
        if shared > _MAX_SHARED * (old * new) ** 0.5:
            return 1.0
        share = np.arange(1, length) / length
        mixed = (1 - share) ** 2 * old + share**2 * new + 2 * share * (1 - share) * shared
        straight = (1 - share) * old + share * new
        light = np.array([thumbnail.brightness for thumbnail in window])
        steady = np.maximum(1.0, (1 - share) * light[0] + share * light[-1])
        actual = (
            np.array([thumbnail.detail for thumbnail in window[1:-1]]) * (steady / np.maximum(1.0, light[1:-1])) ** 2
        )
        return float(np.abs(actual - mixed).sum() / max(1e-6, np.abs(straight - mixed).sum()))
