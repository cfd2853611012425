"""Records with reference pictures, written as films are asked about with slots: `<person_3>` stands where a name stood.

A published record says `Anna is <img>a.jpg</img>` before everything else. Here lines before it introduce slots, each
with the marks of tokens made of the references; what they are called is told behind the pictures, and question and
answer speak of slots alone. Which of the 64 slots a person gets is chance, so that none means anything by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from movieqa.cast_text import INTRODUCTION
from movieqa.person_slots import IDENTITY_MARK, NUM_SLOTS, put_slots, slot_text, without_slots
from movieqa.prompt import FRAME_MARK, Turn
from movieqa.train.data.config import DataConfig
from movieqa.train.data.sample import MediumRef, Sample, SampleError

from .conversations import guidance_of
from .ida_vlm import find_reference

_BETWEEN = " \t\r\n,;"
"""Between two references, and before what follows the last one."""


def takes_slots(sample: Sample, config: DataConfig) -> bool:
    """Tell whether a sample is to be written with slots; the same sample is so in every run of the same seed."""
    if config.people == "names" or all(one.role != "reference" for one in sample.media):
        return False
    return config.people == "slots" or _dice(sample, config).random() < 0.5


def write_slots(sample: Sample, config: DataConfig) -> Sample:
    """Write a sample whose references stand in its text with slots instead.

    Its references leave the text and become its people, numbered in the order of their slots.

    Raises:
        SampleError: If there are more people than slots.
    """
    bare = _without_references(sample)
    if len(bare.names) > NUM_SLOTS:
        raise SampleError(f"{len(bare.names)} people, and there are {NUM_SLOTS} slots")
    dice = _dice(sample, config)
    dice.random()  # has told whether there are slots
    slots = dict(zip(bare.names, dice.sample(range(NUM_SLOTS), len(bare.names)), strict=True))
    in_order = sorted(slots, key=lambda person: slots[person])
    called = {name: slot_text(slots[person]) for person in in_order if (name := bare.names[person])}
    turns = [replace(turn, text=put_slots(turn.text, called, names=called)) for turn in bare.turns]
    marks = IDENTITY_MARK * config.identity_tokens
    header = [INTRODUCTION, *(f"{slot_text(slots[person])}{marks}" for person in in_order)]
    turns[0] = replace(turns[0], text="\n".join([*header, _named(turns[0].text, called)]))
    places = {person: place for place, person in enumerate(in_order)}
    people = tuple(replace(one, identity=places[one.identity]) for one in bare.people if one.identity is not None)
    return replace(sample, turns=tuple(turns), media=bare.media, people=people)


@dataclass(frozen=True, kw_only=True)
class _Bare:
    """A sample without its references.

    Attributes:
        turns: What is said, with names.
        media: The other pictures.
        people: The references.
        names: What the people are called, by number.
    """

    turns: tuple[Turn, ...]
    media: tuple[MediumRef, ...]
    people: tuple[MediumRef, ...]
    names: dict[int, str]


def _without_references(sample: Sample) -> _Bare:
    turns: list[Turn] = []
    media: list[MediumRef] = []
    people: list[MediumRef] = []
    names: dict[int, str] = {}
    waiting = iter(sample.media)
    for turn in sample.turns:
        *before, rest = without_slots(turn.text).split(FRAME_MARK)
        text, shown, follows = "", [], False
        for piece in before:
            piece, medium = piece.lstrip(_BETWEEN) if follows else piece, next(waiting)
            follows = medium.identity is not None
            if medium.identity is not None:
                found = find_reference(piece)
                names.setdefault(medium.identity, found[1].strip() if found else "")
                text += piece[: found.start(1)] if found else piece
                people.append(medium)
            else:
                text += piece + FRAME_MARK
                shown.append(medium)
        text += rest.lstrip(_BETWEEN) if follows else rest
        media += [replace(medium, guidance=guidance_of(text)) for medium in shown]
        turns.append(replace(turn, text=text))
    return _Bare(turns=tuple(turns), media=tuple(media), people=tuple(people), names=names)


def _named(text: str, called: Mapping[str, str]) -> str:
    """Put between pictures and question what the slots are called, as it stands behind a film."""
    before, mark, question = text.rpartition(FRAME_MARK)
    told = f"{', '.join(f'{token} is {name}' for name, token in called.items())}." if called else ""
    asked = f"{told} {question.strip()}".strip()
    return f"{before}{mark}\n{asked}" if mark else asked


def _dice(sample: Sample, config: DataConfig) -> Random:
    return Random(f"{config.seed}:{sample.id}:{sample.turns[0].text}")
