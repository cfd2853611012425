"""IDA-VLM's records: pictures stand in the text, and `NAME is <img>...</img>` is a reference of somebody."""

from __future__ import annotations

import re
from typing import Any

from movieqa.prompt import FRAME_MARK, Turn
from movieqa.train.data.config import DataConfig
from movieqa.train.data.sample import MediumRef, Role, Sample, SampleError

from .conversations import guidance_of, read_id, read_turns

_PICTURE = re.compile(r"<img>(.*?)</img>", re.DOTALL)
_REFERENCE = re.compile(r"(?:^[,;]?|\n)[ \t]*([^\n]*?) is $")


def ida_vlm_sample(record: dict[str, Any], config: DataConfig) -> Sample:
    """Read a record. In one that begins with a reference all other pictures are tests, in any other they are plain.

    Two references of one name show one identity. The text keeps its words: which name belongs to which picture is told
    by their order alone.
    """
    turns, media = [], []
    names: dict[str, int] = {}
    starts_with_reference: bool | None = None
    for turn in read_turns(record):
        if turn.role == "assistant":
            if _PICTURE.search(turn.text):
                raise SampleError("a picture in an answer")
            turns.append(turn)
            continue
        if FRAME_MARK in turn.text:
            raise SampleError(f"{FRAME_MARK} beside <img>")
        text = _PICTURE.sub(FRAME_MARK, turn.text)
        if "<img>" in text or "</img>" in text:
            raise SampleError("an <img> that does not end")
        end = 0
        for found in _PICTURE.finditer(turn.text):
            before, end = find_reference(turn.text[end : found.start()]), found.end()
            if starts_with_reference is None:
                starts_with_reference = before is not None
            role: Role = "reference" if before else "test" if starts_with_reference else "plain"
            identity = names.setdefault(before[1].strip(), len(names)) if before else None
            media.append(
                MediumRef(
                    kind="picture", name=found[1].strip(), guidance=guidance_of(text), role=role, identity=identity
                )
            )
        turns.append(Turn(role="user", text=text))
    return Sample(id=read_id(record), format="ida-vlm", turns=tuple(turns), media=tuple(media))


def find_reference(before: str) -> re.Match[str] | None:
    """Return where a picture's name stands, if the picture is a reference.

    Args:
        before: The text from the picture before it, or from the beginning, up to the picture.

    Example:
        >>> find_reference("\\n Anna is ")[1], find_reference("In the image: ")
        ('Anna', None)
    """
    return _REFERENCE.search(before)


def is_ida_vlm(record: dict[str, Any]) -> bool:
    """Tell whether pictures stand in a record's text."""
    said = record.get("conversations")
    return isinstance(said, list) and any(
        isinstance(item, dict) and isinstance(item.get("value"), str) and "<img>" in item["value"] for item in said
    )
