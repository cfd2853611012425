"""Finds hard cuts: pictures that change at once, far more than their neighbours do, and for good."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from .shots import MIN_SHOT_FRAMES
from .thumbnails import Thumbnail

_REACH_SECONDS = 0.25
_REACH_FRAMES = (6, 15)
_MIN_JUMP = 4.0
_OVER_NEIGHBOURS = 3.0
_OVER_THIRD = 2.0
_BESIDE = 0.5
_NOISE = 1.0
_RETURN = 0.35
_MIN_DIFFERENCE = 0.15  # of what two unrelated pictures of such contrast have between them


@dataclass(frozen=True, kw_only=True, eq=False)
class _Step:
    number: int
    thumbnail: Thumbnail
    jump: float
    """Distance from the picture before."""


class JumpFinder:
    """Judges each picture when its neighbourhood on both sides is known.

    A hard cut is a jump (mean change of luma and both colours, in levels, between thumbnails of 32 pixels) that

    - stands out: three times the median of the jumps around it, twice that of either side alone, so that neither fast
      motion nor the sudden start of a whip pan is taken for a cut, and twice the third largest, for drawn films and
      films slowed down or converted move only every second or third frame;
    - is large for pictures of such contrast, so that fine patterns in motion do not count;
    - is the largest one within the length of the shortest shot, and at least one of the two beside it is under half
      of it (a short whip pan swells and sinks);
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
        if not before or not after:  # no shot is that short
            return None
        beside = MIN_SHOT_FRAMES - 1
        if any(step.jump >= jump for step in before[-beside:]) or any(step.jump > jump for step in after[:beside]):
            return None
        if min(side[at].jump for side, at in ((before, -1), (after, 0))) > _BESIDE * jump:
            return None
        sides = [[step.jump for step in side] for side in (before, after)]
        around = sorted(value for side in sides for value in side)
        third = around[-math.ceil(3 * len(around) / (2 * self.reach))]
        either = max(median(side) for side in sides)
        if jump < _OVER_NEIGHBOURS * (median(around) + _NOISE) or jump < _OVER_THIRD * (max(third, either) + _NOISE):
            return None
        old, new = before[-1].thumbnail, steps[center].thumbnail
        if new.distance(old) < _MIN_DIFFERENCE * math.hypot(old.contrast, new.contrast):
            return None
        nearest = min(
            (
                later.thumbnail.change_from(earlier.thumbnail)
                for earlier in steps[max(0, center - self.reach) : center]
                for later in steps[center : center + self.reach + 1]
            ),
            default=math.inf,
        )
        return steps[center].number if nearest > _RETURN * jump else None
