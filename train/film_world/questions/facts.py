"""Facts of a film, laid out for asking: who was named when, what is unique, how a sentence says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from movieqa.train.film_world.actions import ACTION_KINDS
from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.grammar import Grammar
from movieqa.train.film_world.places import PLACE_KINDS
from movieqa.train.film_world.props import COLORS, PROP_KINDS
from movieqa.train.film_world.records import Event, Film
from movieqa.train.film_world.splits import Split, allowed_items

from .wording import WORDING


class Facts:
    """A film seen from its questions."""

    def __init__(self, film: Film, dice: Dice) -> None:
        self.film = film
        self.dice = dice
        self.split: Split = "train" if film.split == "train" else "test" if film.split == "test" else "all"
        self.grammar = Grammar(WORDING, self.split)
        self.names = {person.id: person.name for person in film.people}
        self.props = {prop.id: prop for prop in film.props}
        self.places = {place.id: place for place in film.places}
        self.events = film.events
        self.by_id = {event.id: event for event in film.events}
        self.actions = [event for event in film.events if event.action != "say"]
        self.families = dict(film.threads)
        self.named_at = _first_naming(film)
        self.known = [person.id for person in film.people if person.id in self.named_at]

    def is_named(self, *people: str | None, before: float | None = None) -> bool:
        """Tell whether the film says the names of all these people (before a time)."""
        limit = self.film.duration if before is None else before
        return all(person is None or self.named_at.get(person, limit + 1) <= limit for person in people)

    def say(self, event: Event, tense: str = "present") -> str:
        """Say an event in one clause with names: `Mara gives the red key to Otto`."""
        kind = ACTION_KINDS[event.action]
        pattern = {"present": kind.present, "past": kind.past, "bare": kind.bare}[tense]
        text = pattern.format(
            b=self.names.get(event.other or "", ""),
            o=self.props[event.prop].name if event.prop else "",
            s=event.spot or "",
        )
        return f"{self.names[event.agent]} {text}"

    def doing(self, event: Event, *, tense: str, hide: str = "") -> str:
        """Say what is done without who does it; `hide` leaves a slot open: `other`, `prop` or `spot`."""
        kind = ACTION_KINDS[event.action]
        pattern = {"present": kind.present, "past": kind.past, "bare": kind.bare}[tense]
        holes = {"other": "somebody", "prop": "something", "spot": "somewhere"}
        return pattern.format(
            b=holes["other"] if hide == "other" else self.names.get(event.other or "", ""),
            o=holes["prop"] if hide == "prop" else self.props[event.prop].name if event.prop else "",
            s=holes["spot"] if hide == "spot" else event.spot or "",
        )

    def unique(
        self, events: Sequence[Event], wanted: Event, key: Callable[[Event], object], answer: Callable[[Event], object]
    ) -> bool:
        """Tell whether all events that fit a question give the same answer."""
        return {answer(event) for event in events if key(event) == key(wanted)} == {answer(wanted)}

    def other_people(self, dice: Dice, excluded: set[str], count: int) -> list[str]:
        """Return names of other people the film names."""
        return dice.sample([self.names[person] for person in self.known if person not in excluded], count)

    def other_props(self, dice: Dice, event: Event, count: int) -> list[str]:
        """Return names of things with which the same could be done: of the same action, of the film, or made up."""
        uses = {
            "read": "read",
            "write": "read",
            "break": "break",
            "drink": "drink",
            "pour": "drink",
            "burn": "burn",
            "play": "play",
            "eat": "eat",
        }
        use = uses.get(event.action)
        mine = self.props[event.prop or ""]
        fits = [
            prop.name
            for prop in self.film.props
            if prop.id != mine.id and (use is None or use in PROP_KINDS[prop.kind].uses)
        ]
        same = {self.props[other.prop].name for other in self.actions if other.action == event.action and other.prop}
        pool = dice.shuffled([name for name in fits if name in same])
        pool += dice.shuffled([name for name in fits if name not in same])
        kinds = [kind.name for kind in PROP_KINDS.values() if use is None or use in kind.uses]
        kinds = allowed_items(self.split, "prop", kinds)
        while len(pool) < count:
            name = f"the {dice.pick(sorted(COLORS))} {dice.pick(kinds)}"
            if name not in pool and name != mine.name:
                pool.append(name)
        return pool[:count]

    def other_places(self, dice: Dice, place: str, count: int) -> list[str]:
        """Return phrases of other places: first of the film, then others a film could have."""
        mine = self.places[place].phrase
        pool = dice.shuffled([other.phrase for other in self.film.places if other.id != place])
        rest = [PLACE_KINDS[kind].phrase for kind in allowed_items(self.split, "place", sorted(PLACE_KINDS))]
        pool += [phrase for phrase in dice.shuffled(rest) if phrase not in pool and phrase != mine]
        return pool[:count]


def _first_naming(film: Film) -> dict[str, float]:
    """Return when each person is first called by name while in the room."""
    result: dict[str, float] = {}
    for event in film.events:
        for person in event.names:
            if event.speech != "mistake" and (
                person == event.other or person in event.witnesses or person == event.agent
            ):
                result.setdefault(person, event.end)
    return result


def clock(seconds: float) -> str:
    """Write a moment for a question: `0:41:07`.

    Example:
        >>> clock(67.4)
        '0:01:07'
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
