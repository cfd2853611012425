"""Reads when something happens from a reply: seconds, clock times, units, or VTimeLLM's hundredths of the film.

A single time is no moment: what has no length overlaps nothing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from movieqa.eval.sample import Moment

from .letters import shorten

HUNDREDTHS = 100
LAST = 99
"""The greatest of VTimeLLM's numbers: it writes 00 to 99."""

_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_TIME = (
    r"(?=\d)(?:(?P<clock{side}>\d{{1,3}}:[0-5]?\d(?::[0-5]?\d)?(?:[.,]\d{{1,9}})?)"
    r"|(?:(?P<hours{side}>{number})\s*h(?:ours?|rs?)?(?![a-z])[\s,]*)?"
    r"(?:(?P<minutes{side}>{number})\s*m(?:in(?:ute)?s?)?(?![a-z])[\s,]*(?:and\s*)?)?"
    r"(?:(?P<number{side}>{number})(?:\s*(?P<seconds{side}>s(?:ec(?:ond)?s?)?)(?![a-z]))?)?)"
)
_FIRST, _SECOND = (_TIME.format(side=side, number=_NUMBER) for side in "12")
_FRAME = r"(?P<frame{side}>frames?\s*(?:number\s*|no\.?\s*|#\s*)?)?"
_FIRST_FRAME, _SECOND_FRAME = (_FRAME.format(side=side) for side in "12")
_LEFT = r"(?<![\d.:,\w-])"
_RIGHT = r"(?!\d|:\d|\.\d|[a-z])"
_SEPARATOR = r"\s*(?:-{1,2}>?|–|—|−|~|→|\.\.+|\bto\b|\buntil\b|\btill\b|\bthrough\b|\band\b)\s*(?:about\s+|the\s+)?"
_RANGE = re.compile(_LEFT + _FIRST_FRAME + _FIRST + _SEPARATOR + _SECOND_FRAME + _SECOND + _RIGHT, re.IGNORECASE)
_PAIR = re.compile(rf"[\[(]\s*{_FIRST}\s*[,;]\s*{_SECOND}\s*[,;\])]", re.IGNORECASE)
_FILLING = r"[^\d\n.;!?]{0,40}?"
_EDGES = re.compile(
    rf"\b(?:start|begin|onset|from)\w*{_FILLING}{_LEFT}{_FIRST_FRAME}{_FIRST}(?!\d|:\d)(?:[^\d]{{0,60}}?)"
    rf"\b(?:end|finish|stop|until|till|conclud|to)\w*{_FILLING}{_LEFT}{_SECOND_FRAME}{_SECOND}{_RIGHT}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[!?\n])\s*|(?<=\.)\s+|\b(?:then|but|so)\b", re.IGNORECASE)
_EVENT = re.compile(
    r"\b(?:happen|occur|event|answer|visible|shown|seen|takes?\s+place|took\s+place|moment|start|begin)", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class FoundMoment:
    """A span where it stands in a text."""

    start: int
    end: int
    moment: Moment
    is_of_event: bool
    """The sentence says that something happens then."""


def read_moments(reply: str, *, duration: float | None = None, is_relative: bool = False) -> tuple[Moment, ...]:
    """Return the moments a reply names, the one that it means first.

    Spans in sentences about what happens come first, then in the order of the text. Ends that are out of order are put
    right.

    Args:
        reply: What was answered.
        duration: Of the film, in seconds; needed for hundredths.
        is_relative: Bare numbers are VTimeLLM's: n stands for n hundredths of the film. Numbers named as frames always
            are; numbers with a unit, and clock times, never.

    Returns:
        Moments in seconds; empty where the reply names no span.

    Example:
        >>> read_moments("The clip has 30 s. It happens between 14.2 and 0:53.")
        (Moment(start=14.2, end=53.0, caption=None),)
        >>> read_moments("from 20 to 40", duration=60, is_relative=True)
        (Moment(start=12.0, end=24.0, caption=None),)
    """
    text = unicodedata.normalize("NFKC", shorten(reply)).replace("*", "")
    found = find_moments(text, duration=duration, is_relative=is_relative)
    return tuple(item.moment for item in sorted(found, key=lambda item: not item.is_of_event))


def find_moments(text: str, *, duration: float | None = None, is_relative: bool = False) -> list[FoundMoment]:
    """Find all spans in a text, in its order; see `read_moments`."""
    scale = duration if is_relative else None
    return sorted(_find(text, scale, duration), key=lambda item: item.start)


def from_hundredths(start: float, end: float, duration: float) -> Moment | None:
    """Return the moment that two of VTimeLLM's numbers mean, None where they are no hundredths.

    The numbers are rounded hundredths of the film, cut at 99: as an end 99 is the film's end, and a moment whose ends
    are equal is as long as one number.
    """
    start, end = min(start, end), max(start, end)
    if not 0 <= start <= end <= HUNDREDTHS:
        return None
    if start == end:
        start, end = min(start, LAST), min(start, LAST) + 1
    end = HUNDREDTHS if end >= LAST else end
    return Moment(start=start * duration / HUNDREDTHS, end=end * duration / HUNDREDTHS)


def _find(text: str, scale: float | None, duration: float | None) -> Iterator[FoundMoment]:
    """Find spans by pattern, from the most telling one; later patterns see what earlier ones left."""
    taken: list[tuple[int, int]] = []
    events: dict[tuple[int, int], bool] = {}
    sentences = [0, *(match.end() for match in _SENTENCE.finditer(text)), len(text)]
    for pattern in (_RANGE, _PAIR, _EDGES):
        before = sorted(taken)
        for match in pattern.finditer(text):
            place = bisect_left(before, (match.end(), 0))
            moment = None if place and before[place - 1][1] > match.start() else _moment(match, scale, duration)
            if moment is None:
                continue
            taken.append(match.span())
            first = sentences[bisect_right(sentences, match.start()) - 1]
            last = sentences[bisect_left(sentences, match.end())]
            if (first, last) not in events:
                events[first, last] = _EVENT.search(text[first:last]) is not None
            yield FoundMoment(start=match.start(), end=match.end(), moment=moment, is_of_event=events[first, last])


def _moment(match: re.Match[str], scale: float | None, duration: float | None) -> Moment | None:
    """Read both ends of a match."""
    groups = match.groupdict()
    values = [_bare(groups, side) for side in "12"]
    if values[0] is not None and values[1] is not None:
        is_frames = bool(groups.get("frame1") or groups.get("frame2"))
        scale = duration if is_frames else scale
        if scale is not None:
            return from_hundredths(values[0], values[1], scale)
        return None if is_frames else _ordered(values[0], values[1])
    if values[0] is not None and groups["minutes2"] and not (groups["number2"] or groups["hours2"]):
        return _ordered(60 * values[0], _seconds(groups, "2"))  # "from 1 to 2 minutes"
    ends = [_seconds(groups, side) for side in "12"]
    return _ordered(ends[0], ends[1])


def _bare(groups: dict[str, str | None], side: str) -> float | None:
    """Return a number that has no unit."""
    number = groups[f"number{side}"]
    has_unit = any(groups[f"{unit}{side}"] for unit in ("clock", "hours", "minutes", "seconds"))
    return float(number) if number and not has_unit else None


def _seconds(groups: dict[str, str | None], side: str) -> float | None:
    """Return a time with its units in seconds; None where nothing stands there."""
    clock = groups[f"clock{side}"]
    if clock:
        seconds = 0.0
        for part in clock.replace(",", ".").split(":"):
            seconds = 60 * seconds + float(part)
        return seconds
    parts = [groups[f"{unit}{side}"] for unit in ("hours", "minutes", "number")]
    if not any(parts):
        return None
    return sum(float(part or 0) * unit for part, unit in zip(parts, (3600.0, 60.0, 1.0), strict=True))


def _ordered(one: float | None, other: float | None) -> Moment | None:
    if one is None or other is None:
        return None
    return Moment(start=min(one, other), end=max(one, other))
