"""The workspace: everything movieqa knows of a film, in a folder that no longer needs the film."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from movieqa import movie_files
from movieqa.errors import WorkspaceError
from movieqa.manifest import FileEntry, Manifest, StepEntry
from movieqa.movie import Frames, Shot, Subtitle, VideoInfo
from movieqa.storage import digest_file

SUFFIX = ".movieqa"
REQUIRED_STEPS = ("probe", "scan", "subtitles")
_MAX_TABLE_BYTES = 512 << 20

_Record = TypeVar("_Record")


class Workspace:
    """A finished workspace, opened for reading.

    Example:
        >>> workspace = Workspace.open("film.movieqa")  # doctest: +SKIP
        >>> workspace.shots[0].end  # doctest: +SKIP
        2.52
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, path: str | Path) -> Workspace:
        """Open a workspace and check that it is whole: steps done, files there with the right sizes.

        The tables are checked against their digests when they are read; `verify` checks every byte.

        Raises:
            WorkspaceError: It is missing, unfinished, damaged, or made by a newer movieqa.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise WorkspaceError(f"{folder}: no such workspace", hint="make one with: movieqa preprocess FILM")
        workspace = cls(folder, Manifest.read(folder))
        for step in REQUIRED_STEPS:
            if step not in workspace.manifest.steps:
                raise WorkspaceError(
                    f"{folder}: unfinished ({step} is not done)", hint="finish it with: movieqa preprocess FILM"
                )
        for name, entry in workspace.files.items():
            workspace._check_size(name, entry)
        return workspace

    @property
    def files(self) -> dict[str, FileEntry]:
        """Every file of every finished step, by its path inside the workspace."""
        return {name: entry for step in self.manifest.steps.values() for name, entry in step.files.items()}

    @property
    def steps(self) -> dict[str, StepEntry]:
        """Finished steps by name."""
        return dict(self.manifest.steps)

    @cached_property
    def video(self) -> VideoInfo:
        """The film's facts."""
        return self._load("video.json", movie_files.load_video)

    @cached_property
    def shots(self) -> tuple[Shot, ...]:
        """All shots, in order, without gaps."""
        return self._load("shots.csv", movie_files.load_shots)

    @cached_property
    def subtitles(self) -> tuple[Subtitle, ...]:
        """All subtitle lines, ordered by start."""
        return self._load("subtitles.jsonl", movie_files.load_subtitles)

    @cached_property
    def frames(self) -> Frames:
        """The sampled frames' times."""
        return self._load("frames.npy", movie_files.load_frames)

    @property
    def duration(self) -> float:
        """Seconds of film that could be read: the end of the last shot."""
        return self.shots[-1].end

    @property
    def proxy_path(self) -> Path:
        """The film of sampled frames."""
        return self.path / "proxy.mp4"

    @cached_property
    def has_pictures(self) -> bool:
        """Whether the film's pictures are here; a workspace made of a film's published features has none."""
        return self.proxy_path.name in self.files

    def check_pictures(self) -> None:
        """Raise `WorkspaceError` where there are no pictures."""
        if not self.has_pictures:
            raise WorkspaceError(
                f"{self.path}: there are no pictures, it was made of a film's features",
                hint="for what needs pictures, make a workspace of the film itself with: movieqa preprocess FILM",
            )

    def keyframe(self, shot: Shot) -> str | None:
        """Return a shot's picture as a path inside the workspace; None where there are no pictures."""
        return f"keyframes/{shot.index + 1:04d}.jpg" if self.has_pictures else None

    def shot_at(self, time: float) -> Shot:
        """Return the shot that is on screen at a time, in seconds; the last one after the end."""
        starts = self._shot_starts
        return self.shots[max(0, int(np.searchsorted(starts, time, side="right")) - 1)]

    @cached_property
    def _shot_starts(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([shot.start for shot in self.shots])

    def verify(self) -> None:
        """Check every file against its digest.

        Raises:
            WorkspaceError: A file is missing or differs; the message names it.
        """
        for name, entry in self.files.items():
            self._check_size(name, entry)
            if digest_file(self.path / name) != entry.digest:
                raise self._damaged(name, "its content changed")

    def _check_size(self, name: str, entry: FileEntry) -> None:
        path = self.path / name
        if path.is_symlink() or not path.is_file():
            raise self._damaged(name, "it is missing")
        if path.stat().st_size != entry.num_bytes:
            raise self._damaged(name, "its size changed")

    def _load(self, name: str, load: Callable[[bytes], _Record]) -> _Record:
        entry = self.files.get(name)
        if entry is None:
            raise self._damaged(name, "no step made it")
        if entry.num_bytes > _MAX_TABLE_BYTES:
            raise self._damaged(name, "it is too large")
        self._check_size(name, entry)
        data = (self.path / name).read_bytes()
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != entry.digest:
            raise self._damaged(name, "its content changed")
        try:
            return load(data)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._damaged(name, str(error)) from None

    def _damaged(self, name: str, reason: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self.path / name}: damaged ({reason})", hint="rebuild it with: movieqa preprocess FILM --force"
        )
