"""Removes people for good: one, or everybody."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np

from movieqa.builder import WorkspaceBuilder, cannot_write
from movieqa.identity import Identity
from movieqa.people_choice import choose
from movieqa.people_files import FOLDER, load_cast
from movieqa.workspace import Workspace

from .cast import identity_of
from .cast_step import identities_depend_on, people_depend_on, refresh_cast, write_identities, writing
from .edits import Edit, Who, active_edits, read_edits, redact, write_edits
from .ledger import Ledger, read_ledger, write_ledger
from .material import Base, Material, anchor_of, read_base, read_material, without, write_material
from .references import drop_references

STEPS = ("people", "identities", "references", "cast")


def forget_person(workspace: Workspace, who: str) -> Workspace:
    """Remove a person for good: faces, embeddings, pictures, reference pictures and name; others stay as they are.

    Where the person's face was is remembered (times and places, no looks), so that a later search does not find the
    person again. The film's own pictures (`proxy.mp4`, `keyframes/`) are not changed.

    Raises:
        ConfigError: Nobody is meant.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    identity = identity_of(choose(load_cast(workspace), who), who)
    with writing(workspace) as builder:
        opened = Workspace(builder.path, builder.manifest)
        material, base = read_material(opened), read_base(opened)
        people = builder.path / FOLDER
        seen = np.flatnonzero(np.isin(material.table.tracklets, identity.tracklets))
        anchors = tuple(anchor_of(material, int(row)) for row in seen)
        edits = redact(read_edits(people), identity.name, frozenset({identity.id}))
        edits = (*edits, Edit(number=len(edits) + 1, verb="forget", who=Who(id=identity.id, anchors=anchors)))
        write_edits(people, edits)
        write_ledger(people, _ledger_without(read_ledger(people), material, base, identity))
        if identity.name is not None:
            drop_references(people, identity.name)
        _remove(builder, material, base, frozenset(identity.tracklets), edits)
        refresh_cast(builder, None)
    return Workspace.open(workspace.path)


def purge_people(workspace: Workspace) -> Workspace:
    """Remove everything about people for good: faces, embeddings, pictures, names and edits.

    Raises:
        WorkspaceError: The workspace is busy or cannot be written.
    """
    with writing(workspace) as builder:
        steps = {name: entry for name, entry in builder.manifest.steps.items() if name not in STEPS}
        builder.manifest = replace(builder.manifest, steps=steps)
        try:
            builder.manifest.write(builder.path)
            shutil.rmtree(builder.path / FOLDER, ignore_errors=False)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise cannot_write(builder.path, error) from error
        builder.log(step="purge people")
    return Workspace.open(workspace.path)


def _ledger_without(ledger: Ledger, material: Material, base: Base, identity: Identity) -> Ledger:
    """Return the ledger without a person's faces; whoever shared a number with them keeps it."""
    gone = frozenset(identity.tracklets)
    touched = {identity.id, *(int(base.ids[tracklet]) for tracklet in gone)}
    anchors = dict(ledger.anchors)
    for id_ in touched:
        rest = [tracklet for tracklet in base.groups().get(id_, ()) if tracklet not in gone]
        anchors[id_] = tuple(anchor_of(material, int(material.tracklets.best[tracklet])) for tracklet in rest)
    return replace(ledger, anchors={id_: faces for id_, faces in anchors.items() if faces})


def _remove(
    builder: WorkspaceBuilder, material: Material, base: Base, gone: frozenset[int], edits: tuple[Edit, ...]
) -> None:
    """Write the people and identities steps anew without some tracklets; everything else stays as it is."""
    smaller, stay = without(material, gone)
    facts = material.facts
    forgotten = [edit.number for edit in active_edits(edits) if edit.verb == "forget"]
    workspace = Workspace(builder.path, builder.manifest)
    depends_on = people_depend_on(workspace, facts.provider.fingerprint, facts.max_faces, forgotten)
    with builder.step("people", depends_on) as output:
        output.notes += facts.notes
        write_material(output.folder, facts, smaller.table, smaller.tracklets, smaller.vectors.astype(np.float16))
    workspace = Workspace(builder.path, builder.manifest)
    with builder.step("identities", identities_depend_on(workspace)) as output:
        write_identities(workspace, smaller, replace(base, ids=base.ids[stay]), output.folder)
