"""Film world as lessons for a small model: training records of its stages, and test questions of the same kinds."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from movieqa.prompt import DEFAULT_TEMPLATE, Turn

from .film_world_exam import Question
from .film_world_student import Reading
from .film_world_tower import Sight, telling_words

Record = dict[str, Any]
_ASKED_OF_FILMS = ("begin", "end", "light", "line")
"""Whether a place is shown at all takes longer than minutes to learn."""
_DIALOGUES_A_FILM = 4
_COLOR = "Which colour"


def read_records(data: Path, name: str) -> list[Record]:
    """Read a file that `movieqa data build` wrote."""
    records: list[Record] = json.loads((data / f"{name}.json").read_text(encoding="utf-8"))
    return records


def write_lessons(path: Path, records: Sequence[Record]) -> Path:
    """Write records where `movieqa train` reads them."""
    path.write_text(json.dumps(list(records)), encoding="utf-8")
    return path


def picture_dialogues(data: Path) -> list[Record]:
    """Return the dialogues about single pictures; those about videos ask for people by name.

    A colour is asked for by itself: that only one person's is asked for would tell how many there are.
    """
    found = []
    for record in read_records(data, "instruct"):
        if "image" in record:
            exchanges = _exchanges(record)
            for chosen in (
                [pair for pair in exchanges if not pair[0].startswith(_COLOR)],
                [pair for pair in exchanges if pair[0].startswith(_COLOR)],
            ):
                if chosen:
                    asked, answers = zip(*chosen, strict=True)
                    turns = _dialogue([f"<image>\n{asked[0]}", *asked[1:]], answers)
                    found.append({**record, "conversations": turns})
    return found


def _exchanges(record: Record) -> list[tuple[str, str]]:
    """Return questions without marks, and their answers."""
    said = [turn["value"].removeprefix("<image>\n") for turn in record["conversations"]]
    return list(zip(said[0::2], said[1::2], strict=True))


def readings(data: Path) -> list[Reading]:
    """Return what the language model learns before it sees anything: to find in words what it will find in pictures.

    The captions, and the dialogues about those pictures that have one: a picture's words are its caption's.
    """
    words = {
        record["image"]: telling_words(record["conversations"][1]["value"]) for record in read_records(data, "align")
    }
    captions = [
        Reading(shown=words[record["image"]], turns=_turns(record), template="plain")
        for record in read_records(data, "align")
    ]
    dialogues = [
        Reading(shown=words[record["image"]], turns=_turns(record), template=DEFAULT_TEMPLATE)
        for record in picture_dialogues(data)
        if record["image"] in words
    ]
    return captions + dialogues


def _turns(record: Record) -> list[Turn]:
    return [
        Turn(role="user" if turn["from"] == "human" else "assistant", text=turn["value"])
        for turn in record["conversations"]
    ]


def sights(data: Path) -> list[Sight]:
    """Return the pictures that have captions."""
    return [
        Sight(picture=data / record["image"], caption=record["conversations"][1]["value"])
        for record in read_records(data, "align")
    ]


def film_dialogues(data: Path, *, seed: int) -> list[Record]:
    """Return dialogues of all questions that a film's places answer, so that it is read once for all of them.

    There are several of each film, in other orders: every kind of question is the first one at times.
    """
    dice = random.Random(seed)
    films: dict[str, list[Record]] = {}
    for record in _place_records(data):
        films.setdefault(record["video"], []).append(record)
    dialogues = []
    for records in films.values():
        for _ in range(_DIALOGUES_A_FILM):
            dice.shuffle(records)
            asked = [record["conversations"][0]["value"] for record in records]
            asked[1:] = [text.removeprefix("<image>\n") for text in asked[1:]]
            answers = [record["conversations"][1]["value"] for record in records]
            dialogues.append({**records[0], "conversations": _dialogue(asked, answers)})
    return dialogues


def caption_questions(data: Path) -> list[Question]:
    """Return captions to be tested."""
    return [
        Question(film=_film(record["image"]), kind="caption", record=record) for record in read_records(data, "align")
    ]


def picture_questions(data: Path) -> list[Question]:
    """Return every question about a picture by itself."""
    questions = []
    for record in picture_dialogues(data):
        for asked, answer in _exchanges(record):
            single = {**record, "conversations": _dialogue([f"<image>\n{asked}"], [answer])}
            kind = f"{_COLOR}?" if asked.startswith(_COLOR) else asked
            questions.append(Question(film=_film(record["image"]), kind=kind, record=single))
    return questions


def film_questions(data: Path) -> list[Question]:
    """Return every question about a whole film that its places answer."""
    return [Question(film=record["video"], kind=_kind(record), record=record) for record in _place_records(data)]


def _place_records(data: Path) -> list[Record]:
    return [record for record in read_records(data, "long_video") if _kind(record) in _ASKED_OF_FILMS]


def _kind(record: Record) -> str:
    """Return what follows the film's name, `film-world-SPLIT-SEED`, without the number."""
    return "-".join(str(record["id"]).split("-")[4:-1])


def _film(picture: str) -> str:
    return Path(picture).parent.name


def _dialogue(asked: Sequence[str], answers: Sequence[str]) -> list[dict[str, str]]:
    turns = []
    for question, answer in zip(asked, answers, strict=True):
        turns += [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return turns
