"""MF2, Movie Facts and Fibs: pairs of a true and a false statement about a whole film; each is judged alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from movieqa.eval.sample import Sample

from .files import find_files, is_there, read_rows
from .rows import Row, gather

FILES = ("MF2_test.csv", "data/MF2_test.csv", "test*.parquet", "*/test*.parquet")
NAME = "mf2"
_SIDES = {"true_claim": "true", "false_claim": "false"}


def read_mf2(source: Path) -> tuple[Sample, ...]:
    """Read `MF2_test.csv`, or the same as Parquet: two samples a row, which share the fact `pair`.

    Answers are `true` and `false`; the film's `transcripts/<movie_id>.srt` goes with it where it is there.

    Raises:
        EvaluationError: A row is not as published.
    """
    (path, *_) = find_files(source, FILES)
    return gather(_samples(path), path)


def _samples(path: Path) -> Iterator[tuple[Row, Sample]]:
    for row in read_rows(path):
        film, claim = row.name("movie_id"), row.name("claim_id")
        subtitles = f"transcripts/{film}.srt"
        kinds = [kind.strip() for kind in (row.maybe_text("category") or "").split(",") if kind.strip()]
        granularity = (row.maybe_text("granularity") or "").strip()
        for column, answer in _SIDES.items():
            yield (
                row,
                row.sample(
                    id=f"{film}/{claim}/{answer}",
                    film=row.name("video") if row.has("video") else film,
                    question=row.text(column),
                    task="yes_no",
                    answer=answer,
                    subtitles=subtitles if is_there(path.parent / subtitles) else None,
                    tags=(
                        *([f"granularity:{granularity}"] if granularity else []),
                        *(f"category:{kind}" for kind in kinds),
                    ),
                    benchmark=NAME,
                    facts={"pair": f"{film}/{claim}"},
                ),
            )
