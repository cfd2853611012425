"""VTimeLLM's records: times stand in the text as symbols, `<s0>` and `<e0>`, and `meta` tells their seconds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from movieqa.prompt import FRAME_MARK, Turn
from movieqa.times import format_time
from movieqa.train.data.config import DataConfig, Times
from movieqa.train.data.sample import MediumRef, Sample, SampleError, Stretch

from .conversations import guidance_of, read_id, read_name, read_turns

VIDEO_MARK = "<video>"
_SYMBOL = re.compile(r"<[se]\d+>")
_TOLERANCE = 0.02
"""Share of the duration by which an annotation may overshoot it: ActivityNet's are rounded."""


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What a record tells of its times.

    Attributes:
        duration: Seconds of the video, or of the part that is meant.
        seconds: By symbol.
        stretch: The part of the source video that is meant.
    """

    duration: float | None
    seconds: dict[str, float]
    stretch: Stretch | None


def vtimellm_sample(record: dict[str, Any], config: DataConfig) -> Sample:
    """Read a record; relative times go with frames spread evenly, absolute ones with frames by the second."""
    meta = read_meta(record)
    marked = [
        Turn(role=turn.role, text=turn.text.replace(VIDEO_MARK, FRAME_MARK) if turn.role == "user" else turn.text)
        for turn in read_turns(record)
    ]
    turns = [
        Turn(role=turn.role, text=write_times(turn.text, meta, config.times, strict=not config.reference_compatible))
        for turn in marked
    ]
    media = []
    for number, turn in enumerate(turns, start=1):
        marks = turn.text.count(FRAME_MARK) if turn.role == "user" else 0
        if marks > 1:
            raise SampleError(f"turn {number} has {marks} marks for one video")
        if marks:
            media.append(_medium(record, meta, guidance_of(turn.text), config))
    return Sample(id=read_id(record), format="vtimellm", turns=tuple(turns), media=tuple(media))


def read_meta(record: dict[str, Any]) -> Meta:
    """Return what a record tells of its times; without `meta` nothing.

    Raises:
        SampleError: If a number is missing or cannot be one.
    """
    meta = record.get("meta")
    if meta is None:
        return Meta(duration=None, seconds={}, stretch=None)
    if not isinstance(meta, dict):
        raise SampleError("meta is no object")
    duration, tokens, split = meta.get("duration"), meta.get("token", {}), meta.get("split")
    if not isinstance(tokens, dict) or not all(_is_number(value) for value in tokens.values()):
        raise SampleError("meta.token must give seconds by symbol")
    if duration is not None and not (_is_number(duration) and duration > 0):
        raise SampleError(f"meta.duration={duration} is no length")
    if tokens and duration is None:
        raise SampleError("meta.token without meta.duration")
    if split is not None and not (isinstance(split, list) and len(split) == 2 and all(map(_is_number, split))):
        raise SampleError(f"meta.split={split} is no pair of seconds")
    stretch = Stretch(start=max(0.0, float(split[0])), end=float(split[1])) if split else None
    return Meta(duration=duration, seconds={str(key): float(value) for key, value in tokens.items()}, stretch=stretch)


def write_times(text: str, meta: Meta, times: Times, *, strict: bool = True) -> str:
    """Write every symbol of time as the model reads and writes it.

    Args:
        text: A question or an answer.
        meta: The record's times.
        times: How.
        strict: Refuse unknown symbols and times outside the video, which the published code leaves and clamps.

    Raises:
        SampleError: If such a one is met.

    Example:
        >>> meta = Meta(duration=200.0, seconds={"<s0>": 1.0, "<e0>": 9.0}, stretch=None)
        >>> write_times("From <s0> to <e0>.", meta, "relative")
        'From 00 to 04.'
    """
    for symbol, seconds in meta.seconds.items():
        if symbol in text and meta.duration is not None:
            slack = max(1.0, _TOLERANCE * meta.duration)
            if strict and not -slack <= seconds <= meta.duration + slack:
                raise SampleError(f"{symbol} is at {seconds:g} s of a video of {meta.duration:g} s")
            text = text.replace(symbol, write_time(seconds, meta.duration, times))
    if strict and (unknown := _SYMBOL.search(text)):
        raise SampleError(f"{unknown[0]} is a symbol of time that meta.token does not know")
    return text


def write_time(seconds: float, duration: float, times: Times) -> str:
    """Write a time: the hundredth of the video it falls in, halves to even numbers, or hours, minutes and seconds.

    Example:
        >>> write_time(2.5, 100.0, "relative"), write_time(62.4, 100.0, "absolute")
        ('02', '00:01:02')
    """
    if times == "relative":
        return str(min(round(seconds / duration * 100), 99)).zfill(2)
    return format_time(round(min(max(seconds, 0.0), duration)))[:8]


def _medium(record: dict[str, Any], meta: Meta, guidance: str, config: DataConfig) -> MediumRef:
    if "image" in record:
        return MediumRef(kind="picture", name=read_name(record, "image"), guidance=guidance)
    name = read_name(record, "video" if "video" in record else "id")
    num_frames = config.boundary_frames if config.times == "relative" else None
    return MediumRef(kind="video", name=name, guidance=guidance, stretch=meta.stretch, num_frames=num_frames)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
