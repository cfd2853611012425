"""EgoSchema: questions with five options about three minutes of somebody's day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from movieqa.eval.sample import Sample

from .files import find_files, read_record, read_rows
from .rows import Row, gather, strip_letters

FILES = ("questions.json", "test*.parquet", "*/test*.parquet")
NAME = "egoschema"
_ANSWERS = "subset_answers.json"
_OPTIONS = tuple(f"option {number}" for number in range(5))


def read_egoschema(source: Path) -> tuple[Sample, ...]:
    """Read `questions.json` with the 500 published answers of `subset_answers.json` beside it, or the harness's table.

    Samples whose answer is known have the tag `subset`; the others are for the competition's server, which takes
    numbers from 0 by the fact `q_uid`.

    Raises:
        EvaluationError: A file is not as published, or an answer belongs to no question.
    """
    (path, *_) = find_files(source, FILES)
    return gather(_samples(path), path)


def _samples(path: Path) -> Iterator[tuple[Row, Sample]]:
    beside = path.with_name(_ANSWERS)
    answers = read_record(beside) if path.name == FILES[0] and beside.is_file() else None
    open_answers = set(answers.values) if answers else set()
    for row in read_rows(path):
        name = row.name("q_uid" if row.has("q_uid") else "video_idx")
        open_answers.discard(name)
        options = tuple(row.text(key) for key in _OPTIONS if row.has(key)) or strip_letters(row.texts("option"))
        right = _right(row, answers, name, options)
        yield (
            row,
            row.sample(
                id=name if row.has("q_uid") or not row.has("question_idx") else row.name("question_idx"),
                film=name,
                question=row.text("question"),
                task="choice",
                options=options,
                answer=right,
                tags=("subset",) if right else (),
                benchmark=NAME,
                facts={"q_uid": name},
            ),
        )
    if open_answers and answers:
        raise answers.fault(f"{min(open_answers)} answers no question of {path.name}")


def _right(row: Row, answers: Row | None, name: str, options: tuple[str, ...]) -> str | None:
    """Return the letter of the right option, numbered from 0 in the data; None where it is kept back."""
    if answers is not None and answers.has(name):
        return answers.numbered_letter(name, options)
    value = row.values.get("answer")
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if value is None:
        return None
    return Row(where=row.where, values={"answer": value}).numbered_letter("answer", options)
