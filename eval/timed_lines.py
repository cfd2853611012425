"""Timed lines: subtitles in the JSON of LongVideoBench and Video-MME-v2, and the same lines as SubRip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from movieqa.errors import ConfigError, EvaluationError
from movieqa.movie import Subtitle
from movieqa.movie_files import dump_srt
from movieqa.storage import write_atomic
from movieqa.times import parse_time

from .readers.files import leads_out, read_rows
from .readers.rows import Row
from .sample import Sample

_SHORTEST = 0.001
_LONGEST_GAP = 1.0
_LONGEST_LINE = 6.0
_MOST_CHARACTERS = 84


@dataclass(frozen=True, kw_only=True)
class TimedLine:
    """A line of a benchmark's own subtitle file, on its own clock in seconds."""

    start: float
    end: float | None
    """None for the film's end."""
    text: str
    is_word: bool = False
    """One word, of a file that goes word by word."""


def read_timed_lines(path: Path) -> tuple[TimedLine, ...]:
    """Read LongVideoBench's subtitles, or Video-MME-v2's word by word.

    Records are `{timestamp: [start, end], text}`, `{start, end, line}` with clock times, or `{start_time, end_time,
    text}` in seconds. What is blank is left out.

    Raises:
        EvaluationError: The file or a record is not so.
    """
    lines = (_line(row) for row in read_rows(path))
    return tuple(line for line in lines if line.text.strip())


def write_srt_files(samples: Iterable[Sample], folder: Path) -> tuple[Path, ...]:
    """Write each sample's subtitle file as SubRip beside it, on the film's clock, so that its reader finds it.

    The fact `subtitle_path` names the file, `starting_timestamp_for_subtitles` the film's place on its clock, and
    `duration` where lines without an end end. What lies before the film is left out; words are joined to lines.

    Args:
        samples: Of LongVideoBench or Video-MME-v2; others are passed over.
        folder: That they were read from.

    Returns:
        The files written.

    Raises:
        EvaluationError: A file is missing, not as published, or cannot be written.

    Example:
        >>> write_srt_files(read_samples(folder), folder)  # doctest: +SKIP
        (PosixPath('subtitles/k1_en.srt'),)
    """
    written: dict[Path, None] = {}
    for sample in samples:
        name = sample.facts.get("subtitle_path")
        if not isinstance(name, str):
            continue
        if leads_out(name):
            raise EvaluationError(f"{sample.id}: the subtitle file {name[:80]!r} is outside the folder")
        target = (folder / name).with_suffix(".srt")
        if target in written:
            continue
        offset, duration = (_number(sample, key) for key in ("starting_timestamp_for_subtitles", "duration"))
        text = dump_srt(as_subtitles(read_timed_lines(folder / name), starts_at=offset or 0.0, duration=duration))
        try:
            write_atomic(target, text)
        except OSError as error:
            raise EvaluationError(f"{target}: cannot be written ({error.strerror})") from None
        written[target] = None
    return tuple(written)


def as_subtitles(
    lines: Sequence[TimedLine], *, starts_at: float = 0.0, duration: float | None = None
) -> tuple[Subtitle, ...]:
    """Return lines as subtitles on the film's clock; words in a row become one, up to six seconds and 84 characters.

    Args:
        lines: In the order of the file.
        starts_at: The film's place on the lines' clock, in seconds.
        duration: Seconds of film, where a line without an end ends; without, it is six seconds long.

    Example:
        >>> words = [TimedLine(start=n / 2, end=n / 2 + 0.4, text=text, is_word=True) for n, text in enumerate("ab")]
        >>> as_subtitles(words)[0].text
        'a b'
    """
    found: list[Subtitle] = []
    for line in _join(lines):
        start = line.start - starts_at
        last = line.end - starts_at if line.end is not None else duration
        end = start + _LONGEST_LINE if last is None else last
        if end > 0:
            start = max(0.0, start)
            found.append(Subtitle(start=start, end=max(end, start + _SHORTEST), text=line.text.strip()))
    return tuple(found)


def _join(lines: Sequence[TimedLine]) -> list[TimedLine]:
    """Join words that follow each other."""
    joined: list[TimedLine] = []
    for line in lines:
        before = joined[-1] if joined else None
        if (
            before is None
            or not (line.is_word and before.is_word)
            or before.end is None
            or line.end is None
            or line.start < before.start
            or line.start - before.end > _LONGEST_GAP
            or line.end - before.start > _LONGEST_LINE
            or len(before.text) + len(line.text) + 1 > _MOST_CHARACTERS
        ):
            joined.append(line)
            continue
        text = f"{before.text.rstrip()} {line.text.strip()}"
        joined[-1] = TimedLine(start=before.start, end=line.end, text=text, is_word=True)
    return joined


def _line(row: Row) -> TimedLine:
    """Read one record of any of the three forms."""
    if row.has("timestamp"):
        times = row.items("timestamp")
        if len(times) != 2:
            raise row.fault("timestamp must be a start and an end")
        both = Row(where=row.where, values={"start": times[0], "end": times[1]})
        return TimedLine(start=both.number("start"), end=both.maybe_number("end"), text=_text(row, "text"))
    if row.has("start_time"):
        text = _text(row, "text")
        return TimedLine(start=row.number("start_time"), end=row.number("end_time"), text=text, is_word=True)
    return TimedLine(start=_clock(row, "start"), end=_clock(row, "end"), text=_text(row, "line"))


def _text(row: Row, key: str) -> str:
    return row.maybe_text(key) or ""


def _clock(row: Row, key: str) -> float:
    try:
        return parse_time(row.text(key))
    except ConfigError:
        raise row.fault(f"{key} must be a clock time such as 00:01:02.500") from None


def _number(sample: Sample, key: str) -> float | None:
    value = sample.facts.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
