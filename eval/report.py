"""The report of a run: one HTML page that needs nothing else, neither a network nor the films.

What comes from samples and models (questions, replies, names, errors) is hostile text: it is escaped, its control
characters are taken out, and the page's policy lets nothing run and nothing be fetched.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from movieqa.errors import EvaluationError
from movieqa.page import clean, open_templates, page_policy, read_source
from movieqa.storage import write_atomic

from .log import cannot_write
from .report_cases import CaseBook, ShownCase
from .run import Run
from .scoring import ScoredRun
from .tables import Line, MetricTables, make_tables

_MOST_REPLY = 2000
"""Characters of a reply that are shown."""
_MOST_FAULTS = 20


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What kept samples from being answered, and how many."""

    text: str
    samples: int


@dataclass(frozen=True, kw_only=True)
class Section:
    """One scorer on the page."""

    scorer: str
    values: Mapping[str, float]
    counts: Mapping[str, int]
    notes: Sequence[str]
    tables: MetricTables | None
    cases: Sequence[ShownCase]

    @property
    def scale(self) -> float:
        """What the longest bar stands for: one, or the largest mean where values go beyond it."""
        lines = [] if self.tables is None else [line for table in self.tables.tags for line in table.lines]
        top = max((line.interval.high for line in lines), default=1.0)
        return top if top > 1 else 1.0

    @property
    def curve(self) -> Curve | None:
        """The metric by length of film; None where no length is known."""
        return Curve(self.tables) if self.tables is not None and len(self.tables.lengths) > 1 else None


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One point of the curve, in units of its drawing."""

    x: float
    y: float
    top: float
    bottom: float


class Curve:
    """The curve of a metric by length of film, in a drawing of 640 by 220; lengths stand on a logarithmic scale."""

    width, height = 640, 220
    left, right, top, bottom = 56, 624, 14, 180

    def __init__(self, tables: MetricTables) -> None:
        self.points = tables.lengths
        middles = [math.log((point.shortest + point.longest) / 2) for point in self.points]
        low, high = min(middles), max(middles)
        values = [value for point in self.points for value in (point.line.interval.low, point.line.interval.high)]
        self.floor, self.ceiling = min(0.0, *values), max(1.0, *values)
        self.marks = [
            Mark(
                x=round(self.left + (self.right - self.left) * (middle - low) / ((high - low) or 1), 1),
                y=self.place(point.line.mean),
                top=self.place(point.line.interval.high),
                bottom=self.place(point.line.interval.low),
            )
            for middle, point in zip(middles, self.points, strict=True)
        ]

    def place(self, value: float) -> float:
        """Return how far down a value stands."""
        part = (value - self.floor) / (self.ceiling - self.floor)
        return round(self.bottom - (self.bottom - self.top) * part, 1)

    @property
    def path(self) -> str:
        """The line through the points."""
        return "M" + "L".join(f"{mark.x} {mark.y}" for mark in self.marks)


def write_report(scored: ScoredRun, path: Path, *, films: Path, workspaces: Path, num_worst: int = 20) -> Path:
    """Write a scored run as one self-contained HTML file; the same log and films give the same bytes.

    Args:
        scored: The run and its scores.
        path: The file to write; replaced in one go when it is there.
        films: The folder of films, where the pictures of the worst cases come from; without them it has none.
        workspaces: The folder of workspaces.
        num_worst: The most worst cases of each scorer.

    Returns:
        The path written.

    Raises:
        EvaluationError: The file cannot be written.

    Example:
        >>> write_report(scored, Path("run.html"), films=Path("films"), workspaces=Path("films"))  # doctest: +SKIP
        PosixPath('run.html')
    """
    if path.is_dir():
        raise EvaluationError(f"{path}: this is a folder", hint="name a file in it with --output")
    book = CaseBook(scored.run, films=films, workspaces=workspaces)
    sections = []
    for scores in scored.scores:
        tables = make_tables(scored.run, scores, num_worst=num_worst)
        cases = [] if tables is None else [book.show(case) for case in tables.worst if case.value < tables.best]
        sections.append(
            Section(
                scorer=scores.scorer,
                values=scores.values,
                counts=scores.counts,
                notes=scores.notes,
                tables=tables,
                cases=cases,
            )
        )
    environment = open_templates(clean=_clean, number=_number, extent=_extent, spread=_spread)
    style = read_source(environment, "eval_report.css")
    page = environment.get_template("eval_report.html.j2").render(
        policy=page_policy(style=style),
        style=Markup(style),
        run=scored.run,
        title=f"{scored.run.header.model['name']} on {scored.run.header.data['name']}",
        facts=_facts(scored.run),
        settings=scored.run.header.settings,
        notes=[*scored.notes, *book.notes],
        sections=sections,
        faults=_faults(scored.run),
    )
    try:
        write_atomic(path, page.encode(errors="replace"))
    except OSError as error:
        raise cannot_write(path, error, flag="--output") from error
    return path


def _facts(run: Run) -> dict[str, str]:
    header = run.header
    answered = [one for one in run.predictions if one.status == "answered"]
    facts = {
        "Samples": f"{header.data['samples']:,}",
        "Films": f"{header.data['films']:,}",
        **{name.capitalize(): f"{number:,}" for name, number in run.counts.items() if number},
    }
    if answered:
        facts["Seconds a sample"] = f"{sum(one.seconds for one in answered) / len(answered):.3g}"
    if any(one.prompt_tokens for one in answered):
        tokens = [one.prompt_tokens for one in answered]
        facts["Tokens a prompt"] = f"{sum(tokens) / len(tokens):,.0f}"
        facts["Frames left out"] = f"{sum(one.frames_dropped for one in answered):,}"
    if run.predictions:
        facts["Peak memory"] = f"{max(one.peak_bytes for one in run.predictions) / 2**30:.2f} GiB"
    facts["movieqa"] = header.versions["movieqa"]
    revision = run.sessions[-1].get("revision") if run.sessions else None
    if revision:
        facts["Revision"] = str(revision)[:12]
    return facts


def _faults(run: Run) -> list[Fault]:
    counted = Counter(one.error for one in run.predictions if one.error is not None)
    return [Fault(text=text, samples=samples) for text, samples in counted.most_common(_MOST_FAULTS)]


def _clean(text: Any) -> str:
    """Take out what a page cannot show, and cut what is very long; Jinja escapes the rest."""
    shown = clean(text)
    return shown if len(shown) <= _MOST_REPLY else f"{shown[:_MOST_REPLY]} ..."


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _extent(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _spread(line: Line) -> str:
    if line.interval.low == line.interval.high:
        return "all alike"  # an interval of no width would promise what so few values cannot
    return f"{_number(line.interval.low)} to {_number(line.interval.high)}"
