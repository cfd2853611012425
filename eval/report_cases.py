"""The worst cases as a report shows them: what was asked and answered, where in the film, and the pictures there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from movieqa.errors import MovieQAError
from movieqa.picture import Picture, embed_picture
from movieqa.storage import read_bounded
from movieqa.workspace import Workspace

from .films import find_film
from .prediction import Prediction
from .rows import FilmRow
from .run import Run
from .sample import LETTERS, Moment
from .tables import Case

_WIDTH = 1000
"""Of a case's timeline, in units of its drawing."""
_NARROWEST = 3.0
"""Of a bar on it, so that a moment of a long film can be seen."""
_MOST_PICTURES = 3
_MAX_KEYFRAME_BYTES = 32 << 20
_PICTURE_BYTES = 24_000
_MOST_OPEN = 8


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A moment on the timeline: left edge and width."""

    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class CasePicture:
    """A keyframe of a case."""

    time: float
    """Start of its shot, in seconds."""
    what: str
    """Whether it is of the right moment or of the cited one."""
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class ShownCase:
    """A case with all that the page shows of it."""

    case: Case
    options: tuple[tuple[str, str, bool], ...]
    """Letter, text, and whether it is the right one."""
    right: tuple[Bar, ...]
    cited: tuple[Bar, ...]
    pictures: tuple[CasePicture, ...]

    @property
    def prediction(self) -> Prediction:
        """What was asked, and what came back."""
        return self.case.prediction


class CaseBook:
    """Shows cases of one run, with pictures where the films are what they were when they were asked about.

    Args:
        run: The run.
        films: The folder of films.
        workspaces: The folder of workspaces.
    """

    def __init__(self, run: Run, *, films: Path, workspaces: Path) -> None:
        self._run = run
        self._films, self._workspaces = films, workspaces
        self._unseen: dict[str, str] = {}
        self._open = lru_cache(maxsize=_MOST_OPEN)(self._open_film)

    @property
    def notes(self) -> tuple[str, ...]:
        """Why pictures are missing."""
        return tuple(f"no pictures of {film}: {reason}" for film, reason in self._unseen.items())

    def show(self, case: Case) -> ShownCase:
        """Show a case."""
        sample, film = case.prediction.sample, self._run.films.get(case.prediction.sample.film)
        letters = zip(LETTERS, sample.options, strict=False)
        return ShownCase(
            case=case,
            options=tuple((letter, text, letter == sample.answer) for letter, text in letters),
            right=_bars(sample.spans, film),
            cited=_bars(case.prediction.spans, film),
            pictures=tuple(self._pictures(case.prediction, film)),
        )

    def _pictures(self, prediction: Prediction, film: FilmRow | None) -> list[CasePicture]:
        spans = [("right", span) for span in prediction.sample.spans] + [("cited", span) for span in prediction.spans]
        if film is None or film.error is not None or not film.digest or not spans:
            return []
        workspace = self._open(film.film)
        if workspace is None:
            return []
        found: dict[int, CasePicture] = {}
        for what, span in spans:
            shot = workspace.shot_at((span.start + span.end) / 2)
            keyframe = workspace.keyframe(shot)
            if keyframe is None or shot.index in found or len(found) == _MOST_PICTURES:
                continue
            try:
                data = read_bounded(workspace.path / keyframe, limit=_MAX_KEYFRAME_BYTES)
                picture = embed_picture(data, max_bytes=_PICTURE_BYTES)
            except (OSError, ValueError) as error:
                self._unseen.setdefault(film.film, f"a keyframe cannot be read ({error})")
                continue
            found[shot.index] = CasePicture(time=shot.start, what=what, picture=picture)
        return list(found.values())

    def _open_film(self, name: str) -> Workspace | None:
        film = self._run.films[name]
        try:
            place = find_film(name, films=self._films, workspaces=self._workspaces)
            workspace = Workspace.open(place.workspace)
            now = FilmRow.of(name, workspace)
        except MovieQAError as error:
            self._unseen.setdefault(name, str(error))
            return None
        if (now.duration, now.num_shots, now.frame_times) != (film.duration, film.num_shots, film.frame_times):
            self._unseen.setdefault(name, "its workspace is not the one that was asked")
            return None
        return workspace


def _bars(spans: Sequence[Moment], film: FilmRow | None) -> tuple[Bar, ...]:
    """Place moments on a timeline; what lies beyond the film is cut off."""
    if film is None or film.duration <= 0:
        return ()
    bars = []
    for span in spans:
        start, end = (min(max(time, 0.0), film.duration) for time in sorted((span.start, span.end)))
        if math.isfinite(start) and math.isfinite(end):
            width = max(_NARROWEST, (end - start) / film.duration * _WIDTH)
            bars.append(Bar(x=round(min(start / film.duration * _WIDTH, _WIDTH - width), 2), width=round(width, 2)))
    return tuple(bars)
