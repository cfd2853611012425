"""CinePile: questions with five options about scenes of films, with the scene's dialogue, in Parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from movieqa.eval.sample import LETTERS, Sample

from .files import find_files, read_rows
from .rows import Row, gather

FILES = ("test*.parquet", "*/test*.parquet", "*.parquet")
NAME = "cinepile"
_FACTS = ("movie_name", "year", "yt_clip_title", "yt_clip_link", "subtitles", "hard_split", "visual_reliance")
_COLUMNS = ("videoID", "question", "choices", "answer_key", "answer_key_position", "question_category", *_FACTS)


def read_cinepile(source: Path) -> tuple[Sample, ...]:
    """Read CinePile; a clip is named by its `videoID`, else by the `v` of its link.

    The dialogue that the benchmark's own prompt shows stands in the fact `subtitles`.

    Raises:
        EvaluationError: A file is not as published.
        MissingDependencyError: pyarrow is not installed.
    """
    return gather(_samples(source), source)


def _samples(source: Path) -> Iterator[tuple[Row, Sample]]:
    counts: Counter[str] = Counter()
    for path in find_files(source, FILES):
        for row in read_rows(path, _COLUMNS):
            film, options = _clip(row), row.texts("choices")
            right = row.numbered_letter("answer_key_position", options) if row.has("answer_key_position") else None
            if right and row.has("answer_key") and row.text("answer_key") != options[LETTERS.index(right)]:
                raise row.fault("answer_key is not the option at answer_key_position")
            number = counts[film]
            counts[film] += 1
            yield (
                row,
                row.sample(
                    id=f"{film}/{number}",
                    film=film,
                    question=row.text("question"),
                    task="choice",
                    options=options,
                    answer=right,
                    tags=row.tags("question_category", "hard_split", "visual_reliance"),
                    benchmark=NAME,
                    facts=row.facts(*_FACTS, "question_category"),
                ),
            )


def _clip(row: Row) -> str:
    """Return what names the clip's file."""
    if row.has("videoID"):
        return row.name("videoID")
    found = parse_qs(urlsplit(row.text("yt_clip_link")).query).get("v")
    if not found:
        raise row.fault("yt_clip_link names no video")
    return found[0]
