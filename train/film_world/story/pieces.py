"""Pieces: the small steps that plots are put together from."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from movieqa.train.film_world.records import Event, Fact, Knowledge

from .stage import Call, Stage
from .thread import Thread


@dataclass(frozen=True, kw_only=True)
class Learned:
    """How somebody came to know something."""

    event: str
    why: str
    kind: str


Learning = Generator[Call, Stage, Learned]


def greet(stage: Stage, first: str, second: str, *, always: bool = False) -> None:
    """Let two people meet in the way that fits what they are to each other."""
    world = stage.world
    relation = world.relation(first, second)
    symbol = f"greet_{relation}" if f"greet_{relation}" in world.grammar else "greet_named"
    if always or stage.dice.chance(0.75):
        stage.say(symbol, first, second, speech=symbol if symbol != "greet_named" else "greet")
    if relation in ("friends", "siblings", "couple") and stage.dice.chance(0.3):
        stage.act("embrace", first, second)
    elif relation in ("colleagues", "strangers") and stage.dice.chance(0.3):
        stage.act("shake", first, second)
    if always or stage.dice.chance(0.5):
        stage.say("greet_named", second, first, speech="greet")


def chat(stage: Stage, first: str, second: str, *, rounds: int = 1) -> None:
    """Let two people talk about nothing."""
    for _ in range(rounds):
        stage.say("small", first, second)
        stage.say("small_reply", second, first)


def learn(thread: Thread, learner: str, deed: Event, channel: str, *, confidant: str) -> Learning:
    """Let somebody come to know of another's secret deed, in one of four ways.

    Args:
        thread: The plot line.
        learner: Who comes to know it.
        deed: What was done; its agent must know it.
        channel: One of `CHANNELS`; for `saw` the learner was in the shadow when it was done.
        confidant: Somebody else, to whom the agent talks when the learner overhears it.

    Yields:
        The scenes it takes.

    Returns:
        What the learner can give as a reason from then on.
    """
    world = thread.world
    agent = deed.agent
    fact = world.facts[deed.fact or ""]
    if channel == "saw":
        return Learned(event=deed.id, why=f"because of having seen {thread.name(agent)} do it", kind="saw")
    if channel == "told":
        stage = yield Call(place=thread.place(), people=(agent, learner), arrives=thread.dice.chance(0.5))
        greet(stage, agent, learner)
        line = stage.say("confide", agent, learner, speech="confide", fact=fact, causes=(deed.id,))
        stage.say("small_reply", learner, agent)
        return Learned(event=line.id, why=f"because {thread.name(agent)} had told it", kind="told")
    if channel == "overheard":
        stage = yield Call(place=thread.place(inside=True), people=(agent, confidant), shadow=learner)
        greet(stage, agent, confidant)
        line = stage.say("confide", agent, confidant, speech="confide", fact=fact, causes=(deed.id,))
        stage.act("leave", agent)
        stage.act("leave", confidant)
        return Learned(
            event=line.id,
            why=f"because of having overheard {thread.name(agent)} and {thread.name(confidant)}",
            kind="overheard",
        )
    desk = thread.place(inside=True)
    letter = thread.prop("read", holder=agent, kinds=("letter", "notebook", "postcard"))
    stage = yield Call(place=desk, people=(agent,), arrives=thread.dice.chance(0.5))
    stage.act("write", agent, prop=letter.id, causes=(deed.id,))
    stage.act("put", agent, prop=letter.id)
    stage.act("leave", agent)
    stage = yield Call(place=desk, people=(learner,), arrives=True)
    stage.act("take", learner, prop=letter.id)
    stage.act("read", learner, prop=letter.id)
    line = stage.say("tell", learner, speech="read_out", fact=fact, causes=(deed.id,))
    return Learned(event=line.id, why=f"because of having read it in {letter.name}", kind="read")


def look_for(stage: Stage, seeker: str, fact: Fact, reason: Learned, *, finds: bool) -> Event:
    """Let somebody look where a fact says that a thing is, and find it or not."""
    event = stage.act("search", seeker, spot=fact.spot, why=reason.why, why_kind=reason.kind, causes=(reason.event,))
    if not finds:
        stage.say("nothing", seeker)
        return event
    found = stage.act(
        "find", seeker, prop=fact.prop, spot=fact.spot, why=reason.why, why_kind=reason.kind, causes=(reason.event,)
    )
    if stage.dice.chance(0.6):
        stage.say("found", seeker)
    return found


def confess(stage: Stage, agent: str, listener: str, deed: Event) -> Event:
    """Let the agent of a deed say why it was done."""
    why = deed.why or "because it had to be"
    said = why.replace(stage.world.name(listener), "you")
    return stage.say(
        "admit",
        agent,
        listener,
        speech="admit",
        causes=(deed.id,),
        reason=f"I did it {said}",
        bare=said,
    )


def end_quarrel(thread: Thread, stage: Stage, judge: str, other: str, cause: str) -> None:
    """Let one forgive the other or break with him, equally often."""
    if thread.dice.chance(0.5):
        stage.say("forgive", judge, other, speech="forgive", causes=(cause,))
        event = stage.act("embrace", judge, other, causes=(cause,))
        thread.world.relate(judge, other, "reconciled", event.id)
        return
    event = stage.say("reject", judge, other, speech="reject", causes=(cause,))
    thread.world.relate(judge, other, "enemies", event.id)
    if thread.dice.chance(0.4):
        stage.act("push", judge, other, causes=(event.id,))
    stage.act("leave", judge)


def rumour(
    text: str,
    *,
    prop: str | None = None,
    place: str | None = None,
    spot: str | None = None,
    person: str | None = None,
    is_true: bool = False,
) -> Fact:
    """Return something that is said without having been seen: a lie, unless it is true."""
    return Fact(id="", text=text, is_true=is_true, event=None, prop=prop, place=place, spot=spot, person=person)


def known_secret(person: str, fact: str, event: Event) -> Knowledge:
    """Return that somebody has known a fact all along, as an event shows."""
    return Knowledge(person=person, fact=fact, start=event.start, how="did", event=event.id, believed=True)
