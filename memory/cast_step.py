"""The steps from tracklets to a cast: identities, reference pictures, and the cast as people corrected it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movieqa import people_files
from movieqa.arrays import dump_array, load_array
from movieqa.builder import WorkspaceBuilder, cannot_write
from movieqa.errors import WorkspaceError
from movieqa.frames import open_frames
from movieqa.identity import fold_name
from movieqa.people_files import (
    FOLDER,
    IDENTITIES,
    INPUTS,
    PEOPLE,
    TRACKLETS,
    CastFile,
    IdentityEntry,
    read_people_file,
)
from movieqa.storage import digest_file
from movieqa.workspace import Workspace

from .apply import Edited, apply_edits, seen_together
from .clustering import GOOD, calibrate, cluster_film
from .edits import FILE_NAME as EDITS
from .edits import Edit, read_edits
from .ids import carry_ids
from .ledger import FILE_NAME as LEDGER
from .ledger import Ledger, read_ledger, write_ledger
from .material import BASE, EMBEDDINGS, Base, Material, anchor_of, read_base, read_material, track_rows, write_base
from .naming import Naming, name_groups
from .pictures import cut_thumbnail
from .provider import Provider, Scale
from .references import FOLDER as REFERENCES
from .references import CheckedPicture, Reference, describe_face, read_reference, read_references

REFERENCE_LIST = f"{FOLDER}/references.json"
REFERENCE_VECTORS = f"{FOLDER}/references.npy"

_PEOPLE_VERSION = 1
_IDENTITIES_VERSION = 1
_REFERENCES_VERSION = 1
_CAST_VERSION = 1
_KEPT = {EDITS, LEDGER}  # what people said and the numbers they know: no step may remove it


def refresh_cast(
    builder: WorkspaceBuilder, provider: Provider | None, checked: Mapping[str, Sequence[CheckedPicture]] | None = None
) -> None:
    """Do what is stale of the steps from tracklets to the cast.

    Args:
        builder: The workspace's one writer; its people step is done.
        provider: Needed where identities or reference pictures are new.
        checked: Reference pictures that the provider has described already.

    Raises:
        WorkspaceError: Something is damaged, or a provider is needed or is another one than found the people.
    """
    workspace = Workspace(builder.path, builder.manifest)
    material = read_material(workspace)
    if provider is not None and provider.facts.fingerprint != material.facts.provider.fingerprint:
        raise WorkspaceError(
            f"{builder.path}: its people were found by another provider ({material.facts.provider.name})",
            hint="use the same provider and files, or find the people again with this one",
        )
    depends_on = identities_depend_on(workspace)
    if not builder.is_done("identities", depends_on):
        if provider is None:
            raise WorkspaceError(f"{builder.path}: unfinished", hint=people_files.FIND_AGAIN)
        with builder.step("identities", depends_on) as output:
            _identify(workspace, material, provider.scale, output.folder)
    described = {one.digest: one.vector for own in (checked or {}).values() for one in own}
    _describe_references(builder, material, provider, described)
    workspace = Workspace(builder.path, builder.manifest)
    log = builder.path / FOLDER / EDITS
    edits = read_edits(log.parent)
    depends_on = {
        "version": _CAST_VERSION,
        "files": [workspace.files[name].digest for name in (BASE, REFERENCE_LIST, REFERENCE_VECTORS)],
        "edits": digest_file(log) if log.exists() else "",
    }
    if not builder.is_done("cast", depends_on):
        with builder.step("cast", depends_on) as output:
            (output.folder / FOLDER).mkdir()
            cast, pictures = _cast(workspace, material, edits)
            for name, data in pictures.items():
                (output.folder / name).parent.mkdir(exist_ok=True)
                (output.folder / name).write_bytes(data)
            (output.folder / IDENTITIES).write_text(people_files.dump_cast(cast), encoding="utf-8")
    _sweep(Workspace(builder.path, builder.manifest))


def people_depend_on(
    workspace: Workspace, fingerprint: str, max_faces: int, forgotten: Sequence[int]
) -> dict[str, Any]:
    """Return what the people step's result depends on."""
    return {
        "version": _PEOPLE_VERSION,
        "provider": fingerprint,
        "max_faces": max_faces,
        "forgotten": list(forgotten),
        "inputs": {name: workspace.files[name].digest for name in INPUTS},
    }


def identities_depend_on(workspace: Workspace) -> dict[str, Any]:
    """Return what the identities step's result depends on."""
    files = [workspace.files[name].digest for name in (PEOPLE, TRACKLETS, EMBEDDINGS)]
    return {"version": _IDENTITIES_VERSION, "files": files}


@contextmanager
def writing(workspace: Workspace) -> Iterator[WorkspaceBuilder]:
    """Hold a workspace's lock and write to it.

    Raises:
        WorkspaceError: It is busy or cannot be written.
    """
    with WorkspaceBuilder(workspace.path, workspace.manifest) as builder:
        builder.check_writable()
        try:
            yield builder
        except OSError as error:
            raise cannot_write(workspace.path, error) from error


def preview(workspace: Workspace, edits: Sequence[Edit]) -> Edited:
    """Return the cast as it would be with these edits, writing nothing."""
    material = read_material(workspace)
    return apply_edits(read_base(workspace).groups(), edits, material.finder, material.spans)


def _identify(workspace: Workspace, material: Material, scale: Scale, folder: Path) -> None:
    """Cluster the film, give the groups the numbers they had, and cut a picture of each."""
    rows = track_rows(material, scale)
    threshold = calibrate(rows, scale)
    labels = cluster_film(rows, scale, threshold)
    people = workspace.path / FOLDER
    earlier = read_ledger(people)
    carried = carry_ids(labels, earlier.earlier_ids(material.finder, len(rows)), earlier.book)
    base = Base(ids=carried.ids, aliases=carried.book.flat(), threshold=threshold, scale=scale)
    best = material.tracklets.best
    anchors = {
        id_: tuple(anchor_of(material, int(best[tracklet])) for tracklet in tracklets)
        for id_, tracklets in base.groups().items()
    }
    write_ledger(people, Ledger(book=carried.book, anchors=anchors))
    write_identities(workspace, material, base, folder)


def write_identities(workspace: Workspace, material: Material, base: Base, folder: Path) -> None:
    """Write the groups and a picture of each, into a step's folder."""
    (folder / FOLDER / "thumbnails").mkdir(parents=True)
    clearest = [_clearest(material, own) for own in base.groups().values()]
    for name, data in _pictures(workspace, material, clearest).items():
        (folder / name).write_bytes(data)
    write_base(folder, base)


def _describe_references(
    builder: WorkspaceBuilder,
    material: Material,
    provider: Provider | None,
    described: Mapping[str, NDArray[np.float32]],
) -> None:
    """Describe the reference pictures; what is described already needs no provider."""
    people = builder.path / FOLDER
    references = read_references(people)
    fingerprint = material.facts.provider.fingerprint
    depends_on = {
        "version": _REFERENCES_VERSION,
        "provider": fingerprint,
        "pictures": [[reference.name, reference.digest] for reference in references],
    }
    if builder.is_done("references", depends_on):
        return
    known = _known_references(Workspace(builder.path, builder.manifest), fingerprint)
    known |= {digest: vector.astype(np.float16) for digest, vector in described.items()}
    vectors = []
    for reference in references:
        if reference.digest not in known:
            if provider is None:
                raise WorkspaceError(
                    f"{builder.path}: reference pictures are new to this memory", hint="give them again with --cast"
                )
            known[reference.digest] = _describe(people, reference, provider)
        vectors.append(known[reference.digest])
    with builder.step("references", depends_on) as output:
        (output.folder / FOLDER).mkdir()
        table = np.array(vectors, np.float16).reshape(len(vectors), material.facts.provider.dimension)
        listed = [[reference.name, reference.digest] for reference in references]
        text = json.dumps({"format": people_files.FORMAT, "provider": fingerprint, "pictures": listed}, indent=1) + "\n"
        (output.folder / REFERENCE_LIST).write_text(text, encoding="utf-8")
        (output.folder / REFERENCE_VECTORS).write_bytes(dump_array(table))


def _describe(people: Path, reference: Reference, provider: Provider) -> NDArray[np.float16]:
    try:
        return describe_face(read_reference(people, reference), provider).astype(np.float16)
    except LookupError as error:
        raise WorkspaceError(
            f"{people / REFERENCES / reference.file}: {provider.facts.name} finds {error.args[0]} faces, "
            f"not one, in this picture of {reference.name}",
            hint="give another picture with --cast",
        ) from None


def _known_references(workspace: Workspace, fingerprint: str) -> dict[str, NDArray[np.float16]]:
    if REFERENCE_LIST not in workspace.files:
        return {}
    content = read_people_file(workspace, REFERENCE_LIST, _load_reference_list)
    if content["provider"] != fingerprint:
        return {}
    vectors = read_people_file(workspace, REFERENCE_VECTORS, lambda data: load_array(data, np.float16, ndim=2))
    return {digest: vector for (_, digest), vector in zip(content["pictures"], vectors, strict=True)}


def _cast(workspace: Workspace, material: Material, edits: Sequence[Edit]) -> tuple[CastFile, dict[str, bytes]]:
    base = read_base(workspace)
    edited = apply_edits(base.groups(), edits, material.finder, material.spans)
    entries, notes, unseen, joined = _name(workspace, material, base, edited)
    known = {name for name in workspace.files if "/thumbnails/" in name}
    clearest = {entry.id: _clearest(material, entry.tracklets) for entry in entries}
    missing = [row for row in clearest.values() if _thumbnail(row) not in known]
    pictures = _pictures(workspace, material, missing)
    cast = CastFile(
        identities=tuple(
            IdentityEntry(**{**vars(entry), "thumbnail": _thumbnail(clearest[entry.id])}) for entry in entries
        ),
        aliases=_aliases(base.aliases, {**edited.aliases, **joined}, {entry.id for entry in entries}),
        unseen=unseen,
        notes=(*notes, *(str(conflict) for conflict in edited.conflicts)),
    )
    return cast, pictures


def _name(
    workspace: Workspace, material: Material, base: Base, edited: Edited
) -> tuple[list[IdentityEntry], list[str], tuple[str, ...], dict[int, int]]:
    """Let reference pictures name whom no person named; who fits a name that a person gave somebody joins them."""
    groups, ids = {id_: list(own) for id_, own in edited.groups.items()}, list(edited.groups)
    names, references = _references(workspace)
    folded = [fold_name(name) for name in names]
    forbidden = [
        (ids.index(id_), folded.index(fold_name(name)))
        for id_, name in edited.ruled_out
        if id_ in groups and fold_name(name) in folded
    ]
    by_name = {fold_name(name): id_ for id_, name in edited.names.items()}
    forbidden += [
        (row, column)
        for row, id_ in enumerate(ids)
        for column, name in enumerate(folded)
        if id_ in edited.names and fold_name(edited.names[id_]) != name
    ]
    means = np.array([_mean(material, groups[id_]) for id_ in ids]).reshape(len(ids), material.vectors.shape[1])
    namings = {ids[one.group]: one for one in name_groups(means, references, base.scale, forbidden)}
    notes: list[str] = []
    joined: dict[int, int] = {}
    for id_, naming in list(namings.items()):
        holder = by_name.get(folded[naming.name])
        if holder is None or holder == id_ or not naming.is_sure:
            continue
        apart = any(rule.separates(groups[id_], groups[holder]) for rule in edited.apart)
        if apart or seen_together(groups[id_], groups[holder], material.spans) is not None:
            notes.append(f"person {id_} also fits the pictures of {names[naming.name]}")
        else:
            groups[holder] = sorted([*groups[holder], *groups.pop(id_)])
            joined[id_] = holder
        del namings[id_]
    entries = [
        _entry(id_, own, edited.names.get(id_), namings.get(id_), names, by_name) for id_, own in sorted(groups.items())
    ]
    seen = {fold_name(name) for entry in entries for name in (entry.name, entry.possibly) if name}
    return entries, notes, tuple(name for name in names if fold_name(name) not in seen), joined


def _entry(
    id_: int,
    tracklets: Sequence[int],
    given: str | None,
    naming: Naming | None,
    names: Sequence[str],
    by_name: Mapping[str, int],
) -> IdentityEntry:
    if given is not None:
        return IdentityEntry(id=id_, tracklets=tuple(tracklets), name=given, name_source="user")
    if naming is None:
        return IdentityEntry(id=id_, tracklets=tuple(tracklets))
    name, score = names[naming.name], round(naming.score, 4)
    if naming.is_sure:
        return IdentityEntry(id=id_, tracklets=tuple(tracklets), name=name, name_source="photo", score=score)
    return IdentityEntry(id=id_, tracklets=tuple(tracklets), possibly=name, score=score)


def _references(workspace: Workspace) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names of the reference pictures and the mean embedding of each one's."""
    pictures = read_people_file(workspace, REFERENCE_LIST, _load_reference_list)["pictures"]
    vectors = read_people_file(workspace, REFERENCE_VECTORS, lambda data: load_array(data, np.float16, ndim=2))
    names = list(dict.fromkeys(name for name, _ in pictures))
    rows = [[row for row, (name, _) in enumerate(pictures) if name == one] for one in names]
    means = [vectors[own].astype(np.float64).mean(axis=0) for own in rows]
    return names, np.array(means).reshape(len(names), vectors.shape[1])


def _mean(material: Material, tracklets: Sequence[int]) -> NDArray[np.float64]:
    """Return the mean embedding of the clear tracklets, or of all where none is clear."""
    own = np.array(tracklets)
    clear = own[material.tracklets.qualities[own] >= GOOD]
    return np.asarray(material.vectors[clear if len(clear) else own].astype(np.float64).mean(axis=0), np.float64)


def _clearest(material: Material, tracklets: Sequence[int]) -> int:
    """Return the appearance that shows a person best."""
    rows = material.tracklets.best[list(tracklets)]
    return int(rows[np.argmax(material.table.qualities[rows])])


def _thumbnail(row: int) -> str:
    return f"{FOLDER}/thumbnails/{row:06d}.jpg"


def _pictures(workspace: Workspace, material: Material, rows: Sequence[int]) -> dict[str, bytes]:
    """Cut appearances out of their frames, in film order."""
    pictures = {}
    if rows:
        frames: dict[int, list[int]] = {}
        for row in sorted(rows):
            frames.setdefault(int(material.table.frames[row]), []).append(row)
        with open_frames(workspace) as reader:
            for frame, here in frames.items():
                picture = reader.read([frame])[0]
                for row in here:
                    box = material.table.row(row, material.times).box
                    pictures[_thumbnail(row)] = cut_thumbnail(picture, box)
    return pictures


def _aliases(found: Mapping[int, int], said: Mapping[int, int], ids: set[int]) -> dict[int, int]:
    """Return ids given up with the ids that stand for them in the end; of people who are gone nothing is left."""
    flat = {}
    for old in {**found, **said}:
        new = old
        while new in said or (new in found and new not in ids):
            new = said[new] if new in said else found[new]
        if new in ids and old not in ids:
            flat[old] = new
    return flat


def _sweep(workspace: Workspace) -> None:
    """Remove what earlier results left behind: pictures of faces must not outlive their step."""
    people, files = workspace.path / FOLDER, workspace.files
    for path in sorted(people.rglob("*"), reverse=True):
        name = path.relative_to(workspace.path).as_posix()
        if path.is_file() and name not in files and not _is_kept(path.relative_to(people)):
            path.unlink()


def _is_kept(path: Path) -> bool:
    return path.name in _KEPT or path.parts[0] == REFERENCES


def _load_reference_list(data: bytes) -> dict[str, Any]:
    content = json.loads(data)
    if content["format"] != people_files.FORMAT:
        raise ValueError(f"unknown format {content['format']!r}")
    pictures = [(str(name), str(digest)) for name, digest in content["pictures"]]
    return {"provider": str(content["provider"]), "pictures": pictures}
