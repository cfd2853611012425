"""More plots: the families of stories, second half."""

from __future__ import annotations

from movieqa.train.film_world.props import PROP_KINDS

from .pieces import Learned, chat, confess, end_quarrel, greet, learn, look_for, rumour
from .stage import Call, Stage
from .thread import CHANNELS, Plot, Thread


def borrowed_thing(t: Thread) -> Plot:
    """Somebody borrows a thing, passes it on against the promise, and lies when it is wanted back."""
    a, b, c = t.people(3)
    world = t.world
    thing = t.prop(holder=b)
    stage = yield Call(place=t.place(), people=(b, a), arrives=t.dice.chance(0.5))
    greet(stage, a, b, always=True)
    asked = stage.say("lend", a, b, speech="ask", o=thing.name)
    lent = stage.act("give", b, a, prop=thing.id, causes=(asked.id,))
    stage.say("promise", a, b, speech="promise")
    stage = yield Call(place=t.place(), people=(a, c))
    greet(stage, c, a)
    why, kind = t.motive(b)
    passed = stage.act("give", a, c, prop=thing.id, why=why, why_kind=kind, causes=(lent.id,))
    stage.say("thank", c, a, speech="thank", causes=(passed.id,))
    stage = yield Call(place=t.place(), people=(a, b), arrives=t.dice.chance(0.5))
    asked = stage.say("demand", b, a, speech="ask", o=thing.name)
    hiding = t.place(hiding=True)
    spot = t.dice.pick(hiding.spots)
    lie = world.add_fact(
        rumour(f"{thing.name} is {spot} {hiding.phrase}", prop=thing.id, place=hiding.id, spot=spot, person=a)
    )
    line = stage.say(
        "mislead", a, b, speech="lie", fact=lie, causes=(asked.id, passed.id), o=thing.name, s=spot, p=hiding.phrase
    )
    stage = yield Call(place=hiding, people=(b,), arrives=True)
    lied = Learned(event=line.id, why=f"because {t.name(a)} had told a lie about it", kind="lied")
    nothing = look_for(stage, b, lie, lied, finds=False)
    stage = yield Call(place=t.place(), people=(c, b), arrives=True)
    greet(stage, b, c)
    told = stage.say("tell", c, b, speech="tell", fact=world.facts[passed.fact or ""], causes=(nothing.id,))
    stage.act(
        "give",
        c,
        b,
        prop=thing.id,
        causes=(told.id,),
        why=f"because it had always been {t.name(b)}'s",
        why_kind="owner",
    )
    stage = yield Call(place=t.place(), people=(b, a))
    stage.say("accuse", b, a, speech="accuse", fact=world.facts[passed.fact or ""], causes=(told.id,))
    said = confess(stage, a, b, passed)
    end_quarrel(t, stage, b, a, said.id)


def lost_letter(t: Thread) -> Plot:
    """A love letter is kept by its messenger; the one who waits waits in vain until it is found."""
    a, b, c = t.people(3)
    world, channel = t.world, t.dice.pick(CHANNELS)
    meeting = t.place()
    letter = t.prop(
        "read", holder=a, kinds=("letter", "envelope", "postcard", "scroll") if t.dice.chance(0.5) else ("letter",)
    )
    stage = yield Call(place=t.place(inside=True), people=(a,))
    written = stage.act("write", a, prop=letter.id)
    stage.say("love", a, speech="talk", p=meeting.phrase)
    stage = yield Call(place=t.place(), people=(a, c), arrives=t.dice.chance(0.5))
    greet(stage, a, c, always=True)
    stage.say("errand", a, c, speech="ask", o=letter.name, c=t.name(b), names=(b,))
    stage.act("give", a, c, prop=letter.id, causes=(written.id,))
    stage.say("promise", c, a, speech="promise")
    place = t.place(hiding=True)
    spot = t.dice.pick(place.spots)
    stage = yield Call(place=place, people=(c,), arrives=True, shadow=b if channel == "saw" else None)
    stage.act("read", c, prop=letter.id)
    why, kind = t.motive(a)
    deed = stage.act("hide", c, prop=letter.id, spot=spot, why=why, why_kind=kind)
    stage.act("leave", c)
    stage = yield Call(place=meeting, people=(a,))
    waiting = stage.say("wait_for", a, causes=(deed.id,))
    if t.dice.chance(0.5):
        stage.act("cry", a, causes=(deed.id,))
    stage.act("leave", a, causes=(waiting.id,))
    reason = yield from learn(t, b, deed, channel, confidant=t.extra(3, a))
    stage = yield Call(place=place, people=(b,), arrives=True)
    found = look_for(stage, b, world.facts[deed.fact or ""], reason, finds=True)
    stage.act("read", b, prop=letter.id, causes=(found.id,))
    stage = yield Call(place=meeting, people=(a, b), arrives=True)
    stage.say("greet_named", b, a, speech="greet")
    stage.act("show", b, a, prop=letter.id, causes=(found.id,))
    joined = stage.act("embrace", b, a, causes=(found.id,))
    world.relate(a, b, "couple", joined.id)
    stage = yield Call(place=t.place(), people=(a, c))
    stage.say("demand", a, c, speech="ask", o=letter.name, causes=(joined.id,))
    said = confess(stage, c, a, deed)
    end_quarrel(t, stage, a, c, said.id)


def poisoned_cup(t: Thread) -> Plot:
    """Somebody pours something into another's cup, and a third who knows of it comes in time or not."""
    a, b, d = t.people(3)
    world, channel = t.world, t.dice.pick(CHANNELS)
    cup = t.prop("drink", holder=a)
    place = t.place(inside=True)
    stage = yield Call(place=place, people=(a,), arrives=True, shadow=d if channel == "saw" else None)
    why, kind = t.motive(b)
    deed = stage.act("pour", a, prop=cup.id, why=why, why_kind=kind)
    if t.dice.chance(0.4):
        stage.say("alone", a)
    reason = yield from learn(t, d, deed, channel, confidant=t.extra(3, a))
    stage = yield Call(place=t.place(inside=True), people=(a, b), arrives=t.dice.chance(0.5))
    greet(stage, a, b, always=True)
    served = stage.act("give", a, b, prop=cup.id, causes=(deed.id,))
    stage.say("drink_up", a, b, causes=(served.id,))
    if t.dice.chance(0.5):
        stage.act("enter", d, causes=(reason.event,))
        warned = stage.say("warn", d, b, speech="warn", fact=world.facts[deed.fact or ""], causes=(reason.event,))
        if "break" in _uses(cup.kind):
            stage.act(
                "break",
                b,
                prop=cup.id,
                why=f"because {t.name(d)} had given a warning",
                why_kind="told",
                causes=(warned.id,),
            )
        else:
            stage.act(
                "put",
                b,
                prop=cup.id,
                why=f"because {t.name(d)} had given a warning",
                why_kind="told",
                causes=(warned.id,),
            )
        stage.act("leave", a)
        stage.say("thank", b, d, speech="thank", causes=(warned.id,))
        world.relate(b, d, "friends", warned.id)
        learned = warned
    else:
        drunk = stage.act("drink", b, prop=cup.id, causes=(served.id,))
        slept = stage.act("sleep", b, causes=(drunk.id, deed.id))
        stage.act("leave", a, causes=(slept.id,))
        stage = yield Call(place=t.place(inside=True), people=(b, d), arrives=True)
        learned = stage.say(
            "tell", d, b, speech="tell", fact=world.facts[deed.fact or ""], causes=(reason.event, slept.id)
        )
    stage = yield Call(place=t.place(), people=(b, a))
    stage.say("accuse", b, a, speech="accuse", fact=world.facts[deed.fact or ""], causes=(learned.id,))
    said = confess(stage, a, b, deed)
    end_quarrel(t, stage, b, a, said.id)


def _uses(kind: str) -> frozenset[str]:
    return PROP_KINDS[kind].uses


def followed_friend(t: Thread) -> Plot:
    """Somebody follows another, sees a gift change hands, and takes a present for a betrayal."""
    a, b, c, d = t.people(4)
    world = t.world
    thing = t.prop(holder=b)
    stage = yield Call(place=t.place(), people=(a, b))
    greet(stage, a, b, always=True)
    chat(stage, a, b)
    away = stage.act("follow", a, b)
    stage.act("leave", b)
    stage.act("leave", a, causes=(away.id,))
    place = t.place()
    stage = yield Call(place=place, people=(c,), shadow=a)
    stage.act("enter", b)
    greet(stage, b, c)
    given = stage.act(
        "give", b, c, prop=thing.id, why=f"because it was to be a surprise for {t.name(a)}", why_kind="surprise"
    )
    stage.act("leave", b)
    stage = yield Call(place=t.place(), people=(a, d))
    greet(stage, a, d, always=True)
    wrong = stage.say(
        "betrayal", a, d, speech="mistake", causes=(given.id, away.id), b=t.name(b), c=t.name(c), names=(b,)
    )
    world.relate(a, b, "quarrelled", wrong.id)
    stage = yield Call(place=t.place(), people=(a, b), arrives=t.dice.chance(0.5))
    stage.say(
        "accuse",
        a,
        b,
        speech="accuse",
        fact=world.facts[given.fact or ""],
        causes=(given.id,),
        why="because of having seen it without knowing what it was for",
        why_kind="saw",
    )
    stage.act("push", a, b, causes=(given.id,))
    stage.act("leave", a)
    stage = yield Call(place=t.place(), people=(c, a), arrives=t.dice.chance(0.5))
    greet(stage, c, a)
    told = stage.say("explain", c, a, speech="tell", causes=(wrong.id,), c=t.name(c))
    handed = stage.act("give", c, a, prop=thing.id, causes=(told.id,))
    stage = yield Call(place=t.place(), people=(a, b))
    sorry = stage.say("sorry", a, b, speech="sorry", causes=(handed.id,))
    end_quarrel(t, stage, b, a, sorry.id)


def swapped_things(t: Thread) -> Plot:
    """Two people lay down their things, each takes the other's, and it is noticed far away."""
    a, b = t.people(2)
    kinds = t.dice.pick((("suitcase",), ("box",), ("purse",), ("umbrella",), ("hat",)))
    mine = t.prop(holder=a, kinds=kinds)
    yours = t.prop(holder=b, kinds=kinds)
    place = t.place()
    stage = yield Call(place=place, people=(a, b), arrives=t.dice.chance(0.5))
    greet(stage, a, b, always=True)
    stage.act("put", a, prop=mine.id)
    stage.act("put", b, prop=yours.id)
    chat(stage, b, a)
    why = "by mistake"
    first = stage.act("take", a, prop=yours.id, why=why, why_kind="mistake")
    stage.act("leave", a)
    second = stage.act("take", b, prop=mine.id, why=why, why_kind="mistake")
    stage.act("leave", b)
    stage = yield Call(place=t.place(), people=(a,))
    stage.act("look_at", a, prop=yours.id, causes=(first.id,))
    noticed = stage.say("swap_notice", a, causes=(first.id,))
    if not t.is_brief:
        stage = yield Call(place=t.place(), people=(b,))
        stage.act("look_at", b, prop=mine.id, causes=(second.id,))
        stage.say("swap_notice", b, causes=(second.id,))
    stage = yield Call(place=t.place(), people=(a, b), arrives=True)
    greet(stage, a, b, always=True)
    talk = stage.say("swap_talk", a, b, speech="tell", causes=(noticed.id,))
    stage.act(
        "give",
        a,
        b,
        prop=yours.id,
        causes=(talk.id,),
        why="because the two things had been mixed up",
        why_kind="mistake",
    )
    stage.act("give", b, a, prop=mine.id, causes=(talk.id,))
    stage.act("laugh", t.dice.pick((a, b)))


def last_will(t: Thread) -> Plot:
    """Somebody old hides a legacy and leaves; the heir finds it, or a rival who listened does."""
    a, b, c = t.people(3)
    world = t.world
    place = t.place(hiding=True)
    spot = t.dice.pick(place.spots)
    legacy, key = t.prop(holder=a), t.prop(holder=a, kinds=("key",))
    stage = yield Call(place=place, people=(a,), arrives=True)
    deed = stage.act(
        "hide", a, prop=legacy.id, spot=spot, why=f"because of a promise to {t.name(b)}", why_kind="promise"
    )
    stage.act("leave", a)
    is_stolen = t.dice.chance(0.5)
    stage = yield Call(place=t.place(inside=True), people=(a, b), shadow=c if is_stolen else None)
    greet(stage, a, b, always=True)
    stage.act("give", a, b, prop=key.id, causes=(deed.id,))
    told = stage.say(
        "heir", a, b, speech="tell", fact=world.facts[deed.fact or ""], causes=(deed.id,), s=spot, p=place.phrase
    )
    stage = yield Call(place=t.place(), people=(a, b))
    stage.say("farewell", a, b, speech="farewell")
    stage.act("leave", a)
    finder = c if is_stolen else b
    why = (
        f"because {t.name(a)} had told it"
        if finder == b
        else f"because of having overheard {t.name(a)} and {t.name(b)}"
    )
    reason = Learned(event=told.id, why=why, kind="told" if finder == b else "overheard")
    stage = yield Call(place=place, people=(finder,), arrives=True)
    found = look_for(stage, finder, world.facts[deed.fact or ""], reason, finds=True)
    if not is_stolen:
        stage.act("look_at", b, prop=legacy.id, causes=(found.id,))
        stage.act("cry" if t.dice.chance(0.5) else "laugh", b, causes=(found.id,))
        return
    stage.act("leave", c)
    stage = yield Call(place=place, people=(b,), arrives=True)
    heard = Learned(event=told.id, why=f"because {t.name(a)} had told it", kind="told")
    empty = look_for(stage, b, world.facts[deed.fact or ""], heard, finds=False)
    stage = yield Call(place=t.place(), people=(c, b), arrives=True)
    greet(stage, b, c)
    stage.say("demand", b, c, speech="ask", o=legacy.name, causes=(empty.id,))
    back = stage.act("give", c, b, prop=legacy.id, causes=(empty.id,))
    end_quarrel(t, stage, b, c, back.id)


def everyday(t: Thread) -> Plot:
    """A scene of everyday life: it lets people be met and named, and much be seen that nobody talks of."""
    dice = t.dice
    people = t.people(min(len(t.cast), dice.pick((1, 2, 2, 2, 3))))
    stage = yield Call(place=t.place(), people=tuple(people), arrives=dice.chance(0.4))
    if len(people) > 1:
        greet(stage, people[0], people[1], always=True)
    if len(people) > 2:
        stage.say("greet_named", people[1], people[2], speech="greet")
    alone = ("sweep", "phone", "pray", "stretch", "laugh", "cry", "sleep")
    together = ("dance", "wave", "shake", "laugh", "embrace", "kneel")
    for turn in range(dice.whole(1, 3)):
        if len(people) == 1 or dice.chance(0.25):
            action = dice.pick(alone)
            stage.act(action, people[0])
            if action == "phone":
                stage.say("phone_talk", people[0])
        elif dice.chance(0.4):
            action = dice.pick(together)
            stage.act(action, people[0], None if action == "laugh" else people[1])
        elif dice.chance(0.5):
            _use_something(t, stage, people[turn % len(people)])
        else:
            chat(stage, people[0], people[1])
    if dice.chance(0.4):
        stage.act("leave", people[0])


def _use_something(t: Thread, stage: Stage, person: str) -> None:
    use, action = t.dice.pick(
        (("eat", "eat"), ("read", "read"), ("play", "play"), ("drink", "drink"), ("burn", "burn"), ("", "look_at"))
    )
    thing = t.prop(*([use] if use else []), holder=person)
    stage.act(action, person, prop=thing.id)


FAMILIES = {
    "borrowed thing": (borrowed_thing, 3, 6),
    "lost letter": (lost_letter, 3, 8),
    "poisoned cup": (poisoned_cup, 3, 5),
    "followed friend": (followed_friend, 4, 6),
    "swapped things": (swapped_things, 2, 4),
    "last will": (last_will, 3, 5),
}
"""Families of this file: the plot, how many people it needs, about how many scenes it takes."""
