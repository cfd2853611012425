"""MovieLLM's benchmark of long films: a JSON file a film, in folders of references and of each method's answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from movieqa.errors import EvaluationError
from movieqa.eval.prediction import Prediction
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


def read_moviellm_answers(folder: Path, samples: Sequence[Sample]) -> tuple[Prediction, ...]:
    """Read a method's folder, whose files look like the references with answers replaced.

    Args:
        folder: Such as `ours` or `baseline`, file names as in `ground_truth`.
        samples: The references.

    Returns:
        A prediction for every sample, in order; one without an answer in the folder has failed and says so.

    Raises:
        EvaluationError: The folder does not exist, a file is not as published, or asks other questions.
    """
    if not folder.is_dir():
        raise EvaluationError(f"{folder}: no such folder", hint="name the folder of one method's answers")
    given: dict[str, Sample] = {}
    for film in dict.fromkeys(sample.film for sample in samples):
        path = folder / f"{film}.json"
        if path.is_file():
            given |= {sample.id: sample for _, sample in _samples(path)}
    return tuple(_prediction(sample, given.get(sample.id), folder) for sample in samples)


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


def _prediction(sample: Sample, given: Sample | None, folder: Path) -> Prediction:
    if given is None or given.answer is None:
        return Prediction(sample=sample, status="failed", error=f"{folder.name} has no answer to it")
    if given.question != sample.question:
        raise EvaluationError(f"{folder.name}: {sample.id} is another question there", hint="compare like with like")
    return Prediction(sample=sample, text=given.answer)
