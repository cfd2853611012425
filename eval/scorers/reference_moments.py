"""Reads moments as the original scripts do, with what they miss and misread; for `--reference-compatible` alone.

`docs/evaluation.md` says where each differs from `moments.py`. Spans are returned as they are read, also reversed ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from movieqa.eval.sample import Moment

_VTIMELLM = re.compile(r"(\d{2}) (?:to|and) (\d{2})")
_CHARADES_EXAMPLE = "a specific example is : 20.8 - 30.0 seconds"
_CHARADES_CUES = ("start", "end", "happen")
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_CLOCK_RANGE = re.compile(rf"\b({_CLOCK})\s*[–-]\s*({_CLOCK})\b")
_NUMBER_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*[–-]\s*(\d+(?:\.\d+)?)")
_CLOCK_ALONE = re.compile(rf"\b({_CLOCK})\b")
_NUMBER_ALONE = re.compile(r"\b(\d+(?:\.\d+)?)\b")
_SECONDS_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*s?\s*[–-]\s*(\d+(?:\.\d+)?)\s*s?")
_TIMELENS_CLOCK = re.compile(r"\b(\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?)\b")
_TIMELENS_RANGES = (re.compile(r"(\d+\.?\d*)\s*-\s*(\d+\.?\d*)"), re.compile(r"(\d+\.?\d*)\s+to\s+(\d+\.?\d*)"))
_TIMELENS_NUMBER = re.compile(r"\b\d+\.?\d*\b")


def read_vtimellm(reply: str) -> Moment | None:
    """Read the first two digits, blank, `to` or `and`, blank, two digits, as parts of the film.

    Example:
        >>> read_vtimellm("during 2010 to 2020")
        Moment(start=0.1, end=0.2, caption=None)
    """
    found = _VTIMELLM.search(reply)
    return Moment(start=int(found[1]) / 100, end=int(found[2]) / 100) if found else None


def read_charades(reply: str) -> Moment | None:
    """Read the first span in seconds as lmms-eval 0.7.3 does for Charades-STA; ends out of order are exchanged.

    Example:
        >>> read_charades("between 14.2 and 53.5") is None
        True
    """
    text = reply.lower().replace(_CHARADES_EXAMPLE, "").replace("to", "-")
    sentences = re.split(r"[!?\n]", text)
    sentences = [part for part in sentences if any(cue in part for cue in _CHARADES_CUES)] or sentences
    times = (
        _first_range(sentences, _CLOCK_RANGE, _clock_seconds)
        or _first_range(sentences, _NUMBER_RANGE, float)
        or _first_two([time for part in sentences for time in _CLOCK_ALONE.findall(part)], _clock_seconds)
        or _first_two([found[1] for part in sentences if (found := _NUMBER_ALONE.search(part))], float)
        or _first_range(sentences, _SECONDS_RANGE, float)
    )
    return Moment(start=min(times), end=max(times)) if times else None


def read_timelens(reply: str) -> tuple[Moment, ...]:
    """Read all spans in seconds as lmms-eval 0.7.3 does for TimeLens-Bench; the first one counts, as it stands.

    Example:
        >>> read_timelens("from 49.1s to 78.0s")
        (Moment(start=49.0, end=78.0, caption=None),)
    """
    text = reply.lower()
    times = [_clock_seconds(time) for time in _TIMELENS_CLOCK.findall(text)]
    if len(times) < 2:
        ranges = next((found for pattern in _TIMELENS_RANGES if (found := pattern.findall(text))), [])
        times = [float(end) for pair in ranges for end in pair]
    if not times:
        times = [float(number) for number in _TIMELENS_NUMBER.findall(text)]
    return tuple(Moment(start=start, end=end) for start, end in zip(times[0::2], times[1::2], strict=False))


def _first_range(
    sentences: Sequence[str], pattern: re.Pattern[str], read: Callable[[str], float]
) -> tuple[float, float] | None:
    found = next((match for part in sentences if (match := pattern.search(part))), None)
    return (read(found[1]), read(found[2])) if found else None


def _first_two(times: Sequence[str], read: Callable[[str], float]) -> tuple[float, float] | None:
    return (read(times[0]), read(times[1])) if len(times) >= 2 else None


def _clock_seconds(time: str) -> float:
    seconds = 0.0
    for part in time.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
