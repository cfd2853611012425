"""Identities: IDA-VLM's records, with reference pictures from other scenes than the frame that is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from movieqa.train.film_world.actions import ACTION_KINDS
from movieqa.train.film_world.dice import Dice

from .dialogues import still_path
from .folder import FilmFolder

_FRAMES_A_FILM = 30
_MOST_FRAMES = 4
"""Frames of a sequence."""
_CLEAR = ("front", "side")


def identity_records(folder: FilmFolder, wanted: dict[float, str]) -> Iterator[dict[str, Any]]:
    """Yield matching, location, question and caption records, about one frame or several.

    A reference is a frame of another scene in which only this person is seen and large, so that neither the clothes of
    the scene nor the same picture give the answer away.
    """
    dice = Dice("identities", folder.name)
    truth = folder.truth
    references = _references(folder)
    frames = [sample for sample in truth["samples"] if 1 <= len(_people(sample)) <= 5]
    number = 0
    for sample in dice.sample(frames, _FRAMES_A_FILM):
        scene = _scene(folder, sample["time"])
        chosen: dict[str, float] = {}
        for item in _people(sample):
            elsewhere = [time for time, other in references.get(item["person"], []) if other != scene]
            if elsewhere:
                chosen[item["person"]] = dice.pick(elsewhere)
        if not chosen:
            continue
        for time in (*chosen.values(), sample["time"]):
            wanted.setdefault(time, still_path(folder, time))
        lead = "\n ".join(f"{folder.names[person]} is <img>{wanted[time]}</img>" for person, time in chosen.items())
        picture = wanted[sample["time"]]
        for kind, question, answer in _tasks(folder, sample, chosen, dice):
            yield {
                "id": number,
                "type": kind,
                "film": folder.name,
                "time": sample["time"],
                "conversations": [
                    {"from": "user", "value": f"{lead}\n In the image: <img>{picture}</img>\n {question}"},
                    {"from": "assistant", "value": answer},
                ],
            }
            number += 1
    for record in _sequences(folder, wanted, references, dice):
        yield {"id": number, **record}
        number += 1
    yield from _matching(folder, wanted, references, dice, first=number)


def _tasks(
    folder: FilmFolder, sample: dict[str, Any], chosen: dict[str, float], dice: Dice
) -> Iterator[tuple[str, str, str]]:
    names = folder.names
    person = dice.pick(sorted(chosen))
    item = next(item for item in _people(sample) if item["person"] == person)
    corners = [int(1000 * share) for share in item["box"]]
    box = f"<box>({corners[0]},{corners[1]}),({corners[2]},{corners[3]})</box>"
    yield "location", f"Identify {names[person]} with grounding.", f"<ref>{names[person]}</ref>{box}"
    events = folder.truth["events"]
    event = next((event for event in events if event["start"] <= sample["time"] < event["end"]), None)
    if event is None or event["agent"] not in chosen or event["action"] == "leave":
        return
    place = next(place["phrase"] for place in folder.truth["places"] if place["id"] == event["place"])
    if event["action"] == "say":
        yield "QA", "Who is speaking here?", f"{names[event['agent']]} is speaking."
    others = [names[other] for other in chosen if other != event["agent"]]
    rest = f", with {' and '.join(others)} there" if others else ""
    doing = "speaks" if event["action"] == "say" else f"is seen to {event['action'].replace('_', ' ')}"
    yield "caption", "Describe the picture with the names.", f"{names[event['agent']]} {doing} {place}{rest}."


def _sequences(
    folder: FilmFolder, wanted: dict[float, str], references: dict[str, list[tuple[float, str]]], dice: Dice
) -> Iterator[dict[str, Any]]:
    """Yield captions and questions about two to four frames of one scene, each of something that visibly happens."""
    samples = {sample["time"]: _people(sample) for sample in folder.truth["samples"]}
    for scene in folder.truth["scenes"]:
        shown: list[tuple[float, dict[str, Any]]] = []
        for event in folder.truth["events"]:
            if event["scene"] != scene["id"] or event["action"] in ("say", "leave"):
                continue
            involved = {event["agent"], event["other"]} - {None}
            known = all(any(other != scene["id"] for _, other in references.get(person, [])) for person in involved)
            time = next((time for time in samples if event["start"] + 0.5 <= time < event["end"]), None)
            if known and time is not None and event["agent"] in {item["person"] for item in samples[time]}:
                shown.append((time, event))
        if len(shown) < 2:
            continue
        shown = shown[:_MOST_FRAMES]
        involved = {event[role] for _, event in shown for role in ("agent", "other")} - {None}
        chosen = {
            person: dice.pick([time for time, other in references[person] if other != scene["id"]])
            for person in sorted(involved)
        }
        for time in (*chosen.values(), *(time for time, _ in shown)):
            wanted.setdefault(time, still_path(folder, time))
        lead = "\n ".join(f"{folder.names[person]} is <img>{wanted[time]}</img>" for person, time in chosen.items())
        frames = "\n ".join(f"<img>{wanted[time]}</img>" for time, _ in shown)
        told = [_told(folder, event) for _, event in shown]
        place = next(place["phrase"] for place in folder.truth["places"] if place["id"] == scene["place"])
        story = f"{', then '.join(told)}, all of it {place}."
        rank = dice.whole(0, len(shown) - 1)
        who = folder.names[shown[rank][1]["agent"]]
        for kind, question, answer in (
            ("caption", "Tell with the names what happens from picture to picture.", story),
            ("QA", f"Who is it that does something in picture {rank + 1}, and what?", f"{who}: {told[rank]}."),
        ):
            yield {
                "type": kind,
                "film": folder.name,
                "time": shown[0][0],
                "conversations": [
                    {"from": "user", "value": f"{lead}\n In the following images: {frames}\n {question}"},
                    {"from": "assistant", "value": answer},
                ],
            }


def _told(folder: FilmFolder, event: dict[str, Any]) -> str:
    props = {prop["id"]: prop["name"] for prop in folder.truth["props"]}
    text = ACTION_KINDS[event["action"]].present.format(
        b=folder.names.get(event["other"] or "", ""), o=props.get(event["prop"] or "", ""), s=event["spot"] or ""
    )
    return f"{folder.names[event['agent']]} {text}"


def _matching(
    folder: FilmFolder,
    wanted: dict[float, str],
    references: dict[str, list[tuple[float, str]]],
    dice: Dice,
    *,
    first: int,
) -> Iterator[dict[str, Any]]:
    """Yield records that ask which of four pictures shows the person of the reference, seen in another scene."""
    number = first
    for person in sorted(references):
        scenes = sorted({scene for _, scene in references[person]})
        others = [other for other in sorted(references) if other != person]
        if len(scenes) < 2 or len(others) < 3:
            continue
        known, asked = dice.sample(scenes, 2)
        reference = dice.pick([time for time, scene in references[person] if scene == known])
        right = dice.pick([time for time, scene in references[person] if scene == asked])
        times = [right, *(dice.pick(references[other])[0] for other in dice.sample(others, 3))]
        shown = dice.shuffled(times)
        for time in (reference, *times):
            wanted.setdefault(time, still_path(folder, time))
        images = "\n ".join(f"Image {rank}: <img>{wanted[time]}</img>" for rank, time in enumerate(shown, start=1))
        lead = f"{folder.names[person]} is <img>{wanted[reference]}</img>"
        question = f"{lead}\n Which of these images shows {folder.names[person]}?\n {images}"
        yield {
            "id": number,
            "type": "matching",
            "film": folder.name,
            "conversations": [
                {"from": "user", "value": question},
                {"from": "assistant", "value": f"Image {shown.index(right) + 1}"},
            ],
        }
        number += 1


def _references(folder: FilmFolder) -> dict[str, list[tuple[float, str]]]:
    """Return for every person the moments at which only this person is seen, large: the time and the scene."""
    result: dict[str, list[tuple[float, str]]] = {}
    for sample in folder.truth["samples"]:
        if len(sample["people"]) != 1 or sample["people"][0]["how"] not in _CLEAR:
            continue
        left, top, right, bottom = sample["people"][0]["box"]
        if (right - left) * (bottom - top) > 0.25:
            scene = _scene(folder, sample["time"])
            result.setdefault(sample["people"][0]["person"], []).append((sample["time"], scene))
    return result


def _people(sample: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in sample["people"] if item["how"] in _CLEAR and item["head"] is not None]


def _scene(folder: FilmFolder, time: float) -> str:
    scenes = folder.truth["scenes"]
    return str(next((scene["id"] for scene in scenes if scene["start"] <= time < scene["end"]), scenes[-1]["id"]))
