"""Says which face is meant in a way that outlives re-processing: a moment and a place in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movieqa.identity import AppearanceTable, Box

_NEAR = 0.6  # seconds between an anchor and the frame it is found in
_OVERLAP = 0.3


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A face at a moment."""

    time: float
    box: Box

    def to_json(self) -> list[float]:
        """Return time and box as plain numbers."""
        box = self.box
        return [round(value, 6) for value in (self.time, box.left, box.top, box.right, box.bottom)]

    @classmethod
    def from_json(cls, numbers: Sequence[Any]) -> Anchor:
        """Read what `to_json` returned.

        Raises:
            ValueError: Not an anchor (also as TypeError).
        """
        time, left, top, right, bottom = (float(number) for number in numbers)
        return cls(time=time, box=Box(left=left, top=top, right=right, bottom=bottom))


class AnchorFinder:
    """Finds the tracklets that anchors mean.

    Args:
        table: The film's appearances.
        times: Of the sampled frames, seconds.
    """

    def __init__(self, table: AppearanceTable, times: NDArray[np.float64]) -> None:
        self._table = table
        self._times = times

    def find(self, anchor: Anchor) -> int | None:
        """Return the tracklet whose face overlaps the anchor's box most, in the frames nearest to its moment."""
        table = self._table
        low, high = np.searchsorted(self._times, [anchor.time - _NEAR, anchor.time + _NEAR])
        rows = np.arange(*np.searchsorted(table.frames, [low, high]))
        best: tuple[float, float, int] | None = None
        for row in rows:
            left, top, right, bottom = (float(value) for value in table.boxes[row])
            overlap = anchor.box.overlap(Box(left=left, top=top, right=right, bottom=bottom))
            distance = abs(float(self._times[table.frames[row]]) - anchor.time)
            if overlap >= _OVERLAP and (best is None or (-distance, overlap) > best[:2]):
                best = (-distance, overlap, int(table.tracklets[row]))
        return best[2] if best else None

    def find_all(self, anchors: Sequence[Anchor]) -> tuple[int, ...]:
        """Return the tracklets that are found, each once, in the order of the anchors."""
        found = (self.find(anchor) for anchor in anchors)
        return tuple(dict.fromkeys(tracklet for tracklet in found if tracklet is not None))
