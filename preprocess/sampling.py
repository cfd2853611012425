"""Chooses which decoded pictures are kept: one a regular step, at least one a shot, and the middle one for people."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from .decoding import Picture
from .proxy import PictureScaler
from .shots import MIN_SHOT_FRAMES, Boundary

_RING_BYTES = 192 << 20
_TOLERANCE = 1e-6  # times are rounded to a microsecond, so a frame meant for 1/3 s may stand just before it

RGB = NDArray[np.uint8]
_Item = TypeVar("_Item")


class Middle(Generic[_Item]):
    """Keeps the item nearest to the middle of a stretch whose end is not known yet.

    Holds at most `capacity` items: when it is full, every second one goes and from then on every second one is taken.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._stride = 1
        self._skipped = 0
        self._items: list[tuple[float, _Item]] = []

    def offer(self, time: float, item: _Item) -> None:
        """Add the next item, at a time in seconds."""
        self._skipped += 1
        if self._items and self._skipped < self._stride:
            return
        self._skipped = 0
        self._items.append((time, item))
        if len(self._items) > self._capacity:
            del self._items[1::2]
            self._stride *= 2

    def best(self, middle: float) -> tuple[float, _Item] | None:
        """Return the item nearest to a time, with its own time; the earlier of two equally near."""
        return min(self._items, key=lambda entry: abs(entry[0] - middle), default=None)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Held:
    number: int
    time: float
    is_sample: bool
    picture: av.VideoFrame | RGB


class FrameSampler:
    """Samples a film in one pass, behind a detector that needs to look ahead.

    Pictures wait in a ring until every boundary up to them is known. One is sampled when it is the first at or after
    the next multiple of the spacing (a gap in the film repeats nothing). A shot that ends without a sample gets the
    waiting picture nearest to its middle. Large pictures wait thinned out, or scaled down, so that the ring's memory
    is bounded whatever the film.

    Args:
        scaler: Brings pictures to the proxy's size.
        spacing: Seconds between samples.
        lookahead: Pictures by which the detector may lag behind.
        keep: Takes each sampled frame, in order, with its time in seconds.
        show: Takes each shot's picture for people, in order.
    """

    def __init__(
        self,
        scaler: PictureScaler,
        *,
        spacing: float,
        lookahead: int,
        keep: Callable[[RGB, float], None],
        show: Callable[[RGB], None],
    ) -> None:
        self._scaler = scaler
        self._spacing = spacing
        self._lookahead = lookahead
        self._keep = keep
        self._show = show
        self._slot = -1
        self._ring: deque[_Held] = deque()
        self._expected: deque[Boundary] = deque()
        self._passed = -1
        self._thinning: int | None = None
        self._scales_early = False
        self._start = 0.0
        self._open_shot()
        self.boundaries: list[Boundary] = []
        """Those that count, in order."""

    def _open_shot(self) -> None:
        self._samples: Middle[RGB] = Middle(16)
        self._candidates: Middle[av.VideoFrame | RGB] = Middle(4)
        self._has_sample = False

    @property
    def num_waiting(self) -> int:
        """Pictures held until their shot is known."""
        return len(self._ring)

    def push(self, picture: Picture, boundaries: Iterable[Boundary]) -> None:
        """Take the next picture, and the boundaries the detector found on seeing it."""
        if self._thinning is None:
            self._plan_ring(picture.frame)
        self._expect(boundaries)
        slot = math.floor((picture.time + _TOLERANCE) / self._spacing)
        is_sample = slot > self._slot
        self._slot = max(slot, self._slot)
        if is_sample or picture.number % (self._thinning or 1) == 0:
            held = self._scaler.scale(picture.frame) if self._scales_early else picture.frame
            self._ring.append(_Held(number=picture.number, time=picture.time, is_sample=is_sample, picture=held))
        self._pass(picture.number - self._lookahead)

    def finish(self, boundaries: Iterable[Boundary], end: float) -> None:
        """Take the last boundaries and the time, in seconds, at which the last picture ends."""
        self._expect(boundaries)
        if self._ring:
            last = self._ring[-1].number
            while self._expected and last - self._expected[-1].frame < MIN_SHOT_FRAMES:
                self._expected.pop()
                self.boundaries.pop()
            self._pass(last)
        self._close_shot(end)

    def _plan_ring(self, frame: av.VideoFrame) -> None:
        num_bytes = sum(plane.buffer_size for plane in frame.planes)
        wanted = math.ceil(self._lookahead * num_bytes / _RING_BYTES)
        self._thinning = max(1, min(wanted, MIN_SHOT_FRAMES))
        self._scales_early = wanted > MIN_SHOT_FRAMES

    def _expect(self, boundaries: Iterable[Boundary]) -> None:
        for boundary in sorted(boundaries):
            frame = max(boundary.frame, self._passed + 1)  # a detector later than it promised
            previous = self.boundaries[-1].frame if self.boundaries else 0
            if frame - previous < MIN_SHOT_FRAMES:
                continue
            accepted = Boundary(frame=frame, kind=boundary.kind, first=boundary.first, last=max(frame, boundary.last))
            self.boundaries.append(accepted)
            self._expected.append(accepted)

    def _pass(self, horizon: int) -> None:
        while self._ring and self._ring[0].number <= horizon:
            held = self._ring.popleft()
            while self._expected and self._expected[0].frame <= held.number:
                self._expected.popleft()
                self._close_shot(held.time)
            self._passed = held.number
            if held.is_sample:
                picture = self._scaled(held.picture)
                self._keep(picture, held.time)
                self._samples.offer(held.time, picture)
                self._has_sample = True
            elif not self._has_sample:
                self._candidates.offer(held.time, held.picture)

    def _close_shot(self, end: float) -> None:
        middle = (self._start + end) / 2
        best = self._samples.best(middle)
        if best is None:
            candidate = self._candidates.best(middle)
            if candidate is None:
                raise AssertionError(f"a shot without a picture before {end}")
            best = candidate[0], self._scaled(candidate[1])
            self._keep(best[1], best[0])
        self._show(best[1])
        self._start = end
        self._open_shot()

    def _scaled(self, picture: av.VideoFrame | RGB) -> RGB:
        return picture if isinstance(picture, np.ndarray) else self._scaler.scale(picture)
