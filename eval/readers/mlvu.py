"""MLVU: nine tasks about long videos, the development set (a JSON file a task) and the test set."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from movieqa.eval.sample import Fact, Sample

from .files import find_files, place_file, read_rows
from .rows import Row, gather

FILES = (
    "[1-9]_*.json",
    "json/[1-9]_*.json",
    "*/json/[1-9]_*.json",
    "test_mcq_gt.json",
    "test-ground-truth/test_*.json",
)
NAME = "mlvu"
_NUMBERED = re.compile(r"[1-9]_\w+")
_LETTERED_LINES = re.compile(r"\n\s*\([A-H]\)")


def read_mlvu(source: Path) -> tuple[Sample, ...]:
    """Read one task's file, the folder of all, or the test set's; also the harness's table (`video_name`, `task_type`).

    Films of the development set stand in folders that are named like its files. Facts: `task_type`, `duration`, and
    for sub-scene captions `scoring_points` as JSON.

    Raises:
        EvaluationError: A file is not as published.
    """
    base = source if source.is_dir() else source.parent
    found = (item for path in find_files(source, FILES) for item in _samples(path, base))
    return gather(found, source)


def _samples(path: Path, base: Path) -> Iterator[tuple[Row, Sample]]:
    counts: dict[str, int] = {}
    for row in read_rows(path):
        kind = row.name("question_type" if row.has("question_type") else "task_type")
        video = row.name("video" if row.has("video") else "video_name")
        number = counts[kind] = counts.get(kind, -1) + 1
        question, options = _options(row)
        film = f"{path.stem}/{video}" if _NUMBERED.fullmatch(path.stem) else video
        facts: dict[str, Fact] = {"task_type": kind, **row.facts("duration")}
        if row.has("scoring_points"):
            facts["scoring_points"] = json.dumps(row.values["scoring_points"], ensure_ascii=False)
        yield (
            row,
            row.sample(
                id=row.name("question_id") if row.has("question_id") else f"{kind}/{number}",
                film=place_file(base, film, ("video", "MLVU/video")) or film,
                question=question,
                task="choice" if options else "open",
                options=options,
                answer=row.letter("answer", options, is_text=True) if options else row.answer(),
                tags=(f"task_type:{kind}",),
                benchmark=NAME,
                facts=facts,
            ),
        )


def _options(row: Row) -> tuple[str, tuple[str, ...]]:
    """Return question and options, which the harness's table has as lines "(A) ..." of the question."""
    question, options = row.text("question"), row.texts("candidates")
    if not options and len(parts := _LETTERED_LINES.split(question)) > 1:
        options = tuple(part.strip() for part in parts[1:])
    return _LETTERED_LINES.split(question)[0].strip(), options
