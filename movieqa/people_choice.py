"""Understands whom a person means: by number, by name, or "the person on the left at 00:12:30"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from movieqa.errors import ConfigError
from movieqa.identity import Cast, Identity, Tracklet
from movieqa.times import format_time, parse_time

_AT = re.compile(r"(?P<who>.*?)\s*(?:\bat\b|@)\s*(?P<time>\d[\w:.,\s]*)", re.IGNORECASE)
_ANYBODY = re.compile(r"(?:the\s+)?(?:person|one|face|man|woman|boy|girl|somebody|someone)?", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:the\s+)?(?:(?:person|one|face|man|woman|boy|girl)\s+)?(?:(?:on|in|to|at)\s+the\s+)?"
    r"(?:(?P<rank>first|second|third|fourth|fifth)\s+from\s+the\s+(?P<side>left|right)|"
    r"(?P<place>far left|far right|leftmost|rightmost|left|right|middle|centre|center|largest|biggest|front))"
    r"(?:\s+(?:person|one|face|man|woman|boy|girl))?",
    re.IGNORECASE,
)
_RANKS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Whom a person means."""

    identity: Identity | None
    """None for a face that belongs to nobody."""
    tracklet: Tracklet | None = None
    """The face at the moment, where a moment was given."""
    time: float | None = None
    """That moment, seconds."""


def choose(cast: Cast, who: str) -> Choice:
    """Find whom a text means.

    Args:
        cast: The film's people.
        who: `7`, `#7`, `person 7`, a name, a name and a moment (`Julia at 00:12:30`), or a place and a moment (`the
            person on the left at 00:12:30`, `second from the right at 12:30`, `at 12:30` where one is on screen).

    Raises:
        ConfigError: Nobody is meant, or it is not clear who.
    """
    moment = _AT.fullmatch(who.strip())
    if moment is None:
        return Choice(identity=cast.find(who))
    time = parse_time(moment["time"])
    here = cast.tracklets_at(time)
    if not here:
        raise ConfigError(f"nobody is on screen at {format_time(time)}", hint="see who is when: movieqa cast list")
    text = moment["who"].strip()
    place = _PLACE.fullmatch(text)
    if place is not None:
        track = _at_place(cast, here, place, time)
    elif _ANYBODY.fullmatch(text):
        if len(here) > 1:
            raise ConfigError(
                f"{len(here)} people are on screen at {format_time(time)}: {_listed(cast, here)}",
                hint="say which, as in: the person on the left at ...",
            )
        track = here[0]
    else:
        identity = cast.find(text)
        own = [track for track in here if cast.owner(track.index) is identity]
        if not own:
            raise ConfigError(
                f"{identity.label} is not on screen at {format_time(time)}", hint=f"there are {_listed(cast, here)}"
            )
        track = own[0]
    return Choice(identity=cast.owner(track.index), tracklet=track, time=time)


def _at_place(cast: Cast, here: Sequence[Tracklet], place: re.Match[str], time: float) -> Tracklet:
    if place["rank"]:
        rank = _RANKS.index(place["rank"].lower())
        if rank >= len(here):
            raise ConfigError(f"only {len(here)} people are on screen at {format_time(time)}", hint=_listed(cast, here))
        return here[rank] if place["side"].lower() == "left" else here[-1 - rank]
    match place["place"].lower():
        case "left" | "leftmost" | "far left":
            return here[0]
        case "right" | "rightmost" | "far right":
            return here[-1]
        case "middle" | "centre" | "center":
            return min(here, key=lambda track: (abs(cast.box_at(track, time).middle - 0.5), track.index))
    return max(here, key=lambda track: (cast.box_at(track, time).area, -track.index))


def _listed(cast: Cast, here: Sequence[Tracklet]) -> str:
    owners = (cast.owner(track.index) for track in here[:6])
    more = f" and {len(here) - 6} more" if len(here) > 6 else ""
    return "from left to right " + ", ".join(owner.label if owner else "somebody unknown" for owner in owners) + more
