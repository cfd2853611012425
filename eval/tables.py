"""Tables of a scored run: by tag, by length of film, and its worst cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .compare import Interval, bootstrap, group_sums, number_films
from .prediction import Prediction
from .run import Run
from .score import Scores

_RESAMPLES = 2000
_MOST_BINS = 8
_PLAIN = "tags"
"""What tags without a `name:` stand under."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a table: what some samples have in common, and their mean."""

    name: str
    samples: int
    mean: float
    interval: Interval
    """Of the mean, with a confidence of 95 %, films drawn again and again where there are several."""


@dataclass(frozen=True, kw_only=True)
class TagTable:
    """The samples by one kind of tag; a sample can stand in more than one line."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class LengthPoint:
    """The samples about films of like length, `[shortest, longest]` in seconds."""

    shortest: float
    longest: float
    films: int
    line: Line


@dataclass(frozen=True, kw_only=True)
class Case:
    """One sample with its value and how its reply was read."""

    prediction: Prediction
    value: float
    parsed: str | None


@dataclass(frozen=True, kw_only=True)
class MetricTables:
    """All about one metric of one scorer; values are those of single samples."""

    scorer: str
    metric: str
    whole: Line
    tags: tuple[TagTable, ...]
    lengths: tuple[LengthPoint, ...]
    worst: tuple[Case, ...]
    """Lowest values first."""
    best: float
    """The highest value that any sample has, and at least 1."""


def make_tables(run: Run, scores: Scores, *, metric: str | None = None, num_worst: int = 20) -> MetricTables | None:
    """Make the tables of a metric.

    Args:
        run: The run.
        scores: What a scorer makes of it.
        metric: Which; the scorer's first by default.
        num_worst: The most worst cases.

    Returns:
        The tables; None where no sample has the metric.
    """
    metric = metric or next((name for one in scores.samples for name in one.values), None)
    if metric is None:
        return None
    predictions = {prediction.sample.id: prediction for prediction in run.predictions}
    cases = [
        Case(prediction=predictions[one.id], value=one.values[metric], parsed=one.parsed)
        for one in scores.samples
        if metric in one.values and one.id in predictions
    ]
    if not cases:
        return None
    return MetricTables(
        scorer=scores.scorer,
        metric=metric,
        whole=_line("all", cases),
        tags=tuple(_tag_tables(cases)),
        lengths=tuple(_length_curve(run, cases)),
        worst=tuple(sorted(cases, key=lambda case: case.value)[:num_worst]),
        best=max(1.0, *(case.value for case in cases)),
    )


def _tag_tables(cases: Sequence[Case]) -> Iterable[TagTable]:
    tables: dict[str, dict[str, list[Case]]] = {}
    for case in cases:
        for tag in dict.fromkeys(case.prediction.sample.tags):
            name, colon, value = tag.partition(":")
            table, line = (name, value) if colon and value else (_PLAIN, tag)
            tables.setdefault(table, {}).setdefault(line, []).append(case)
    for name, lines in sorted(tables.items()):
        yield TagTable(name=name, lines=tuple(_line(line, lines[line]) for line in sorted(lines, key=_natural)))


def _natural(text: str) -> tuple[bool, float, str]:
    """Order numbers as numbers, before words."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def _length_curve(run: Run, cases: Sequence[Case]) -> Iterable[LengthPoint]:
    """Put films of like length together, about as many samples to each point."""
    timed = [(run.films[case.prediction.sample.film].duration, case) for case in cases if _is_timed(run, case)]
    timed.sort(key=lambda pair: pair[0])
    lengths = np.array([length for length, _ in timed])
    if not len(lengths):
        return
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, _MOST_BINS + 1)[1:-1], method="higher"))
    for number in range(len(edges) + 1):
        low = edges[number - 1] if number else -np.inf
        high = edges[number] if number < len(edges) else np.inf
        chosen = [(length, case) for length, case in timed if low <= length < high]
        if chosen:
            films = {case.prediction.sample.film for _, case in chosen}
            line = _line(f"{number}", [case for _, case in chosen])
            yield LengthPoint(shortest=chosen[0][0], longest=chosen[-1][0], films=len(films), line=line)


def _is_timed(run: Run, case: Case) -> bool:
    film = run.films.get(case.prediction.sample.film)
    return film is not None and film.duration > 0


def _line(name: str, cases: Sequence[Case]) -> Line:
    values = np.array([case.value for case in cases])
    films = number_films(case.prediction.sample for case in cases)
    sums, sizes = group_sums(values, films) if films.max() else (values, np.ones_like(values))
    return Line(
        name=name,
        samples=len(cases),
        mean=float(values.mean()),
        interval=bootstrap(sums, sizes, resamples=_RESAMPLES),
    )
