"""LVBench: questions with options about hour-long videos, a line of JSON a video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from movieqa.eval.sample import LETTERS, Moment, Sample

from .files import find_files, read_rows
from .rows import Row, gather, strip_letters

FILES = ("video_info.meta.jsonl", "data/video_info.meta.jsonl", "*.meta.jsonl")
NAME = "lvbench"
_OPTION_LINE = re.compile(r"\n\s*\(([A-Z])\)")
_CLOCK = r"((?:\d+:)?\d{1,2}:\d{2})"
_TIMES = re.compile(rf"{_CLOCK}\s*-\s*{_CLOCK}")


def read_lvbench(source: Path) -> tuple[Sample, ...]:
    """Read `video_info.meta.jsonl`, or the harness's table with one question a row.

    A question counts in each of its categories, the tags `question_type:...`; `time_reference` becomes a span where it
    is one.

    Raises:
        EvaluationError: A line is not as published.
    """
    (path, *_) = find_files(source, FILES)
    return gather(_samples(path), path)


def _samples(path: Path) -> Iterator[tuple[Row, Sample]]:
    for number, row in enumerate(read_rows(path)):
        if not row.has("qa"):
            yield row, _sample(row, row, row.name("video_path"), f"{number}")
            continue
        film = row.name("key")
        for index, question in enumerate(row.rows("qa")):
            yield question, _sample(question, row, film, f"{film}/{index}")


def _sample(row: Row, video: Row, film: str, name: str) -> Sample:
    text, *parts = _OPTION_LINE.split(row.text("question"))
    options = tuple(part.strip() for part in parts[1::2]) or strip_letters(row.texts("options"))
    if parts and "".join(parts[::2]) != LETTERS[: len(options)]:
        raise row.fault("the options' letters are out of order")
    kinds = row.texts("question_type") if not isinstance(row.values.get("question_type"), str) else ()
    times = _TIMES.fullmatch(str(row.values.get("time_reference") or "").strip())
    return row.sample(
        id=row.name("uid") if row.has("uid") else name,
        film=film,
        question=text.strip(),
        task="choice",
        options=options,
        answer=row.letter("answer", options),
        spans=(Moment(start=_seconds(times[1]), end=_seconds(times[2])),) if times else (),
        tags=(*video.tags("type"), *(f"question_type:{kind}" for kind in kinds)),
        benchmark=NAME,
        facts=row.facts("uid", "time_reference"),
    )


def _seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
