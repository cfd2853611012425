"""What has been shown of a film by a time: the only door through which an answerer sees it, so nothing later leaks."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace

from movieqa.errors import ConfigError
from movieqa.movie import Shot, Subtitle
from movieqa.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class ShownFilm:
    """The part of a film before a time."""

    duration: float
    """Seconds shown."""
    is_whole: bool
    """Whether that is surely all of the film: False too for a cut at its very end, which looks like any other cut."""
    lines: tuple[Subtitle, ...]
    """The lines that were said to their end, ordered by start; none reaches past `duration`."""
    shots: tuple[Shot, ...]
    """The shots that began; the last one is cut at `duration`."""
    num_whole_shots: int
    """How many of the shots surely ended; the keyframe of another one may show what comes later."""

    @classmethod
    def of(cls, workspace: Workspace, until: float | None) -> ShownFilm:
        """Cut a workspace at a time, in seconds; None takes all of it.

        Raises:
            ConfigError: `until` leaves nothing of the film.
        """
        if until is not None and not (math.isfinite(until) and until > 0):
            raise ConfigError(f"until must be later than the film's first moment, got {until}")
        limit = math.inf if until is None else until
        duration = min(workspace.duration, limit)
        lines = tuple(
            replace(line, end=min(line.end, duration))
            for line in workspace.subtitles
            if line.end <= limit and line.start < duration
        )
        begun = tuple(shot for shot in workspace.shots if shot.start < duration)
        return cls(
            duration=duration,
            is_whole=duration < limit,
            lines=lines,
            shots=tuple(replace(shot, end=min(shot.end, duration)) for shot in begun),
            num_whole_shots=sum(shot.end < limit for shot in begun),
        )

    def shot_at(self, time: float) -> Shot | None:
        """Return the shot on screen at a time, in seconds; None before the first one."""
        index = bisect_right(self.shots, time, key=lambda shot: shot.start) - 1
        return self.shots[index] if index >= 0 else None
