"""Reads dense captions from a reply: what happens and when, as JSON objects, one a line, or one after the other."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

from movieqa.eval.sample import Moment

from .letters import shorten
from .moments import find_moments, read_moments

_OBJECT = re.compile(r"\{[^{}]{1,4000}\}")
_CAPTION_KEYS = ("event", "caption", "sentence", "description", "text")
_TIME_KEYS = ("timestamps", "timestamp", "time", "span", "interval")
_LEADING = re.compile(r"^[\s\d.)\-*•:,;\]]*(?:(?:from|between|in|during|at|and)\b[\s\[(]*)?$", re.IGNORECASE)
_TRIM = " \t\r\n,;:-–—()[]*•"
_OPENING = re.compile(r"[\s(\[]*\b(?:from|between|during|at|in)[\s(\[]*$", re.IGNORECASE)
_UNIT = re.compile(r"^\s*(?:seconds?|secs?|s)\b", re.IGNORECASE)


def read_captions(reply: str, *, duration: float | None = None, is_relative: bool = False) -> tuple[Moment, ...]:
    """Return the captioned moments of a reply, in its order; what has no time is left out.

    Args:
        reply: What was answered.
        duration: Of the film, in seconds; needed for hundredths.
        is_relative: Bare numbers are hundredths of the film (see `read_moments`).

    Example:
        >>> read_captions("[{'event': 'A door opens.', 'timestamps': 'from 2.5 to 4'}]")
        (Moment(start=2.5, end=4.0, caption='A door opens.'),)
        >>> read_captions("0:05 - 0:09: Rain falls.")
        (Moment(start=5.0, end=9.0, caption='Rain falls.'),)
    """
    text = shorten(reply)
    objects = tuple(_read_objects(text, duration, is_relative))
    return objects or tuple(_read_lines(text, duration, is_relative))


def _read_objects(text: str, duration: float | None, is_relative: bool) -> Iterator[Moment]:
    """Read JSON objects, and what is written like Python's; an object that is cut off or nested is passed over."""
    for match in _OBJECT.finditer(text):
        item = _load(match[0])
        if not isinstance(item, dict):
            continue
        caption = next((item[key] for key in _CAPTION_KEYS if isinstance(item.get(key), str)), None)
        time = next((item[key] for key in _TIME_KEYS if key in item), None)
        if time is None and "start" in item and "end" in item:
            time = [item["start"], item["end"]]
        if isinstance(time, list) and len(time) == 2:
            time = f"{time[0]} to {time[1]}"
        if caption is None or not isinstance(time, str):
            continue
        moments = read_moments(time, duration=duration, is_relative=is_relative)
        if moments:
            yield Moment(start=moments[0].start, end=moments[0].end, caption=caption.strip())


def _load(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _read_lines(text: str, duration: float | None, is_relative: bool) -> Iterator[Moment]:
    """Read lines that hold a time and a text; on a line of several times, each time leads or follows its text."""
    for line in text.splitlines():
        found = find_moments(line, duration=duration, is_relative=is_relative)
        if not found:
            continue
        is_leading = bool(_LEADING.match(line[: found[0].start]))
        edges = [item.start for item in found[1:]] + [len(line)] if is_leading else [item.start for item in found]
        begins = [item.end for item in found] if is_leading else [0] + [item.end for item in found[:-1]]
        for item, begin, end in zip(found, begins, edges, strict=True):
            caption = _OPENING.sub("", _UNIT.sub("", line[begin:end])).strip(_TRIM)
            if caption:
                yield Moment(start=item.moment.start, end=item.moment.end, caption=caption)
