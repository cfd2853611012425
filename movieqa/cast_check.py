"""Checks the people an answer names against who is on screen in the moments it cites."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from movieqa.answer import Span
from movieqa.identity import Cast, Identity
from movieqa.movie import Shot

_SHORTEST_NAME = 3  # letters of a first name that stands for its owner; shorter ones are words too often


@dataclass(frozen=True, kw_only=True)
class CastCheck:
    """What a cast says of an answer.

    Attributes:
        names: The people the answer names, in the order of the cast.
        notes: What does not agree with the cited moments, for the reader.
    """

    names: tuple[str, ...]
    notes: tuple[str, ...]


def check_cast(answer: str, cast: Cast, spans: Sequence[Span], shots: Sequence[Shot]) -> CastCheck:
    """Find the people an answer names, and mark those who are in none of the shots it cites.

    Args:
        answer: What the model wrote.
        cast: Who is on screen when.
        spans: The moments it cites; one that was not found proves nobody's presence.
        shots: The film's shots.
    """
    people = people_by_name(cast)
    named = [name for name in people if any(_is_named(form, answer) for form in called(name, people))]
    cited = {
        shot.index
        for span in spans
        if span.known != "not found"
        for shot in shots
        if shot.start < span.end and span.start < shot.end
    }
    absent = [name for name in named if cited and not any(cited & set(one.shots) for one in people[name])]
    return CastCheck(
        names=tuple(named),
        notes=tuple(f"The answer names {name}, who is on screen in none of the moments it cites." for name in absent),
    )


def people_by_name(cast: Cast) -> dict[str, list[Identity]]:
    """Return who may be meant by each name; nobody by a name of the cast folder that fits nobody on screen."""
    people: dict[str, list[Identity]] = {}
    for one in cast.identities:
        people.setdefault(one.name or one.possibly or one.label, []).append(one)
    return people | {name: [] for name in cast.unseen if name not in people}


def called(name: str, people: Collection[str]) -> tuple[str, ...]:
    """Return how a person is called: by the whole name, or by a first name that nobody else has.

    Args:
        name: The whole name.
        people: All names, this one among them.
    """
    first, _, rest = name.partition(" ")
    is_sure = bool(rest) and len(first) >= _SHORTEST_NAME and first != "person"
    shared = sum(other.split(" ", 1)[0] == first for other in people)
    return (name, first) if is_sure and shared == 1 else (name,)


def _is_named(form: str, answer: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(form)}(?!\w)", answer) is not None
