"""Reads a question: which part of the film it means, what it asks for, and which words are left to search."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from movieqa.time_expressions import FILM, find_expressions
from movieqa.words import QUOTED

AsksFor = Literal["moment", "picture", "speech", "shot count", "duration"]

_MIN_SHARED = 0.25  # seconds; less of a shot is a frame or two beside a cut


@dataclass(frozen=True, kw_only=True)
class TimeWindow:
    """A part of the film, the half-open interval `[start, end)` in seconds; empty when both are equal."""

    start: float
    end: float

    def __post_init__(self) -> None:
        """Check the order."""
        if not (math.isfinite(self.start) and math.isfinite(self.end) and 0 <= self.start <= self.end):
            raise ValueError(f"a window needs 0 <= start <= end, got {self.start=} {self.end=}")

    @property
    def is_empty(self) -> bool:
        """Whether no moment of the film lies in it."""
        return self.start == self.end

    def holds(self, start: float, end: float) -> bool:
        """Whether `[start, end)` lies in the window for a quarter of a second, or half of the shorter of the two."""
        shared = min(self.end, end) - max(self.start, start)
        return shared > 0 and shared >= min(_MIN_SHARED, (end - start) / 2, (self.end - self.start) / 2)

    def cut(self, start: float, end: float) -> TimeWindow:
        """Return the part of this window that lies in `[start, end)`, empty when none does."""
        low = min(max(self.start, start), self.end)
        return TimeWindow(start=low, end=max(low, min(self.end, end)))


@dataclass(frozen=True, kw_only=True)
class TimedQuestion:
    """A question with its time expressions taken out."""

    words: str
    """What is left to search; empty when the question asks for a fact of the film."""
    window: TimeWindow | None
    """The part of the film the question means; None for all of it, and always where it asks for the duration."""
    asks_for: AsksFor = "moment"


def parse_question(text: str, duration: float) -> TimedQuestion:
    """Find the time expressions of an English question and what it asks for.

    An expression counts only when it can hardly be anything else: "after the war", "at the end of the street" and
    "three minutes' walk" stay words. What stands in quotation marks is never read as a time.

    Args:
        text: The question.
        duration: Seconds of film; windows are relative to it and never reach past it.

    Example:
        >>> parse_question("Who dies in the first ten minutes?", 5400.0)
        TimedQuestion(words='Who dies?', window=TimeWindow(start=0.0, end=600.0), asks_for='moment')
    """
    text = " ".join(text.split())
    masked = QUOTED.sub(lambda match: "\x00" * len(match.group()), text)
    asks_for = _asks_for(masked)
    window: TimeWindow | None = None
    for found in find_expressions(masked, duration):
        window = (window or TimeWindow(start=0.0, end=duration)).cut(found.start, found.end)
        gap = " " * (found.last - found.first)
        text, masked = (line[: found.first] + gap + line[found.last :] for line in (text, masked))
    facts = [kind for kind, fact in _FACTS.items() if fact.fullmatch(_tidy(masked))]
    if facts:
        return TimedQuestion(words="", window=None if facts[0] == "duration" else window, asks_for=facts[0])
    return TimedQuestion(words=_tidy(text), window=window, asks_for=asks_for)


def _tidy(text: str) -> str:
    return re.sub(r"[\s,;:]+(?=[?!.,;:])", "", " ".join(text.split())).lstrip(" ,;:")


# --- what a question asks for ---------------------------------------------------------------------------------------

_PICTURE = re.compile(
    r"\bwhat\b.{0,40}?\b(?:shown|seen|visible|on screen|look(?:s|ed)? like|(?:can|do|does|did) (?:we|you|i|one) see)\b"
    r"|^(?:please )?show\b|\b(?:which|what) (?:shots?|pictures?|images?)\b",
    re.IGNORECASE,
)
_SPEECH = re.compile(
    r"\bwhat\b.{0,40}?\b(?:said|says?|saying|spoken|heard|talk(?:ed|ing)? about|(?:can|do) (?:we|you|i|one) hear)\b"
    r"|\bwho (?:speaks|talks|is (?:speaking|talking|heard))\b|\b(?:which|what) (?:lines?|words|dialogue)\b",
    re.IGNORECASE,
)
_FACTS: dict[AsksFor, re.Pattern[str]] = {
    "duration": re.compile(
        rf"(?:how long (?:is|was|does|did|runs?) {FILM}(?: (?:last|run|take|go on))?"
        rf"|what(?: is|['’]s) (?:the )?(?:length|duration|running time|run ?time) of {FILM}"
        rf"|(?:when|at what time) does {FILM} (?:end|finish|stop))\s?[?.!]*",
        re.IGNORECASE,
    ),
    "shot count": re.compile(
        rf"how many shots (?:(?:are|were) (?:there|shown|in {FILM})|does {FILM} have|has {FILM}(?: got)?)"
        rf"(?: in {FILM}| in total| altogether)?\s?[?.!]*",
        re.IGNORECASE,
    ),
}


def _asks_for(text: str) -> AsksFor:
    if _PICTURE.search(text):
        return "picture"
    return "speech" if _SPEECH.search(text) else "moment"
