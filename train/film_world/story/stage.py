"""A stage: one scene while it is being written; every step is checked against the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from movieqa.train.film_world.actions import ACTION_KINDS
from movieqa.train.film_world.records import DayPart, Event, Fact, Knowledge, Place, Scene, Stay, Weather

from .world import StoryError, World

SLOTS = (300.0, 640.0, 470.0, 790.0, 200.0)
"""Where people stand, the first comers in the middle; stage units."""
_SHADOW = 915.0
"""Where somebody stands who must not be noticed."""
_NOTABLE = ("hide", "take", "break", "burn", "give", "pour", "find", "write", "put")
"""Actions worth telling others of."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a plot asks for next: a scene at a place with these people."""

    place: Place
    people: tuple[str, ...] = ()
    """Who is there when the scene opens."""
    shadow: str | None = None
    """Who watches unseen."""
    arrives: bool = False
    """The first person comes in when the scene has opened."""
    portrait: str | None = None


class Stage:
    """One scene being written."""

    def __init__(self, world: World, call: Call, *, thread: str) -> None:
        self.world = world
        self.place = call.place
        self.thread = thread
        self.id = f"s{len(world.scenes)}"
        self.dice = world.dice.fork("scene", self.id)
        self.start = world.clock
        self._call = call
        self._stays: dict[str, Stay] = {}
        self._done: list[Stay] = []
        self._outfits: dict[str, int] = {}
        self.part: DayPart = _part(world.hour)
        self.weather: Weather = "rain" if self.dice.chance(0.2) else "clear"
        world.wait(self.dice.number(1.2, 3.0))
        present = call.people[1:] if call.arrives else call.people
        for person in present:
            self._open(person, enters="there", start=self.start)
        if call.shadow is not None:
            self._open(call.shadow, enters="there", start=self.start, watches=True)
        if call.arrives:
            self.act("enter", call.people[0])

    @property
    def present(self) -> tuple[str, ...]:
        """Everybody who is here now, watchers too."""
        return tuple(self._stays)

    def act(
        self,
        action: str,
        agent: str,
        other: str | None = None,
        *,
        prop: str | None = None,
        spot: str | None = None,
        why: str | None = None,
        why_kind: str | None = None,
        causes: tuple[str, ...] = (),
    ) -> Event:
        """Let somebody do something that can be seen.

        Raises:
            StoryError: The world does not allow it.
        """
        world = self.world
        kind = ACTION_KINDS[action]
        if action == "enter" and agent not in self._stays:
            self._open(agent, enters="left" if self.dice.chance(0.5) else "right", start=world.clock)
        for person in (agent, other):
            if person is not None and person not in self._stays:
                raise StoryError(f"{person} is not in {self.id} and cannot take part in {action}")
        if (other is None) == kind.has_other or (prop is None) == kind.has_prop:
            raise StoryError(f"{action} is told wrongly")
        before = world.holders.get(prop) if prop else None
        if prop is not None:
            world.move_prop(action, agent, other, prop, self.place.id, spot)
        start = world.clock
        world.wait(kind.seconds * self.dice.number(0.9, 1.2))
        event = self._record(
            Event(
                id="",
                scene=self.id,
                start=start,
                end=world.clock,
                action=action,
                agent=agent,
                other=other,
                prop=prop,
                place=self.place.id,
                spot=spot,
                why=why,
                why_kind=why_kind,
                causes=causes,
                thread=self.thread,
                holders=tuple(holder for holder in (before, world.holders.get(prop)) if holder) if prop else (),
            )
        )
        if action in _NOTABLE:
            fact = world.add_fact(
                Fact(
                    id="",
                    text=world.sentence(event),
                    is_true=True,
                    event=event.id,
                    prop=prop,
                    place=self.place.id,
                    spot=spot,
                    person=agent,
                )
            )
            event = replace(event, fact=fact.id)
            world.events[-1] = event
            self._learn(agent, fact.id, "did", event)
            for witness in event.witnesses:
                self._learn(witness, fact.id, "saw", event)
        if action == "leave":
            self._close(agent, leaves="left" if self.dice.chance(0.5) else "right")
        world.wait(self.dice.number(0.2, 0.7))
        return event

    def say(
        self,
        symbol: str,
        speaker: str,
        listener: str | None = None,
        *,
        speech: str = "talk",
        fact: Fact | None = None,
        believed: bool = True,
        names: tuple[str, ...] = (),
        why: str | None = None,
        why_kind: str | None = None,
        causes: tuple[str, ...] = (),
        **slots: str,
    ) -> Event:
        """Let somebody say something; who hears it knows it.

        Raises:
            StoryError: Somebody is not here, or tells what he does not know.
        """
        world = self.world
        if speaker not in self._stays or (listener is not None and listener not in self._stays):
            raise StoryError(f"{speaker} and {listener} do not meet in {self.id}")
        if fact is not None and speech in ("tell", "confide", "warn") and not world.knows(speaker, fact.id):
            raise StoryError(f"{speaker} does not know that {fact.text}")
        named = list(names)
        if listener is not None:
            slots.setdefault("b", world.name(listener))
        slots.setdefault("part", self.part if self.part != "night" else "evening")
        if fact is not None:
            slots.setdefault("fact", self._as_said(fact, speaker, listener if speech == "accuse" else None))
        text = world.grammar.say(self.dice, symbol, **slots)
        named += [
            person.id for person in world.people.values() if _mentions(text, person.name) and person.id not in named
        ]
        start = world.clock
        world.wait(min(7.0, max(1.3, 0.7 + 0.052 * len(text))))
        event = self._record(
            Event(
                id="",
                scene=self.id,
                start=start,
                end=world.clock,
                action="say",
                agent=speaker,
                other=listener,
                place=self.place.id,
                text=text,
                speech=speech,
                fact=fact.id if fact else None,
                names=tuple(named),
                prop=fact.prop if fact else None,
                spot=fact.spot if fact else None,
                why=why,
                why_kind=why_kind,
                causes=causes,
                thread=self.thread,
            )
        )
        if fact is not None:
            if speech == "read_out":
                self._learn(speaker, fact.id, "read", event)
            for witness in event.witnesses:
                hidden = self._stays[witness].watches
                self._learn(witness, fact.id, "overheard" if hidden else "told", event, believed=believed or hidden)
        world.wait(self.dice.number(0.15, 0.9))
        return event

    def close(self) -> Scene:
        """End the scene and let time pass."""
        world = self.world
        world.wait(self.dice.number(0.8, 2.0))
        for person in list(self._stays):
            self._close(person, leaves="stays")
        portrait = self._call.portrait or self._chance_portrait()
        scene = Scene(
            id=self.id,
            start=self.start,
            end=world.clock,
            place=self.place.id,
            day=world.day,
            day_part=self.part,
            weather=self.weather,
            stays=tuple(sorted(self._done, key=lambda stay: (stay.start, stay.person))),
            crowd=self.dice.whole(1, 10**6),
            portrait=portrait,
            shown_on=self._shown_on() if portrait else "",
        )
        world.scenes.append(scene)
        world.hour += self.dice.number(1.0, 4.0)
        if world.hour >= 24:
            world.hour = self.dice.number(6.0, 9.0)
            world.day += 1
        return scene

    def _as_said(self, fact: Fact, speaker: str, accused: str | None) -> str:
        if fact.event is None:
            return (
                fact.text.replace(self.world.name(accused), "you", 1)
                if accused and fact.person == accused
                else fact.text
            )
        event = self.world.events[int(fact.event[1:])]
        return self.world.sentence(event, speaker, accused)

    def _record(self, event: Event) -> Event:
        witnesses = tuple(person for person in self._stays if person != event.agent)
        numbered = replace(event, id=f"e{len(self.world.events)}", witnesses=witnesses)
        self.world.events.append(numbered)
        return numbered

    def _learn(
        self,
        person: str,
        fact: str,
        how: Literal["did", "saw", "told", "overheard", "read"],
        event: Event,
        *,
        believed: bool = True,
    ) -> None:
        if not self.world.knows(person, fact):
            self.world.knowledge.append(
                Knowledge(person=person, fact=fact, start=event.end, how=how, event=event.id, believed=believed)
            )

    def _open(
        self, person: str, *, enters: Literal["left", "right", "there"], start: float, watches: bool = False
    ) -> None:
        if person in self._stays:
            raise StoryError(f"{person} is in {self.id} already")
        outfit = self._outfits.setdefault(person, self._choose_outfit(person))
        taken = {stay.x for stay in self._stays.values()}
        x = _SHADOW if watches else next((slot for slot in SLOTS if slot not in taken), SLOTS[-1])
        stay = Stay(
            person=person,
            start=start,
            end=start,
            outfit=outfit,
            x=x,
            enters=enters,
            leaves="stays",
            watches=watches,
            seat="" if watches else self._seat(x),
        )
        self._stays[person] = stay

    def _close(self, person: str, *, leaves: Literal["left", "right", "stays"]) -> None:
        stay = self._stays.pop(person)
        self._done.append(replace(stay, end=self.world.clock, leaves=leaves))

    def _chance_portrait(self) -> str | None:
        """Hang somebody's picture in some rooms: seen, but not there."""
        chance = 0.1 if self.place.is_outside else 0.2
        return self.dice.pick(sorted(self.world.people)) if self.dice.chance(chance) else None

    def _shown_on(self) -> Literal["photograph", "television", "poster"]:
        if self.place.is_outside:
            return "poster"
        return self.dice.fork("shown on").pick(("photograph", "photograph", "television"))

    def _seat(self, x: float) -> str:
        """Put something to sit on at some of the places where people stand."""
        dice = self.dice.fork("seat", x)
        if not dice.chance(0.3):
            return ""
        return dice.pick(("bench", "crate") if self.place.is_outside else ("chair", "chair", "stool", "armchair"))

    def _choose_outfit(self, person: str) -> int:
        count = len(self.world.people[person].outfits)
        return self.world.dice.fork("outfit", person, self.world.day, len(self.world.scenes) // 4).whole(0, count - 1)


def _mentions(text: str, name: str) -> bool:
    words = (
        text.replace("'s", " ")
        .replace(",", " ")
        .replace(".", " ")
        .replace("!", " ")
        .replace("?", " ")
        .replace(":", " ")
    )
    return name in words.split()


def _part(hour: float) -> DayPart:
    return "morning" if hour < 11 else "day" if hour < 17 else "evening" if hour < 20.5 else "night"
