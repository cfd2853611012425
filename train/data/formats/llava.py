"""LLaVA's records, which LLaMA-VID's stages and MovieLLM share: a picture, a video, a film, or only text.

`image` or `video` names the medium, `<image>` in a question is where it goes. A film is a `video` whose name ends in
`.pkl` (features with the text between them, as in LongVideoQA) or `.movieqa`, that comes with `inputs`, the text with
one `<image>` a frame, or that is an IMDb id of MovieNet with any ending of features.
"""

from __future__ import annotations

import re
from typing import Any

from movieqa.prompt import FRAME_MARK
from movieqa.train.data.config import DataConfig
from movieqa.train.data.sample import MediumKind, MediumRef, Sample, SampleError
from movieqa.workspace import SUFFIX

from .conversations import front_mark, guidance_of, read_id, read_name, read_turns, repeat_marks

_MOVIENET = re.compile(r"(?:.*/)?tt\d{5,10}(?:\.safetensors|\.npy)?")


def llava_sample(record: dict[str, Any], config: DataConfig) -> Sample:
    """Read a record with a picture or a video."""
    name = _medium_name(record)
    kind: MediumKind = "picture" if "image" in record else "video"
    turns = [front_mark(turn) for turn in read_turns(record)]
    if not any(FRAME_MARK in turn.text for turn in turns if turn.role == "user"):
        raise SampleError(f"no question shows {name}: none has {FRAME_MARK}")
    if config.repeats_media:
        turns = repeat_marks(turns, seed=f"{config.seed}:{read_id(record)}:{name}")
    media = []
    for number, turn in enumerate(turns, start=1):
        marks = turn.text.count(FRAME_MARK) if turn.role == "user" else 0
        if marks > 1:
            raise SampleError(f"turn {number} has {marks} frame marks for one {kind}")
        if marks:
            media.append(MediumRef(kind=kind, name=name, guidance=guidance_of(turn.text)))
    return Sample(id=read_id(record), format=f"llava-{kind}", turns=tuple(turns), media=tuple(media))


def film_sample(record: dict[str, Any], config: DataConfig) -> Sample:
    """Read a record about a film; the film stands once, in the question with the mark, also where more follow.

    All its turns are guided by that question: the film's tokens are the same for each of them.
    """
    name = _medium_name(record)
    turns = [front_mark(turn) for turn in read_turns(record)]
    marked = [number for number, turn in enumerate(turns) if turn.role == "user" and FRAME_MARK in turn.text]
    if marked != [0] or turns[0].text.count(FRAME_MARK) != 1:
        raise SampleError(f"a film stands once, in the first question; found {FRAME_MARK} in {len(marked)} questions")
    text = record.get("inputs")
    if text is not None and (not isinstance(text, str) or not text.startswith(FRAME_MARK)):
        raise SampleError(f"inputs is no film's text: it begins with {FRAME_MARK}")
    ref = MediumRef(kind="film", name=name, guidance=guidance_of(turns[0].text), text=text)
    return Sample(id=read_id(record), format="film", turns=tuple(turns), media=(ref,))


def text_sample(record: dict[str, Any], config: DataConfig) -> Sample:
    """Read a record without a medium."""
    turns = read_turns(record)
    if any(FRAME_MARK in turn.text for turn in turns):
        raise SampleError(f"{FRAME_MARK} in a record that names neither image nor video")
    return Sample(id=read_id(record), format="text", turns=tuple(turns))


def is_film(record: dict[str, Any]) -> bool:
    """Tell whether a record is about a film: its text stands between its frames."""
    name = record.get("video")
    return isinstance(name, str) and (
        "inputs" in record or name.endswith((".pkl", SUFFIX)) or _MOVIENET.fullmatch(name) is not None
    )


def _medium_name(record: dict[str, Any]) -> str:
    if "image" in record and "video" in record:
        raise SampleError("the record names an image and a video")
    return read_name(record, "image" if "image" in record else "video")
