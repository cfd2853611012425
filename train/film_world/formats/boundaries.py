"""Boundaries: VTimeLLM's records, events with symbolic times, in one turn or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from movieqa.train.film_world.actions import ACTION_KINDS
from movieqa.train.film_world.dice import Dice

from .folder import FilmFolder

_LIST = (
    "Could you please list all events with their times?",
    "What happens here, and when? Describe every event with its start and end.",
    "Go through the video and tell every event with its times.",
    "Describe the events in order, each with a time span.",
)
_WHAT = (
    "What happens from {start} to {end}?",
    "Describe what one sees from {start} to {end}.",
    "Can you tell what takes place from {start} to {end}?",
    "What is shown from {start} to {end}?",
)
_WHEN = (
    "When does this happen: {event}?",
    "During which time is it that {event}?",
    "At what time can one see that {event}?",
    "Find the span in which {event}.",
)
_SHORTEST, _MOST_EVENTS, _LONGEST = 3.0, 6, 120.0
"""Seconds of an event, events of a stretch, seconds of a stretch."""


def boundary_records(folder: FilmFolder) -> Iterator[dict[str, Any]]:
    """Yield dialogues about stretches of at most two minutes; one in five lists all events, the others ask for each."""
    dice = Dice("boundaries", folder.name)
    for number, (start, end, events) in enumerate(_stretches(folder)):
        tokens: dict[str, float] = {}
        for rank, event in enumerate(events):
            tokens[f"<s{rank}>"] = round(event["start"] - start, 3)
            tokens[f"<e{rank}>"] = round(event["end"] - start, 3)
        texts = [_sentence(folder, event) for event in events]
        turns = _listing(texts, dice) if dice.chance(0.2) else _asking(texts, dice)
        yield {
            "source": "film-world",
            "id": f"{folder.name}-{number}",
            "video": f"{folder.path.name}/film.mp4",
            "conversations": turns,
            "meta": {"split": [start, end], "duration": round(end - start, 3), "token": tokens},
        }


def _stretches(folder: FilmFolder) -> Iterator[tuple[float, float, list[dict[str, Any]]]]:
    """Yield runs of whole scenes with two to six visible events that are long enough to have borders."""
    run: list[dict[str, Any]] = []
    for scene in folder.truth["scenes"]:
        longer = [*run, scene]
        if run and (len(_events(folder, longer)) > _MOST_EVENTS or scene["end"] - run[0]["start"] > _LONGEST):
            longer = [scene]
            if len(_events(folder, run)) >= 2:
                yield run[0]["start"], run[-1]["end"], _events(folder, run)
        run = longer
    if 2 <= len(_events(folder, run)) <= _MOST_EVENTS:
        yield run[0]["start"], run[-1]["end"], _events(folder, run)


def _events(folder: FilmFolder, scenes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    inside = {scene["id"] for scene in scenes}
    return [
        event
        for event in folder.truth["events"]
        if event["scene"] in inside and event["action"] != "say" and event["end"] - event["start"] >= _SHORTEST
    ]


def _listing(texts: Sequence[str], dice: Dice) -> list[dict[str, str]]:
    told = " ".join(f"From <s{rank}> to <e{rank}>, {text}." for rank, text in enumerate(texts))
    return [{"from": "human", "value": f"<video>\n{dice.pick(_LIST)}"}, {"from": "gpt", "value": told}]


def _asking(texts: Sequence[str], dice: Dice) -> list[dict[str, str]]:
    turns: list[dict[str, str]] = []
    for rank in dice.shuffled(range(len(texts))):
        span = {"start": f"<s{rank}>", "end": f"<e{rank}>"}
        if dice.chance(0.5) or texts.count(texts[rank]) > 1:
            question, answer = dice.pick(_WHAT).format(**span), f"{texts[rank]}."
        else:
            question, answer = dice.pick(_WHEN).format(event=texts[rank]), f"From <s{rank}> to <e{rank}>."
        turns.append({"from": "human", "value": ("<video>\n" if not turns else "") + question})
        turns.append({"from": "gpt", "value": answer})
    return turns


def _sentence(folder: FilmFolder, event: dict[str, Any]) -> str:
    """Say an event without names: who it is cannot be known from a stretch."""
    people = {person["id"]: person for person in folder.truth["people"]}
    props = {prop["id"]: prop["name"] for prop in folder.truth["props"]}

    def who(person: str | None) -> str:
        if person is None:
            return ""
        child = people[person]["look"]["age"] == "child"
        return ("a girl" if child else "a woman") if people[person]["is_woman"] else ("a boy" if child else "a man")

    text = ACTION_KINDS[event["action"]].present.format(
        b=who(event["other"]), o=props.get(event["prop"] or "", ""), s=event["spot"] or ""
    )
    return f"{who(event['agent'])} {text}"
