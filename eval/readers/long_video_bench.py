"""LongVideoBench: questions with options about videos and the lines spoken in them, interleaved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from movieqa.eval.sample import Sample

from .files import find_files, place_file, read_rows
from .rows import Row, gather

FILES = ("lvb_val.json", "lvb_test_wo_gt.json", "validation*.parquet", "*/validation*.parquet")
NAME = "longvideobench"
_MOST_OPTIONS = 5
_NO_OPTION = "N/A"
_FACTS = ("duration", "duration_group", "question_category", "topic_category", "starting_timestamp_for_subtitles")
_COLUMNS = (
    "video_id",
    "id",
    "video_path",
    "subtitle_path",
    "question",
    "candidates",
    *(f"option{number}" for number in range(_MOST_OPTIONS)),
    "correct_choice",
    *_FACTS,
)


def read_long_video_bench(source: Path) -> tuple[Sample, ...]:
    """Read `lvb_val.json`, the test file without answers, or the same as Parquet.

    Films and subtitles are looked for in `videos` and `subtitles` too. Subtitles go with the film once they are SubRip
    (`movieqa.eval.timed_lines.write_srt_files`); the published file stands in the fact `subtitle_path`. Facts have the
    published names; `movieqa.eval.interleave` puts frames and subtitles into the intended order.

    Raises:
        EvaluationError: The file is not as published.
    """
    (path, *_) = find_files(source, FILES)
    return gather(_samples(path, source if source.is_dir() else source.parent), path)


def _samples(path: Path, base: Path) -> Iterator[tuple[Row, Sample]]:
    for row in read_rows(path, _COLUMNS):
        options = row.texts("candidates") or _numbered(row)
        film = row.name("video_path" if row.has("video_path") else "video_id")
        facts, subtitles = row.facts(*_FACTS), None
        if row.has("subtitle_path"):
            name = row.name("subtitle_path")
            facts["subtitle_path"] = place_file(base, name, ("subtitles",)) or name
            subtitles = place_file(base, f"{name.removesuffix('.json')}.srt", ("subtitles",))
        right = row.values.get("correct_choice")
        is_known = right is not None and right != -1  # the test file's Parquet form says -1 for kept back
        yield (
            row,
            row.sample(
                id=row.name("id"),
                film=place_file(base, film, ("videos",)) or film,
                question=row.text("question"),
                task="choice",
                options=options,
                answer=row.numbered_letter("correct_choice", options) if is_known else None,
                subtitles=subtitles,
                tags=row.tags("duration_group", "question_category", "topic_category"),
                benchmark=NAME,
                facts=facts,
            ),
        )


def _numbered(row: Row) -> tuple[str, ...]:
    """Return `option0` and on, up to the first that is missing."""
    options = []
    for number in range(_MOST_OPTIONS):
        option = row.maybe_text(f"option{number}")
        if option is None or option == _NO_OPTION:
            break
        options.append(option)
    return tuple(options)
