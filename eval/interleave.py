"""LongVideoBench's intended input: frames and the lines spoken between them, in one order (arXiv 2407.15754)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from movieqa.errors import ConfigError
from movieqa.times import parse_time

from .readers.files import read_rows
from .readers.rows import Row

_SHORTEST = 1.0
"""Seconds that a line covers at least."""


@dataclass(frozen=True, kw_only=True)
class TimedLine:
    """A subtitle line of a benchmark's own file, on its own clock in seconds."""

    start: float
    end: float | None
    """None for the film's end."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of the input: a frame, or a line that is said about then."""

    frame: int | None = None
    """Index of the frame; None for a line."""
    text: str = ""


def read_timed_lines(path: Path) -> tuple[TimedLine, ...]:
    """Read LongVideoBench's subtitles, or Video-MME-v2's word by word.

    Records are `{timestamp: [start, end], text}`, `{start, end, line}` with clock times, or `{start_time, end_time,
    text}` in seconds. What is blank is left out.

    Raises:
        EvaluationError: The file or a record is not so.
    """
    lines = (_line(row) for row in read_rows(path))
    return tuple(line for line in lines if line.text.strip())


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


def _line(row: Row) -> TimedLine:
    """Read one record of any of the three forms."""
    if row.has("timestamp"):
        times = row.items("timestamp")
        if len(times) != 2:
            raise row.fault("timestamp must be a start and an end")
        both = Row(where=row.where, values={"start": times[0], "end": times[1]})
        text = str(row.values.get("text") or "")
        return TimedLine(start=both.number("start"), end=both.maybe_number("end"), text=text)
    if row.has("start_time"):
        text = str(row.values.get("text") or "")
        return TimedLine(start=row.number("start_time"), end=row.number("end_time"), text=text)
    return TimedLine(start=_clock(row, "start"), end=_clock(row, "end"), text=str(row.values.get("line") or ""))


def _clock(row: Row, key: str) -> float:
    try:
        return parse_time(row.text(key))
    except ConfigError:
        raise row.fault(f"{key} must be a clock time such as 00:01:02.500") from None
