"""Questions over the whole film: how many, in which order, first and last, how long, never, what if, lies, plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.records import Event, Fact

from .building import build, time_between
from .facts import Facts, clock
from .sample import Sample

_SIMPLE = (
    "give",
    "take",
    "hide",
    "find",
    "embrace",
    "push",
    "show",
    "break",
    "read",
    "look_at",
    "put",
    "wave",
    "dance",
    "shake",
    "leave",
    "enter",
)
_COUNTED = {
    "leave": "left a place",
    "enter": "came in",
    "give": "gave something away",
    "embrace": "embraced somebody",
    "shake": "shook somebody's hand",
    "laugh": "laughed aloud",
    "cry": "cried",
    "wave": "waved",
    "dance": "danced",
    "push": "pushed somebody away",
    "take": "took something",
    "put": "put something down",
    "look_at": "looked at something held in the hand",
    "find": "found something",
    "search": "searched a hiding place",
    "sleep": "fell asleep",
    "sweep": "swept the floor",
}


def count(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask how often something is done (by a time), so that every number from 1 to 5 is equally often right."""
    groups: dict[tuple[str | None, str], list[Event]] = {}
    for event in facts.actions:
        if event.action in _COUNTED:
            groups.setdefault((None, event.action), []).append(event)
            if facts.is_named(event.agent):
                groups.setdefault((event.agent, event.action), []).append(event)
    fitting = [key for key in sorted(groups, key=str) if len(groups[key]) >= 5]
    while True:
        if not fitting:
            yield None
            continue
        agent, action = dice.pick(fitting)
        wanted = dice.whole(1, 5)
        events = groups[agent, action][:wanted]
        after = groups[agent, action][wanted].start if len(groups[agent, action]) > wanted else None
        until = None if after is None else time_between(dice, events[-1].end, after)
        who = "somebody" if agent is None else facts.names[agent]
        if until is not None and not facts.is_named(agent, before=until):
            yield None
            continue
        yield build(
            facts,
            dice,
            tag="count",
            question=facts.grammar.say(dice, "count" if until is None else "count_until", a=who, did=_COUNTED[action]),
            right=str(wanted),
            wrong=[str(number) for number in range(1, 6)],
            long=f"{who} {_COUNTED[action]} at {', '.join(clock(event.start) for event in events)}.",
            proof=list(events),
            needs=["picture", *(["identity"] if agent else [])],
            until=until,
            query={"ask": "count", "agent": agent, "action": action},
        )


def order(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask for the order of three events of the same sort."""
    while True:
        events = _alike(facts, dice, 3)
        if len(events) < 3:
            yield None
            continue
        shown = dice.shuffled(events)
        right = ", ".join(f"({shown.index(event) + 1})" for event in sorted(events, key=lambda event: event.start))
        all_orders = [
            f"({a}), ({b}), ({c})" for a in (1, 2, 3) for b in (1, 2, 3) for c in (1, 2, 3) if len({a, b, c}) == 3
        ]
        wrong = [text for text in dice.shuffled(all_orders) if text != right][:4]
        texts = [facts.say(event) for event in shown]
        yield build(
            facts,
            dice,
            tag="order",
            question=facts.grammar.say(dice, "order", x=texts[0], y=texts[1], z=texts[2]),
            right=right,
            wrong=wrong,
            long="First "
            + ", then ".join(facts.say(event) for event in sorted(events, key=lambda event: event.start))
            + ".",
            proof=list(events),
            needs=["picture", "identity"],
            query={"ask": "order", "events": [event.id for event in shown]},
        )


def first_last(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask which of five events of the same sort comes first or last."""
    while True:
        events = _alike(facts, dice, 5)
        if len(events) < 5:
            yield None
            continue
        symbol = dice.pick(("first", "last"))
        chosen = (min if symbol == "first" else max)(events, key=lambda event: event.start)
        yield build(
            facts,
            dice,
            tag="first and last",
            question=facts.grammar.say(dice, symbol),
            right=facts.say(chosen),
            wrong=[facts.say(event) for event in events if event is not chosen],
            long=f"{facts.say(chosen)} at {clock(chosen.start)}, the {symbol} of these.",
            proof=list(events),
            needs=["picture", "identity"],
            query={"ask": symbol, "events": [event.id for event in events]},
        )


def how_long(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask how long a thing stays hidden; the wrong lengths are as likely to be longer as shorter."""
    for deed in dice.shuffled(
        [event for event in facts.actions if event.action == "hide" and facts.is_named(event.agent)]
    ):
        found = next(
            (
                event
                for event in facts.actions
                if event.action == "find" and event.prop == deed.prop and event.start > deed.start
            ),
            None,
        )
        if found is None:
            continue
        length = found.start - deed.end
        rank, factor = dice.whole(0, 4), dice.number(1.5, 1.8)
        lengths = [length * factor ** (index - rank) for index in range(5)]
        texts = [f"about {round(value)} seconds" for value in lengths]
        yield build(
            facts,
            dice,
            tag="how long",
            question=facts.grammar.say(dice, "long", a=facts.names[deed.agent], o=facts.props[deed.prop or ""].name),
            right=texts[rank],
            wrong=[text for index, text in enumerate(texts) if index != rank],
            long=f"{facts.say(deed)} at {clock(deed.end)}, and {facts.say(found)} at {clock(found.start)}.",
            proof=[deed, found],
            needs=["picture", "identity"],
            query={"ask": "length", "prop": deed.prop, "value": texts[rank]},
        )


def never(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask what does not happen: an event like four others, with one of its people or things changed."""
    happened = {facts.say(event) for event in facts.actions}
    while True:
        events = _alike(facts, dice, 5)
        if len(events) < 5:
            yield None
            continue
        base, *true = events
        agents = [person for person in facts.known if person not in (base.agent, base.other)]
        if not agents:
            yield None
            continue
        other_name = facts.names[dice.pick(agents)]
        false = facts.say(base).replace(facts.names[base.agent], other_name, 1)
        if false in happened or len(events) != len({event.thread for event in events}):
            yield None
            continue
        yield build(
            facts,
            dice,
            tag="never",
            question=facts.grammar.say(dice, "never"),
            right=false,
            wrong=[facts.say(event) for event in true],
            long=f"{false}: this never happens; in truth {facts.say(base)}.",
            proof=list(events),
            needs=["picture", "identity"],
            query={"ask": "never", "events": [event.id for event in true], "false": false},
        )


def what_if(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask what depends on something that was said; the line is told by its time, so that no name helps."""
    effects: dict[str, set[str]] = {}
    for event in facts.events:
        for cause in event.causes:
            effects.setdefault(cause, set()).add(event.id)
    lines = [event for event in facts.events if event.action == "say" and event.id in effects]
    depends = {line.id: _visible(facts, _reached(line.id, effects)) for line in lines}
    for line in dice.shuffled(lines):
        if not depends[line.id]:
            continue
        effect = dice.pick(depends[line.id])
        reached = _reached(line.id, effects)
        pool = {event.id: event for other in lines if other.thread != line.thread for event in depends[other.id]}
        others = [pool[key] for key in dice.shuffled(sorted(set(pool) - reached))]
        one_each = list({event.thread: event for event in others}.values())
        texts = {facts.say(facts.by_id[event]) for event in reached if facts.by_id[event].action != "say"}
        wrong = [facts.say(event) for event in [*dice.shuffled(one_each), *others] if facts.say(event) not in texts]
        yield build(
            facts,
            dice,
            tag="what if",
            question=facts.grammar.say(dice, "what_if", t=clock((line.start + line.end) / 2)),
            right=facts.say(effect),
            wrong=wrong or ["-"],
            long=f"{facts.say(effect)} only because of what is said at {clock(line.start)}: {line.text}",
            proof=[line, effect],
            needs=["picture", "subtitle", "identity"],
            query={"ask": "depends", "event": line.id, "effect": effect.id},
        )


def _visible(facts: Facts, events: set[str]) -> list[Event]:
    """Return the actions among some events that can be asked for by name."""
    chosen = [facts.by_id[event] for event in sorted(events)]
    return [
        event
        for event in chosen
        if event.action in _SIMPLE
        and event.action not in ("leave", "enter")
        and facts.is_named(event.agent, event.other)
    ]


def lie(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask which untruth somebody told."""
    lines = [
        event
        for event in facts.events
        if event.speech == "lie" and event.fact and event.other and facts.is_named(event.agent, event.other)
    ]
    for line in dice.shuffled(lines):
        told = facts.film.facts[int((line.fact or "f0")[1:])]
        if sum(other.agent == line.agent and other.other == line.other for other in lines) > 1:
            continue
        yield build(
            facts,
            dice,
            tag="what",
            question=facts.grammar.say(dice, "lie", a=facts.names[line.agent], b=facts.names[line.other or ""]),
            right=told.text,
            wrong=_other_lies(facts, dice, told),
            long=f"{facts.names[line.agent]} told {facts.names[line.other or '']} at {clock(line.start)}: {line.text}",
            proof=[line],
            needs=["subtitle", "identity"],
            query={"ask": "lie", "agent": line.agent, "other": line.other},
            extra_tags=["lie"],
        )


def _other_lies(facts: Facts, dice: Dice, told: Fact) -> list[str]:
    """Return lies of the same sort about the same thing: of other places, or of other people."""
    if told.spot is None:
        names = facts.other_people(dice, {told.person or ""}, 4)
        return [told.text.replace(facts.names[told.person or ""], name, 1) for name in names]
    prop = facts.props[told.prop or ""].name
    pairs = [
        (spot, place.phrase)
        for place in facts.film.places
        if place.id != told.place
        for spot in place.spots
        if spot != told.spot
    ]
    return [f"{prop} is {spot} {phrase}" for spot, phrase in dice.sample(pairs, 4)]


def _reached(event: str, effects: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [event]
    while waiting:
        for effect in effects.get(waiting.pop(), set()):
            if effect not in found:
                found.add(effect)
                waiting.append(effect)
    return found


def _alike(facts: Facts, dice: Dice, number: int) -> list[Event]:
    """Return events of one sort, each the only one its sentence fits; fewer where there are not enough."""
    said = Counter(facts.say(event) for event in facts.actions)
    named = [
        event
        for event in facts.actions
        if event.action in _SIMPLE and facts.is_named(event.agent, event.other) and said[facts.say(event)] == 1
    ]
    sorts = Counter(event.action for event in named)
    fitting = [action for action in sorted(sorts) if sorts[action] >= number]
    if not fitting:
        return []
    rich = [action for action in fitting if action not in ("leave", "enter", "wave")]
    action = dice.pick(rich or fitting)
    return dice.sample([event for event in named if event.action == action], number)
