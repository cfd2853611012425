"""Cues as a file tells them, and how they become subtitles of a film: on the film's clock, in order, none empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from movieqa.movie import Subtitle

_MISSING_LENGTH = 2.0
_MILLISECOND = 0.001


@dataclass(frozen=True, kw_only=True)
class Cue:
    """One cue as a file or stream tells it; nothing is checked yet."""

    start: float
    """Seconds on the source's own clock; may be negative."""
    end: float
    """May lie before the start."""
    text: str
    """Without markup; may be empty."""
    speaker: str | None = None


@dataclass(frozen=True, kw_only=True)
class CueList:
    """What was read of one source."""

    cues: tuple[Cue, ...]
    """In the source's order."""
    notes: tuple[str, ...] = ()
    """What was guessed or left out."""


@dataclass(frozen=True, kw_only=True)
class SettledCues:
    """Subtitles on the film's clock."""

    subtitles: tuple[Subtitle, ...]
    """Ordered by start, then end, then the source's order."""
    notes: tuple[str, ...]
    """What was mended or left out."""


def settle_cues(cues: Iterable[Cue], *, shift: float, film_end: float, source: str) -> SettledCues:
    """Put cues on the film's clock, mend their times, and leave out what cannot be a line of this film.

    Args:
        cues: In the source's order.
        shift: Seconds to add to the source's times, so that 0 is the film's first frame.
        film_end: Seconds; 0.0 when it is not known.
        source: What `Subtitle.source` says.

    Returns:
        The subtitles; a cue without length gets two seconds, equal cues are merged, and cues wholly before the first
        frame or after the end are left out. The notes count all of them.
    """
    num_empty = num_mended = num_early = num_late = num_all = 0
    subtitles: dict[Subtitle, None] = {}
    num_equal = 0
    for cue in cues:
        num_all += 1
        if not cue.text:
            num_empty += 1
            continue
        num_mended += cue.end <= cue.start
        end = cue.end if cue.end > cue.start else cue.start + _MISSING_LENGTH
        start, end = round(max(0.0, cue.start + shift), 3), round(end + shift, 3)
        if end <= 0:
            num_early += 1
        elif 0 < film_end <= start:
            num_late += 1
        else:
            end = max(end, round(start + _MILLISECOND, 3))
            subtitle = Subtitle(start=start, end=end, text=cue.text, speaker=cue.speaker, source=source)
            num_equal += subtitle in subtitles
            subtitles[subtitle] = None
    notes = [
        f"{source}: {_count(number)} {what}"
        for number, what in (
            (num_empty, "without text, left out"),
            (num_mended, f"with no length or a negative one, given {_MISSING_LENGTH:g} s"),
            (num_early, "before the film's first frame, left out"),
            (num_late, "after the film's end, left out"),
            (num_equal, "told twice, merged"),
        )
        if number
    ]
    if 2 * num_late > num_all:
        notes.append(f"{source}: most of it lies after the film's end; it may belong to another film")
    ordered = sorted(subtitles, key=lambda subtitle: (subtitle.start, subtitle.end))
    return SettledCues(subtitles=tuple(ordered), notes=tuple(notes))


def _count(number: int) -> str:
    return f"{number} {'cue' if number == 1 else 'cues'}"
