"""Plots: the families of stories, each put together from pieces that vary; first half."""

from __future__ import annotations

from .pieces import Learned, chat, confess, end_quarrel, greet, known_secret, learn, look_for, rumour
from .stage import Call
from .thread import CHANNELS, Plot, Thread


def hidden_thing(t: Thread) -> Plot:
    """Somebody hides a thing, misleads who asks for it, and it is found by another who came to know."""
    a, b, c = t.people(3)
    world, channel = t.world, t.dice.pick(CHANNELS)
    place = t.place(hiding=True)
    spot = t.dice.pick(place.spots)
    thing = t.prop(holder=a)
    stage = yield Call(place=place, people=(a,), shadow=c if channel == "saw" else None, arrives=True)
    if t.dice.chance(0.6):
        stage.act("look_at", a, prop=thing.id)
    why, kind = t.motive(b)
    deed = stage.act("hide", a, prop=thing.id, spot=spot, why=why, why_kind=kind)
    if t.dice.chance(0.4):
        stage.say("alone", a)
    stage.act("leave", a)
    if not t.is_brief:
        yield from _ask_and_mislead(t, asker=b, liar=a, deed_id=deed.id, thing=thing.id, true_place=place.id)
    reason = yield from learn(t, c, deed, channel, confidant=b)
    stage = yield Call(place=place, people=(c,), arrives=True)
    found = look_for(stage, c, world.facts[deed.fact or ""], reason, finds=True)
    stage = yield Call(place=t.place(), people=(c, b if t.dice.chance(0.5) else a), arrives=t.dice.chance(0.5))
    receiver = stage.present[0] if stage.present[0] != c else stage.present[1]
    greet(stage, c, receiver, always=True)
    stage.say("return", c, receiver, speech="talk", o=thing.name)
    given = stage.act("give", c, receiver, prop=thing.id, causes=(found.id,))
    stage.say("thank", receiver, c, speech="thank", causes=(given.id,))
    if receiver == b:
        stage = yield Call(place=t.place(), people=(b, a))
        stage.say("accuse", b, a, speech="accuse", fact=world.facts[deed.fact or ""], causes=(given.id,))
        told = confess(stage, a, b, deed)
        end_quarrel(t, stage, b, a, told.id)


def _ask_and_mislead(t: Thread, *, asker: str, liar: str, deed_id: str, thing: str, true_place: str) -> Plot:
    world = t.world
    name = world.props[thing].name
    stage = yield Call(place=t.place(), people=(liar, asker), arrives=t.dice.chance(0.5))
    greet(stage, asker, liar, always=True)
    asked = stage.say("ask_where", asker, liar, speech="ask", o=name)
    wrong = [place for place in world.places.values() if place.id != true_place and place.spots]
    if not wrong or t.dice.chance(0.35):
        stage.say("deny", liar, asker, speech="lie", causes=(asked.id, deed_id), o=name)
        return
    place = t.dice.pick(wrong)
    spot = t.dice.pick(place.spots)
    lie = world.add_fact(rumour(f"{name} is {spot} {place.phrase}", prop=thing, place=place.id, spot=spot, person=liar))
    line = stage.say(
        "mislead", liar, asker, speech="lie", fact=lie, causes=(asked.id, deed_id), o=name, s=spot, p=place.phrase
    )
    stage = yield Call(place=place, people=(asker,), arrives=True)
    look_for(
        stage,
        asker,
        lie,
        Learned(event=line.id, why=f"because {t.name(liar)} had told a lie about it", kind="lied"),
        finds=False,
    )


def theft(t: Thread) -> Plot:
    """Somebody takes another's thing; an innocent is blamed until the truth comes out."""
    a, b, c, d = t.people(4)
    world, channel = t.world, t.dice.pick(CHANNELS)
    place = t.place()
    thing = t.prop(holder=b)
    stage = yield Call(place=place, people=(b,))
    stage.act("look_at", b, prop=thing.id)
    put = stage.act("put", b, prop=thing.id)
    stage.act("leave", b)
    stage = yield Call(place=place, people=(a,), arrives=True, shadow=d if channel == "saw" else None)
    why, kind = t.motive(b)
    deed = stage.act("take", a, prop=thing.id, why=why, why_kind=kind, causes=(put.id,))
    stage.act("leave", a)
    stage = yield Call(place=t.place(), people=(b, a), arrives=t.dice.chance(0.5))
    greet(stage, b, a, always=True)
    asked = stage.say("ask_where", b, a, speech="ask", o=thing.name)
    lie = world.add_fact(rumour(f"{t.name(c)} took {thing.name}", prop=thing.id, person=c))
    blamed = stage.say("lie", a, b, speech="lie", fact=lie, causes=(asked.id, deed.id))
    stage = yield Call(place=t.place(), people=(b, c))
    stage.say(
        "accuse",
        b,
        c,
        speech="accuse",
        fact=lie,
        causes=(blamed.id,),
        why=f"because {t.name(a)} had told a lie about {t.name(c)}",
        why_kind="lied",
    )
    stage.say("innocent", c, b, speech="talk")
    if t.dice.chance(0.5):
        stage.act("push", b, c, causes=(blamed.id,))
    stage.act("leave", c)
    world.relate(b, c, "quarrelled", blamed.id)
    reason = yield from learn(t, d, deed, channel, confidant=t.extra(4, c))
    stage = yield Call(place=t.place(), people=(d, b), arrives=t.dice.chance(0.5))
    greet(stage, d, b)
    told = stage.say("tell", d, b, speech="tell", fact=world.facts[deed.fact or ""], causes=(reason.event,))
    stage = yield Call(place=t.place(), people=(b, a))
    stage.say(
        "accuse",
        b,
        a,
        speech="accuse",
        fact=world.facts[deed.fact or ""],
        causes=(told.id,),
        why=f"because {t.name(d)} had told the truth",
        why_kind="told",
    )
    confess(stage, a, b, deed)
    back = stage.act("give", a, b, prop=thing.id, causes=(told.id,))
    stage.act("leave", a)
    stage = yield Call(place=t.place(), people=(b, c))
    sorry = stage.say("sorry", b, c, speech="sorry", causes=(told.id, back.id))
    end_quarrel(t, stage, c, b, sorry.id)


def kinship(t: Thread) -> Plot:
    """Two strangers are of one family; somebody has kept the photograph that proves it."""
    a, b, d = t.people(3)
    world = t.world
    for other in (b, d):
        if world.relation(a, other) != "strangers":
            world.relate(a, other, "strangers")
    photograph = t.prop(holder=d, kinds=("photograph",))
    stage = yield Call(place=t.place(), people=(d,), portrait=a)
    secret = stage.act("look_at", d, prop=photograph.id)
    if t.dice.chance(0.5):
        stage.act("cry", d, causes=(secret.id,))
    stage = yield Call(place=t.place(), people=(a, b), arrives=t.dice.chance(0.5))
    stage.say("stranger", a, b, speech="greet")
    stage.say("stranger", b, a, speech="greet")
    if t.dice.chance(0.5):
        stage.act("shake", a, b)
    chat(stage, a, b)
    kin = "sister" if world.people[a].is_woman else "brother"
    fact = world.add_fact(rumour(f"{t.name(a)} is {t.name(b)}'s {kin}", person=a, is_true=True))
    world.knowledge.append(known_secret(d, fact.id, secret))
    stage = yield Call(place=t.place(), people=(d, b), arrives=True, portrait=a)
    greet(stage, d, b, always=True)
    shown = stage.act("show", d, b, prop=photograph.id, causes=(secret.id,))
    line = stage.say("kin", d, b, speech="tell", fact=fact, causes=(shown.id,), a=t.name(a), kin=kin)
    stage.act("give", d, b, prop=photograph.id, causes=(line.id,))
    stage = yield Call(place=t.place(), people=(b, a), arrives=True)
    other_kin = "sister" if world.people[a].is_woman else "brother"
    told = stage.say("kin_meet", b, a, speech="tell", fact=fact, causes=(line.id,), kin=other_kin)
    stage.act("show", b, a, prop=photograph.id, causes=(line.id,))
    stage.act(
        "embrace",
        a,
        b,
        causes=(told.id,),
        why=f"because {t.name(d)} had told {t.name(b)} about the family",
        why_kind="told",
    )
    world.relate(a, b, "siblings", told.id)


def mistaken_person(t: Thread) -> Plot:
    """A messenger gives a thing to the wrong person and swears that it was the right one."""
    a, b, c, d = t.people(4)
    world = t.world
    thing = t.prop(holder=d)
    stage = yield Call(place=t.place(), people=(d, a), arrives=t.dice.chance(0.5))
    greet(stage, d, a, always=True)
    order = stage.say("errand", d, a, speech="ask", o=thing.name, c=t.name(b))
    stage.act("give", d, a, prop=thing.id, causes=(order.id,))
    stage.say("promise", a, d, speech="promise")
    stage = yield Call(place=t.place(), people=(c, a), arrives=False)
    stage.say("you_are", a, c, speech="mistake", causes=(order.id,), b=t.name(b), names=(b,))
    wrong = stage.act(
        "give",
        a,
        c,
        prop=thing.id,
        causes=(order.id,),
        why=f"because {t.name(a)} took {t.name(c)} for {t.name(b)}",
        why_kind="mistake",
    )
    stage.say("wrong_hands", c, a, speech="thank", causes=(wrong.id,))
    stage = yield Call(place=t.place(), people=(d, b))
    missing = stage.say("not_got", b, d, speech="tell", o=thing.name, causes=(wrong.id,))
    stage = yield Call(place=t.place(), people=(b, a), arrives=True)
    greet(stage, b, a, always=True)
    stage.say("not_got", b, a, o=thing.name, causes=(missing.id,))
    stage.say("gave_you", a, b, speech="mistake", causes=(wrong.id,))
    stage.act("push", b, a)
    world.relate(a, b, "quarrelled", missing.id)
    stage = yield Call(place=t.place(), people=(d, a))
    told = stage.say("double", d, a, speech="tell", causes=(wrong.id,), c=t.name(c), names=(c,))
    stage = yield Call(place=t.place(), people=(a, c))
    greet(stage, a, c, always=True)
    stage.say("demand", a, c, speech="ask", o=thing.name, causes=(told.id,))
    back = stage.act("give", c, a, prop=thing.id, causes=(told.id,))
    stage = yield Call(place=t.place(), people=(a, b))
    stage.say("return", a, b, o=thing.name, causes=(back.id,))
    stage.act(
        "give",
        a,
        b,
        prop=thing.id,
        causes=(back.id,),
        why=f"because {t.name(d)} had told {t.name(a)} of the mistake",
        why_kind="told",
    )
    end_quarrel(t, stage, b, a, back.id)


def broken_thing(t: Thread) -> Plot:
    """Somebody breaks another's treasure and lets a third take the blame."""
    a, b, c = t.people(3)
    world, channel = t.world, t.dice.pick(CHANNELS)
    thing = t.prop("break", holder=b)
    place = t.place(inside=True)
    stage = yield Call(place=place, people=(b, a), arrives=t.dice.chance(0.5))
    greet(stage, b, a, always=True)
    stage.act("show", b, a, prop=thing.id)
    stage.act("put", b, prop=thing.id)
    stage.act("leave", b)
    stage.act("take", a, prop=thing.id)
    stage.act("leave", a)
    stage = yield Call(place=t.place(inside=True), people=(a,), shadow=c if channel == "saw" else None)
    why, kind = t.motive(b)
    deed = stage.act("break", a, prop=thing.id, why=why, why_kind=kind)
    if t.dice.chance(0.4):
        stage.say("alone", a)
    stage = yield Call(place=t.place(), people=(a, b), arrives=t.dice.chance(0.5))
    asked = stage.say("ask_where", b, a, speech="ask", o=thing.name)
    lie = world.add_fact(rumour(f"{t.name(c)} broke {thing.name}", prop=thing.id, person=c))
    blamed = stage.say("lie", a, b, speech="lie", fact=lie, causes=(asked.id, deed.id))
    world.relate(b, c, "quarrelled", blamed.id)
    reason = yield from learn(t, c, deed, channel, confidant=t.extra(3, b))
    stage = yield Call(place=t.place(), people=(c, b), arrives=True)
    greet(stage, c, b, always=True)
    stage.say(
        "accuse",
        b,
        c,
        speech="accuse",
        fact=lie,
        causes=(blamed.id,),
        why=f"because {t.name(a)} had told a lie about {t.name(c)}",
        why_kind="lied",
    )
    stage.say("innocent", c, b)
    truth = stage.say("tell", c, b, speech="tell", fact=world.facts[deed.fact or ""], causes=(reason.event,))
    stage = yield Call(place=t.place(), people=(b, a))
    stage.say("accuse", b, a, speech="accuse", fact=world.facts[deed.fact or ""], causes=(truth.id,))
    told = confess(stage, a, b, deed)
    end_quarrel(t, stage, b, a, told.id)


FAMILIES = {
    "hidden thing": (hidden_thing, 3, 6),
    "theft": (theft, 4, 8),
    "kinship": (kinship, 3, 4),
    "mistaken person": (mistaken_person, 4, 7),
    "broken thing": (broken_thing, 3, 6),
}
"""Families of this file: the plot, how many people it needs, about how many scenes it takes."""
