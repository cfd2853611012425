"""The people step: finds the faces of a workspace's sampled frames and follows them, shot by shot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from movieqa import people_files
from movieqa.builder import WorkspaceBuilder
from movieqa.errors import ConfigError
from movieqa.frames import FrameReader, open_frames
from movieqa.identity import AppearanceTable
from movieqa.people_files import INPUTS, PeopleFacts, TrackletTable
from movieqa.times import format_time
from movieqa.workspace import Workspace

from .anchors import Anchor, AnchorFinder
from .cast_step import people_depend_on, refresh_cast
from .edits import active_edits, read_edits
from .material import write_material
from .presence import FrameSpans, frame_spans
from .provider import Provider
from .references import CastPictures, keep_references
from .tracklets import FrameFaces, ShotLinker, Track, order_faces

if TYPE_CHECKING:
    from jaxtyping import UInt8

_BATCH = 32  # frames decoded at a time

OnProgress = Callable[[int, int], None]
"""Hears how many frames of how many are done."""


@dataclass(frozen=True, kw_only=True)
class PeopleConfig:
    """Settings of the people step."""

    max_faces: int = 64
    """The most faces taken from one frame, the largest ones: a stadium is no cast."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 1 <= self.max_faces <= 1000:
            raise ConfigError(f"max_faces must be 1 to 1000, got {self.max_faces}")


def find_people(
    workspace: Workspace,
    provider: Provider,
    *,
    cast: CastPictures | None = None,
    config: PeopleConfig | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> Workspace:
    """Find who is on screen when, once; later calls only do what changed.

    Args:
        workspace: A finished workspace.
        provider: What recognises people.
        cast: Pictures from a cast folder, read with the same provider; their names are added to those known.
        config: Settings.
        force: Look at every frame again; what people said about the cast stays.
        on_progress: Hears of the frames done.

    Returns:
        The workspace with its people, opened anew.

    Raises:
        WorkspaceError: The workspace is damaged, busy, without pictures, or cannot be written.

    Example:
        >>> workspace = find_people(Workspace.open("film.movieqa"), ClassicalProvider())  # doctest: +SKIP
        >>> [person.label for person in load_cast(workspace).identities]  # doctest: +SKIP
        ['person 1', 'person 2']
    """
    workspace.check_pictures()
    config = config or PeopleConfig()
    with WorkspaceBuilder(workspace.path, workspace.manifest) as builder:
        people = workspace.path / people_files.FOLDER
        forgotten = [edit for edit in active_edits(read_edits(people)) if edit.verb == "forget"]
        depends_on = people_depend_on(
            workspace, provider.facts.fingerprint, config.max_faces, [edit.number for edit in forgotten]
        )
        if force or not builder.is_done("people", depends_on):
            with builder.step("people", depends_on) as output:
                anchors = [anchor for edit in forgotten if edit.who for anchor in edit.who.anchors]
                _find(workspace, provider, config, anchors, output.folder, output.notes, on_progress)
        if cast is not None:
            builder.check_writable()
            keep_references(people, cast.kept)
        refresh_cast(builder, provider, None if cast is None else cast.kept)
    return Workspace.open(workspace.path)


@dataclass(eq=False)
class Found:
    """Tracks of a film as they come in, turned into columns at the end."""

    dimension: int
    tracks: list[Track] = field(default_factory=list)
    shots: list[int] = field(default_factory=list)
    faces: list[tuple[int, int, FrameFaces]] = field(default_factory=list)
    """Track, row and the frame's faces without their vectors."""

    def add(self, shot: int, tracks: Sequence[Track], frames: dict[int, FrameFaces]) -> None:
        """Take in the tracks of the next shot; `frames` are its faces by sampled frame."""
        for track in tracks:
            index = len(self.tracks)
            self.tracks.append(track)
            self.shots.append(shot)
            self.faces += [(index, row, frames[frame]) for frame, row in zip(track.frames, track.rows, strict=True)]

    def appearances(self) -> AppearanceTable:
        """Return every face, ordered by frame, then by place in it."""
        ordered = sorted(self.faces, key=lambda face: (face[2].frame, face[1]))
        boxes = [faces.boxes[row] for _, row, faces in ordered]
        return AppearanceTable(
            frames=np.array([faces.frame for _, _, faces in ordered], np.int32),
            tracklets=np.array([track for track, _, _ in ordered], np.int32),
            boxes=np.array(boxes, np.float32).reshape(-1, 4),
            scores=np.array([faces.scores[row] for _, row, faces in ordered], np.float32),
            qualities=np.array([faces.qualities[row] for _, row, faces in ordered], np.float32),
        )

    def tracklets(self, spans: FrameSpans, table: AppearanceTable) -> TrackletTable:
        """Return when each track is on screen, and which appearance shows it best."""
        best = np.zeros(len(self.tracks), np.int32)
        for row in np.lexsort((-np.arange(len(table)), table.qualities)):  # the first of the clearest is written last
            best[table.tracklets[row]] = row
        return TrackletTable(
            shots=np.array(self.shots, np.int32),
            starts=np.array([spans.starts[track.frames[0]] for track in self.tracks], np.float64),
            ends=np.array([spans.ends[track.frames[-1]] for track in self.tracks], np.float64),
            qualities=np.array([track.quality for track in self.tracks], np.float32),
            best=best,
        )

    def embeddings(self) -> NDArray[np.float16]:
        """Return each track's mean embedding."""
        vectors = [track.vector for track in self.tracks]
        return np.array(vectors, np.float16).reshape(len(vectors), self.dimension)


def _find(
    workspace: Workspace,
    provider: Provider,
    config: PeopleConfig,
    forgotten: Sequence[Anchor],
    folder: Path,
    notes: list[str],
    on_progress: OnProgress | None,
) -> None:
    spans = frame_spans(workspace.frames, workspace.shots)
    found = Found(dimension=provider.facts.dimension)
    crowded: list[int] = []
    linker = ShotLinker(provider.scale)
    frames: dict[int, FrameFaces] = {}
    shot = 0
    with open_frames(workspace) as reader:
        for index, picture in _pictures(reader):
            if int(spans.shots[index]) != shot:
                found.add(shot, linker.finish(), frames)
                shot, frames = int(spans.shots[index]), {}
            faces = look(picture, provider, index, float(workspace.frames.times[index]), config.max_faces)
            if faces.num_left_out:
                crowded.append(index)
            faces = _without(faces, forgotten)
            linker.add(faces)
            frames[index] = _light(faces)
            if on_progress is not None:
                on_progress(index + 1, reader.num_frames)
    found.add(shot, linker.finish(), frames)
    if crowded:
        notes.append(
            f"{len(crowded)} frames show more than {config.max_faces} faces (the first at "
            f"{format_time(float(workspace.frames.times[crowded[0]]))}): the largest were kept"
        )
    if not found.tracks:
        notes.append("no faces were found")
    table = found.appearances()
    facts = PeopleFacts(
        provider=provider.facts,
        inputs={name: workspace.files[name].digest for name in INPUTS},
        max_faces=config.max_faces,
        notes=tuple(notes),
    )
    write_material(folder, facts, table, found.tracklets(spans, table), found.embeddings())
    if provider.facts.name != "classical":  # weights of others, whose terms go with the result
        notes.append(f"recognised by {provider.facts.name}; licence: {provider.facts.licence}")


def look(
    picture: UInt8[np.ndarray, "H W 3"], provider: Provider, frame: int, time: float, max_faces: int
) -> FrameFaces:
    """Find the faces of one frame and describe the largest of them, from left to right."""
    height, width = picture.shape[:2]
    detected = provider.detect(picture)
    faces = detected.take(order_faces(detected.boxes, max_faces))
    embedded = provider.embed(picture, faces)
    return FrameFaces(
        frame=frame,
        time=time,
        boxes=np.clip(faces.boxes / np.array([width, height, width, height], np.float32), 0, 1),
        scores=faces.scores,
        qualities=embedded.qualities,
        vectors=embedded.vectors,
        num_left_out=len(detected) - len(faces),
    )


def _pictures(reader: FrameReader) -> Iterator[tuple[int, UInt8[np.ndarray, "H W 3"]]]:
    for start in range(0, reader.num_frames, _BATCH):
        indices = range(start, min(start + _BATCH, reader.num_frames))
        yield from zip(indices, reader.read(indices), strict=True)


def _without(faces: FrameFaces, forgotten: Sequence[Anchor]) -> FrameFaces:
    """Drop the faces of people who were forgotten, before anything of them is written."""
    if not forgotten or not len(faces):
        return faces
    table = AppearanceTable(
        frames=np.zeros(len(faces), np.int32),
        tracklets=np.arange(len(faces), dtype=np.int32),
        boxes=faces.boxes,
        scores=faces.scores,
        qualities=faces.qualities,
    )
    finder = AnchorFinder(table, np.array([faces.time]))
    stay = np.setdiff1d(np.arange(len(faces)), finder.find_all(forgotten))
    return FrameFaces(
        frame=faces.frame,
        time=faces.time,
        boxes=faces.boxes[stay],
        scores=faces.scores[stay],
        qualities=faces.qualities[stay],
        vectors=faces.vectors[stay],
    )


def _light(faces: FrameFaces) -> FrameFaces:
    """Return the faces without their vectors, which the tracks have taken in."""
    return FrameFaces(
        frame=faces.frame,
        time=faces.time,
        boxes=faces.boxes,
        scores=faces.scores,
        qualities=faces.qualities,
        vectors=faces.vectors[:, :0],
    )
