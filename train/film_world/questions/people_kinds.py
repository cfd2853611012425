"""Questions about people: relations, who has and who knows what by a time, tasks with reference pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from movieqa.train.film_world.actions import ACTION_KINDS
from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.drawing.framing import Framing, Seen
from movieqa.train.film_world.props import COLORS
from movieqa.train.film_world.records import Event, Relation, ShotPlan
from movieqa.train.film_world.truth import sample_times

from .building import build, time_between
from .facts import Facts, clock
from .sample import Reference, Sample

ASPECT = 16 / 9
_RELATIONS = ("friends", "siblings", "couple", "colleagues", "rivals", "enemies", "reconciled", "quarrelled")
_LEARNED = {"told": "is told", "overheard": "overhears", "read": "reads", "saw": "sees"}
Frame = tuple[ShotPlan, float, list[Seen]]


def relation(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask what two people are to each other, at the end or by a time; every relation is wanted equally often."""
    steps = [item for item in facts.film.relations if facts.is_named(item.first, item.second)]
    while True:
        is_end = dice.chance(0.4)
        kinds = _RELATIONS[:-1] if is_end else _RELATIONS
        wanted = dice.pick(kinds)
        items = [item for item in steps if item.kind == wanted and not (is_end and _later(facts, item))]
        if not items:
            yield None
            continue
        item = dice.pick(items)
        later = _later(facts, item)
        limit = facts.film.duration if later is None else later.start
        proof = _shown(facts, item, limit)
        named = max(facts.named_at[item.first], facts.named_at[item.second])
        earliest = 0.0 if proof is None else max(proof.end, item.start, named)
        if proof is None or earliest >= limit:
            yield None
            continue
        first, second = dice.shuffled([item.first, item.second])
        wrong = [kind for kind in dice.shuffled(kinds) if kind != wanted]
        yield build(
            facts,
            dice,
            tag="relation",
            question=facts.grammar.say(
                dice, "relation" if is_end else "relation_until", a=facts.names[first], b=facts.names[second]
            ),
            right=wanted,
            wrong=wrong[:4],
            long=f"{facts.names[first]} and {facts.names[second]} are {wanted}, as {clock(proof.start)} shows.",
            proof=[proof],
            needs=["subtitle", "picture", "identity"],
            until=None if is_end else time_between(dice, earliest, limit),
            query={"ask": "relation", "first": item.first, "second": item.second},
        )


def _later(facts: Facts, item: Relation) -> Relation | None:
    """Return what two people become after something."""
    pair = (item.first, item.second)
    return next(
        (other for other in facts.film.relations if (other.first, other.second) == pair and other.start > item.start),
        None,
    )


def _shown(facts: Facts, item: Relation, before: float) -> Event | None:
    """Return the event that shows a relation, or None when the film never does."""
    if item.event is not None:
        return facts.by_id[item.event]
    pair = {item.first, item.second}
    return next(
        (
            event
            for event in facts.events
            if event.speech == f"greet_{item.kind}"
            and {event.agent, event.other} == pair
            and item.start <= event.start < before
        ),
        None,
    )


def holder(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask who has a thing by a time, with nothing later to be used."""
    moves = [event for event in facts.actions if event.action in ("give", "take", "find") and event.prop]
    for move in dice.shuffled(moves):
        owner = move.other if move.action == "give" else move.agent
        after = next(
            (
                event
                for event in facts.actions
                if event.prop == move.prop and event.start >= move.end and event.action != "look_at"
            ),
            None,
        )
        limit = after.start if after is not None else facts.film.duration
        if owner is None or limit - move.end < 2.0 or not facts.is_named(owner, before=limit):
            continue
        until = time_between(dice, move.end + 0.5, min(limit, move.end + 60.0))
        if not facts.is_named(owner, before=until):
            continue
        thing = facts.props[move.prop or ""].name
        wrong = facts.other_people(dice, {owner}, 4)
        yield build(
            facts,
            dice,
            tag="who",
            question=facts.grammar.say(dice, "holder", o=thing),
            right=facts.names[owner],
            wrong=wrong,
            long=f"{facts.names[owner]} has {thing}: {facts.say(move)} at {clock(move.start)}.",
            proof=[move],
            needs=["picture", "identity"],
            until=until,
            query={"ask": "holder", "prop": move.prop},
            extra_tags=["holder"],
        )


def knower(facts: Facts, dice: Dice) -> Iterator[Sample | None]:
    """Ask who has learned something by a time; the others have not yet, or never do."""
    for item in dice.shuffled(
        [item for item in facts.film.knowledge if item.how in ("told", "overheard", "read", "saw") and item.believed]
    ):
        fact = facts.film.facts[int(item.fact[1:])]
        learned = {other.person: other.start for other in facts.film.knowledge if other.fact == item.fact}
        later = sorted(start for start in learned.values() if start > item.start)
        limit = min([*later, item.start + 60.0, facts.film.duration])
        if limit - item.start < 1.0 or fact.event is None or not facts.is_named(item.person, before=limit):
            continue
        until = round(max(item.start + 0.5, facts.named_at[item.person]), 2)
        knowing = {person for person, start in learned.items() if start <= until}
        wrong = facts.other_people(dice, knowing, 4)
        if until >= limit or _names_in(facts, fact.text) & set(wrong) or facts.names[item.person] in fact.text:
            continue
        yield build(
            facts,
            dice,
            tag="who",
            question=facts.grammar.say(dice, "knower", fact=fact.text),
            right=facts.names[item.person],
            wrong=wrong,
            long=f"{facts.names[item.person]} {_LEARNED[item.how]} it at {clock(item.start)}.",
            proof=[facts.by_id[item.event]],
            needs=["subtitle" if item.how != "saw" else "picture", "identity"],
            until=until,
            query={"ask": "knower", "fact": item.fact},
            extra_tags=["knowledge"],
        )


def _names_in(facts: Facts, text: str) -> set[str]:
    return {name for name in facts.names.values() if name in text.replace(",", " ").split()}


def frames_of(facts: Facts) -> list[Frame]:
    """Return the sampled moments with who is in them."""
    framing = Framing(facts.film)
    return [(shot, time, framing.seen(framing.view(shot, time), ASPECT)) for shot, time in sample_times(facts.film)]


def reference(facts: Facts, person: str) -> Reference:
    """Return a person's reference picture."""
    return Reference(name=facts.names[person], image=f"cast/{facts.names[person]}/1.jpg")


def match(facts: Facts, dice: Dice, frames: Sequence[Frame]) -> Iterator[Sample | None]:
    """Ask which of five moments shows a person of whom there is a picture."""
    clear: dict[str, list[float]] = {}
    for _, time, seen in frames:
        if len(seen) == 1 and seen[0].how in ("front", "side") and seen[0].head is not None:
            clear.setdefault(seen[0].person, []).append(time)
    while True:
        if len(clear) < 3:
            yield None
            continue
        person = dice.pick(sorted(clear))
        time = dice.pick(clear[person])
        others = [other for name in sorted(clear) if name != person for other in dice.sample(clear[name], 3)]
        yield build(
            facts,
            dice,
            tag="matching",
            question=facts.grammar.say(dice, "match", a=facts.names[person]),
            right=f"at {_exact(time)}",
            wrong=[f"at {_exact(other)}" for other in dice.shuffled(others)] or ["-"],
            long=f"{facts.names[person]} is seen at {_exact(time)}.",
            proof=[_around(facts, time)],
            needs=["picture", "identity"],
            references=(reference(facts, person),),
            time=time,
            query={"ask": "match", "person": person},
        )


def locate(facts: Facts, dice: Dice, frames: Sequence[Frame]) -> Iterator[Sample | None]:
    """Ask for the box of a person of whom there is a picture, in a frame with others."""
    for _, time, seen in dice.shuffled(frames):
        people = [item for item in seen if item.how in ("front", "side") and item.head is not None]
        if len(people) < 2:
            continue
        chosen = dice.pick(people)
        corners = [int(1000 * share) for share in chosen.box]
        box = f"<box>({corners[0]},{corners[1]}),({corners[2]},{corners[3]})</box>"
        yield build(
            facts,
            dice,
            tag="location",
            question=facts.grammar.say(dice, "locate", a=facts.names[chosen.person], t=_exact(time)),
            right=box,
            long=f"<ref>{facts.names[chosen.person]}</ref>{box}",
            proof=[_around(facts, time)],
            needs=["picture", "identity"],
            references=(reference(facts, chosen.person),),
            time=time,
            query={"ask": "box", "person": chosen.person},
        )


def who_acts(facts: Facts, dice: Dice, frames: Sequence[Frame]) -> Iterator[Sample | None]:
    """Ask who of the people in the reference pictures does something at a moment."""
    for _, time, seen in dice.shuffled(frames):
        event = next((item for item in facts.actions if item.start + 0.4 <= time < item.end - 0.4), None)
        if event is None or event.agent not in {item.person for item in seen if item.how in ("front", "side")}:
            continue
        others = [person for person in dice.shuffled(sorted(facts.names)) if person not in (event.agent, event.other)][
            :4
        ]
        does = facts.doing(event, tense="present", hide="prop" if event.prop else "")
        does = (
            does
            if event.other is None
            else ACTION_KINDS[event.action].present.format(b="somebody", o="something", s="")
        )
        yield build(
            facts,
            dice,
            tag="id question",
            question=facts.grammar.say(dice, "who_acts", does=does, t=_exact(time)),
            right=facts.names[event.agent],
            wrong=[facts.names[person] for person in others] or ["-"],
            long=f"{facts.say(event)} at {_exact(time)}.",
            proof=[event],
            needs=["picture", "identity"],
            references=tuple(reference(facts, person) for person in dice.shuffled([event.agent, *others])),
            time=time,
            query={"ask": "actor", "time": time},
        )


def caption(facts: Facts, dice: Dice, frames: Sequence[Frame]) -> Iterator[Sample | None]:
    """Ask for a description of a frame with the names from the reference pictures."""
    for shot, time, seen in dice.shuffled(frames):
        event = next((item for item in facts.events if item.start <= time < item.end), None)
        people = [item.person for item in seen if item.how in ("front", "side")]
        if event is None or event.agent not in people:
            continue
        scene = next(scene for scene in facts.film.scenes if scene.id == shot.scene)
        does = (
            facts.say(event)
            if event.action != "say"
            else f"{facts.names[event.agent]} speaks" + (f" to {facts.names[event.other]}" if event.other else "")
        )
        others = [facts.names[person] for person in people if person not in (event.agent, event.other)]
        text = (
            f"{does} {facts.places[scene.place].phrase}"
            + (f"; {' and '.join(others)} is there too" if others else "")
            + "."
        )
        yield build(
            facts,
            dice,
            tag="id caption",
            question=facts.grammar.say(
                dice, "caption", list=" and ".join(facts.names[person] for person in people), t=_exact(time)
            ),
            right=text,
            long=text,
            proof=[event],
            needs=["picture", "identity"],
            references=tuple(reference(facts, person) for person in people),
            time=time,
            query={"ask": "caption", "event": event.id},
        )


def wearing(facts: Facts, dice: Dice, frames: Sequence[Frame]) -> Iterator[Sample | None]:
    """Ask for the colour somebody wears at a time."""
    people = {person.id: person for person in facts.film.people}
    for shot, time, seen in dice.shuffled(frames):
        clear = [
            item
            for item in seen
            if item.how in ("front", "side") and facts.is_named(item.person) and item.box[3] - item.box[1] > 0.5
        ]
        if not clear:
            continue
        chosen = dice.pick(clear)
        scene = next(scene for scene in facts.film.scenes if scene.id == shot.scene)
        stay = next(stay for stay in scene.stays if stay.person == chosen.person)
        color = people[chosen.person].outfits[stay.outfit].top_color
        yield build(
            facts,
            dice,
            tag="what",
            question=facts.grammar.say(dice, "wearing", a=facts.names[chosen.person], t=_exact(time)),
            right=color,
            wrong=[other for other in dice.shuffled(sorted(COLORS)) if other != color][:4],
            long=f"{facts.names[chosen.person]} wears {color} at {_exact(time)}.",
            proof=[_around(facts, time)],
            needs=["picture", "identity"],
            time=time,
            query={"ask": "color", "person": chosen.person},
            extra_tags=["clothes"],
        )


def _exact(time: float) -> str:
    return f"{clock(int(time))}.{round(time % 1 * 10)}"


def _around(facts: Facts, time: float) -> tuple[float, float]:
    return max(0.0, time - 0.25), min(facts.film.duration, time + 0.25)
