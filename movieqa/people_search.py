"""Finds the moments where some people are on screen and others are not, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from movieqa.errors import ConfigError
from movieqa.identity import Cast, Identity, shown_before
from movieqa.intervals import Intervals, intersect, subtract, unite


@dataclass(frozen=True, kw_only=True)
class PeopleMoment:
    """A stretch of film, the half-open interval `[start, end)` in seconds, that fits a search for people."""

    start: float
    end: float
    people: tuple[str, ...]
    """Everybody on screen at some time in it, as the cast calls them."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


def find_moments(
    cast: Cast,
    *,
    having: Sequence[str] = (),
    without: Sequence[str] = (),
    min_seconds: float = 0.0,
    first: bool = False,
    until: float | None = None,
) -> tuple[PeopleMoment, ...]:
    """Find when people are on screen together, and others are not.

    Args:
        cast: The film's people.
        having: Who must be on screen, all at once, each by number or name.
        without: Who must not be.
        min_seconds: Shorter moments are left out.
        first: Only the first moment.
        until: Nothing at or after this time, in seconds, is looked at.

    Returns:
        Moments in film order.

    Raises:
        ConfigError: Nobody is asked for, somebody is not known, or somebody must be and not be there.

    Example:
        >>> find_moments(cast, having=["Julia", "Jack"], without=["7"], min_seconds=3)  # doctest: +SKIP
    """
    if not having:
        raise ConfigError("nobody to look for", hint="say who must be on screen")
    if not (math.isfinite(min_seconds) and min_seconds >= 0):
        raise ConfigError(f"min_seconds must be zero or more, got {min_seconds}")
    wanted = [cast.find(who) for who in having]
    unwanted = [cast.find(who) for who in without]
    both = {one.id for one in wanted} & {one.id for one in unwanted}
    if both:
        label = next(one.label for one in wanted if one.id in both)
        raise ConfigError(f"{label} cannot be both on screen and not")
    found = shown_before(_together(wanted, unwanted), math.inf if until is None else until)
    long_enough = [span for span in found if span.seconds >= min_seconds]
    return tuple(
        PeopleMoment(
            start=span.start,
            end=span.end,
            people=tuple(one.label for one in cast.identities if intersect(one.spans, (span,))),
        )
        for span in (long_enough[:1] if first else long_enough)
    )


def _together(wanted: Sequence[Identity], unwanted: Sequence[Identity]) -> Intervals:
    spans = wanted[0].spans
    for one in wanted[1:]:
        spans = intersect(spans, one.spans)
    return subtract(spans, unite(span for one in unwanted for span in one.spans))
