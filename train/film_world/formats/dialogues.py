"""Dialogues: the records of LLaMA-VID's stages, and long text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from movieqa.train.film_world.dice import Dice

from .folder import WORKSPACE, FilmFolder

_DESCRIBE = ("Describe the picture briefly.", "What is shown here?", "Say in a sentence what one sees.")
_PICTURES_A_FILM = 40
_ROUNDS = 6
"""Questions in one dialogue at most."""


def still_path(folder: FilmFolder, time: float) -> str:
    """Return where the picture of a moment lies in the data folder."""
    return f"pictures/{folder.name}/{time:09.2f}.jpg"


def caption_records(folder: FilmFolder, wanted: dict[float, str]) -> Iterator[dict[str, Any]]:
    """Yield picture and caption pairs without names: what can be seen without knowing the film."""
    dice = Dice("captions", folder.name)
    peopled = [sample for sample in folder.truth["samples"] if any(item["how"] != "hand" for item in sample["people"])]
    for sample in sorted(dice.sample(peopled, _PICTURES_A_FILM), key=lambda item: item["time"]):
        path = wanted.setdefault(sample["time"], still_path(folder, sample["time"]))
        asked = dice.pick(_DESCRIBE)
        human = f"<image>\n{asked}" if dice.chance(0.5) else f"{asked}\n<image>"
        yield {
            "id": f"{folder.name}-{sample['time']:.2f}",
            "image": path,
            "conversations": [_turn("human", human), _turn("gpt", _caption(folder, sample))],
        }


def _caption(folder: FilmFolder, sample: dict[str, Any]) -> str:
    scene = next(scene for scene in folder.truth["scenes"] if scene["start"] <= sample["time"] < scene["end"] + 3.0)
    place = next(place["phrase"] for place in folder.truth["places"] if place["id"] == scene["place"])
    people = {person["id"]: person for person in folder.truth["people"]}
    stays = {stay["person"]: stay for stay in scene["stays"]}
    told = []
    for item in sample["people"]:
        person = people[item["person"]]
        if item["how"] == "picture":
            told.append(f"somebody on a {scene['shown_on'] or 'photograph'}")
        elif item["person"] in stays:
            outfit = person["outfits"][stays[item["person"]]["outfit"]]
            word = {"child": ("girl", "boy"), "old": ("old woman", "old man")}.get(
                person["look"]["age"], ("woman", "man")
            )
            wearing = f"{'an' if outfit['top_color'][0] in 'aeiou' else 'a'} {outfit['top_color']} {outfit['top']}"
            who = word[0 if person["is_woman"] else 1]
            seen = " from behind" if item["how"] == "back" else ""
            told.append(f"{'an' if who[0] == 'o' else 'a'} {who} in {wearing}{seen}")
    text = ", ".join(told[:-1]) + (" and " if len(told) > 1 else "") + told[-1] if told else "nobody"
    light = {"night": ", at night", "evening": ", in the evening"}.get(scene["day_part"], "")
    return f"{text[0].upper()}{text[1:]} {place}{light}."


def clip_records(folder: FilmFolder) -> Iterator[dict[str, Any]]:
    """Yield dialogues of several turns about the whole film as a video."""
    questions = [item for item in folder.questions if not item.get("references") and item.get("until") is None]
    shuffled = Dice("dialogues", folder.name).shuffled(questions)
    for number in range(0, len(shuffled), _ROUNDS):
        turns = []
        for rank, item in enumerate(shuffled[number : number + _ROUNDS]):
            turns += [
                _turn("human", ("<image>\n" if rank == 0 else "") + item["question"]),
                _turn("gpt", item["long_answer"]),
            ]
        yield {
            "id": f"{folder.name}-clip-{number // _ROUNDS}",
            "video": f"{folder.path.name}/film.mp4",
            "conversations": turns,
        }


def film_records(folder: FilmFolder) -> Iterator[dict[str, Any]]:
    """Yield one question each about the whole film: its frames and the lines between them come from its workspace.

    LLaMA-VID's third stage names a file of features and interleaved text in `video`; here that is `film.movieqa` beside
    `film.mp4`, which `movieqa preprocess` makes. One turn each, one `<image>` for the whole film.
    """
    for item in folder.questions:
        if item.get("references") or item.get("until") is not None:
            continue
        yield {
            "id": item["id"],
            "video": f"{folder.path.name}/{WORKSPACE}",
            "conversations": [_turn("human", f"<image>\n{item['question']}"), _turn("gpt", item["long_answer"])],
        }


def text_records(folder: FilmFolder) -> Iterator[dict[str, Any]]:
    """Yield text-only records: the screenplay of the film, then questions about it."""
    play = screenplay(folder)
    summary = next((item for item in folder.questions if item["query"]["ask"] == "summary"), None)
    asked = Dice("text", folder.name).sample([item for item in folder.questions if not item.get("references")], 8)
    for item in [*([summary] if summary else []), *asked]:
        if item.get("until") is None:
            human = f"{play}\n\n{item['question']}"
            yield {
                "id": f"{item['id']}-text",
                "conversations": [_turn("human", human), _turn("gpt", item["long_answer"])],
            }


def screenplay(folder: FilmFolder) -> str:
    """Return the film as a screenplay: scenes, what is done, who says what."""
    names = folder.names
    places = {place["id"]: place["name"] for place in folder.truth["places"]}
    props = {prop["id"]: prop["name"] for prop in folder.truth["props"]}
    parts = []
    for scene in folder.truth["scenes"]:
        parts.append(f"\n[{scene['start']:.0f} s] {places[scene['place']].upper()} - {scene['day_part'].upper()}")
        for event in folder.truth["events"]:
            if event["scene"] != scene["id"]:
                continue
            if event["text"]:
                parts.append(f"{names[event['agent']].upper()}: {event['text']}")
            else:
                words = [names[event["agent"]], event["action"].replace("_", " "), names.get(event["other"] or "", "")]
                words += [props.get(event["prop"] or "", ""), event["spot"] or ""]
                parts.append(f"({', '.join(word for word in words if word)})")
    return "\n".join(parts).strip()


def _turn(speaker: str, value: str) -> dict[str, str]:
    return {"from": speaker, "value": value}
