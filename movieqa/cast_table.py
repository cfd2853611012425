"""Writes the film's people for a terminal: who, from when to when, how long, with whom."""

from __future__ import annotations

from movieqa.identity import Cast
from movieqa.times import format_time

_MOST_COMPANY = 3


def render_cast(cast: Cast) -> str:
    """Write one line a person, the longest on screen first, then what else should be known.

    Example:
        >>> print(render_cast(load_cast(workspace)))  # doctest: +SKIP
          1  Julia        00:00:00.000-00:20:31.500   312.5 s   48 shots  with Jack (201 s)
    """
    if not cast.identities:
        return "\n".join(["nobody was found", *_remarks(cast)])
    people = sorted(cast.identities, key=lambda one: (-one.screen_time, one.id))
    width = min(40, max(len(one.label) for one in people))
    lines = []
    for one in people:
        company = ", ".join(
            f"{other.identity.label} ({other.seconds:.0f} s)" for other in cast.together(one)[:_MOST_COMPANY]
        )
        lines.append(
            f"{one.id:>3}  {one.label:<{width}}  {format_time(one.first)}-{format_time(one.last)}  "
            f"{one.screen_time:>7.1f} s  {len(one.shots):>4} shots{f'  with {company}' if company else ''}"
        )
    return "\n".join([*lines, *_remarks(cast)])


def _remarks(cast: Cast) -> list[str]:
    """Say what else a person should know: names that fit nobody, edits in conflict, faces left out."""
    unseen = [f"{name}: in the cast folder, but nobody on screen fits" for name in cast.unseen]
    return [f"note  {text}" for text in (*unseen, *cast.notes)]
