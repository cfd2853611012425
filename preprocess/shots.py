"""From boundaries, counted in frames, to shots, told in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from movieqa.movie import CutKind, Shot

MIN_SHOT_FRAMES = 5
"""Fewer frames are no shot of their own: so much can be promised a sampled frame whatever the film's size."""


@dataclass(frozen=True, kw_only=True, order=True)
class Boundary:
    """Where one shot gives way to the next, in frame numbers."""

    frame: int
    """First frame of the new shot; the middle of a gradual transition."""
    kind: CutKind
    first: int
    """First frame that shows the transition; `frame` itself for a hard cut."""
    last: int
    """First frame after the transition; `frame` itself for a hard cut."""

    def __post_init__(self) -> None:
        """Check the order."""
        if not 0 <= self.first <= self.frame <= self.last:
            raise ValueError(f"a boundary lies inside its transition, got {self}")


def build_shots(boundaries: Sequence[Boundary], times: Sequence[float], end: float) -> tuple[Shot, ...]:
    """Cut the film at the boundaries.

    Args:
        boundaries: In any order; two at the same frame count once, and one at frame 0 not at all.
        times: Presentation time of every frame, in seconds, strictly increasing.
        end: Where the last frame ends, in seconds.

    Returns:
        Shots from the first frame to `end`, without gaps.
    """
    inner = {boundary.frame: boundary for boundary in sorted(boundaries) if 0 < boundary.frame < len(times)}
    opening = Boundary(frame=0, kind="start", first=0, last=0)
    ordered = [opening, *(inner[frame] for frame in sorted(inner))]
    starts = [times[boundary.frame] for boundary in ordered]
    return tuple(
        Shot(
            index=index,
            start=start,
            end=stop,
            kind=boundary.kind,
            transition=round(times[min(boundary.last, len(times) - 1)] - times[boundary.first], 6),
        )
        for index, (boundary, start, stop) in enumerate(zip(ordered, starts, [*starts[1:], end], strict=True))
    )
