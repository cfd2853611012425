"""Reads dense captions as VTimeLLM's script does, with what it misses; for `--reference-compatible` alone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from movieqa.eval.sample import Moment

_ARRAY = re.compile(r"\[.*\]")
_SAME = 0.98


@dataclass(frozen=True, kw_only=True)
class _Item:
    """One event with its first and last of a hundred frames."""

    text: str
    start: int
    end: int


def read_vtimellm_captions(reply: str, duration: float) -> tuple[Moment, ...]:
    """Return events in seconds: from the widest array on one line, by the position of the digits, equal ones merged.

    The first item that cannot be read ends the list.

    Args:
        reply: What was answered.
        duration: Of the film, in seconds; number n as a start is n hundredths of it, as an end one more.

    Example:
        >>> read_vtimellm_captions('[{"event": "Rain.", "timestamps": "from 10 to 19"}]', 50.0)
        (Moment(start=5.0, end=10.0, caption='Rain.'),)
    """
    return tuple(
        Moment(start=item.start * duration / 100, end=(item.end + 1) * duration / 100, caption=item.text)
        for item in _merge(_items(reply))
    )


def _items(reply: str) -> list[_Item]:
    found = _ARRAY.search(reply)
    items: list[_Item] = []
    try:
        for entry in json.loads(found[0]) if found else []:
            times, text = entry["timestamps"], entry["event"]
            if not isinstance(text, str):
                break
            items.append(_Item(text=text, start=int(times[5:7]), end=int(times[-2:])))
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        pass  # what was read before the fault counts
    return items


def _merge(items: Sequence[_Item]) -> list[_Item]:
    """Join neighbours with nearly the same text that meet, overlap by one, or leave one out."""
    merged: list[_Item] = []
    for item in items:
        last = merged[-1] if merged else None
        if last and -1 <= item.start - last.end <= 1 and SequenceMatcher(None, last.text, item.text).ratio() > _SAME:
            merged[-1] = _Item(text=last.text, start=last.start, end=item.end)
        else:
            merged.append(item)
    return merged
