"""Finds the films that samples name, and the workspaces that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from movieqa.errors import EvaluationError
from movieqa.manifest import FILE_NAME
from movieqa.workspace import SUFFIX

_ENDINGS = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".ogv", ".gif")
"""Tried in this order for a film that is named without its ending."""


@dataclass(frozen=True, kw_only=True)
class FilmPlace:
    """Where a film is."""

    workspace: Path
    """Where its workspace is, or is to be made."""
    film: Path | None = None
    """The film file; None where only the workspace is there."""


def find_film(name: str, *, films: Path, workspaces: Path) -> FilmPlace:
    """Find a film by the name that samples give it.

    The name is a path below the folder of films, with or without its ending: of a film, of a workspace, or of a
    folder that holds one film. Workspaces may stand beside the films or, in the same order, in a folder of their own.

    Args:
        name: The film, as samples name it.
        films: The folder of films.
        workspaces: The folder of workspaces.

    Raises:
        EvaluationError: There is no such film, or the name leads out of the folder.

    Example:
        >>> find_film("signs", films=Path("tests/assets"), workspaces=Path("made")).film.name  # doctest: +SKIP
        'signs.mp4'
    """
    path = check_inside(name)
    if (films / name / FILE_NAME).is_file():
        return FilmPlace(workspace=films / name)
    film = _film_file(films / name)
    inner = path if film is None else PurePosixPath(film.relative_to(films).as_posix())
    made = inner.parent / f"{inner.stem if film or inner.suffix.lower() in _ENDINGS else inner.name}{SUFFIX}"
    beside, apart = films / made, workspaces / made
    if (beside / FILE_NAME).is_file() and not (apart / FILE_NAME).is_file():
        return FilmPlace(workspace=beside, film=film)
    if film is None and not (apart / FILE_NAME).is_file():
        raise EvaluationError(
            f"no film {name!r} in {films}", hint="say with --films where the films, or their workspaces, are"
        )
    return FilmPlace(workspace=apart, film=film)


def check_inside(name: str) -> PurePosixPath:
    """Return a sample's name of a file as a path below the folder of films.

    Raises:
        EvaluationError: It leads out of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise EvaluationError(f"{name!r} is outside the folder of films", hint="name files by paths below --films")
    return path


def _film_file(path: Path) -> Path | None:
    if path.is_file():
        return path
    for ending in _ENDINGS:
        if (film := path.with_name(path.name + ending)).is_file():
            return film
    if path.is_dir():
        inside = [film for film in sorted(path.iterdir()) if film.suffix.lower() in _ENDINGS and film.is_file()]
        return inside[0] if len(inside) == 1 else None
    return None
