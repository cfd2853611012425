"""Follows faces from frame to frame inside one shot; every cut ends every tracklet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from movieqa.assignment import match

from .provider import Scale, unit

_MAX_GAP = 3.0  # seconds without a detection that a person may be on screen unseen
_LOOK, _PLACE = 0.6, 0.4  # how much looks and place count when faces are linked
_LIKE = 0.35  # share of the way from floor to one: as alike as this is linked wherever it is,
_BARELY_LIKE = 0.2  # and this alike is linked where the boxes overlap
_SAME_PLACE = 0.5
_BEST = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameFaces:
    """The faces of one sampled frame.

    Attributes:
        boxes: Float32[N, 4], left, top, right, bottom in fractions of the picture.
        scores: Float32[N].
        qualities: Float32[N].
        vectors: Float32[N, E], of length one.
    """

    frame: int
    time: float
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    qualities: NDArray[np.float32]
    vectors: NDArray[np.float32]
    num_left_out: int = 0
    """Faces that were found but not taken, because there were too many."""

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """One person followed through a shot.

    Attributes:
        vector: Float32[E], the mean of its faces weighted by quality, of length one.
        best: Float32[B, E], its clearest faces, at most three.
    """

    frames: tuple[int, ...]
    """Indices of sampled frames."""
    rows: tuple[int, ...]
    """Its row in each of those frames' faces."""
    quality: float
    vector: NDArray[np.float32]
    best: NDArray[np.float32]


@dataclass(eq=False)
class _Open:
    """A track under way; it keeps sums and its clearest faces, so that its memory does not grow with the shot."""

    frames: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    time: float = 0.0
    box: NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))
    last: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    weighted: NDArray[np.float64] | float = 0.0
    plain: NDArray[np.float64] | float = 0.0
    weight: float = 0.0
    squares: float = 0.0
    best: list[tuple[float, NDArray[np.float32]]] = field(default_factory=list)

    def add(self, faces: FrameFaces, row: int) -> None:
        vector, quality = faces.vectors[row], float(faces.qualities[row])
        self.frames.append(faces.frame)
        self.rows.append(row)
        self.time, self.box, self.last = faces.time, faces.boxes[row], vector
        self.weighted = self.weighted + quality * vector.astype(np.float64)
        self.plain = self.plain + vector.astype(np.float64)
        self.weight += quality
        self.squares += quality * quality
        self.best = sorted([*self.best, (quality, vector)], key=lambda face: -face[0])[:_BEST]

    def close(self) -> Track:
        mean = self.weighted if self.weight > 0 else self.plain
        return Track(
            frames=tuple(self.frames),
            rows=tuple(self.rows),
            quality=self.squares / self.weight if self.weight > 0 else 0.0,
            vector=unit(np.asarray(mean, np.float32)[None])[0],
            best=np.stack([vector for _, vector in self.best]),
        )


class ShotLinker:
    """Links the faces of one shot's sampled frames into tracks, frame by frame.

    Args:
        scale: How the provider's cosines are to be read.
    """

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._under_way: list[_Open] = []
        self._done: list[_Open] = []

    def add(self, faces: FrameFaces) -> None:
        """Take in the next frame's faces, ordered by `order_faces`."""
        self._done += [track for track in self._under_way if faces.time - track.time > _MAX_GAP]
        self._under_way = [track for track in self._under_way if faces.time - track.time <= _MAX_GAP]
        linked = _link(self._under_way, faces, self._scale)
        fresh = [_Open() for _ in range(len(faces) - len(linked))]
        following = iter(fresh)
        for row in range(len(faces)):
            track = self._under_way[linked[row]] if row in linked else next(following)
            track.add(faces, row)
        self._under_way += fresh

    def finish(self) -> tuple[Track, ...]:
        """End the shot and return its tracks, ordered by their first frame, then from left to right."""
        tracks = [track.close() for track in (*self._done, *self._under_way)]
        self._done, self._under_way = [], []
        return tuple(sorted(tracks, key=lambda track: (track.frames[0], track.rows[0])))


def order_faces(boxes: NDArray[np.float32], limit: int) -> NDArray[np.int64]:
    """Return the rows of the largest boxes from left to right, so that nothing later depends on the detector's order.

    Args:
        boxes: Float32[N, 4], left, top, right, bottom.
        limit: The most rows to return.
    """
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    columns = [boxes[:, index] for index in (3, 2, 1, 0)]
    largest = np.lexsort((*columns, -area))[:limit]
    return np.asarray(largest[np.lexsort([column[largest] for column in columns])], np.int64)


def link_shot(frames: Sequence[FrameFaces], scale: Scale) -> tuple[Track, ...]:
    """Link the faces of one shot's sampled frames, in film order and each ordered by `order_faces`, into tracks."""
    linker = ShotLinker(scale)
    for faces in frames:
        linker.add(faces)
    return linker.finish()


def _link(tracks: list[_Open], faces: FrameFaces, scale: Scale) -> dict[int, int]:
    """Return which face goes on which track: the best one-to-one matching of looks and places."""
    if not tracks or not len(faces):
        return {}
    cosines = np.stack([track.last for track in tracks]) @ faces.vectors.T
    alike = (cosines - scale.floor) / (1 - scale.floor)
    overlap = _overlaps(np.stack([track.box for track in tracks]), faces.boxes)
    allowed = (alike >= _LIKE) | ((overlap >= _SAME_PLACE) & (alike >= _BARELY_LIKE))
    worth = np.where(allowed, 1 + _LOOK * alike + _PLACE * overlap, 0)
    return {row: track for track, row in match(worth) if allowed[track, row]}


def _overlaps(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return intersection over union of every pair of boxes."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) for boxes in (one, other)]
    return np.asarray(common / (areas[0][:, None] + areas[1][None] - common), np.float32)
