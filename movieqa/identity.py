"""Who is on screen when, as records: boxes, tracklets, identities, and the cast of a whole film."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import ConfigError
from movieqa.intervals import Interval, Intervals, covers, intersect, total, unite

NameSource = Literal["user", "photo"]
"""Who says the name: a person who edited the cast, or a reference picture."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """Where something is in a picture, in fractions of its width and height: 0 is left and top, 1 right and bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        """Check the order."""
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise ValueError(f"a box needs 0 <= left < right <= 1 and 0 <= top < bottom <= 1, got {self}")

    @property
    def area(self) -> float:
        """Share of the picture."""
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def middle(self) -> float:
        """Horizontal middle, 0 to 1."""
        return (self.left + self.right) / 2

    def overlap(self, other: Box) -> float:
        """Return intersection over union."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        return width * height / (self.area + other.area - width * height)


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """One face in one sampled frame."""

    frame: int
    """Index of the sampled frame."""
    time: float
    """The frame's presentation time, seconds."""
    box: Box
    score: float
    """How sure the detector is, 0 to 1."""
    quality: float
    """How much of an identity the face can tell, 0 to 1: size, sharpness, how frontal, how sure."""
    tracklet: int


@dataclass(frozen=True, kw_only=True)
class Tracklet:
    """One person followed through one shot, on screen in `[start, end)` seconds."""

    index: int
    shot: int
    start: float
    end: float
    num_frames: int
    quality: float
    """Mean quality of its appearances, 0 to 1."""
    best: Appearance
    """The clearest appearance."""

    @property
    def interval(self) -> Interval:
        """When it is on screen."""
        return Interval(start=self.start, end=self.end)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person of the film: named, possibly somebody, or known by a number only."""

    id: int
    """Never given to anybody else, whatever happens to the film's cast later."""
    name: str | None
    """The name, when it is sure."""
    name_source: NameSource | None
    possibly: str | None
    """A name that fits best, but not well enough or not clearly better than another."""
    score: float | None
    """Similarity to the reference pictures of `name` or `possibly`; comparable within one film only."""
    tracklets: tuple[int, ...]
    """In film order."""
    spans: Intervals
    """When the person is on screen."""
    shots: tuple[int, ...]
    thumbnail: str | None
    """A picture of the face, as a path inside the workspace."""

    def __post_init__(self) -> None:
        """Check what cannot be."""
        if self.id < 1 or not self.tracklets or not self.spans:
            raise ValueError(f"an identity has a positive id and appears at least once, got {self.id=}")
        if (self.name is None) != (self.name_source is None) or (self.name is not None and self.possibly is not None):
            raise ValueError(f"an identity is named or possibly named, not both: {self.name=} {self.possibly=}")

    @property
    def label(self) -> str:
        """What to call the person: `Julia`, `possibly Julia (person 7)` or `person 7`."""
        if self.name is not None:
            return self.name
        return f"possibly {self.possibly} (person {self.id})" if self.possibly else f"person {self.id}"

    @property
    def first(self) -> float:
        """When the person is first seen, seconds."""
        return self.spans[0].start

    @property
    def last(self) -> float:
        """When the person is last seen, seconds."""
        return self.spans[-1].end

    @property
    def screen_time(self) -> float:
        """Seconds on screen."""
        return total(self.spans)


@dataclass(frozen=True, kw_only=True)
class Company:
    """Somebody on screen together with somebody else."""

    identity: Identity
    spans: Intervals

    @property
    def seconds(self) -> float:
        """Seconds together."""
        return total(self.spans)


@dataclass(frozen=True, kw_only=True, eq=False)
class AppearanceTable:
    """All appearances of a film as columns, ordered by frame; row `i` of each is one face.

    Attributes:
        frames: Int32[N], indices of sampled frames.
        tracklets: Int32[N], the tracklet each face belongs to.
        boxes: Float32[N, 4], left, top, right, bottom in fractions of the picture.
        scores: Float32[N], how sure the detector is.
        qualities: Float32[N], how much of an identity the face can tell.
    """

    frames: NDArray[np.int32]
    tracklets: NDArray[np.int32]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    qualities: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check that the columns agree."""
        rows = len(self.frames)
        if self.boxes.shape != (rows, 4) or any(
            column.shape != (rows,) for column in (self.tracklets, self.scores, self.qualities)
        ):
            raise ValueError("the columns of appearances differ in length")
        if (np.diff(self.frames) < 0).any() or (rows and self.frames[0] < 0):
            raise ValueError("appearances must be ordered by frame")
        if not all(np.isfinite(column).all() for column in (self.boxes, self.scores, self.qualities)):
            raise ValueError("appearances must be finite")

    def __len__(self) -> int:
        return len(self.frames)

    def row(self, index: int, times: NDArray[np.float64]) -> Appearance:
        """Return one row as a record; `times` are the sampled frames' times."""
        left, top, right, bottom = (float(value) for value in self.boxes[index])
        frame = int(self.frames[index])
        return Appearance(
            frame=frame,
            time=float(times[frame]),
            box=Box(left=left, top=top, right=right, bottom=bottom),
            score=float(self.scores[index]),
            quality=float(self.qualities[index]),
            tracklet=int(self.tracklets[index]),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Cast:
    """Everybody in a film.

    Example:
        >>> cast = load_cast(Workspace.open("film.movieqa"))  # doctest: +SKIP
        >>> cast.find("Julia").first  # doctest: +SKIP
        62.0
    """

    provider: str
    """What recognised the faces: `classical`, `sface`, `onnx` or `model`."""
    abilities: str
    """What that provider can and cannot do, in one sentence."""
    identities: tuple[Identity, ...]
    """Ordered by id."""
    tracklets: tuple[Tracklet, ...]
    aliases: dict[int, int]
    """Ids that were given up, and who they are now."""
    unseen: tuple[str, ...]
    """Names of the cast folder that fit nobody on screen."""
    notes: tuple[str, ...]
    """What the user should know: faces left out, edits in conflict."""
    table: AppearanceTable
    times: NDArray[np.float64]
    """Of the sampled frames, seconds."""

    @cached_property
    def _by_id(self) -> dict[int, Identity]:
        return {identity.id: identity for identity in self.identities}

    @cached_property
    def _owner(self) -> dict[int, Identity]:
        return {tracklet: identity for identity in self.identities for tracklet in identity.tracklets}

    def get(self, id_: int) -> Identity | None:
        """Return the identity with an id, following aliases."""
        return self._by_id.get(self.aliases.get(id_, id_))

    def named(self, name: str) -> Identity | None:
        """Return the identity with a name, whatever its case and spaces."""
        wanted = fold_name(name)
        return next((one for one in self.identities if one.name is not None and fold_name(one.name) == wanted), None)

    def find(self, who: str) -> Identity:
        """Return the identity a person means by `7`, `#7`, `person 7` or a name.

        Raises:
            ConfigError: Nobody is called so.
        """
        text = fold_name(who)
        number = text.removeprefix("person ").removeprefix("#")
        found = self.named(who)
        if found is None and number.isascii() and number.isdigit() and len(number) < 10:
            found = self.get(int(number))
        if found is not None:
            return found
        maybe = [one.label for one in self.identities if one.possibly and fold_name(one.possibly) == text]
        if maybe:
            raise ConfigError(f"nobody is surely {who!r}", hint=f"it may be {maybe[0]}; name them, or use the number")
        if text in {fold_name(name) for name in self.unseen}:
            raise ConfigError(
                f"{who!r} is in the cast folder, but nobody on screen fits", hint="see: movieqa cast list"
            )
        known = ", ".join(one.label for one in self.identities[:8])
        raise ConfigError(f"nobody is called {who!r}", hint=f"known are {known}" if known else "nobody was found")

    def owner(self, tracklet: int) -> Identity | None:
        """Return whose a tracklet is; None when it is nobody's."""
        return self._owner.get(tracklet)

    def on_screen(self, time: float) -> tuple[Identity, ...]:
        """Return who is on screen at a moment, from left to right."""
        here = [track for track in self.tracklets_at(time) if track.index in self._owner]
        return tuple(dict.fromkeys(self._owner[track.index] for track in here))

    def tracklets_at(self, time: float) -> tuple[Tracklet, ...]:
        """Return the tracklets on screen at a moment, from left to right."""
        starts, ends = self._bounds
        here = [self.tracklets[index] for index in np.flatnonzero((starts <= time) & (time < ends))]
        return tuple(sorted(here, key=lambda track: (self.box_at(track, time).middle, track.index)))

    def box_at(self, tracklet: Tracklet, time: float) -> Box:
        """Return where a tracklet's face is at a moment: in the last sampled frame that shows it by then."""
        rows = self.rows[tracklet.index]
        times = self.times[self.table.frames[rows]]
        place = max(0, bisect_right(times.tolist(), time) - 1)
        return self.table.row(int(rows[place]), self.times).box

    @cached_property
    def _bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return (
            np.array([track.start for track in self.tracklets], np.float64),
            np.array([track.end for track in self.tracklets], np.float64),
        )

    @cached_property
    def rows(self) -> tuple[NDArray[np.int64], ...]:
        """Rows of the table for each tracklet, in film order."""
        order = np.argsort(self.table.tracklets, kind="stable")
        bounds = np.searchsorted(self.table.tracklets[order], np.arange(len(self.tracklets) + 1))
        return tuple(order[start:end] for start, end in pairwise(bounds))

    def appearances(self, identity: Identity) -> tuple[Appearance, ...]:
        """Return every sampled face of a person, in film order."""
        rows = np.sort(np.concatenate([self.rows[tracklet] for tracklet in identity.tracklets]))
        return tuple(self.table.row(int(row), self.times) for row in rows)

    def together(self, identity: Identity, *, until: float = math.inf) -> tuple[Company, ...]:
        """Return who is on screen with a person, longest first, not looking at or beyond `until` seconds."""
        company = [
            Company(identity=other, spans=shown_before(spans, until))
            for other in self.identities
            if other.id != identity.id and (spans := intersect(identity.spans, other.spans))
        ]
        return tuple(sorted((one for one in company if one.spans), key=lambda one: (-one.seconds, one.identity.id)))


def fold_name(name: str) -> str:
    """Return a name as names are compared: without case, with single spaces.

    Example:
        >>> fold_name(" Julia  ROSS ")
        'julia ross'
    """
    return " ".join(name.casefold().split())


def shown_before(spans: Sequence[Interval], until: float) -> Intervals:
    """Return the part of intervals that lies before a moment."""
    return tuple(
        Interval(start=span.start, end=min(span.end, until)) for span in spans if span.start < min(span.end, until)
    )


def spans_of(tracklets: Sequence[Tracklet]) -> Intervals:
    """Return when any of the tracklets is on screen."""
    return unite(tracklet.interval for tracklet in tracklets)


def is_on_screen(identity: Identity, time: float) -> bool:
    """Whether a person is on screen at a moment."""
    return covers(identity.spans, time)
