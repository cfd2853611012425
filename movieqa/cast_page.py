"""The film's people on the report's page: who they are, when they are on screen, and with whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from movieqa.errors import WorkspaceError
from movieqa.identity import Cast, Company, Identity
from movieqa.intervals import Intervals
from movieqa.people_files import FIND_AGAIN
from movieqa.picture import Picture, embed_picture
from movieqa.storage import read_bounded
from movieqa.times import format_time
from movieqa.workspace import Workspace

_FACE_BYTES = 2_000_000
"""For all faces of a page together, as JPEG."""
_MAX_THUMBNAIL_BYTES = 1 << 20
_MOST_COMPANY = 3
_WIDTH = 1000
"""Of a person's line in time, in units of its drawing."""
_NARROWEST = 1.5
"""Of a stretch on screen, in the same units: a glance in two hours is still to be seen."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds between the marks of the ruler."""
_MOST_MARKS = 8
_LAST_MARK = 0.92
"""Of the film's length: what stands beside a later mark would be cut off."""


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """One person on the page."""

    identity: Identity
    face: Picture | None
    first_shot: int
    """Numbers of shots count from 1, as the keyframes' names do."""
    last_shot: int
    company: tuple[Company, ...]
    """Who is on screen with the person, longest first; the first few."""
    num_more: int
    """How many others are."""
    line: str
    """The stretches on screen as a path, drawn 1000 units wide."""
    spans: str
    """The same in seconds: start, end, start, end, ..."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment on the ruler."""

    place: str
    """From the left, as a percentage."""
    label: str


class CastPage:
    """The people of one page, those longest on screen first.

    Args:
        workspace: The film.
        cast: Its people, by the names they have now.
    """

    def __init__(self, workspace: Workspace, cast: Cast) -> None:
        self._workspace = workspace
        self._start = workspace.shots[0].start
        self._length = workspace.duration - self._start
        self.cast = cast
        self.people = sorted(cast.identities, key=lambda one: (-one.screen_time, one.id))
        self._in_shot: dict[int, list[Identity]] = defaultdict(list)
        for one in self.people:
            for shot in one.shots:
                self._in_shot[shot].append(one)

    def in_shot(self, shot: int) -> list[Identity]:
        """Return who is in a shot, by its index, those longest in the film first."""
        return self._in_shot.get(shot, [])

    def rows(self) -> Iterator[PersonRow]:
        """Read the people's faces and draw their lines in time.

        Raises:
            WorkspaceError: A face's picture is missing or damaged.
        """
        share = _FACE_BYTES // max(1, len(self.people))
        for one in self.people:
            company = self.cast.together(one)
            yield PersonRow(
                identity=one,
                face=None if one.thumbnail is None else self._face(one.thumbnail, share),
                first_shot=one.shots[0] + 1,
                last_shot=one.shots[-1] + 1,
                company=company[:_MOST_COMPANY],
                num_more=max(0, len(company) - _MOST_COMPANY),
                line=self._line(one.spans),
                spans=" ".join(f"{span.start:.3f} {span.end:.3f}" for span in one.spans),
            )

    def ruler(self) -> list[Mark]:
        """Return round moments of the film, at most eight."""
        step = next((step for step in _STEPS if self._length / step <= _MOST_MARKS), self._length / _MOST_MARKS)
        times = (number * step for number in range(int(self._length / step) + 1))
        return [
            Mark(place=f"{time / self._length * 100:.3f}%", label=_clock(self._start + time))
            for time in times
            if time < _LAST_MARK * self._length
        ]

    def _face(self, name: str, share: int) -> Picture:
        path = self._workspace.path / name
        try:
            return embed_picture(read_bounded(path, limit=_MAX_THUMBNAIL_BYTES), max_bytes=share)
        except (OSError, ValueError) as error:
            reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
            raise WorkspaceError(f"{path}: damaged ({reason})", hint=FIND_AGAIN) from None

    def _line(self, spans: Intervals) -> str:
        parts = []
        for span in spans:
            start, end = ((time - self._start) / self._length * _WIDTH for time in (span.start, span.end))
            start = min(max(start, 0.0), _WIDTH - _NARROWEST)
            parts.append(f"M{start:.2f} 5H{min(max(end, start + _NARROWEST), _WIDTH):.2f}")
        return "".join(parts)


def _clock(seconds: float) -> str:
    """Write a round time as short as it can be read: `1:30`, `1:00:00`."""
    clock = format_time(seconds).partition(".")[0]
    return clock.removeprefix("00:").removeprefix("0")
