"""What was found in a film's pictures, read back: tracklets with their embeddings, and the machine's own groups."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movieqa import people_files
from movieqa.arrays import dump_array, load_array
from movieqa.errors import WorkspaceError
from movieqa.identity import AppearanceTable
from movieqa.intervals import Interval
from movieqa.people_files import (
    APPEARANCES,
    FOLDER,
    PEOPLE,
    TRACKLETS,
    PeopleFacts,
    TrackletTable,
    read_people_file,
)
from movieqa.workspace import Workspace

from .anchors import Anchor, AnchorFinder
from .clustering import TrackRows, pairs_together
from .provider import Scale

EMBEDDINGS = f"{FOLDER}/embeddings.npy"
BASE = f"{FOLDER}/base.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Base:
    """What the machine alone found.

    Attributes:
        ids: Int64[N], the identity of each tracklet, -1 where it fits nobody.
    """

    ids: NDArray[np.int64]
    aliases: Mapping[int, int]
    threshold: float
    scale: Scale

    def groups(self) -> dict[int, list[int]]:
        """Return the tracklets of each identity, in film order."""
        groups: dict[int, list[int]] = {}
        for tracklet, id_ in enumerate(self.ids.tolist()):
            if id_ >= 0:
                groups.setdefault(id_, []).append(tracklet)
        return groups


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Everything found in a film's pictures.

    Attributes:
        vectors: Float32[N, E], the embedding of each tracklet.
    """

    facts: PeopleFacts
    table: AppearanceTable
    tracklets: TrackletTable
    vectors: NDArray[np.float32]
    times: NDArray[np.float64]

    @property
    def finder(self) -> AnchorFinder:
        """Finds the tracklets that anchors mean."""
        return AnchorFinder(self.table, self.times)

    @property
    def spans(self) -> list[Interval]:
        """When each tracklet is on screen."""
        return [
            Interval(start=float(start), end=float(end))
            for start, end in zip(self.tracklets.starts, self.tracklets.ends, strict=True)
        ]


def read_material(workspace: Workspace) -> Material:
    """Read what the people step found.

    Raises:
        WorkspaceError: A file is missing or damaged, or they do not belong together.
    """
    facts = read_people_file(workspace, PEOPLE, people_files.load_facts)
    people_files.check_inputs(workspace, facts)
    table = read_people_file(workspace, APPEARANCES, people_files.load_appearances)
    tracklets = read_people_file(workspace, TRACKLETS, people_files.load_tracklets)
    vectors = read_people_file(workspace, EMBEDDINGS, lambda data: load_array(data, np.float16, ndim=2))
    if vectors.shape != (len(tracklets), facts.provider.dimension) or not np.isfinite(vectors).all():
        raise WorkspaceError(f"{workspace.path}: embeddings and tracklets disagree", hint=people_files.FIND_AGAIN)
    return Material(
        facts=facts,
        table=table,
        tracklets=tracklets,
        vectors=vectors.astype(np.float32),
        times=workspace.frames.times,
    )


def read_base(workspace: Workspace) -> Base:
    """Read what the machine alone found.

    Raises:
        WorkspaceError: It is missing or damaged.
    """
    return read_people_file(workspace, BASE, _load_base)


def write_material(
    folder: Path, facts: PeopleFacts, table: AppearanceTable, tracklets: TrackletTable, vectors: NDArray[np.float16]
) -> None:
    """Write what was found, into a step's folder."""
    (folder / FOLDER).mkdir()
    (folder / PEOPLE).write_text(people_files.dump_facts(facts), encoding="utf-8")
    (folder / APPEARANCES).write_bytes(people_files.dump_appearances(table))
    (folder / TRACKLETS).write_bytes(people_files.dump_tracklets(tracklets))
    (folder / EMBEDDINGS).write_bytes(dump_array(vectors))


def without(material: Material, gone: frozenset[int]) -> tuple[Material, NDArray[np.int64]]:
    """Return what is left without some tracklets, and the numbers that those left had before."""
    stay = np.array([index for index in range(len(material.tracklets)) if index not in gone], np.int64)
    table, tracklets = material.table, material.tracklets
    rows = np.flatnonzero(np.isin(table.tracklets, stay))
    return (
        Material(
            facts=material.facts,
            table=AppearanceTable(
                frames=table.frames[rows],
                tracklets=np.searchsorted(stay, table.tracklets[rows]).astype(np.int32),
                boxes=table.boxes[rows],
                scores=table.scores[rows],
                qualities=table.qualities[rows],
            ),
            tracklets=TrackletTable(
                shots=tracklets.shots[stay],
                starts=tracklets.starts[stay],
                ends=tracklets.ends[stay],
                qualities=tracklets.qualities[stay],
                best=np.searchsorted(rows, tracklets.best[stay]).astype(np.int32),
            ),
            vectors=material.vectors[stay],
            times=material.times,
        ),
        stay,
    )


def write_base(folder: Path, base: Base) -> None:
    """Write what the machine alone found, into a step's folder."""
    content = {
        "format": people_files.FORMAT,
        "ids": base.ids.tolist(),
        "aliases": [[old, new] for old, new in sorted(base.aliases.items())],
        "threshold": base.threshold,
        "scale": asdict(base.scale),
    }
    (folder / BASE).write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")


def track_rows(material: Material, scale: Scale) -> TrackRows:
    """Return the tracklets as the clustering takes them."""
    tracklets = material.tracklets
    return TrackRows(
        vectors=material.vectors,
        qualities=tracklets.qualities,
        starts=tracklets.starts,
        ends=tracklets.ends,
        together=pairs_together(tracklets.shots, tracklets.starts, tracklets.ends, material.vectors, scale),
    )


def _load_base(data: bytes) -> Base:
    content = json.loads(data)
    if content["format"] != people_files.FORMAT:
        raise ValueError(f"unknown format {content['format']!r}")
    return Base(
        ids=np.array(content["ids"], np.int64).reshape(-1),
        aliases={int(old): int(new) for old, new in content["aliases"]},
        threshold=float(content["threshold"]),
        scale=Scale(**content["scale"]),
    )


def anchors_of(material: Material, tracklets: Sequence[int], limit: int) -> tuple[Anchor, ...]:
    """Return the clearest face of each tracklet, or of some of them evenly spread over the film."""
    places = np.unique(np.linspace(0, len(tracklets) - 1, min(limit, len(tracklets))).round().astype(np.int64))
    return tuple(anchor_of(material, int(material.tracklets.best[tracklets[place]])) for place in places)


def anchor_of(material: Material, row: int) -> Anchor:
    """Return the anchor of one appearance."""
    appearance = material.table.row(row, material.times)
    return Anchor(time=appearance.time, box=appearance.box)
