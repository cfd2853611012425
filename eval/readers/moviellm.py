"""MovieLLM's benchmark of long films: a JSON file a film. Answers of two methods are compared by `movieqa judge`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from movieqa.eval.sample import Sample

from .files import find_files, read_record
from .rows import Row, gather

FILES = ("ground_truth/*.json", "*/ground_truth/*.json", "*.json")
NAME = "moviellm"
CATEGORIES = ("overview", "plot", "temporal")


def read_moviellm(source: Path) -> tuple[Sample, ...]:
    """Read the references: a folder with `ground_truth` inside, that folder, or one film's file.

    A sample's film is the file's name without its ending. Facts: `movie_title`, `category` (of `CATEGORIES`) and
    `number`, from 0 within the category.

    Raises:
        EvaluationError: A file is not as published.
    """
    found = (item for path in find_files(source, FILES) for item in _samples(path))
    return gather(found, source)


def _samples(path: Path) -> Iterator[tuple[Row, Sample]]:
    record = read_record(path)
    content = record.row("QA")
    for category in CATEGORIES:
        for number, row in enumerate(content.rows(f"{category}_qa")):
            yield (
                row,
                row.sample(
                    id=f"{path.stem}/{category}/{number}",
                    film=path.stem,
                    question=row.text("Question"),
                    answer=row.answer("Answer"),
                    tags=(f"category:{category}",),
                    benchmark=NAME,
                    facts={**record.facts("movie_title"), "category": category, "number": number},
                ),
            )
