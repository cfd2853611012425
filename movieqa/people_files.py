"""The people of a workspace as files: `people.json`, `identities.json` and `.npy` tables; never pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from movieqa.arrays import dump_array, load_array
from movieqa.errors import WorkspaceError
from movieqa.identity import AppearanceTable, Cast, Identity, Tracklet, spans_of
from movieqa.storage import read_bounded
from movieqa.workspace import Workspace

FORMAT = 1
FOLDER = "people"
PEOPLE = f"{FOLDER}/people.json"
APPEARANCES = f"{FOLDER}/appearances.npy"
TRACKLETS = f"{FOLDER}/tracklets.npy"
IDENTITIES = f"{FOLDER}/identities.json"
INPUTS = ("shots.csv", "frames.npy", "proxy.mp4")
"""What the people were found in; another one makes them stale."""

FIND_AGAIN = "find the people again with: movieqa cast find"
"""The way out of people that cannot be used."""

_APPEARANCE = np.dtype(
    [("frame", "<i4"), ("tracklet", "<i4"), ("box", "<f4", (4,)), ("score", "<f4"), ("quality", "<f4")]
)
_TRACKLET = np.dtype([("shot", "<i4"), ("start", "<f8"), ("end", "<f8"), ("quality", "<f4"), ("best", "<i4")])
_MAX_BYTES = 1 << 30

_Record = TypeVar("_Record")


@dataclass(frozen=True, kw_only=True)
class ProviderFacts:
    """What recognised the faces, and on what terms."""

    name: str
    fingerprint: str
    """Digest of everything that shapes an embedding: two memories with different ones never mix."""
    dimension: int
    licence: str
    """Of the weights, as their files or their giver say; `no weights` where there are none."""
    abilities: str
    """What it can and cannot do, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class PeopleFacts:
    """What `people.json` holds."""

    provider: ProviderFacts
    inputs: dict[str, str]
    """Digests of the workspace's files that were looked at."""
    max_faces: int
    """The most faces that were taken from one frame."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackletTable:
    """All tracklets as columns; row `i` of each is tracklet `i`.

    Attributes:
        shots: Int32[N].
        starts: Float64[N], seconds.
        ends: Float64[N], seconds.
        qualities: Float32[N].
        best: Int32[N], the row of the clearest appearance.
    """

    shots: NDArray[np.int32]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    qualities: NDArray[np.float32]
    best: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Check that the columns agree."""
        rows = self.shots.shape
        if any(column.shape != rows for column in (self.starts, self.ends, self.qualities, self.best)):
            raise ValueError("the columns of tracklets differ in length")
        if not (np.isfinite(self.starts).all() and np.isfinite(self.ends).all() and (self.starts < self.ends).all()):
            raise ValueError("a tracklet needs start < end")

    def __len__(self) -> int:
        return len(self.shots)


@dataclass(frozen=True, kw_only=True)
class IdentityEntry:
    """One person in `identities.json`; times follow from the tracklets."""

    id: int
    tracklets: tuple[int, ...]
    name: str | None = None
    name_source: str | None = None
    possibly: str | None = None
    score: float | None = None
    thumbnail: str | None = None
    """A path inside the workspace."""


@dataclass(frozen=True, kw_only=True)
class CastFile:
    """What `identities.json` holds."""

    identities: tuple[IdentityEntry, ...]
    aliases: dict[int, int]
    unseen: tuple[str, ...]
    notes: tuple[str, ...]


def dump_facts(facts: PeopleFacts) -> str:
    """Write `people.json`."""
    provider = facts.provider
    content = {
        "format": FORMAT,
        "provider": {
            "name": provider.name,
            "fingerprint": provider.fingerprint,
            "dimension": provider.dimension,
            "licence": provider.licence,
            "abilities": provider.abilities,
        },
        "inputs": facts.inputs,
        "max_faces": facts.max_faces,
        "notes": list(facts.notes),
    }
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def load_facts(data: bytes) -> PeopleFacts:
    """Read what `dump_facts` wrote.

    Raises:
        ValueError: Not such a file (also as TypeError or KeyError).
    """
    content = _json_of_format(data)
    return PeopleFacts(
        provider=ProviderFacts(**content["provider"]),
        inputs={str(name): str(digest) for name, digest in content["inputs"].items()},
        max_faces=int(content["max_faces"]),
        notes=tuple(map(str, content["notes"])),
    )


def dump_cast(cast: CastFile) -> str:
    """Write `identities.json`, one person a line."""
    people = [json.dumps(asdict(one), ensure_ascii=False, sort_keys=True) for one in cast.identities]
    rest = {
        "format": FORMAT,
        "aliases": [[old, new] for old, new in sorted(cast.aliases.items())],
        "unseen": list(cast.unseen),
        "notes": list(cast.notes),
    }
    head = json.dumps(rest, ensure_ascii=False, sort_keys=True)[:-1]
    return head + ', "identities": [\n' + ",\n".join(people) + "\n]}\n"


def load_cast_file(data: bytes) -> CastFile:
    """Read what `dump_cast` wrote.

    Raises:
        ValueError: Not such a file, an id twice, or aliases in a circle (also as TypeError or KeyError).
    """
    content = _json_of_format(data)
    cast = CastFile(
        identities=tuple(
            IdentityEntry(**{**one, "tracklets": tuple(int(tracklet) for tracklet in one["tracklets"])})
            for one in content["identities"]
        ),
        aliases={int(old): int(new) for old, new in content["aliases"]},
        unseen=tuple(map(str, content["unseen"])),
        notes=tuple(map(str, content["notes"])),
    )
    ids = [one.id for one in cast.identities]
    owned = [tracklet for one in cast.identities for tracklet in one.tracklets]
    if len(set(ids)) != len(ids) or len(set(owned)) != len(owned):
        raise ValueError("an id or a tracklet stands twice")
    if set(cast.aliases) & (set(ids) | set(cast.aliases.values())):
        raise ValueError("aliases must lead straight to ids that are in use")
    return cast


def dump_appearances(table: AppearanceTable) -> bytes:
    """Write appearances as a `.npy` file."""
    rows = np.empty(len(table), _APPEARANCE)
    rows["frame"], rows["tracklet"], rows["box"] = table.frames, table.tracklets, table.boxes
    rows["score"], rows["quality"] = table.scores, table.qualities
    return dump_array(rows)


def load_appearances(data: bytes) -> AppearanceTable:
    """Read what `dump_appearances` wrote.

    Raises:
        ValueError: Not such a file.
    """
    rows = load_array(data, _APPEARANCE, ndim=1)
    return AppearanceTable(
        frames=np.ascontiguousarray(rows["frame"]),
        tracklets=np.ascontiguousarray(rows["tracklet"]),
        boxes=np.ascontiguousarray(rows["box"]),
        scores=np.ascontiguousarray(rows["score"]),
        qualities=np.ascontiguousarray(rows["quality"]),
    )


def dump_tracklets(table: TrackletTable) -> bytes:
    """Write tracklets as a `.npy` file."""
    rows = np.empty(len(table), _TRACKLET)
    rows["shot"], rows["start"], rows["end"] = table.shots, table.starts, table.ends
    rows["quality"], rows["best"] = table.qualities, table.best
    return dump_array(rows)


def load_tracklets(data: bytes) -> TrackletTable:
    """Read what `dump_tracklets` wrote.

    Raises:
        ValueError: Not such a file.
    """
    rows = load_array(data, _TRACKLET, ndim=1)
    return TrackletTable(
        shots=np.ascontiguousarray(rows["shot"]),
        starts=np.ascontiguousarray(rows["start"]),
        ends=np.ascontiguousarray(rows["end"]),
        qualities=np.ascontiguousarray(rows["quality"]),
        best=np.ascontiguousarray(rows["best"]),
    )


def has_cast(workspace: Workspace) -> bool:
    """Whether the people of a film have been found."""
    return IDENTITIES in workspace.files


def load_cast(workspace: Workspace) -> Cast:
    """Read who is on screen when.

    Raises:
        WorkspaceError: Nobody looked for people yet, they were found in other frames, or a file is damaged.
    """
    if not has_cast(workspace):
        raise WorkspaceError(f"{workspace.path}: nobody looked for people yet", hint=FIND_AGAIN.replace("again ", ""))
    facts = read_people_file(workspace, PEOPLE, load_facts)
    check_inputs(workspace, facts)
    table = read_people_file(workspace, APPEARANCES, load_appearances)
    tracklets = _tracklets(workspace, table)
    cast = read_people_file(workspace, IDENTITIES, load_cast_file)
    try:
        identities = tuple(_identity(workspace, entry, tracklets) for entry in cast.identities)
    except (IndexError, ValueError, TypeError) as error:
        raise _damaged(workspace, IDENTITIES, str(error)) from None
    return Cast(
        provider=facts.provider.name,
        abilities=facts.provider.abilities,
        identities=identities,
        tracklets=tracklets,
        aliases=cast.aliases,
        unseen=cast.unseen,
        notes=(*facts.notes, *cast.notes),
        table=table,
        times=workspace.frames.times,
    )


def check_inputs(workspace: Workspace, facts: PeopleFacts) -> None:
    """Check that the people were found in the frames the workspace holds now.

    Raises:
        WorkspaceError: They were not.
    """
    files = workspace.files
    if any(name not in files or files[name].digest != facts.inputs.get(name) for name in INPUTS):
        raise WorkspaceError(f"{workspace.path}: its people were found in an earlier scan of the film", hint=FIND_AGAIN)


def read_people_file(workspace: Workspace, name: str, load: Callable[[bytes], _Record]) -> _Record:
    """Read one file of a finished step, checked against its digest.

    Raises:
        WorkspaceError: It is missing or damaged.
    """
    entry = workspace.files.get(name)
    if entry is None:
        raise _damaged(workspace, name, "no step made it")
    try:
        data = read_bounded(workspace.path / name, limit=_MAX_BYTES)
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != entry.digest:
            raise ValueError("its content changed")
        return load(data)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(workspace, name, str(error)) from None


def _tracklets(workspace: Workspace, table: AppearanceTable) -> tuple[Tracklet, ...]:
    rows = read_people_file(workspace, TRACKLETS, load_tracklets)
    times = workspace.frames.times
    counts = np.bincount(table.tracklets, minlength=len(rows)) if len(table) else np.zeros(len(rows), np.int64)
    try:
        if len(counts) != len(rows) or (len(table) and table.frames[-1] >= len(times)):
            raise ValueError("appearances and tracklets disagree")
        return tuple(
            Tracklet(
                index=index,
                shot=int(rows.shots[index]),
                start=float(rows.starts[index]),
                end=float(rows.ends[index]),
                num_frames=int(counts[index]),
                quality=float(rows.qualities[index]),
                best=table.row(int(rows.best[index]), times),
            )
            for index in range(len(rows))
        )
    except (IndexError, ValueError) as error:
        raise _damaged(workspace, TRACKLETS, str(error)) from None


def _identity(workspace: Workspace, entry: IdentityEntry, tracklets: tuple[Tracklet, ...]) -> Identity:
    if any(not 0 <= index < len(tracklets) for index in entry.tracklets):
        raise ValueError(f"person {entry.id} has a tracklet that is not there")
    if entry.name_source not in (None, "user", "photo"):
        raise ValueError(f"person {entry.id} is named by {entry.name_source!r}")
    own = [tracklets[index] for index in entry.tracklets]
    return Identity(
        id=entry.id,
        name=entry.name,
        name_source=entry.name_source,  # type: ignore[arg-type]  # checked above
        possibly=entry.possibly,
        score=entry.score,
        tracklets=entry.tracklets,
        spans=spans_of(own),
        shots=tuple(sorted({track.shot for track in own})),
        thumbnail=entry.thumbnail if entry.thumbnail in workspace.files else None,
    )


def _json_of_format(data: bytes) -> dict[str, Any]:
    content = json.loads(data)
    if not isinstance(content, dict) or content["format"] != FORMAT:
        raise ValueError(f"unknown format {content.get('format') if isinstance(content, dict) else content!r}")
    return content


def _damaged(workspace: Workspace, name: str, reason: str) -> WorkspaceError:
    return WorkspaceError(f"{workspace.path / name}: damaged ({reason})", hint=FIND_AGAIN)
