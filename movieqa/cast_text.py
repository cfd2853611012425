"""The people of a film as words or slots: what a language model is told of who is on screen, at five levels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from movieqa.identity import Cast, Identity, shown_before
from movieqa.intervals import total
from movieqa.movie import Shot
from movieqa.person_slots import IDENTITY_MARK, PersonSlots
from movieqa.times import format_time

SHORT_PART = 20.0
"""Seconds on screen below which a person is left out first."""
SCENE = 60.0
"""Seconds that are told of together where single shots take too much room."""

INTRODUCTION = "The people of this movie:"
"""Stands before the lines that tell of people where no names stand in the film."""
_WITH_MARKS = "The people of this movie; in it, names in brackets say who is on screen in what follows:"


@dataclass(frozen=True, kw_only=True)
class PresenceLine:
    """Who is on screen from a moment on, in seconds."""

    start: float
    text: str


@dataclass(frozen=True, kw_only=True)
class CastText:
    """What is told of a film's people.

    Attributes:
        header: Lines before the film: an introduction, then one for each person, longest on screen first.
        presence: Lines inside the film, in film order.
        people: Ids of the people of the header, where slots stand for them instead of names.
    """

    header: tuple[str, ...]
    presence: tuple[PresenceLine, ...]
    people: tuple[int, ...] | None = None

    def cleaned(self, before: Sequence[str], clean: Callable[[str], str]) -> CastText:
        """Return it after other lines; where names are told, every line is cleaned of what is no name."""
        first = tuple(map(clean, before))
        if self.people is not None:
            return replace(self, header=(*first, *self.header))
        presence = tuple(replace(line, text=clean(line.text)) for line in self.presence)
        return replace(self, header=(*first, *map(clean, self.header)), presence=presence)


def cast_levels(cast: Cast, shots: Sequence[Shot], *, until: float | None = None) -> tuple[CastText, ...]:
    """Write a film's people at every level, from the most that can be told to the least.

    0: everybody, and at every shot who is in it. 1: without those seen shortly. 2: only where it changes who is on
    screen. 3: a minute at a time. 4: only the lines before the film.

    Args:
        cast: Who is on screen when.
        shots: The film's shots, those that began before `until`.
        until: Seconds; nothing shown at or after this time is told.

    Returns:
        The levels; none at all when nobody is on screen by then.
    """
    return _levels(cast, shots, until, _Words())


def slot_levels(
    slots: PersonSlots, shots: Sequence[Shot], *, until: float | None = None, identity_tokens: int = 0
) -> tuple[CastText, ...]:
    """Write a film's people as slots of a trained model, at the levels of `cast_levels`; no name is told.

    Args:
        slots: Who has which slot; who has none is not told of.
        shots: The film's shots, those that began before `until`.
        until: Seconds, as the slots were given with.
        identity_tokens: Tokens made of pictures that stand beside each person's slot before the film.

    Returns:
        The levels; none at all when nobody has a slot.
    """
    return _levels(slots.cast, shots, until, _Slots(slots=slots, identity_tokens=identity_tokens))


def choose_level(sizes: Sequence[int], room: int) -> int:
    """Return the first level that fits into the room, else the last one.

    Args:
        sizes: Tokens of each level, the fullest first.
        room: Tokens that are free.

    Example:
        >>> choose_level([900, 400, 450, 20], 430)
        1
    """
    return next((level for level, size in enumerate(sizes) if size <= room), len(sizes) - 1)


def attach_presence(frame_times: NDArray[np.float64], lines: Sequence[PresenceLine]) -> dict[int, str]:
    """Return for frames the line that stands before them.

    A line stands before the first frame at or after its start. Of several that would stand before one frame only the
    last does: the others tell of shots none of whose frames is there.
    """
    places = np.searchsorted(frame_times, [line.start for line in lines], side="left")
    return {int(place): line.text for place, line in zip(places, lines, strict=True) if place < len(frame_times)}


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A stretch of the film and who is in it, longest on screen first."""

    start: float
    end: float
    people: tuple[Identity, ...]


class _Form(Protocol):
    """How people are told of."""

    def knows(self, one: Identity) -> bool:
        """Whether anything can be told of a person."""

    def introduce(self, one: Identity, seconds: float) -> str:
        """Write a person's line before the film; `seconds` on screen."""

    def place(self, people: Sequence[Identity]) -> str:
        """Write who is on screen."""

    def told(self, people: Sequence[Identity], lines: Sequence[str], presence: Sequence[PresenceLine]) -> CastText:
        """Put a level together."""


class _Words:
    """By name."""

    def knows(self, one: Identity) -> bool:
        return True

    def introduce(self, one: Identity, seconds: float) -> str:
        return f"{one.label}: first seen at {format_time(one.first)}, on screen for {round(seconds)} s"

    def place(self, people: Sequence[Identity]) -> str:
        return f"[{', '.join(one.label for one in people)}]" if people else "[nobody known]"

    def told(self, people: Sequence[Identity], lines: Sequence[str], presence: Sequence[PresenceLine]) -> CastText:
        return CastText(header=(_WITH_MARKS if presence else INTRODUCTION, *lines), presence=tuple(presence))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Slots:
    """By slot."""

    slots: PersonSlots
    identity_tokens: int

    def knows(self, one: Identity) -> bool:
        return one.id in self.slots.texts

    def introduce(self, one: Identity, seconds: float) -> str:
        return self.slots.texts[one.id] + IDENTITY_MARK * self.identity_tokens

    def place(self, people: Sequence[Identity]) -> str:
        return "".join(self.slots.texts[one.id] for one in people) or "-"

    def told(self, people: Sequence[Identity], lines: Sequence[str], presence: Sequence[PresenceLine]) -> CastText:
        ids = tuple(one.id for one in people)
        return CastText(header=(INTRODUCTION, *lines), presence=tuple(presence), people=ids)


def _levels(cast: Cast, shots: Sequence[Shot], until: float | None, form: _Form) -> tuple[CastText, ...]:
    limit = math.inf if until is None else until
    seconds = {one.id: total(shown_before(one.spans, limit)) for one in cast.identities}
    seen = (one for one in cast.identities if seconds[one.id] and form.knows(one))
    everybody = sorted(seen, key=lambda one: (-seconds[one.id], one.id))
    if not everybody:
        return ()
    main = [one for one in everybody if seconds[one.id] >= SHORT_PART] or everybody[:1]
    all_in, main_in = _who_is_in(cast, everybody, shots, limit), _who_is_in(cast, main, shots, limit)
    return tuple(
        form.told(
            people,
            [form.introduce(one, seconds[one.id]) for one in people],
            [PresenceLine(start=part.start, text=form.place(part.people)) for part in parts],
        )
        for people, parts in (
            (everybody, _by_shot(all_in)),
            (main, _by_shot(main_in)),
            (main, list(_changes(main_in))),
            (main, list(_changes(_by_scene(main_in, main)))),
            (main, []),
        )
    )


def _who_is_in(cast: Cast, people: Sequence[Identity], shots: Sequence[Shot], limit: float) -> list[_Part]:
    in_shot: dict[int, list[Identity]] = {}
    for one in people:  # in their order, which every line keeps
        for shot in {cast.tracklets[index].shot for index in one.tracklets if cast.tracklets[index].start < limit}:
            in_shot.setdefault(shot, []).append(one)
    return [_Part(start=shot.start, end=shot.end, people=tuple(in_shot.get(shot.index, ()))) for shot in shots]


def _by_shot(parts: Sequence[_Part]) -> list[_Part]:
    """Return all parts with somebody in them, and where the last one leaves."""
    kept: list[_Part] = []
    for part in parts:
        if part.people or (kept and kept[-1].people):
            kept.append(part)
    return kept


def _changes(parts: Iterable[_Part]) -> Iterator[_Part]:
    before: tuple[Identity, ...] = ()
    for part in parts:
        if part.people != before:
            yield part
        before = part.people


def _by_scene(parts: Sequence[_Part], people: Sequence[Identity]) -> Iterator[_Part]:
    """Join shots that follow each other until they last a scene."""
    joined: list[_Part] = []
    for part in parts:
        joined.append(part)
        if part.end - joined[0].start >= SCENE or part is parts[-1]:
            ids = {one.id for own in joined for one in own.people}
            yield _Part(start=joined[0].start, end=part.end, people=tuple(one for one in people if one.id in ids))
            joined = []
