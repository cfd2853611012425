"""Conversations: the list of what each side says, which all published records share."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from movieqa.prompt import FRAME_MARK, Role, Turn
from movieqa.train.data.sample import SampleError

_SPEAKERS: dict[str, Role] = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}


def read_turns(record: dict[str, Any]) -> list[Turn]:
    """Return who says what; what an assistant says before the first question is left out, as in LLaMA-VID.

    Raises:
        SampleError: If it is no such list, or somebody unknown speaks.
    """
    said = record.get("conversations")
    if not isinstance(said, list) or not said:
        raise SampleError("no conversation")
    turns = []
    for number, item in enumerate(said, start=1):
        speaker = item.get("from") if isinstance(item, dict) else None
        text = item.get("value") if isinstance(item, dict) else None
        if not isinstance(speaker, str) or speaker not in _SPEAKERS:
            raise SampleError(f"turn {number} is said by {speaker!r}, not by human or gpt, user or assistant")
        if not isinstance(text, str):
            raise SampleError(f"turn {number} has no text")
        turns.append(Turn(role=_SPEAKERS[speaker], text=text))
    return turns[1:] if turns[0].role == "assistant" else turns


def read_name(record: dict[str, Any], key: str) -> str:
    """Return a text field.

    Raises:
        SampleError: If it is missing, empty or no text.
    """
    name = record.get(key)
    if not isinstance(name, str) or not name.strip():
        raise SampleError(f"{key} is no name of a file")
    return name


def read_id(record: dict[str, Any]) -> str:
    """Return a record's id as text; numbers are ids too, and many records have none.

    Example:
        >>> read_id({"id": 7}), read_id({})
        ('7', '')
    """
    found = record.get("id", record.get("question_id", ""))
    return str(found)[:200] if isinstance(found, str | int) else ""


def guidance_of(text: str) -> str:
    """Return what guides the context tokens of a medium in a turn: the text without marks and line breaks.

    Example:
        >>> guidance_of("<image>\\nWho runs?")
        'Who runs?'
    """
    return text.replace(FRAME_MARK, "").replace("\n", "").strip()


def front_mark(turn: Turn) -> Turn:
    """Put a question's frame mark on a line before its words, wherever the record has it: so LLaVA's records are read.

    Example:
        >>> front_mark(Turn(role="user", text="Who runs?\\n<image>")).text
        '<image>\\nWho runs?'
    """
    if turn.role != "user" or turn.text.count(FRAME_MARK) != 1:
        return turn
    return Turn(role="user", text=f"{FRAME_MARK}\n{turn.text.replace(FRAME_MARK, '').strip()}".strip())


def repeat_marks(turns: Sequence[Turn], *, seed: str) -> list[Turn]:
    """Show the picture or video again in later questions without a mark, before or after the sentence by chance.

    So the published models were trained; the same seed gives the same places.

    Args:
        turns: User and assistant in turn.
        seed: Anything that is the same in every run.
    """
    dice = Random(seed)
    repeated, is_shown = [], False
    for turn in turns:
        if turn.role == "user":
            if FRAME_MARK in turn.text:
                is_shown = True
            elif is_shown:
                parts = [FRAME_MARK, turn.text]
                turn = Turn(role="user", text="\n".join(parts if dice.random() < 0.5 else reversed(parts)))
        repeated.append(turn)
    return repeated
