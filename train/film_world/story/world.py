"""The world of a story: where everybody and everything is, who knows what, and the clock of the film."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from movieqa.train.film_world.actions import ACTION_KINDS
from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.grammar import Grammar
from movieqa.train.film_world.records import Event, Fact, Knowledge, Person, Place, Prop, Relation, Scene
from movieqa.train.film_world.splits import Split

from .speech import RULES

HOW_KNOWN = ("did", "saw", "told", "overheard", "read")


class StoryError(AssertionError):
    """A plot tried something its world does not allow: a fault of ours, never of the user."""


@dataclass(kw_only=True)
class World:
    """What is so at the present moment of the story, and everything that was."""

    dice: Dice
    split: Split
    fps: int
    people: dict[str, Person]
    places: dict[str, Place]
    props: dict[str, Prop] = field(default_factory=dict)
    clock: float = 0.0
    """Seconds of film."""
    day: int = 1
    hour: float = 8.0
    holders: dict[str, str | None] = field(default_factory=dict)
    """Person who has a prop; None when it lies somewhere or is gone."""
    lying: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Place and hiding spot (None: in the open) of a prop nobody has."""
    gone: set[str] = field(default_factory=set)
    """Props that are broken, burned or eaten."""
    scenes: list[Scene] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    knowledge: list[Knowledge] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    starts: list[tuple[str, str, str | None]] = field(default_factory=list)
    grammar: Grammar = field(init=False)

    def __post_init__(self) -> None:
        """Grow the speech of this film's split."""
        self.grammar = Grammar(RULES, self.split)

    def name(self, person: str) -> str:
        """Return a person's name."""
        return self.people[person].name

    def wait(self, seconds: float) -> None:
        """Move the clock on, to a whole frame."""
        self.clock = round((self.clock + seconds) * self.fps) / self.fps

    def introduce(
        self, prop: Prop, *, holder: str | None = None, place: str | None = None, spot: str | None = None
    ) -> None:
        """Bring a prop into the world: somebody has it, or it lies somewhere."""
        if (holder is None) == (place is None) or prop.id in self.props:
            raise StoryError(f"{prop.name} must be in exactly one place")
        self.props[prop.id] = prop
        self.holders[prop.id] = holder
        if place is not None:
            self.lying[prop.id] = (place, spot)
        self.starts.append((prop.id, holder or place or "", spot))

    def add_fact(self, fact: Fact) -> Fact:
        """Give a fact its number and keep it."""
        numbered = replace(fact, id=f"f{len(self.facts)}")
        self.facts[numbered.id] = numbered
        return numbered

    def knows(self, person: str, fact: str) -> bool:
        """Tell whether a person believes a fact by now."""
        return any(item.person == person and item.fact == fact and item.believed for item in self.knowledge)

    def relation(self, first: str, second: str) -> str:
        """Return what two people are to each other now; `strangers` when nothing is known."""
        pair = tuple(sorted((first, second)))
        return next((item.kind for item in reversed(self.relations) if (item.first, item.second) == pair), "strangers")

    def relate(self, first: str, second: str, kind: str, event: str | None = None) -> None:
        """Make two people something to each other from now on."""
        low, high = sorted((first, second))
        if self.relation(low, high) != kind:
            self.relations.append(Relation(first=low, second=high, kind=kind, start=self.clock, event=event))

    def move_prop(self, action: str, agent: str, other: str | None, prop: str, place: str, spot: str | None) -> None:
        """Let an action change where a prop is, or refuse it."""
        name = self.props[prop].name
        if prop in self.gone:
            raise StoryError(f"{name} is gone and cannot be used to {action}")
        if action in ("take", "find"):
            if self.lying.get(prop) != (place, spot):
                raise StoryError(f"{name} does not lie {spot or 'in the open'} at {place}")
            del self.lying[prop]
            self.holders[prop] = agent
            return
        if self.holders[prop] != agent:
            raise StoryError(f"{agent} does not have {name} and cannot {action} it")
        if action == "give":
            self.holders[prop] = other
        elif action in ("hide", "put"):
            self.holders[prop] = None
            self.lying[prop] = (place, spot)
        elif action in ("break", "burn", "eat"):
            self.gone.add(prop)

    def where(self, fact: Fact) -> tuple[str, str]:
        """Return the phrases for a fact's place and spot."""
        if fact.place is None or fact.spot is None:
            raise StoryError(f"{fact.text}: nothing is hidden")
        return self.places[fact.place].phrase, fact.spot

    def sentence(self, event: Event, speaker: str | None = None, accused: str | None = None) -> str:
        """Say an action in the past tense; the speaker says `I`, and `you` to the one he accuses."""
        said = {person.id: person.name for person in self.people.values()}
        subject = "I" if event.agent == speaker else "you" if event.agent == accused else said[event.agent]
        other = "" if event.other is None else "me" if event.other == speaker else said[event.other]
        place = self.places[event.place]
        if event.action in ("enter", "leave"):
            return f"{subject} {'came to' if event.action == 'enter' else 'left'} {place.name}"
        prop = self.props[event.prop].name if event.prop else ""
        text = ACTION_KINDS[event.action].past.format(a=subject, b=other, o=prop, s=event.spot or "")
        return f"{subject} {text}, {place.phrase}" if event.spot else f"{subject} {text} {place.phrase}"
