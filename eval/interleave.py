"""LongVideoBench's intended input: frames and the lines spoken between them, in one order (arXiv 2407.15754)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .timed_lines import TimedLine

_SHORTEST = 1.0
"""Seconds that a line covers at least."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of the input: a frame, or a line that is said about then."""

    frame: int | None = None
    """Index of the frame; None for a line."""
    text: str = ""


def interleave(
    frame_times: Sequence[float], lines: Sequence[TimedLine], *, duration: float, starts_at: float = 0.0
) -> tuple[Piece, ...]:
    """Put frames and lines into one order.

    A line comes after all frames up to its middle, and only if a frame lies strictly inside it; one that is shorter
    than a second is widened to a second around its middle.

    Args:
        frame_times: Of the sampled frames, in seconds, in order.
        lines: In the order of the file.
        duration: Seconds of film, where a line without an end ends.
        starts_at: The film's place on the lines' clock (`starting_timestamp_for_subtitles`), in seconds.

    Returns:
        Every frame once, in order, and the lines among them.

    Example:
        >>> line = TimedLine(start=3.0, end=5.0, text="Take it.")
        >>> [piece.text or piece.frame for piece in interleave([0.0, 4.0, 8.0], [line], duration=9.0)]
        [0, 1, 'Take it.', 2]
    """
    pieces: list[Piece] = []
    shown = 0
    for line in lines:
        start = line.start - starts_at
        end = (duration if line.end is None else line.end) - starts_at
        middle = (start + end) / 2
        while shown < len(frame_times) and frame_times[shown] <= middle:
            pieces.append(Piece(frame=shown))
            shown += 1
        if end - start < _SHORTEST:
            start, end = middle - _SHORTEST / 2, middle + _SHORTEST / 2
        if any(start < time < end for time in frame_times):
            pieces.append(Piece(text=line.text))
    pieces += [Piece(frame=index) for index in range(shown, len(frame_times))]
    return tuple(pieces)
