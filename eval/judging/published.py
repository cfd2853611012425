"""Reads judges' replies as the published scripts do, known errors included."""

from __future__ import annotations

import re

from .replies import read_literal


def read_yes_no(reply: str) -> bool | None:
    """Return the verdict of an open-answer judge: `yes` anywhere in the word wins over `no`, so "not yes" is yes."""
    value = read_literal(reply.lstrip())
    said = str(value.get("pred", "")).lower() if isinstance(value, dict) else ""
    return True if "yes" in said else False if "no" in said else None


def read_grade(reply: str) -> int | None:
    """Return the whole number that a score is cut to: 4.8 counts as 4, "3" as 3."""
    value = read_literal(reply.lstrip())
    grade = value.get("score") if isinstance(value, dict) else None
    if isinstance(grade, bool) or not isinstance(grade, int | float | str):
        return None
    try:
        return int(grade)
    except (ValueError, OverflowError):
        return None


def read_leading_score(reply: str) -> int | None:
    """Return the 1 to 10 that MM-ID's script finds in the first line: "8/10" is 8, "10/10" is 1, decimals are none."""
    line = reply.split("\n", 1)[0].strip()
    if "/" in line:
        line = line[:1]
    return int(line) if re.fullmatch(r"\d{1,3}", line) else None
