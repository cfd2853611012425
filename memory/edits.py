"""The log of what a person said about the cast: append-only, each line chained to the one before, never half there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from movieqa.errors import WorkspaceError
from movieqa.storage import read_bounded, write_atomic
from movieqa.times import format_time

from .anchors import Anchor

FILE_NAME = "edits.jsonl"
Verb = Literal["name", "merge", "split", "not", "forget", "undo"]

_MAX_BYTES = 64 << 20
_FORGOTTEN = "(forgotten)"


@dataclass(frozen=True, kw_only=True)
class Who:
    """Somebody as they were when an edit was made."""

    id: int
    anchors: tuple[Anchor, ...]
    """Faces of theirs; after re-processing the edit is about whoever has most of these."""
    is_moment: bool = False
    """Only the face at that moment is meant, not the whole person."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One thing a person said."""

    number: int
    """Counts from 1."""
    verb: Verb
    who: Who | None = None
    other: Who | None = None
    """The second person of `merge` and `not`."""
    name: str | None = None
    """The name of `name`, or the one ruled out by `not`."""
    new_id: int | None = None
    """The id that `split`, or `not` of a moment, gives to what is taken out."""
    undoes: int | None = None

    def __str__(self) -> str:
        """Write the edit as a line of history."""
        who = _label(self.who)
        match self.verb:
            case "name":
                return f"{who} is {self.name}"
            case "merge":
                return f"{who} and {_label(self.other)} are one"
            case "split":
                return f"part of {who} is somebody else, person {self.new_id}"
            case "not":
                return f"{who} is not {self.name or _label(self.other)}"
            case "forget":
                return "somebody was forgotten"
        return f"undo edit {self.undoes}"


def read_edits(folder: Path) -> tuple[Edit, ...]:
    """Read the log of a `people` folder; empty where there is none.

    Raises:
        WorkspaceError: The log is damaged or somebody changed it.
    """
    path = folder / FILE_NAME
    try:
        lines = read_bounded(path, limit=_MAX_BYTES).decode().splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    edits = []
    chain = ""
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
            told = content.pop("chain")
            chain = _chained(chain, content)
            if told != chain or content["number"] != number:
                raise ValueError("it was changed by something else than movieqa")
            edits.append(_from_json(content))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise _damaged(path, f"line {number}: {error}") from None
    return tuple(edits)


def write_edits(folder: Path, edits: Sequence[Edit]) -> None:
    """Write the whole log under another name and rename it: a crash leaves the old one or the new one."""
    chain = ""
    lines = []
    for edit in edits:
        content = _to_json(edit)
        chain = _chained(chain, content)
        lines.append(json.dumps({**content, "chain": chain}, ensure_ascii=False, sort_keys=True))
    folder.mkdir(exist_ok=True)
    write_atomic(folder / FILE_NAME, "".join(line + "\n" for line in lines))


def holding(edits: Sequence[Edit]) -> frozenset[int]:
    """Return the numbers of the edits that are not undone; an undo that is undone itself undoes nothing."""
    undone: set[int] = set()
    for edit in reversed(edits):
        if edit.verb == "undo" and edit.number not in undone and edit.undoes is not None:
            undone.add(edit.undoes)
    return frozenset(edit.number for edit in edits if edit.number not in undone)


def active_edits(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Return what holds of what was said about people, oldest first."""
    held = holding(edits)
    return tuple(edit for edit in edits if edit.verb != "undo" and edit.number in held)


def redact(edits: Sequence[Edit], name: str | None, ids: frozenset[int]) -> tuple[Edit, ...]:
    """Take a forgotten person's name out of everything said before."""
    return tuple(
        replace(edit, name=_FORGOTTEN)
        if edit.name is not None and (edit.name == name or (edit.who is not None and edit.who.id in ids))
        else edit
        for edit in edits
    )


def is_redacted(edit: Edit) -> bool:
    """Whether an edit named somebody who was forgotten since."""
    return edit.name == _FORGOTTEN


def _label(who: Who | None) -> str:
    if who is None:
        return "nobody"
    return f"the face at {format_time(who.anchors[0].time)}" if who.is_moment else f"person {who.id}"


def _chained(chain: str, content: dict[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{chain}\n{text}".encode()).hexdigest()


def _to_json(edit: Edit) -> dict[str, Any]:
    return {
        "number": edit.number,
        "verb": edit.verb,
        "who": _who_to_json(edit.who),
        "other": _who_to_json(edit.other),
        "name": edit.name,
        "new_id": edit.new_id,
        "undoes": edit.undoes,
    }


def _who_to_json(who: Who | None) -> dict[str, Any] | None:
    if who is None:
        return None
    return {"id": who.id, "anchors": [anchor.to_json() for anchor in who.anchors], "is_moment": who.is_moment}


def _from_json(content: dict[str, Any]) -> Edit:
    if content["verb"] not in get_args(Verb):
        raise ValueError(f"unknown verb {content['verb']!r}")
    return Edit(**{**content, "who": _who_from_json(content["who"]), "other": _who_from_json(content["other"])})


def _who_from_json(content: dict[str, Any] | None) -> Who | None:
    if content is None:
        return None
    anchors = tuple(Anchor.from_json(numbers) for numbers in content["anchors"])
    return Who(id=int(content["id"]), anchors=anchors, is_moment=bool(content["is_moment"]))


def _damaged(path: Path, reason: str) -> WorkspaceError:
    return WorkspaceError(f"{path}: damaged ({reason})", hint="restore it from a copy, or remove it to lose the edits")
