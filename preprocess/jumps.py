"""Finds hard cuts: pictures that change at once, far more than their neighbours do, and for good."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from .thumbnails import Thumbnail

_REACH_SECONDS = 0.21
_REACH_FRAMES = (5, 15)
_MIN_JUMP = 6.0
_OVER_NEIGHBOURS = 3.0
_OVER_EITHER_SIDE = 2.0
_BESIDE = 0.5
_NOISE = 1.0
_RETURN = 0.35


@dataclass(frozen=True, kw_only=True, eq=False)
class _Step:
    number: int
    thumbnail: Thumbnail
    jump: float
    """Distance from the picture before."""


class JumpFinder:
    """Judges each picture when its neighbourhood on both sides is known.

    A hard cut is a jump (mean change of luma and both colours, in levels, between thumbnails of 32 pixels) that

    - stands out: three times the median of the jumps around it, and twice that of either side alone, so that neither
      fast motion nor the sudden start of a whip pan is taken for a cut;
    - is the largest one near, and at least one of the two beside it is under half of it (a short whip pan swells and
      sinks);
    - lasts: no picture shortly before resembles one shortly after. Flashes, and things that rush past the lens, give
      the picture back.

    Args:
        rate: Frames a second; it decides how many frames are near.
    """

    def __init__(self, rate: Fraction) -> None:
        low, high = _REACH_FRAMES
        self.reach = min(max(round(rate * Fraction(_REACH_SECONDS)), low), high)
        """Frames looked at on each side."""
        self._steps: deque[_Step] = deque(maxlen=2 * self.reach + 1)

    def push(self, number: int, thumbnail: Thumbnail) -> int | None:
        """Take the next picture; return the frame number of a cut that is now certain."""
        jump = thumbnail.change_from(self._steps[-1].thumbnail) if self._steps else 0.0
        self._steps.append(_Step(number=number, thumbnail=thumbnail, jump=jump))
        return self._judge(len(self._steps) - 1 - self.reach)

    def finish(self) -> list[int]:
        """Return the cuts among the last pictures, whose neighbourhood ends with the film."""
        found = []
        steps = list(self._steps)
        for center in range(max(0, len(steps) - self.reach), len(steps)):
            cut = self._judge(center)
            if cut is not None:
                found.append(cut)
        return found

    def _judge(self, center: int) -> int | None:
        if center < 1:
            return None
        jump = self._steps[center].jump
        if jump < _MIN_JUMP:
            return None
        steps = list(self._steps)
        before = steps[max(1, center - self.reach) : center]
        after = steps[center + 1 : center + self.reach + 1]
        if not before or not after:
            return None
        if any(step.jump >= jump for step in before) or any(step.jump > jump for step in after):
            return None
        if min(side[at].jump for side, at in ((before, -1), (after, 0))) > _BESIDE * jump:
            return None
        sides = [[step.jump for step in side] for side in (before, after)]
        around = median([value for side in sides for value in side])
        either = max(median(side) for side in sides)
        if jump < _OVER_NEIGHBOURS * (around + _NOISE) or jump < _OVER_EITHER_SIDE * (either + _NOISE):
            return None
        nearest = min(
            (
                new.thumbnail.change_from(old.thumbnail)
                for old in steps[max(0, center - self.reach) : center]
                for new in steps[center : center + self.reach + 1]
            ),
            default=math.inf,
        )
        return steps[center].number if nearest > _RETURN * jump else None
