"""MovieChat-1K: open questions about a whole clip, and about single moments of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from movieqa.eval.sample import Fact, Sample

from .files import LINES, TABLES, find_files, read_json, read_record, read_rows
from .rows import Row, gather

FILES = ("*.json", "annotations/*.json", "jsons/*.json", "test*.parquet", "*/test*.parquet")
NAME = "moviechat-1k"
KINDS = ("global", "breakpoint")


def read_moviechat(source: Path) -> tuple[Sample, ...]:
    """Read a JSON file a video, a folder of them, or the harness's table (`video_name`, `question`, `answer`, `time`).

    Moments are published as frame numbers: they stand in the fact `frame`, and in `time` where the file tells the
    video's rate, `fps`.

    Raises:
        EvaluationError: A file is not as published.
    """
    found = (item for path in find_files(source, FILES) for item in _samples(path))
    return gather(found, source)


def _samples(path: Path) -> Iterator[tuple[Row, Sample]]:
    if path.suffix.lower() in (*LINES, *TABLES) or isinstance(read_json(path), list):
        yield from _table(path)
        return
    record = read_record(path)
    info = record.row("info")
    rate = info.maybe_number("fps") or None
    for kind in KINDS:
        for number, row in enumerate(record.rows(kind)):
            yield row, _sample(row, f"{path.stem}/{kind}/{number}", info.name("video_path"), kind, rate)


def _table(path: Path) -> Iterator[tuple[Row, Sample]]:
    for number, row in enumerate(read_rows(path)):
        kind = "breakpoint" if (row.maybe_number("time") or -1) >= 0 and row.has("time") else "global"
        yield row, _sample(row, f"{kind}/{number}", row.name("video_name"), kind, None)


def _sample(row: Row, name: str, film: str, kind: str, rate: float | None) -> Sample:
    facts: dict[str, Fact] = {"kind": kind}
    time = None
    if kind == "breakpoint":
        frame = row.number("time")
        facts["frame"] = frame
        time = frame / rate if rate else None
    return row.sample(
        id=name,
        film=film,
        question=row.text("question"),
        answer=row.answer(),
        time=time,
        tags=(f"kind:{kind}",),
        benchmark=NAME,
        facts=facts,
    )
