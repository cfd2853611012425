"""What people say about the cast, in any order: undo restores, nothing contradicts, no tracklet is lost or doubled."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from movieqa.identity import AppearanceTable
from movieqa.intervals import Interval
from movieqa.memory.anchors import Anchor, AnchorFinder
from movieqa.memory.apply import Edited, apply_edits, seen_together
from movieqa.memory.edits import Edit, Verb, Who, active_edits, holding, read_edits, write_edits

COUNT = 8
TIMES = np.arange(COUNT, dtype=np.float64)
TABLE = AppearanceTable(
    frames=np.arange(COUNT, dtype=np.int32) // 2 * 2,
    tracklets=np.arange(COUNT, dtype=np.int32),
    boxes=np.array([[0.1 + 0.5 * (i % 2), 0.1, 0.4 + 0.5 * (i % 2), 0.5] for i in range(COUNT)], np.float32),
    scores=np.ones(COUNT, np.float32),
    qualities=np.ones(COUNT, np.float32),
)
"""Two faces in every second frame: tracklets 0 and 1 are on screen together, 2 and 3, and so on."""
FINDER = AnchorFinder(TABLE, TIMES)
SPANS = [Interval(start=float(i // 2 * 2), end=float(i // 2 * 2 + 2)) for i in range(COUNT)]
BASE = {1: [0, 2], 2: [1], 3: [3, 4], 4: [5, 6], 5: [7]}


def who(tracklets: list[int], *, is_moment: bool = False) -> Who:
    rows = [TABLE.row(tracklet, TIMES) for tracklet in tracklets]
    return Who(id=0, anchors=tuple(Anchor(time=row.time, box=row.box) for row in rows), is_moment=is_moment)


@st.composite
def logs(draw: st.DrawFn) -> tuple[Edit, ...]:
    edits: list[Edit] = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        verbs: list[Verb] = ["name", "merge", "split", "not", *(["undo", "undo"] if edits else [])]
        verb = draw(st.sampled_from(verbs))
        one, other = ([draw(st.integers(0, COUNT - 1))] for _ in range(2))
        name = draw(st.sampled_from(["Julia", "Otto"]))
        match verb:
            case "name":
                edit = Edit(number=number, verb=verb, who=who(one), name=name)
            case "merge":
                edit = Edit(number=number, verb=verb, who=who(one), other=who(other))
            case "split":
                edit = Edit(number=number, verb=verb, who=who(one), new_id=100 + number)
            case "not":
                moment = who(one, is_moment=True)
                edit = Edit(number=number, verb=verb, who=moment, other=who(other), new_id=100 + number)
            case _:
                edit = Edit(number=number, verb="undo", undoes=draw(st.integers(1, number - 1)))
        edits.append(edit)
    return tuple(edits)


def outcome(edited: Edited) -> tuple[object, ...]:
    return edited.groups, edited.names, edited.aliases, edited.conflicts


@given(logs())
def test_nothing_is_lost_doubled_or_contradicted(edits: tuple[Edit, ...]) -> None:
    edited = apply_edits(BASE, edits, FINDER, SPANS)
    owned = [tracklet for group in edited.groups.values() for tracklet in group]
    assert sorted(owned) == list(range(COUNT))
    for rule in edited.apart:
        assert not any(set(rule.one) & set(group) and set(rule.other) & set(group) for group in edited.groups.values())
    names = list(edited.names.values())
    assert len(set(names)) == len(names), "one name, one person"
    assert not set(edited.aliases) & set(edited.groups)
    assert set(edited.aliases.values()) <= set(edited.groups)
    merged = {edit.number for edit in active_edits(edits) if edit.verb == "merge"}
    if not merged:
        for group in edited.groups.values():
            for tracklet in group:
                assert seen_together([tracklet], set(group) - {tracklet}, SPANS) is None


@given(logs())
def test_undo_restores_exactly(edits: tuple[Edit, ...]) -> None:
    last = edits[-1]
    undone = (*edits, Edit(number=len(edits) + 1, verb="undo", undoes=last.number))
    assert outcome(apply_edits(BASE, undone, FINDER, SPANS)) == outcome(apply_edits(BASE, edits[:-1], FINDER, SPANS))
    again = (*undone, Edit(number=len(undone) + 1, verb="undo", undoes=len(undone)))
    assert outcome(apply_edits(BASE, again, FINDER, SPANS)) == outcome(apply_edits(BASE, edits, FINDER, SPANS))
    assert last.number in holding(again)


@given(logs())
def test_the_log_reads_back(tmp_path_factory: object, edits: tuple[Edit, ...]) -> None:
    folder = tmp_path_factory.mktemp("log")  # type: ignore[attr-defined]
    write_edits(folder, edits)
    read = read_edits(folder)
    assert outcome(apply_edits(BASE, read, FINDER, SPANS)) == outcome(apply_edits(BASE, edits, FINDER, SPANS))
    assert [str(edit) for edit in read] == [str(edit) for edit in edits]
