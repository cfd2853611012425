"""Applies what a person said to what the machine found; edits that contradict each other are told, never resolved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from movieqa.identity import fold_name
from movieqa.intervals import Interval

from .anchors import AnchorFinder
from .edits import Edit, Who, active_edits, is_redacted


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """An edit that could not be applied, and why."""

    number: int
    reason: str

    def __str__(self) -> str:
        """Write the conflict as one line."""
        return f"edit {self.number} is not applied: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Two sides that a person said are not the same."""

    one: frozenset[int]
    other: frozenset[int]
    number: int

    def separates(self, left: Iterable[int], right: Iterable[int]) -> bool:
        """Whether joining two groups of tracklets would join the two sides."""
        left, right = frozenset(left), frozenset(right)
        return bool((self.one & left and self.other & right) or (self.one & right and self.other & left))


@dataclass(frozen=True, kw_only=True)
class Edited:
    """The people after the edits."""

    groups: Mapping[int, tuple[int, ...]]
    """Tracklets by id, in film order."""
    names: Mapping[int, str]
    """Names that a person gave, by id."""
    ruled_out: tuple[tuple[int, str], ...]
    """Ids and the names that a person said they do not have."""
    apart: tuple[Apart, ...]
    aliases: Mapping[int, int]
    """Ids that were merged into others by a person."""
    conflicts: tuple[Conflict, ...]


def apply_edits(
    base: Mapping[int, Sequence[int]],
    edits: Sequence[Edit],
    finder: AnchorFinder,
    spans: Sequence[Interval],
) -> Edited:
    """Apply the edits that hold, in order, to the machine's groups.

    Args:
        base: Tracklets by id, as the machine grouped them.
        edits: The whole log.
        finder: Finds the tracklets that anchors mean.
        spans: When each tracklet is on screen.
    """
    state = _State(base, finder, spans)
    conflicts = []
    for edit in active_edits(edits):
        reason = state.apply(edit)
        if reason:
            conflicts.append(Conflict(number=edit.number, reason=reason))
    return Edited(
        groups={id_: tuple(sorted(tracklets)) for id_, tracklets in sorted(state.groups.items()) if tracklets},
        names={id_: name for id_, (name, _) in state.names.items()},
        ruled_out=tuple(state.ruled_out),
        apart=tuple(state.apart),
        aliases=state.flat_aliases(),
        conflicts=tuple(conflicts),
    )


def seen_together(one: Iterable[int], other: Iterable[int], spans: Sequence[Interval]) -> float | None:
    """Return the first moment, in seconds, that tracklets of both sides are on screen at once; None if never."""
    left = sorted((spans[tracklet] for tracklet in one), key=lambda span: span.start)
    right = sorted((spans[tracklet] for tracklet in other), key=lambda span: span.start)
    place = 0
    for span in left:
        while place < len(right) and right[place].end <= span.start:
            place += 1
        for later in right[place:]:
            if later.start >= span.end:
                break
            if later.end > span.start:
                return max(span.start, later.start)
    return None


class _State:
    def __init__(self, base: Mapping[int, Sequence[int]], finder: AnchorFinder, spans: Sequence[Interval]) -> None:
        self.groups = {id_: set(tracklets) for id_, tracklets in base.items()}
        self.names: dict[int, tuple[str, int]] = {}
        self.ruled_out: list[tuple[int, str]] = []
        self.apart: list[Apart] = []
        self.aliases: dict[int, int] = {}
        self._finder = finder
        self._spans = spans

    def apply(self, edit: Edit) -> str | None:
        """Apply one edit, or say why it cannot be."""
        assert edit.who is not None, "only an undo is about nobody"
        if edit.verb == "forget":  # the faces are gone already
            return None
        tracklets = self._tracklets(edit.who)
        if not tracklets:
            return "the face it is about is not found any more"
        if edit.verb == "split":
            return self._split(edit, tracklets)
        id_ = self._owner(tracklets)
        if id_ is None and edit.new_id is not None:  # a face that the machine gave to nobody
            self.groups[edit.new_id] = set(tracklets)
            id_ = edit.new_id
        if id_ is None:
            return "the face it is about belongs to nobody now"
        if edit.verb == "name":
            return None if is_redacted(edit) else self._name(edit, id_)
        if edit.verb == "not" and edit.name is not None:
            return None if is_redacted(edit) else self._rule_out(edit, id_)
        assert edit.other is not None
        other = self._owner(self._tracklets(edit.other))
        if other is None:
            return "the second person it is about is not found any more"
        if edit.verb == "merge":
            return self._merge(edit, id_, other)
        return self._separate(edit, tracklets, id_, other)

    def _name(self, edit: Edit, id_: int) -> str | None:
        assert edit.name is not None
        if id_ in self.names and fold_name(self.names[id_][0]) != fold_name(edit.name):
            name, number = self.names[id_]
            return f"edit {number} named the same person {name}"
        if any(one == id_ and fold_name(name) == fold_name(edit.name) for one, name in self.ruled_out):
            return f"an earlier edit says this person is not {edit.name}"
        namesake = next(
            (one for one, (name, _) in self.names.items() if fold_name(name) == fold_name(edit.name) and one != id_),
            None,
        )
        if namesake is not None:
            rule = self._kept_apart(id_, namesake)
            if rule is not None:
                return f"{edit.name} is person {namesake} already, and edit {rule.number} says they are not the same"
            moment = seen_together(self.groups[id_], self.groups[namesake], self._spans)
            if moment is not None:
                return (
                    f"{edit.name} is person {namesake} already, and both are on screen at {moment:.1f} s; "
                    "merge them if one is a mirror or a photograph"
                )
            self._join(id_, namesake)
            return None
        self.names[id_] = (edit.name, edit.number)
        return None

    def _rule_out(self, edit: Edit, id_: int) -> str | None:
        assert edit.name is not None
        if id_ in self.names and fold_name(self.names[id_][0]) == fold_name(edit.name):
            return f"edit {self.names[id_][1]} named the same person {edit.name}"
        self.ruled_out.append((id_, edit.name))
        return None

    def _merge(self, edit: Edit, one: int, other: int) -> str | None:
        if one == other:
            return None
        rule = self._kept_apart(one, other)
        if rule is not None:
            return f"edit {rule.number} says they are not the same"
        names = [self.names[id_] for id_ in (one, other) if id_ in self.names]
        if len({fold_name(name) for name, _ in names}) > 1:
            return f"edits {names[0][1]} and {names[1][1]} named them {names[0][0]} and {names[1][0]}"
        self._join(one, other)
        return None

    def _split(self, edit: Edit, tracklets: Sequence[int]) -> str | None:
        id_ = self._owner(tracklets)
        if id_ is None:
            return "the face it is about belongs to nobody now"
        return self._take_out(edit, [one for one in tracklets if one in self.groups[id_]], id_)

    def _separate(self, edit: Edit, tracklets: Sequence[int], id_: int, other: int) -> str | None:
        assert edit.who is not None
        if id_ == other:
            if edit.who.is_moment:
                return self._take_out(edit, tracklets, id_)
            return "both are one person now; split them first"
        self.apart.append(
            Apart(one=frozenset(self.groups[id_]), other=frozenset(self.groups[other]), number=edit.number)
        )
        return None

    def _take_out(self, edit: Edit, tracklets: Sequence[int], id_: int) -> str | None:
        assert edit.new_id is not None
        rest = self.groups[id_] - set(tracklets)
        if not rest:
            return "nothing would be left of the person"
        self.groups[id_] = rest
        self.groups[edit.new_id] = set(tracklets)
        self.apart.append(Apart(one=frozenset(tracklets), other=frozenset(rest), number=edit.number))
        return None

    def _join(self, one: int, other: int) -> None:
        """Join two groups; the named one stays, else the one longer on screen, else the smaller number."""
        keep, drop = sorted((one, other), key=lambda id_: (id_ not in self.names, -self._seconds(id_), id_))
        self.groups[keep] |= self.groups.pop(drop)
        self.names.pop(drop, None)
        self.aliases[drop] = keep
        self.ruled_out = [(keep if id_ == drop else id_, name) for id_, name in self.ruled_out]

    def _seconds(self, id_: int) -> float:
        return sum(self._spans[tracklet].seconds for tracklet in self.groups[id_])

    def _kept_apart(self, one: int, other: int) -> Apart | None:
        return next((rule for rule in self.apart if rule.separates(self.groups[one], self.groups[other])), None)

    def _tracklets(self, who: Who) -> tuple[int, ...]:
        return self._finder.find_all(who.anchors)

    def _owner(self, tracklets: Sequence[int]) -> int | None:
        """Return the id that has most of the tracklets."""
        votes = Counter(id_ for id_, group in self.groups.items() for tracklet in tracklets if tracklet in group)
        return min(votes, key=lambda id_: (-votes[id_], id_)) if votes else None

    def flat_aliases(self) -> dict[int, int]:
        """Return each id given up with the one that stands for it in the end."""
        flat = {}
        for old in self.aliases:
            new = old
            while new in self.aliases:
                new = self.aliases[new]
            flat[old] = new
        return flat
