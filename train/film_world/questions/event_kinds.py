"""Questions about single events: who, to whom, what, where, when, why."""

from __future__ import annotations

from collections.abc import Iterator

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.places import INSIDE_SPOTS, OUTSIDE_SPOTS, SPOTS
from movieqa.train.film_world.records import Event
from movieqa.train.film_world.story.speech import MOTIVES

from .building import build, needs_of, numbers_around
from .facts import Facts, clock
from .sample import Sample

_FIXED_REASONS = ("last will", "followed friend")
"""Families in which the reason is always the same: asking for it would teach guessing."""
_TELLING = (
    "give",
    "take",
    "hide",
    "find",
    "read",
    "break",
    "embrace",
    "push",
    "show",
    "pour",
    "drink",
    "kneel",
    "dance",
    "write",
)


def who(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask who did something."""
    for event in dice.shuffled(
        [event for event in facts.actions if event.action in _TELLING and facts.is_named(event.agent, event.other)]
    ):
        same = lambda item: (item.action, item.prop, item.other, item.spot)  # noqa: E731
        if (event.prop is None and event.other is None) or not facts.unique(
            facts.actions, event, same, lambda item: item.agent
        ):
            continue
        yield build(
            facts,
            dice,
            tag="who",
            question=facts.grammar.say(dice, "who", did=facts.doing(event, tense="past")),
            right=facts.names[event.agent],
            wrong=facts.other_people(dice, {event.agent, event.other or ""}, 4),
            long=f"{facts.say(event)} {facts.places[event.place].phrase}, at {clock(event.start)}.",
            proof=[event],
            needs=needs_of(event),
            query={
                "ask": "agent",
                "action": event.action,
                "prop": event.prop,
                "other": event.other,
                "spot": event.spot,
            },
        )


def whom(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask to whom a thing was given."""
    for event in dice.shuffled(
        [event for event in facts.actions if event.action == "give" and facts.is_named(event.agent, event.other)]
    ):
        if not facts.unique(
            facts.actions, event, lambda item: (item.action, item.prop, item.agent), lambda item: item.other
        ):
            continue
        yield build(
            facts,
            dice,
            tag="who",
            question=facts.grammar.say(dice, "whom", a=facts.names[event.agent], o=facts.props[event.prop or ""].name),
            right=facts.names[event.other or ""],
            wrong=facts.other_people(dice, {event.agent, event.other or ""}, 4),
            long=f"{facts.say(event)} {facts.places[event.place].phrase}, at {clock(event.start)}.",
            proof=[event],
            needs=needs_of(event),
            query={"ask": "other", "action": "give", "prop": event.prop, "agent": event.agent},
        )


def what(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask which thing somebody did something with."""
    for event in dice.shuffled(
        [
            event
            for event in facts.actions
            if event.prop and event.spot is None and facts.is_named(event.agent, event.other)
        ]
    ):
        if not facts.unique(
            facts.actions, event, lambda item: (item.action, item.agent, item.other), lambda item: item.prop
        ):
            continue
        slots = {
            "a": facts.names[event.agent],
            "do": facts.doing(event, tense="bare", hide="prop"),
            "did": facts.doing(event, tense="past", hide="prop"),
        }
        slots["do"] = (
            slots["do"].replace(" something", "", 1)
            if event.action != "pour"
            else slots["do"].replace("into something", "something into")
        )
        if event.action in ("pour", "drink", "look_at", "show"):
            slots["do"] = slots["did"]
            question = (
                f"{slots['a']} {slots['did']}. {dice.pick(('What was it?', 'Which thing was it?', 'With what thing?'))}"
            )
        else:
            question = facts.grammar.say(dice, "what", **slots)
        yield build(
            facts,
            dice,
            tag="what",
            question=question,
            right=facts.props[event.prop or ""].name,
            wrong=facts.other_props(dice, event, 4),
            long=f"{facts.say(event)}, at {clock(event.start)}.",
            proof=[event],
            needs=needs_of(event),
            query={"ask": "prop", "action": event.action, "agent": event.agent, "other": event.other},
        )


def where(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask in which place, or in which hiding spot, something was done."""
    for event in dice.shuffled(
        [event for event in facts.actions if event.action in _TELLING and facts.is_named(event.agent, event.other)]
    ):
        if event.prop is None and event.other is None:
            continue
        if facts.unique(
            facts.actions, event, lambda item: (item.action, item.agent, item.other, item.prop), lambda item: item.place
        ):
            yield build(
                facts,
                dice,
                tag="where",
                question=facts.grammar.say(
                    dice,
                    "where",
                    a=facts.names[event.agent],
                    did=facts.doing(event, tense="past", hide="spot"),
                    do=facts.doing(event, tense="bare", hide="spot"),
                ),
                right=facts.places[event.place].phrase,
                wrong=facts.other_places(dice, event.place, 4),
                long=f"{facts.say(event)} {facts.places[event.place].phrase}.",
                proof=[event],
                needs=needs_of(event),
                query={
                    "ask": "place",
                    "action": event.action,
                    "agent": event.agent,
                    "other": event.other,
                    "prop": event.prop,
                },
            )
        if (
            event.action == "hide"
            and event.spot
            and facts.unique(
                facts.actions, event, lambda item: (item.action, item.agent, item.prop), lambda item: item.spot
            )
        ):
            spots = OUTSIDE_SPOTS if facts.places[event.place].is_outside else INSIDE_SPOTS
            wrong = [SPOTS[spot] for spot in dice.shuffled(spots) if SPOTS[spot] != event.spot]
            yield build(
                facts,
                dice,
                tag="where",
                question=facts.grammar.say(
                    dice, "spot", a=facts.names[event.agent], o=facts.props[event.prop or ""].name
                ),
                right=event.spot,
                wrong=wrong[:4],
                long=f"{facts.say(event)} {facts.places[event.place].phrase}.",
                proof=[event],
                needs=needs_of(event),
                query={"ask": "spot", "action": "hide", "agent": event.agent, "prop": event.prop},
            )


def when(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask at what time of the film something is seen; wrong times are as far apart as right ones could be."""
    for event in dice.shuffled(
        [event for event in facts.actions if event.action in _TELLING and facts.is_named(event.agent, event.other)]
    ):
        step = dice.number(9, 11) if facts.film.duration < 240 else dice.number(14, 40)
        same = [
            item
            for item in facts.actions
            if (item.action, item.agent, item.other, item.prop, item.spot)
            == (event.action, event.agent, event.other, event.prop, event.spot)
        ]
        if (
            len(same) > 1
            or (event.prop is None and event.other is None)
            or not 4 * step < event.start < facts.film.duration - 4 * step
        ):
            continue
        yield build(
            facts,
            dice,
            tag="when",
            question=facts.grammar.say(dice, "when", a=facts.names[event.agent], did=facts.doing(event, tense="past")),
            right=f"at {clock(event.start)}",
            wrong=[f"at {clock(time)}" for time in numbers_around(dice, event.start, step=step)],
            long=f"{facts.say(event)} from {clock(event.start)} to {clock(event.end)}.",
            proof=[event],
            needs=needs_of(event),
            query={
                "ask": "time",
                "action": event.action,
                "agent": event.agent,
                "other": event.other,
                "prop": event.prop,
                "spot": event.spot,
            },
        )


def why(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask for a motive, or for how somebody came to know where to look."""
    for event in dice.shuffled(
        [event for event in facts.actions if event.why and facts.is_named(event.agent, event.other)]
    ):
        if (
            facts.families.get(event.thread) in _FIXED_REASONS
            or sum(item.why is not None and facts.say(item) == facts.say(event) for item in facts.actions) > 1
        ):
            continue
        slots = {
            "a": facts.names[event.agent],
            "do": facts.doing(event, tense="bare"),
            "did": facts.doing(event, tense="past"),
        }
        if event.why_kind in MOTIVES:
            told = [line for line in facts.events if line.speech == "admit" and event.id in line.causes]
            about = _person_in(facts, event.why or "")
            if not told or about is None:
                continue
            wrong = [
                MOTIVES[kind].format(b=facts.names[about])
                for kind in dice.shuffled(sorted(MOTIVES))
                if kind != event.why_kind
            ]
            yield build(
                facts,
                dice,
                tag="why",
                question=facts.grammar.say(dice, "why_motive", **slots),
                right=event.why or "",
                wrong=wrong[:4],
                long=f"{facts.say(event)} {event.why}, as {facts.names[event.agent]} says at {clock(told[0].start)}.",
                proof=[event, told[0]],
                needs=["picture", "subtitle", "identity"],
                query={"ask": "why", "event": event.id},
            )
        elif event.action == "find" and event.causes:
            yield _ask_source(facts, dice, event, slots)


def _ask_source(facts: Facts, dice: Dice, event: Event, slots: dict[str, str]) -> Sample | None:
    """Ask how somebody knew: the four ways of learning, and one of them again with other people."""
    deed = next(
        (
            item
            for item in facts.actions
            if item.action == "hide" and item.prop == event.prop and item.start < event.start
        ),
        None,
    )
    if deed is None or not facts.is_named(deed.agent):
        return None
    others = facts.other_people(dice, {event.agent, deed.agent}, 3)
    letter = facts.other_props(dice, next((item for item in facts.actions if item.action == "write"), event), 8)
    letter = [name for name in letter if name.split()[-1] in ("letter", "notebook", "postcard")] or [
        f"the {dice.pick(('red', 'blue', 'white', 'brown'))} letter"
    ]
    if len(others) < 3:
        return None
    agent = facts.names[deed.agent]
    ways = {
        "told": f"because {agent} had told it",
        "overheard": f"because of having overheard {agent} and {others[0]}",
        "read": f"because of having read it in {letter[0]}",
        "saw": f"because of having seen {agent} do it",
    }
    if event.why_kind not in ways:
        return None
    ways[event.why_kind] = event.why or ""
    doubled = dice.pick(sorted(ways))
    fifth = {
        "told": f"because {others[1]} had told it",
        "overheard": f"because of having overheard {agent} and {others[2]}",
        "read": f"because of having read it in the {dice.pick(('green', 'golden', 'purple', 'orange'))} letter",
        "saw": f"because of having seen {others[1]} do it",
    }[doubled]
    wrong = [text for kind, text in ways.items() if kind != event.why_kind] + [fifth]
    return build(
        facts,
        dice,
        tag="why",
        question=facts.grammar.say(dice, "why_known", **slots),
        right=event.why or "",
        wrong=wrong,
        long=f"{facts.say(event)} {event.why}, at {clock(facts.by_id[event.causes[0]].start)}.",
        proof=[facts.by_id[event.causes[0]], event],
        needs=["picture", "subtitle", "identity"],
        query={"ask": "why", "event": event.id},
    )


def _person_in(facts: Facts, text: str) -> str | None:
    return next((person for person, name in facts.names.items() if name in text.replace(".", " ").split()), None)
