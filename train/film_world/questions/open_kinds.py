"""Open questions: summaries of the film and of a part, moments, dense captions, and which plot the film tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.records import Event

from .building import build
from .facts import Facts, clock
from .sample import Sample

_WORTH = ("hide", "find", "take", "give", "break", "burn", "pour", "drink", "embrace", "push", "read", "write", "show")


def summary(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask for a summary of the film: every plot line from its secret to its end."""
    sentences, proof = [], []
    for thread, family in facts.film.threads:
        events = [event for event in facts.actions if event.thread == thread and event.action in _WORTH]
        if family == "everyday" or not events:
            continue
        chosen = [event for event in events if event.why or event.action in ("find", "embrace", "break")] or events[:1]
        chosen = sorted(
            {event.id: event for event in [*chosen[:3], chosen[-1]]}.values(), key=lambda event: event.start
        )
        sentences.append(_then([f"{facts.say(event)}{' ' + event.why if event.why else ''}" for event in chosen]))
        proof += chosen
    if proof:
        text = " ".join(sentences)
        yield build(
            facts,
            dice,
            tag="summary",
            question=facts.grammar.say(dice, "summary"),
            right=text,
            long=text,
            proof=proof,
            needs=["picture", "subtitle", "identity"],
            query={"ask": "summary"},
        )


def part(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask for a summary of a stretch of the film."""
    for scene in dice.shuffled(facts.film.scenes):
        events = [event for event in facts.events if event.scene == scene.id]
        told = [
            event
            for event in events
            if event.action != "say" or event.speech in ("tell", "confide", "lie", "accuse", "admit")
        ]
        if len(told) < 2:
            continue
        text = _then([_told(facts, event) for event in told]) + f" This is {facts.places[scene.place].phrase}."
        yield build(
            facts,
            dice,
            tag="summary",
            question=facts.grammar.say(dice, "part", t=clock(scene.start), u=clock(scene.end)),
            right=text,
            long=text,
            proof=told,
            needs=["picture", "subtitle", "identity"],
            query={"ask": "part", "scene": scene.id},
            extra_tags=["part"],
        )


def moment(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask for the span of an event that happens once."""
    for event in dice.shuffled(
        [event for event in facts.actions if event.action in _WORTH and facts.is_named(event.agent, event.other)]
    ):
        if sum(facts.say(other) == facts.say(event) for other in facts.actions) > 1:
            continue
        text = f"{clock(event.start)} to {clock(event.end)}"
        yield build(
            facts,
            dice,
            tag="moment",
            question=facts.grammar.say(
                dice, "moment", a=facts.names[event.agent], did=facts.doing(event, tense="past")
            ),
            right=text,
            long=f"{facts.say(event)} from {text}.",
            proof=[event],
            needs=["picture", "identity"],
            query={"ask": "span", "event": event.id},
        )


def dense(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask for all events of a stretch with their times."""
    for scene in dice.shuffled(facts.film.scenes):
        events = [event for event in facts.actions if event.scene == scene.id]
        if len(events) < 2:
            continue
        text = " ".join(f"From {event.start:.1f} to {event.end:.1f}, {facts.say(event)}." for event in events)
        yield build(
            facts,
            dice,
            tag="dense caption",
            question=facts.grammar.say(dice, "dense", t=clock(scene.start), u=clock(scene.end)),
            right=text,
            long=text,
            proof=events,
            needs=["picture", "identity"],
            query={"ask": "dense", "scene": scene.id},
        )


def plot(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask which plot line the film tells; all five are made alike, of people and things of the film."""
    threads = [thread for thread, family in facts.film.threads if family != "everyday"]
    for thread in dice.shuffled(threads):
        deed = next(
            (
                event
                for event in facts.actions
                if event.thread == thread and event.prop and event.why and facts.is_named(event.agent)
            ),
            None,
        )
        end = next(
            (
                event
                for event in reversed(facts.actions)
                if event.thread == thread and event.other and facts.is_named(event.agent, event.other)
            ),
            None,
        )
        if deed is None or end is None or deed.id == end.id or len(facts.known) < 5 or deed.other is not None:
            continue
        texts = [_story(facts, deed, end, {})]
        things = [facts.props[deed.prop or ""].name, *facts.other_props(dice, deed, 4)]
        for number in range(1, 5):
            roles = list(dict.fromkeys((deed.agent, end.agent, end.other or "")))
            people = dict(zip(roles, dice.fork(thread, number).shuffled(facts.known), strict=False))
            slots = {"a": people[deed.agent], "b": people[end.agent], "c": people[end.other or ""]}
            texts.append(_story(facts, deed, end, slots, things[number]))
        yield build(
            facts,
            dice,
            tag="summary",
            question=facts.grammar.say(dice, "plot"),
            right=texts[0],
            wrong=texts[1:],
            long=texts[0],
            proof=[deed, end],
            needs=["picture", "identity"],
            query={"ask": "plot", "deed": deed.id, "end": end.id},
            extra_tags=["plot"],
        )


def _story(facts: Facts, deed: Event, end: Event, slots: dict[str, str], thing: str = "") -> str:
    first, second, third = slots.get("a", deed.agent), slots.get("b", end.agent), slots.get("c", end.other or "")
    did = facts.doing(deed, tense="present")
    if thing:
        did = did.replace(facts.props[deed.prop or ""].name, thing)
    ending = {
        "embrace": "embraces",
        "push": "pushes away",
        "give": "gives something to",
        "shake": "shakes hands with",
        "show": "shows something to",
    }.get(end.action, "meets")
    return f"{facts.names[first]} {did}; at the end of it {facts.names[second]} {ending} {facts.names[third]}"


def _told(facts: Facts, event: Event) -> str:
    if event.action != "say":
        return facts.say(event)
    to = f" to {facts.names[event.other]}" if event.other else ""
    return f'{facts.names[event.agent]} says{to}: "{event.text}"'


def _then(sentences: Sequence[str]) -> str:
    return " ".join(f"{sentence}." if not sentence.endswith(('"', ".")) else sentence for sentence in sentences)
