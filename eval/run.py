"""A run as its log tells it: header, films and predictions, read back for scoring, comparing and reporting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from movieqa.errors import EvaluationError

from .log import damaged, read_header, read_rows
from .prediction import Prediction
from .rows import MEASURED, FilmRow, RunHeader, content_of, digest_content, load_film, load_prediction


@dataclass(frozen=True, kw_only=True)
class Run:
    """A log's content.

    Attributes:
        path: The log.
        header: What the run depends on.
        films: By name.
        predictions: In the order of the samples.
        sessions: When and where the run went on.
        content: Digest of all that two equal runs share: everything but what is measured.
        is_finished: Whether every sample has a row.
        is_intact: Whether the content is what the log was finished with; True where it is not finished.
    """

    path: Path
    header: RunHeader
    films: Mapping[str, FilmRow]
    predictions: tuple[Prediction, ...]
    sessions: tuple[Mapping[str, Any], ...]
    content: str
    is_finished: bool
    is_intact: bool

    @property
    def num_missing(self) -> int:
        """How many samples have no row yet."""
        return int(self.header.data["samples"]) - len(self.predictions)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its scores must know."""
        notes = []
        if not self.is_finished:
            notes.append(f"{self.path} is not finished: {self.num_missing} samples are missing")
        if not self.is_intact:
            notes.append(f"{self.path} was changed after it was finished")
        return tuple(notes)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many samples were answered, refused, failed and are missing."""
        counts = dict.fromkeys(("answered", "refused", "failed"), 0)
        for prediction in self.predictions:
            counts[prediction.status] += 1
        return {**counts, "missing": self.num_missing}


def read_run(path: Path) -> Run:
    """Read a log, finished or not.

    Raises:
        EvaluationError: There is none, or it is damaged; the message names the line.

    Example:
        >>> read_run(Path("run.jsonl")).counts  # doctest: +SKIP
        {'answered': 199, 'refused': 0, 'failed': 1, 'missing': 0}
    """
    header: RunHeader | None = None
    films: dict[str, FilmRow] = {}
    predictions: dict[str, Prediction] = {}
    digests: list[str] = []
    sessions: list[Mapping[str, Any]] = []
    end: Mapping[str, Any] | None = None
    for number, (_, _, row) in enumerate(read_rows(path), start=1):
        end = None
        try:
            if header is None:
                header = read_header(path, row)
                sessions += row[MEASURED]["sessions"]
            elif row["kind"] == "film":
                film = load_film(row)
                films[film.film] = film
            elif row["kind"] == "sample":
                prediction = load_prediction(row)
                predictions[prediction.sample.id] = prediction
            else:
                end = row
                continue
            digests.append(digest_content(content_of(row)))
        except (ValueError, KeyError, TypeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise damaged(path, number, reason) from None
    if header is None:
        raise EvaluationError(f"{path}: this is no log of movieqa eval", hint="use another file")
    content = digest_content(digests)
    return Run(
        path=path,
        header=header,
        films=films,
        predictions=tuple(predictions.values()),
        sessions=tuple(sessions),
        content=content,
        is_finished=end is not None,
        is_intact=end is None or end.get("content") == content,
    )
