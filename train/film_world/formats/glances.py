"""Glances: questions without names that a picture alone answers, or the films' places and lines together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.places import PLACE_KINDS
from movieqa.train.film_world.splits import allowed_items

from .dialogues import still_path
from .folder import WORKSPACE, FilmFolder

_PICTURES_A_FILM = 40
_QUESTIONS_A_FILM = 12
_COUNTS = ("nobody", "one", "two", "three", "four", "five", "six")


def picture_records(folder: FilmFolder, wanted: dict[float, str]) -> Iterator[dict[str, Any]]:
    """Yield a dialogue about each of some pictures: where, inside or outside, what light, how many people, what colour.

    The pictures are of any moment but transitions; whoever is on a photograph, screen or poster, or only shows a hand,
    is not counted.
    """
    dice = Dice("glances", folder.name)
    for sample in sorted(dice.sample(folder.truth["samples"], _PICTURES_A_FILM), key=lambda item: item["time"]):
        path = wanted.setdefault(sample["time"], still_path(folder, sample["time"]))
        turns: list[dict[str, str]] = []
        for question, answer in dice.shuffled(list(_about_picture(folder, sample))):
            turns += _exchange(question, answer, shows=not turns)
        yield {"id": f"{folder.name}-picture-{sample['time']:.2f}", "image": path, "conversations": turns}


def _about_picture(folder: FilmFolder, sample: dict[str, Any]) -> Iterator[tuple[str, str]]:
    scene = _scene_at(folder, sample["time"])
    place = _place(folder, scene)
    yield "Where is this?", f"{_upper(place['phrase'])}."
    yield "Is this inside or outside?", "Outside." if place["is_outside"] else "Inside."
    yield "What part of the day is it?", f"{_upper(scene['day_part'])}."
    here = [item for item in sample["people"] if item["how"] not in ("picture", "hand")]
    if len(here) < len(_COUNTS):
        yield "How many people can be seen?", f"{_upper(_COUNTS[len(here)])}."
    outfits = {stay["person"]: stay["outfit"] for stay in scene["stays"]}
    if len(here) == 1 and here[0]["person"] in outfits:
        person = next(person for person in folder.truth["people"] if person["id"] == here[0]["person"])
        outfit = person["outfits"][outfits[person["id"]]]
        yield f"Which colour is the {outfit['top']}?", f"{_upper(outfit['top_color'])}."


def place_records(folder: FilmFolder) -> Iterator[dict[str, Any]]:
    """Yield one question each about the whole film that its places answer, seen in one of its moments or in them all.

    Where it begins and ends, at what part of the day it ends, whether a place is in it (as often yes as no), and where
    one is when a line is said. The media are those of `film_records`.
    """
    dice = Dice("places", folder.name)
    asked = list(_about_film(folder, dice))
    lines = [item for item in asked if item[0] == "line"]
    kept = dice.sample(lines, max(0, _QUESTIONS_A_FILM - (len(asked) - len(lines))))
    for number, (kind, question, answer) in enumerate([*(item for item in asked if item[0] != "line"), *kept]):
        yield {
            "id": f"{folder.name}-{kind}-{number}",
            "video": f"{folder.path.name}/{WORKSPACE}",
            "conversations": _exchange(question, answer, shows=True),
        }


def _about_film(folder: FilmFolder, dice: Dice) -> Iterator[tuple[str, str, str]]:
    scenes = folder.truth["scenes"]
    for kind, scene in (("begin", scenes[0]), ("end", scenes[-1])):
        yield kind, f"Where does the film {kind}?", f"{_upper(_place(folder, scene)['phrase'])}."
    yield "light", "At what part of the day does the film end?", f"{_upper(scenes[-1]['day_part'])}."
    seen = sorted({_place(folder, scene)["kind"] for scene in scenes})
    known = allowed_items(folder.truth["split"], "place", sorted(PLACE_KINDS))
    others = [name for name in known if name not in {place["kind"] for place in folder.truth["places"]}]
    count = min(3, len(seen), len(others))
    for answer, names in (("Yes.", dice.sample(seen, count)), ("No.", dice.sample(others, count))):
        for name in names:
            yield "shown", f"Is a part of the film {PLACE_KINDS[name].phrase}?", answer
    said = [event for event in folder.truth["events"] if event["text"]]
    counts = Counter(event["text"] for event in said)
    for event in said:
        if counts[event["text"]] == 1:
            place = _place(folder, _scene_at(folder, event["start"]))
            yield "line", f"Where is one when this is said: {event['text']}", f"{_upper(place['phrase'])}."


def _scene_at(folder: FilmFolder, time: float) -> dict[str, Any]:
    scenes: Sequence[dict[str, Any]] = folder.truth["scenes"]
    return next((scene for scene in scenes if scene["start"] <= time < scene["end"]), scenes[-1])


def _place(folder: FilmFolder, scene: dict[str, Any]) -> dict[str, Any]:
    place: dict[str, Any] = next(place for place in folder.truth["places"] if place["id"] == scene["place"])
    return place


def _exchange(question: str, answer: str, *, shows: bool) -> list[dict[str, str]]:
    human = f"<image>\n{question}" if shows else question
    return [{"from": "human", "value": human}, {"from": "gpt", "value": answer}]


def _upper(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
