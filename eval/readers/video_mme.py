"""Video-MME and Video-MME-v2: questions with options about videos of all lengths, in Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from movieqa.eval.sample import Sample

from .files import find_files, place_file, read_rows
from .rows import Row, gather, strip_letters

FILES = ("test*.parquet", "*/test*.parquet", "*.parquet")
_FILMS = ("video", "videos", "data")
_SUBTITLES = ("subtitle", "subtitles")
_TAGS = ("duration", "domain", "sub_category", "task_type")
_FACTS_V2 = ("video_id", "question_id", "group_type", "group_structure", "level", "second_head", "third_head")


def read_video_mme(source: Path) -> tuple[Sample, ...]:
    """Read Video-MME; `subtitle/<videoID>.srt` goes with the film where it is there.

    Raises:
        EvaluationError: A file is not as published.
        MissingDependencyError: pyarrow is not installed.
    """
    return gather(_samples(source), source)


def read_video_mme_v2(source: Path) -> tuple[Sample, ...]:
    """Read Video-MME-v2, whose questions come in groups of four.

    What its scores need stands in facts of the published names, `group_type` and `group_structure` among them. The
    word-by-word subtitles `subtitle/<video_id>.jsonl` stand in the fact `subtitle_path`, and go with the film once they
    are SubRip (`movieqa.eval.timed_lines.write_srt_files`).

    Raises:
        EvaluationError: A file is not as published.
        MissingDependencyError: pyarrow is not installed.
    """
    return gather(_samples_v2(source), source)


def _samples(source: Path) -> Iterator[tuple[Row, Sample]]:
    base = source if source.is_dir() else source.parent
    for path in find_files(source, FILES):
        for row in read_rows(path, ("video_id", "videoID", "question_id", "question", "options", "answer", *_TAGS)):
            film, options = row.name("videoID"), strip_letters(row.texts("options"))
            yield (
                row,
                row.sample(
                    id=row.name("question_id"),
                    film=place_file(base, film, _FILMS) or film,
                    question=row.text("question"),
                    task="choice",
                    options=options,
                    answer=row.letter("answer", options),
                    subtitles=place_file(base, f"{film}.srt", _SUBTITLES),
                    tags=row.tags(*_TAGS),
                    benchmark="video-mme",
                    facts=row.facts("video_id", *_TAGS),
                ),
            )


def _samples_v2(source: Path) -> Iterator[tuple[Row, Sample]]:
    base = source if source.is_dir() else source.parent
    for path in find_files(source, FILES):
        for row in read_rows(path, ("url", "question", "options", "answer", *_FACTS_V2)):
            film, options = row.name("video_id"), strip_letters(_options(row))
            words = place_file(base, f"{film}.jsonl", _SUBTITLES)
            yield (
                row,
                row.sample(
                    id=row.name("question_id"),
                    film=place_file(base, film, _FILMS) or film,
                    question=row.text("question"),
                    task="choice",
                    options=options,
                    answer=row.letter("answer", options),
                    subtitles=place_file(base, f"{film}.srt", _SUBTITLES),
                    tags=row.tags("level", "group_type", "second_head", "third_head"),
                    benchmark="video-mme-v2",
                    facts=row.facts(*_FACTS_V2) | ({} if words is None else {"subtitle_path": words}),
                ),
            )


def _options(row: Row) -> tuple[str, ...]:
    """Return options given as a list, or as one text with a line each."""
    if isinstance(row.values.get("options"), str):
        return tuple(line.strip() for line in row.text("options").splitlines() if line.strip())
    return row.texts("options")
