"""Casting: draws the people of a film, with faces, wardrobes, doubles and siblings, and the places they live in."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from .dice import Dice, is_reserved
from .names import draw_names
from .places import INSIDE_SPOTS, OUTSIDE_SPOTS, PLACE_KINDS, SPOTS
from .props import COLORS
from .records import Look, Outfit, Person, Place
from .splits import Split, allowed_items

SKINS = ("f6d7c3", "eabf9f", "d9a57e", "bf8860", "9a6544", "7a4b32", "653f2d")
HAIR_COLORS = ("221d1c", "4a3020", "7b4a26", "b5793a", "d9b25f", "a63f22", "8e8e92", "e6e3dc")
WOMEN_HAIR = ("long", "bob", "bun", "ponytail", "curly", "short", "braids", "afro")
MEN_HAIR = ("short", "parted", "bald", "curly", "spiky", "long", "fringe", "afro")
NOSES = ("round", "straight", "hooked", "button", "wide")
GLASSES = ("", "", "", "", "round", "round", "square", "square", "dark")
BEARDS = ("", "", "", "full", "moustache", "goatee", "stubble")
MARKS = ("", "", "", "mole", "scar", "freckles")
TOPS = ("shirt", "sweater", "coat", "vest", "jacket", "apron", "dress")
PATTERNS = ("plain", "plain", "stripes", "dots", "checks", "zigzag")
HATS = ("", "", "", "", "cap", "brim", "beanie", "beret")


def draw_cast(dice: Dice, split: Split, *, count: int) -> tuple[Person, ...]:
    """Draw `count` people who can be told apart, but for a double or siblings among them.

    Raises:
        ConfigError: There are more people than names.
    """
    women = [dice.fork("woman", index).chance(0.5) for index in range(count)]
    names = draw_names(dice, split, is_woman=women)
    people: list[Person] = []
    for index, (name, is_woman) in enumerate(zip(names, women, strict=True)):
        own = dice.fork("person", index)
        look = _distinct_look(own, split, is_woman, [person.look for person in people if person.is_woman == is_woman])
        person = Person(id=f"p{index}", name=name, is_woman=is_woman, look=look, outfits=_wardrobe(own, is_woman))
        people.append(person)
    if count >= 4:
        people = _add_likeness(dice.fork("likeness"), people)
    return tuple(people)


def draw_places(dice: Dice, split: Split, *, count: int) -> dict[str, Place]:
    """Draw the places of a film, insides and outsides, each of another kind."""
    kinds = dice.sample(allowed_items(split, "place", sorted(PLACE_KINDS)), count)
    if all(PLACE_KINDS[kind].is_outside for kind in kinds):
        kinds[0] = "kitchen"
    places = {}
    for index, name in enumerate(kinds):
        kind = PLACE_KINDS[name]
        spots = dice.fork("spots", index).sample(OUTSIDE_SPOTS if kind.is_outside else INSIDE_SPOTS, 3)
        place = Place(
            id=f"l{index}",
            kind=name,
            name=f"the {name}",
            phrase=kind.phrase,
            is_outside=kind.is_outside,
            spots=tuple(SPOTS[spot] for spot in spots),
        )
        places[place.id] = place
    return places


def _distinct_look(dice: Dice, split: Split, is_woman: bool, others: list[Look]) -> Look:
    candidates = [draw_look(dice.fork("look", attempt), split, is_woman=is_woman) for attempt in range(12)]
    return max(candidates, key=lambda look: min((_difference(look, other) for other in others), default=0))


def _difference(first: Look, second: Look) -> float:
    weights = {"skin": 2, "hair_color": 3, "hair": 3, "glasses": 2, "beard": 2, "age": 2, "nose": 1, "mark": 1}
    score = sum(weight for field, weight in weights.items() if getattr(first, field) != getattr(second, field))
    return score + 3 * abs(first.face_width - second.face_width) + 2 * abs(first.build - second.build)


def draw_look(dice: Dice, split: Split, *, is_woman: bool) -> Look:
    """Draw a face and a body; some combinations of hair and face are kept for test films."""
    while True:
        age: Literal["child", "young", "grown", "old"] = dice.pick(("child", "young", "young", "grown", "grown", "old"))
        hair = dice.pick(WOMEN_HAIR if is_woman else MEN_HAIR)
        nose = dice.pick(NOSES)
        skin = dice.pick(SKINS)
        if split == "all" or is_reserved("face", hair, nose, skin) == (split == "test"):
            break
    hair_color = dice.pick(HAIR_COLORS[6:] if age == "old" else HAIR_COLORS[:6])
    has_beard = not is_woman and age in ("grown", "old")
    return Look(
        skin=skin,
        hair_color=hair_color,
        hair=hair,
        brows=dice.number(0.5, 1.5),
        eye_color=dice.pick(("3b2a1c", "2f5d8a", "3f7a4c", "6b4a22", "5a6670")),
        eye_size=dice.number(0.8, 1.25),
        eye_distance=dice.number(0.85, 1.15),
        nose=nose,
        nose_size=dice.number(0.75, 1.35),
        mouth=dice.number(0.75, 1.3),
        jaw=dice.number(0.55, 1.0),
        face_width=dice.number(0.84, 1.16),
        face_height=dice.number(0.94, 1.1),
        ears=dice.number(0.7, 1.3),
        glasses=dice.pick(GLASSES) if age != "child" else "",
        beard=dice.pick(BEARDS) if has_beard else "",
        mark=dice.pick(MARKS),
        age=age,
        height={"child": 0.7, "young": 0.97, "grown": 1.0, "old": 0.94}[age] * dice.number(0.94, 1.06),
        build=dice.number(0.85, 1.25),
    )


def _wardrobe(dice: Dice, is_woman: bool) -> tuple[Outfit, ...]:
    colors = sorted(COLORS)
    return tuple(
        Outfit(
            top=dice.pick(TOPS if is_woman else TOPS[:-1]),
            top_color=dice.pick(colors),
            pattern=dice.pick(PATTERNS),
            bottom=dice.pick(("trousers", "skirt") if is_woman else ("trousers", "trousers", "shorts")),
            bottom_color=dice.pick(colors),
            hat=dice.pick(HATS),
            hat_color=dice.pick(colors),
            scarf_color=dice.pick(colors) if dice.chance(0.2) else "",
        )
        for _ in range(5)
    )


def _add_likeness(dice: Dice, people: list[Person]) -> list[Person]:
    """Make one person of four another's sibling or double: the same features but for two or three."""
    result = list(people)
    for base in range(0, len(people) - 3, 8):
        first = result[base + 1]
        partner = next((person for person in result[base + 2 : base + 8] if person.is_woman == first.is_woman), None)
        if partner is None:
            continue
        is_sibling = dice.chance(0.5)
        own = partner.look
        look = replace(
            first.look,
            eye_distance=own.eye_distance,
            mouth=own.mouth,
            brows=own.brows,
            mark=own.mark,
            hair=own.hair if is_sibling else first.look.hair,
            glasses=own.glasses if is_sibling else first.look.glasses,
            age=own.age if is_sibling else first.look.age,
            height=own.height if is_sibling else first.look.height,
        )
        changed = replace(partner, look=look, looks_like=first.id, is_sibling=is_sibling)
        result[int(partner.id[1:])] = changed
    return result
