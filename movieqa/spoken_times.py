"""Reads times as questions name them: `00:12:30`, `1h 2m`, "minute 12", "an hour and a half", "twenty-five minutes"."""

from __future__ import annotations

import re

from movieqa.english import NUMBER_PATTERN, read_number

NUMBER = rf"(?:[0-9]{{1,5}}(?:\.[0-9]{{1,3}})?|{NUMBER_PATTERN})"
"""Matches a number in digits, or in words up to ninety-nine."""

UNIT = r"(?:hours?|hrs?|minutes?|mins?|seconds?|secs?)"
"""Matches a unit of time, written out."""

_NO_MORE = r"(?![\w'’]|-\w)"
CLOCK = (
    r"(?<![\d:.,])[0-9]{1,3}:[0-5][0-9](?::[0-5][0-9])?(?:[.,][0-9]{1,3})?(?![\d:]|[.,]\d|\w)"
    r"(?!\s?(?:[ap]\.?m\b|o['’]?clock))"
)
"""Matches `hh:mm:ss` or `mm:ss`, with or without milliseconds, but no time of day such as 10:30 pm."""

_PART = rf"(?:(?:{NUMBER}(?:\sand\sa\shalf)?|an?|a\scouple\sof|(?:a\s)?few)[\s-]{UNIT}|{NUMBER}\s?(?:{UNIT}|[hms]))"
AMOUNT = (
    rf"(?:half\san?\s(?:hour|minute)|an\shour\sand\sa\shalf|(?:a|three)\squarters?\sof\san\shour"
    rf"|{_PART}(?:(?:\sand\s|,\s|\s)?{_PART}){{0,2}}){_NO_MORE}"
)
"""Matches an amount of time with its units, up to three of them."""

MINUTE = rf"(?:the\s)?(?:minutes?\s{NUMBER}|(?:second|hour)\s[0-9]{{1,5}}){_NO_MORE}"
"""Matches a minute (or an hour, or a second) named by its number."""

_AMOUNT_PARTS = re.compile(
    rf"(?:(?P<number>{NUMBER})(?P<half>\sand\sa\shalf)?|(?P<one>an?)|(?P<two>a\scouple\sof)|(?:a\s)?few)[\s-]?(?P<unit>[hms])"
)
_FIXED = {
    "half an hour": 1800.0,
    "half a minute": 30.0,
    "an hour and a half": 5400.0,
    "a quarter of an hour": 900.0,
    "three quarters of an hour": 2700.0,
}
_UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def read_spoken(text: str) -> float:
    """Read a time that `CLOCK`, `AMOUNT` or `MINUTE` matches; "a few" are three.

    Returns:
        Seconds.

    Example:
        >>> read_spoken("an hour and a half"), read_spoken("minute 12"), read_spoken("1h 2m")
        (5400.0, 720.0, 3720.0)
    """
    text = " ".join(text.lower().split()).removeprefix("the ")
    if ":" in text:
        seconds = 0.0
        for part in text.replace(",", ".").split(":"):
            seconds = seconds * 60 + float(part)
        return seconds
    if named := re.match(rf"(minute|second|hour)s? ({NUMBER})", text):
        return read_number(named[2]) * _UNIT_SECONDS[named[1][0]]
    return _FIXED.get(text) or sum(_amount(part) for part in _AMOUNT_PARTS.finditer(text))


def read_precision(text: str) -> float:
    """Return how many seconds a time leaves open: a second for `00:12:30`, a minute for "12 minutes"."""
    text = text.lower()
    if ":" in text or re.search(r"\bsec|\ds|\d\ss\b|second", text):
        return 1.0
    return 3600.0 if text.removeprefix("the ").startswith("hour") else 60.0


def _amount(part: re.Match[str]) -> float:
    if part["number"]:
        count = read_number(part["number"]) + (0.5 if part["half"] else 0.0)
    else:
        count = 1.0 if part["one"] else 2.0 if part["two"] else 3.0
    return count * _UNIT_SECONDS[part["unit"]]
