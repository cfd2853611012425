"""The records of a film as files people and other programs can read: JSON, CSV, SubRip and `.npy`; never pickle."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from movieqa.movie import Frames, Shot, Stream, Subtitle, VideoInfo
from movieqa.times import format_time

SHOT_COLUMNS = ("index", "start", "end", "kind", "transition")


def dump_video(video: VideoInfo) -> str:
    """Write a film's facts as JSON."""
    content = asdict(video) | {"rate": str(video.rate), "sample_aspect": str(video.sample_aspect)}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def load_video(data: bytes) -> VideoInfo:
    """Read what `dump_video` wrote.

    Raises:
        ValueError: Not such a file (also as TypeError or KeyError).
    """
    content = json.loads(data)
    content["rate"] = Fraction(content["rate"])
    content["sample_aspect"] = Fraction(content["sample_aspect"])
    content["streams"] = tuple(Stream(**stream) for stream in content["streams"])
    return VideoInfo(**content)


def dump_shots(shots: Iterable[Shot]) -> str:
    """Write shots as CSV, times in seconds to a microsecond."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SHOT_COLUMNS)
    for shot in shots:
        times = (f"{value:.6f}" for value in (shot.start, shot.end))
        writer.writerow([shot.index, *times, shot.kind, f"{shot.transition:.6f}"])
    return text.getvalue()


def load_shots(data: bytes) -> tuple[Shot, ...]:
    """Read what `dump_shots` wrote.

    Raises:
        ValueError: Not such a file (also as TypeError or KeyError).
    """
    rows = csv.DictReader(io.StringIO(data.decode()))
    if tuple(rows.fieldnames or ()) != SHOT_COLUMNS:
        raise ValueError(f"expected the columns {', '.join(SHOT_COLUMNS)}")
    shots = tuple(
        Shot(
            index=int(row["index"]),
            start=float(row["start"]),
            end=float(row["end"]),
            kind=row["kind"],  # type: ignore[arg-type]  # Shot checks it
            transition=float(row["transition"]),
        )
        for row in rows
    )
    if [shot.index for shot in shots] != list(range(len(shots))):
        raise ValueError("shots must count from 0 without gaps")
    if not shots:
        raise ValueError("a film has at least one shot")
    return shots


def dump_subtitles(subtitles: Iterable[Subtitle]) -> str:
    """Write subtitles as one JSON object a line."""
    return "".join(json.dumps(asdict(line), ensure_ascii=False, sort_keys=True) + "\n" for line in subtitles)


def load_subtitles(data: bytes) -> tuple[Subtitle, ...]:
    """Read what `dump_subtitles` wrote.

    Raises:
        ValueError: Not such a file (also as TypeError).
    """
    return tuple(Subtitle(**json.loads(line)) for line in data.decode().split("\n") if line)


def dump_srt(subtitles: Sequence[Subtitle]) -> str:
    """Write subtitles as SubRip, for players; a speaker stands before the line."""
    cues = []
    for number, line in enumerate(subtitles, start=1):
        start, end = (format_time(value).replace(".", ",") for value in (line.start, line.end))
        text = "\n".join(part for part in line.text.split("\n") if part.strip())
        cues.append(f"{number}\n{start} --> {end}\n{f'{line.speaker}: ' if line.speaker else ''}{text}\n")
    return "\n".join(cues)


def dump_frames(frames: Frames) -> bytes:
    """Write the sampled times as a `.npy` file of version 1.0."""
    buffer = io.BytesIO()
    npy_format.write_array(buffer, frames.times, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def load_frames(data: bytes) -> Frames:
    """Read what `dump_frames` wrote.

    Raises:
        ValueError: Not such a file.
    """
    times: Any = np.load(io.BytesIO(data), allow_pickle=False)
    return Frames(times=times)
