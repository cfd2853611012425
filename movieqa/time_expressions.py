"""Finds the time expressions of English questions: "in the first ten minutes", "after 00:12:30", "at the end"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from movieqa.english import ORDINALS
from movieqa.spoken_times import AMOUNT, CLOCK, MINUTE, NUMBER, UNIT, read_precision, read_spoken

FILM = r"(?:the|this|that)\s(?:whole\s|entire\s)?(?:film|movie|video|clip|footage|recording|episode)"
"""Matches the film as questions call it."""

_EDGE_SHARE = 0.1  # "the beginning" and "the end" are a tenth of the film each,
_MIN_EDGE, _MAX_EDGE = 5.0, 300.0  # but at least and at most so many seconds
_AROUND = 30.0  # "around minute 12": so much before and after

# What may follow an expression: nothing, punctuation, the rest of a question, a name. Anything else, as in "the last
# minute decision" or "at the end table", makes it something else. After a looser expression less may follow.
_END = r"\s*(?:$|[.,;:?!)…\x00]|[-–—]\s)"
_THEN = (
    rf"(?={_END}|\s(?:who|what|when|where|why|how|which|whose|is|are|was|were|do|does|did|has|have|had|can|could|will"
    r"|and|or|but|that|an?|the|he|she|it|they|we|you|I|his|her|their|after|before|while|if|there|some|any|every|about"
    r"|with|to|by|\x00|(?-i:[A-Z])))"
)
_THEN_ONLY = rf"(?={_END}|\s(?:who|what|when|where|why|how|which|is|are|does|did|do)\b)"
_OF_FILM = rf"(?:\s(?:of|in|into|from)\s{FILM})?"
_INTO = rf"(?:\s(?:into\s(?:it|{FILM})|in(?:\s{FILM})?))"
_IN = r"\b(?:in|during|within|throughout)\s"
_NAMED = rf"(?:{CLOCK}|{MINUTE})"
_NOT_SPENT = "".join(
    rf"(?<!\b{word} )" for word in ("for", "take", "takes", "took", "last", "lasts", "wait", "waits", "waited")
)


@dataclass(frozen=True, kw_only=True)
class TimeExpression:
    """One time expression, where it stands in the text, and the part of the film it means."""

    first: int
    """Index of its first letter."""
    last: int
    """Index after its last letter."""
    start: float
    """Seconds; may lie outside the film."""
    end: float


_Read = Callable[[re.Match[str], float], tuple[float, float]]


def find_expressions(text: str, duration: float) -> Iterator[TimeExpression]:
    """Find the time expressions in a text with single spaces; they do not overlap.

    Args:
        text: The question.
        duration: Seconds of film, for expressions such as "at the end".
    """
    for pattern, read in _EXPRESSIONS:
        found = list(pattern.finditer(text))
        for match in found:
            start, end = read(match, duration)
            yield TimeExpression(first=match.start(), last=match.end(), start=start, end=end)
        for match in found:
            text = text[: match.start()] + " " * len(match.group()) + text[match.end() :]


def _between(match: re.Match[str], duration: float) -> tuple[float, float]:
    low, high = sorted((read_spoken(match["low"]), read_spoken(match["high"])))
    return low, high


def _between_numbers(match: re.Match[str], duration: float) -> tuple[float, float]:
    unit = match.groupdict().get("unit") or "minutes"
    low, high = sorted(read_spoken(f"{match[name]} {unit}") for name in ("low", "high"))
    return low, high


def _stretch(match: re.Match[str], duration: float) -> tuple[float, float]:
    seconds = read_spoken(match["amount"] or f"a {match['unit']}")
    is_first = match["side"].lower() in {"first", "opening"}
    return _relate(match["relation"], *((0.0, seconds) if is_first else (duration - seconds, duration)), duration)


def _share(match: re.Match[str], duration: float) -> tuple[float, float]:
    num_parts = {"half": 2, "third": 3, "quarter": 4}[match["part"].lower()]
    side = match["side"].lower()
    index = {"first": 0, "second": 1, "middle": 1, "third": 2}.get(side, num_parts - 1)
    low, high = (duration * bound / num_parts for bound in (index, index + 1))
    return _relate(match["relation"], low, high, duration)


def _counted(match: re.Match[str], duration: float) -> tuple[float, float]:
    text, unit = match["ordinal"].lower(), 60.0 if match["unit"].lower() == "minute" else 3600.0
    number = ORDINALS.get(text) or int(re.sub(r"\D", "", text))
    return (number - 1) * unit, number * unit


def _point(match: re.Match[str], duration: float) -> tuple[float, float]:
    time = read_spoken(match["at"])
    if relation := match.groupdict().get("relation"):
        return _relate(relation, time, time, duration)
    return time, time + read_precision(match["at"])


def _around(match: re.Match[str], duration: float) -> tuple[float, float]:
    time = read_spoken(match["at"])
    return time - _AROUND, time + _AROUND


def _from_edge(match: re.Match[str], duration: float) -> tuple[float, float]:
    time = read_spoken(match["at"])
    time = duration - time if match["edge"].lower() == "end" else time
    return time, time + read_precision(match["at"])


def _edge(match: re.Match[str], duration: float) -> tuple[float, float]:
    length = min(_MAX_EDGE, max(_MIN_EDGE, _EDGE_SHARE * duration))
    edge = match["edge"].lower()
    if edge == "middle":
        return (duration - length) / 2, (duration + length) / 2
    return (duration - length, duration) if edge.startswith(("end", "finish", "clos")) else (0.0, length)


def _relate(relation: str | None, low: float, high: float, duration: float) -> tuple[float, float]:
    if relation is None:
        return low, high
    return (high, duration) if relation.lower() in {"after", "since", "from"} else (0.0, low)


_EXPRESSIONS: tuple[tuple[re.Pattern[str], _Read], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        # between 00:10 and 00:20; 00:10-00:20; between minutes 10 and 20; between ten and twenty minutes in
        (rf"\b(?:between|from)\s(?P<low>{_NAMED})\s(?:and|to|until|till)\s(?P<high>{_NAMED}){_OF_FILM}", _between),
        (rf"(?:{_IN}|\b(?:at|from|between)\s)?(?P<low>{CLOCK})\s?[-–—]\s?(?P<high>{CLOCK}){_OF_FILM}", _between),
        (
            rf"\b(?:between|from)\s(?:the\s)?minutes\s(?P<low>{NUMBER})\s(?:and|to)\s(?P<high>{NUMBER}){_OF_FILM}{_THEN}",
            _between_numbers,
        ),
        (
            rf"{_NOT_SPENT}\b(?:between|from)\s(?P<low>{NUMBER})\s(?:and|to)\s(?P<high>{NUMBER})[\s-](?P<unit>{UNIT})"
            rf"{_INTO}?{_OF_FILM}{_THEN_ONLY}",
            _between_numbers,
        ),
        (
            rf"{_NOT_SPENT}\b(?:between|from)\s(?P<low>{AMOUNT})\s(?:and|to)\s(?P<high>{AMOUNT}){_INTO}?{_OF_FILM}"
            rf"{_THEN_ONLY}",
            _between,
        ),
        # in the first ten minutes; after the first hour; the last 5 minutes
        (
            rf"(?:{_IN}|\b(?P<relation>after|before|until|since)\s|\bof\s|^|(?<!\bfor )(?=\bthe\s\w+\s{NUMBER}\b))"
            rf"(?:the|its)\s(?:very\s)?(?P<side>first|opening|last|closing|final)\s"
            rf"(?:(?P<amount>{AMOUNT})|(?P<unit>hour|minute|second)(?![\w'’-])){_OF_FILM}{_THEN}",
            _stretch,
        ),
        # in the second half; in the final third of the film
        (
            rf"(?:{_IN}|\b(?P<relation>after|before)\s|\bof\s|^)(?:the|its)\s"
            rf"(?P<side>first|second|third|middle|last|latter|final)\s(?P<part>half|third|quarter){_OF_FILM}{_THEN}",
            _share,
        ),
        # in the tenth minute
        (
            rf"{_IN}the\s(?P<ordinal>[0-9]{{1,3}}(?:st|nd|rd|th)|{'|'.join(ORDINALS)})\s(?P<unit>hour|minute)"
            rf"{_OF_FILM}{_THEN}",
            _counted,
        ),
        # five minutes before the end
        (
            rf"\b(?P<at>{AMOUNT})\s(?:before|after|from|into)\sthe\s(?:very\s)?(?P<edge>end|start|beginning)"
            rf"{_OF_FILM}{_THEN}",
            _from_edge,
        ),
        # after 00:12:30; before 1h 2m; until minute 12
        (
            rf"\b(?P<relation>after|since|from|before|until|till|up\sto)\s(?P<at>{_NAMED}|{AMOUNT}){_INTO}?{_OF_FILM}"
            rf"(?:\son(?:wards?)?\b)?{_THEN}",
            _point,
        ),
        # around minute 12; at about 00:12:30; ten minutes around which something happens do not count
        (
            rf"\b(?:around|about|near|circa|(?:at\s)?(?:around|about|roughly))\s"
            rf"(?P<at>{_NAMED}|{AMOUNT}(?={_INTO})){_INTO}?{_OF_FILM}{_THEN}",
            _around,
        ),
        # at the 12-minute mark
        (rf"\b(?:at|around|about)\s(?:the\s)?(?P<at>{CLOCK}|{NUMBER}[\s-]?{UNIT})\smark\b{_OF_FILM}", _point),
        # at 00:12:30; in minute 12; at ten minutes; ten minutes into the film
        (rf"\b(?:exactly\s)?at\s(?:exactly\s)?(?P<at>{_NAMED}|{AMOUNT}){_INTO}?{_OF_FILM}{_THEN}", _point),
        (rf"{_IN}(?P<at>{MINUTE}){_OF_FILM}{_THEN}", _point),
        (rf"\b(?P<at>{AMOUNT})\sinto\s(?:it|{FILM}){_THEN}", _point),
        (rf"{_NOT_SPENT}\b(?P<at>{AMOUNT})\sin{_THEN_ONLY}", _point),
        # at the end; in the beginning; in the middle of the film; how does the film end?
        (
            r"\b(?:at|in|near|towards?|right\sat)\sthe\s(?:very\s)?(?P<edge>beginning|start|opening|outset|end|ending)"
            rf"{_OF_FILM}{_THEN}",
            _edge,
        ),
        (rf"\b(?:in|at|around)\sthe\s(?P<edge>middle)\sof\s{FILM}{_THEN}", _edge),
        (rf"\bthe\s(?:very\s)?(?P<edge>beginning|start|opening|end|ending)\sof\s{FILM}{_THEN_ONLY}", _edge),
        (
            rf"\bhow\s(?:does|did|do)\s(?:{FILM}|it|everything|the\sstory)\s(?P<edge>end|finish|close|begin|start|open)"
            rf"{_THEN_ONLY}",
            _edge,
        ),
    )
)
