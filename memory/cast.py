"""What people do with the cast: name, merge, split, tell apart, undo; each an edit that is never lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from movieqa.errors import ConfigError, WorkspaceError
from movieqa.identity import Identity, fold_name
from movieqa.intervals import Interval, intersect
from movieqa.people_choice import Choice, choose
from movieqa.people_files import FOLDER, load_cast
from movieqa.workspace import Workspace

from .cast_step import preview, refresh_cast, writing
from .edits import Edit, Who, active_edits, holding, read_edits, write_edits
from .ledger import read_ledger, write_ledger
from .material import Material, anchor_of, anchors_of, read_material
from .provider import Provider
from .references import CastPictures, check_name, keep_references, read_references

_ANCHORS = 24  # faces of a person that an edit remembers


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One edit as people read it."""

    number: int
    text: str
    is_active: bool
    """False when it was undone."""
    conflict: str | None
    """Why it is not applied though it holds."""


def add_references(workspace: Workspace, cast: CastPictures, provider: Provider) -> Workspace:
    """Add the names of a cast folder, read with the same provider; a name's earlier pictures are replaced.

    Raises:
        WorkspaceError: The people were found by another provider, or the workspace cannot be written.
    """
    with writing(workspace) as builder:
        facts = read_material(Workspace(builder.path, builder.manifest)).facts
        if facts.provider.fingerprint != provider.facts.fingerprint:
            raise WorkspaceError(
                f"{workspace.path}: its people were found by another provider ({facts.provider.name})",
                hint="use the same provider and files, or find the people again with this one",
            )
        keep_references(builder.path / FOLDER, cast.kept)
        refresh_cast(builder, provider, cast.kept)
    return Workspace.open(workspace.path)


def name_person(workspace: Workspace, who: str, name: str) -> Workspace:
    """Give a person a name; two who get one name become one person.

    Args:
        workspace: Where the film's people are.
        who: By number, name, or place and moment; see `choose`.
        name: The name.

    Raises:
        ConfigError: Nobody is meant, the name cannot be one, or an earlier edit says otherwise.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    name = check_name(name)
    choice = choose(load_cast(workspace), who)
    return _edit(workspace, lambda material: Edit(number=0, verb="name", who=_who(material, choice), name=name))


def merge_people(workspace: Workspace, who: str, other: str) -> Workspace:
    """Say that two are one person: a named one stays, else the one longer on screen.

    Raises:
        ConfigError: Somebody is not found, both are one already, or an earlier edit says otherwise.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    cast = load_cast(workspace)
    one, two = choose(cast, who), choose(cast, other)
    if one.identity is not None and one.identity is two.identity:
        raise ConfigError(f"{who} and {other} are one person already", hint="see: movieqa cast list")
    return _edit(
        workspace,
        lambda material: Edit(number=0, verb="merge", who=_who(material, one), other=_who(material, two)),
    )


def split_person(workspace: Workspace, who: str, during: Sequence[Interval]) -> Workspace:
    """Take a person's appearances in some stretches of the film out, as somebody else.

    Args:
        workspace: Where the film's people are.
        who: By number, name, or place and moment.
        during: Sorted, disjoint stretches; an appearance that reaches into one goes whole.

    Raises:
        ConfigError: Nobody is meant, or nothing or everything of the person lies in the stretches.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    cast = load_cast(workspace)
    identity = identity_of(choose(cast, who), who)
    own = [index for index in identity.tracklets if intersect((cast.tracklets[index].interval,), during)]
    if not own or len(own) == len(identity.tracklets):
        what = "nothing" if not own else "everything"
        raise ConfigError(f"{what} of {identity.label} lies in these times", hint="see when: movieqa cast list")
    return _edit(
        workspace,
        lambda material: Edit(
            number=0, verb="split", who=Who(id=identity.id, anchors=anchors_of(material, own, len(own))), new_id=0
        ),
    )


def tell_apart(workspace: Workspace, who: str, other: str) -> Workspace:
    """Say that somebody is not somebody, or has not a name.

    Three things can be said: `person 7` is not `person 9` (never to be merged); `the person on the left at 00:12:30` is
    not `Julia` (that appearance is taken out); `person 7` is not `Julia` where only a picture said so (the name goes).

    Raises:
        ConfigError: Somebody is not found, or an earlier edit says otherwise.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    cast = load_cast(workspace)
    choice = choose(cast, who)
    named = cast.named(other)
    is_whole = choice.tracklet is None
    if is_whole and (named is choice.identity or named is None) and _is_reference_name(workspace, other):
        return _edit(
            workspace, lambda material: Edit(number=0, verb="not", who=_who(material, choice), name=check_name(other))
        )
    second = choose(cast, other)
    if is_whole and second.identity is choice.identity:
        raise ConfigError(f"{who} is {other} by an earlier edit", hint="undo it: movieqa cast history, cast undo")
    return _edit(
        workspace,
        lambda material: Edit(number=0, verb="not", who=_who(material, choice), other=_who(material, second), new_id=0),
    )


def undo_edit(workspace: Workspace, number: int | None = None) -> Workspace:
    """Undo an edit: the last one that holds, or any by its number; undoing an undo brings the edit back.

    Undoing a `forget` cannot bring data back; it lets the next search find the person again.

    Raises:
        ConfigError: There is nothing to undo, or no such edit holds.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    edits = read_edits(workspace.path / FOLDER)
    if number is None:
        number = max((edit.number for edit in active_edits(edits)), default=None)
    if number is None:
        raise ConfigError(f"{workspace.path}: nothing to undo", hint="see: movieqa cast history")
    if number not in holding(edits):
        raise ConfigError(f"no edit {number} holds", hint="see: movieqa cast history")
    return _edit(workspace, lambda material: Edit(number=0, verb="undo", undoes=number))


def history(workspace: Workspace) -> tuple[HistoryLine, ...]:
    """Return everything that was said about the cast, oldest first.

    Raises:
        WorkspaceError: Nobody looked for people yet, or the log is damaged.
    """
    edits = read_edits(workspace.path / FOLDER)
    held = holding(edits)
    conflicts = {one.number: one.reason for one in preview(workspace, edits).conflicts}
    return tuple(
        HistoryLine(
            number=edit.number,
            text=str(edit),
            is_active=edit.number in held,
            conflict=conflicts.get(edit.number),
        )
        for edit in edits
    )


def _edit(workspace: Workspace, make: Callable[[Material], Edit]) -> Workspace:
    """Append an edit to the log if it contradicts no other, and apply it."""
    with writing(workspace) as builder:
        opened = Workspace(builder.path, builder.manifest)
        people = builder.path / FOLDER
        edits = read_edits(people)
        ledger = read_ledger(people)
        edit = replace(make(read_material(opened)), number=len(edits) + 1)
        if edit.new_id is not None:
            edit = replace(edit, new_id=ledger.book.next)
        told = {conflict.number for conflict in preview(opened, edits).conflicts}
        for conflict in preview(opened, (*edits, edit)).conflicts:
            if conflict.number not in told:
                by_undo = "" if conflict.number == edit.number else f"edit {conflict.number} would no longer hold: "
                raise ConfigError(
                    f"this contradicts what was said before: {by_undo}{conflict.reason}",
                    hint="undo one of them: movieqa cast history, movieqa cast undo NUMBER",
                )
        if edit.new_id is not None:
            write_ledger(people, replace(ledger, book=replace(ledger.book, next=ledger.book.next + 1)))
        write_edits(people, (*edits, edit))
        refresh_cast(builder, None)
    return Workspace.open(workspace.path)


def _who(material: Material, choice: Choice) -> Who:
    if choice.tracklet is not None:
        assert choice.time is not None
        rows = np.flatnonzero(material.table.tracklets == choice.tracklet.index)
        times = material.times[material.table.frames[rows]]
        nearest = rows[np.argmin(np.abs(times - choice.time))]
        id_ = choice.identity.id if choice.identity else 0
        return Who(id=id_, anchors=(anchor_of(material, int(nearest)),), is_moment=True)
    assert choice.identity is not None
    return Who(id=choice.identity.id, anchors=anchors_of(material, choice.identity.tracklets, _ANCHORS))


def identity_of(choice: Choice, who: str) -> Identity:
    """Return the person that was chosen.

    Raises:
        ConfigError: The face belongs to nobody.
    """
    if choice.identity is None:
        raise ConfigError(f"{who}: a face that belongs to nobody", hint="name it first: movieqa cast name")
    return choice.identity


def _is_reference_name(workspace: Workspace, name: str) -> bool:
    references = read_references(workspace.path / FOLDER)
    return any(fold_name(reference.name) == fold_name(name) for reference in references)
