"""Times for people: seconds are floats everywhere inside, `hh:mm:ss.mmm` at the edges."""

from __future__ import annotations

import math
import re

from movieqa.errors import ConfigError

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_UNITS = re.compile(
    r"(?:(\d+(?:\.\d+)?)\s*h(?:ours?|rs?)?)?\s*"
    r"(?:(\d+(?:\.\d+)?)\s*m(?:in(?:ute)?s?)?)?\s*"
    r"(?:(\d+(?:\.\d+)?)\s*s(?:ec(?:ond)?s?)?)?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"\d+(?:\.\d+)?")


def format_time(seconds: float) -> str:
    """Write a time as `hh:mm:ss.mmm`, rounded to the nearest millisecond.

    Example:
        >>> format_time(4.76)
        '00:00:04.760'
    """
    milliseconds = round(seconds * 1000)
    sign = "-" if milliseconds < 0 else ""
    minutes, milliseconds = divmod(abs(milliseconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def parse_time(text: str) -> float:
    """Read a time a person wrote: `00:41:07.5`, `41:07`, `90`, `90s`, `1h 2m 3s`.

    Returns:
        Seconds, zero or more.

    Raises:
        ConfigError: The text is no time.

    Example:
        >>> parse_time("00:41:07.5"), parse_time("2m"), parse_time("90")
        (2467.5, 120.0, 90.0)
    """
    stripped = text.strip()
    seconds = math.nan
    if _PLAIN.fullmatch(stripped):
        seconds = float(stripped)
    elif clock := _CLOCK.fullmatch(stripped):
        hours, minutes, rest = clock.groups()
        parts = int(hours or 0), int(minutes), float(rest.replace(",", "."))
        if parts[2] < 60 and (hours is None or parts[1] < 60):
            seconds = parts[0] * 3600 + parts[1] * 60 + parts[2]
    elif stripped and (units := _UNITS.fullmatch(stripped)):
        hours, minutes, rest = (float(part or 0) for part in units.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    if not math.isfinite(seconds):
        raise ConfigError(f"not a time: {text!r}", hint="write it as 00:41:07.5, 41:07, 90s or 1h 2m")
    return seconds
