"""Our own samples, one JSON line each: the form of `movieqa.eval.sample`, and film world's `qa.jsonl`.

A line holds the fields of a sample by their names; what is empty may be left out. Spans are `[start, end]`, or records
with `start`, `end` and `caption`. Film world adds what its questions need, how far apart the proof lies, and two
wordings of the answer; the query that its own checker recomputes answers from is not taken over.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

from movieqa.eval.sample import Moment, Reference, Sample, Task

from .files import find_files, read_rows
from .rows import Row, gather

FILES = ("qa.jsonl", "*/qa.jsonl", "*.jsonl")
NAME = "movieqa"
_FIELDS = tuple(field.name for field in fields(Sample))
_FILM_WORLD = ("short_answer", "long_answer", "needs", "distance", "query")
_FILM = "film.mp4"
_BOX = re.compile(r"<box>\((\d{1,4}),(\d{1,4})\),\((\d{1,4}),(\d{1,4})\)</box>")
"""How film world writes a box: thousandths of the picture, as IDA-VLM does."""


def read_own(source: Path) -> tuple[Sample, ...]:
    """Read samples in our own form.

    Where film world's `qa.jsonl` stands beside its `film.mp4`, `film` and references are paths from the source's
    folder to there.

    Args:
        source: A file, a film of film world, or a folder of several.

    Raises:
        EvaluationError: A line has an unknown field, lacks one, repeats an id, or holds a value that cannot be.
    """
    base = source if source.is_dir() else source.parent
    found = ((row, _sample(row, path, base)) for path in find_files(source, FILES) for row in read_rows(path))
    return gather(found, source)


def dump_samples(samples: Iterable[Sample]) -> str:
    """Return samples of any benchmark in our own form, a line each.

    Example:
        >>> print(dump_samples([Sample(id="1", film="signs.mp4", question="Who?")]), end="")
        {"id": "1", "film": "signs.mp4", "question": "Who?", "task": "open", "benchmark": "movieqa"}
    """
    return "".join(json.dumps(_value(sample), ensure_ascii=False, allow_nan=False) + "\n" for sample in samples)


def _value(sample: Sample) -> dict[str, Any]:
    value = {key: item for key, item in asdict(sample).items() if item not in ((), {}, None)}
    if sample.spans:
        value["spans"] = [[span.start, span.end] if span.caption is None else asdict(span) for span in sample.spans]
    return value


def _sample(row: Row, path: Path, base: Path) -> Sample:
    """Read one line."""
    known = (*_FIELDS, *_FILM_WORLD)
    for key in row.values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"is {near[0]} meant?" if near else f"a sample has {', '.join(_FIELDS)}"
            raise row.fault(f"unknown field {key[:60]!r}", hint=hint)
    options = row.texts("options")
    shown = _BOX.search(row.maybe_text("answer") or "")
    task = row.values.get("task") or ("choice" if options else "box" if shown else "open")
    if task not in get_args(Task):
        raise row.fault(f"task must be one of {', '.join(get_args(Task))}, not {str(task)[:60]!r}")
    folder = path.parent.relative_to(base)
    is_beside = path.name == "qa.jsonl" and (path.parent / _FILM).is_file()
    return row.sample(
        id=row.name("id"),
        film=(folder / _FILM).as_posix() if is_beside else row.name("film"),
        question=row.text("question"),
        task=task,
        options=options,
        answer=row.letter("answer", options) if options else row.answer(),
        other_answers=row.texts("other_answers"),
        spans=tuple(_moments(row)),
        box=_box(row) or (_in_parts(shown) if shown and task == "box" else None),
        time=row.maybe_number("time"),
        until=row.maybe_number("until"),
        subtitles=row.maybe_text("subtitles"),
        references=tuple(
            Reference(
                name=entry.text("name"),
                image=(folder / entry.name("image")).as_posix() if is_beside else entry.name("image"),
            )
            for entry in row.rows("references")
        ),
        pictures=row.texts("pictures"),
        tags=(*row.texts("tags"), *(f"needs:{need}" for need in row.texts("needs"))),
        benchmark=row.maybe_text("benchmark") or NAME,
        facts=_facts(row),
    )


def _moments(row: Row) -> Iterator[Moment]:
    """Read spans of either form."""
    for number, value in enumerate(row.items("spans"), start=1):
        if isinstance(value, dict):
            entry = Row(where=f"{row.where}, spans {number}", values=value)
            yield Moment(start=entry.number("start"), end=entry.number("end"), caption=entry.maybe_text("caption"))
        else:
            ((start, end),) = Row(where=row.where, values={"spans": [value]}).spans("spans")
            yield Moment(start=start, end=end)


def _box(row: Row) -> tuple[float, float, float, float] | None:
    values = row.items("box")
    if not values:
        return None
    sides = tuple(Row(where=row.where, values={"box": value}).number("box") for value in values)
    if len(sides) != 4 or not (0 <= sides[0] <= sides[2] <= 1 and 0 <= sides[1] <= sides[3] <= 1):
        raise row.fault("box must be left, top, right and bottom in parts of the picture, 0 to 1")
    return sides[0], sides[1], sides[2], sides[3]


def _in_parts(found: re.Match[str]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (int(side) / 1000 for side in found.groups())
    return left, top, right, bottom


def _facts(row: Row) -> dict[str, Any]:
    own = row.row("facts") if row.has("facts") else Row(where=row.where, values={})
    return {**own.facts(*own.values), **row.facts("short_answer", "long_answer", "distance")}
