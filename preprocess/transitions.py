"""Our shot detector: hard cuts, dissolves and fades in one pass over small pictures."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector

from .dissolves import DissolveFinder
from .fades import FadeFinder
from .jumps import JumpFinder
from .shots import MIN_SHOT_FRAMES, Boundary
from .thumbnails import Thumbnail

_RATES = (Fraction(15), Fraction(120))


class TransitionDetector(SceneDetector):  # type: ignore[misc]  # PySceneDetect is untyped
    """Finds where shots change and how, as a PySceneDetect detector that can also tell the kind.

    Three finders watch the same thumbnails: `JumpFinder` for hard cuts, `DissolveFinder`, and `FadeFinder`. Each says
    in its docstring by what marks it goes. Their answers come in late by different amounts, so they wait here until
    nothing earlier can follow; a cut inside a dissolve or fade is part of it, and of boundaries closer than
    `MIN_SHOT_FRAMES` only the first counts.

    Args:
        rate: Average frame rate, frames a second. Very low averages come from films that stand still for a while, so
            at least 15 are assumed.

    Example:
        >>> from scenedetect import detect  # doctest: +SKIP
        >>> detect("film.mp4", TransitionDetector(Fraction(24)))  # doctest: +SKIP
    """

    def __init__(self, rate: Fraction) -> None:
        super().__init__()
        rate = min(max(rate, _RATES[0]), _RATES[1])
        self._jumps = JumpFinder(rate)
        self._dissolves = DissolveFinder(rate)
        self._fades = FadeFinder(rate)
        self.max_frames = max(self._dissolves.max_frames, self._fades.max_frames)
        """Longest transition that is found, in frames."""
        self.lookahead = max(finder.max_frames + finder.delay for finder in (self._dissolves, self._fades))
        """Frames by which a boundary may be told late."""
        self._waiting: list[Boundary] = []
        self._certain: list[Boundary] = []
        self._told = 0
        self._gradual_until = 0

    @property
    def event_buffer_length(self) -> int:
        """Frames by which a boundary may be told late, in PySceneDetect's words."""
        return self.lookahead

    def process_frame(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> list[FrameTimecode]:
        """Take the next picture, UInt8[H, W, 3], blue first; return the boundaries that are now certain."""
        number = timecode.frame_num
        thumbnail = Thumbnail(frame_img)
        cut = self._jumps.push(number, thumbnail)
        if cut is not None:
            self._waiting.append(_cut(cut))
        dissolve = self._dissolves.push(number, thumbnail)
        if dissolve:
            self._waiting.append(_dissolve(dissolve.first, dissolve.last))
        fade = self._fades.push(number, thumbnail)
        if fade:
            self._waiting.append(Boundary(frame=fade.middle, kind="fade", first=fade.first + 1, last=fade.last))
        return self._tell(number - self.lookahead, timecode)

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        """Return the boundaries that were still uncertain when the film ended."""
        self._waiting += [_cut(cut) for cut in self._jumps.finish()]
        dissolve = self._dissolves.finish()
        if dissolve:
            self._waiting.append(_dissolve(dissolve.first, dissolve.last))
        return self._tell(timecode.frame_num, timecode)

    def take(self) -> list[Boundary]:
        """Return the boundaries that became certain since the last call, with their kinds, in order."""
        certain, self._certain = self._certain, []
        return certain

    def _tell(self, horizon: int, timecode: FrameTimecode) -> list[FrameTimecode]:
        due = sorted(boundary for boundary in self._waiting if boundary.frame <= horizon)
        if not due:
            return []
        gradual = [boundary for boundary in self._waiting if boundary.kind != "cut"]
        told = []
        for boundary in due:
            covered = any(
                other is not boundary and other.first <= boundary.frame <= other.last and _outranks(other, boundary)
                for other in gradual
            )
            covered = covered or boundary.first < self._gradual_until
            if not covered and boundary.frame - self._told >= MIN_SHOT_FRAMES:
                self._told = boundary.frame
                self._gradual_until = boundary.last
                told.append(boundary)
        self._waiting = [boundary for boundary in self._waiting if boundary.frame > horizon]
        self._certain += told
        return [FrameTimecode(boundary.frame, timecode) for boundary in told]


def _outranks(one: Boundary, other: Boundary) -> bool:
    order = ("cut", "dissolve", "fade")
    return order.index(one.kind) > order.index(other.kind)


def _cut(frame: int) -> Boundary:
    return Boundary(frame=frame, kind="cut", first=frame, last=frame)


def _dissolve(first: int, last: int) -> Boundary:
    return Boundary(frame=(first + last + 1) // 2, kind="dissolve", first=first + 1, last=last)
