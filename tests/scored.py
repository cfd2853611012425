"""Makes predictions of every task for the tests of scorers, and reads their golden files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from movieqa.eval.prediction import Prediction, Status
from movieqa.eval.sample import Fact, Moment, Sample

GOLDEN = Path(__file__).parent / "golden" / "eval"
OPTIONS = ("a book", "a red door", "the key", "no lamp")


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of a golden file of JSON lines."""
    return [json.loads(line) for line in (GOLDEN / name).read_text().splitlines()]


def golden(name: str) -> Any:
    """Return a golden JSON file."""
    return json.loads((GOLDEN / name).read_text())


def answered(sample: Sample, text: str) -> Prediction:
    return Prediction(sample=sample, text=text)


def not_answered(sample: Sample, status: Status = "failed") -> Prediction:
    return Prediction(sample=sample, status=status, error="the film cannot be read")


def choice(
    name: str = "1",
    *,
    answer: str | None = "B",
    options: tuple[str, ...] = OPTIONS,
    facts: Mapping[str, Fact] | None = None,
    tags: tuple[str, ...] = (),
    film: str = "f.mp4",
) -> Sample:
    return Sample(
        id=name,
        film=film,
        question="What?",
        task="choice",
        options=options,
        answer=answer,
        facts=facts or {},
        tags=tags,
    )


def moments(
    name: str,
    *spans: tuple[float, float],
    benchmark: str = "movieqa",
    duration: float | None = None,
    in_hundredths: bool = False,
) -> Sample:
    facts: dict[str, Fact] = {} if duration is None else {"duration": duration}
    if in_hundredths:
        facts["times"] = "hundredths"
    return Sample(
        id=name,
        film="f.mp4",
        question=f"When is {name}?",
        task="moments",
        spans=tuple(Moment(start=start, end=end) for start, end in spans),
        benchmark=benchmark,
        facts=facts,
    )


def captions(name: str, *events: tuple[float, float, str], duration: float = 100.0) -> Sample:
    return Sample(
        id=name,
        film=name,
        question="What happens?",
        task="captions",
        spans=tuple(Moment(start=start, end=end, caption=text) for start, end, text in events),
        facts={"duration": duration},
    )


def yes_no(name: str, answer: str, *, pair: str | None = None) -> Sample:
    facts: dict[str, Fact] = {} if pair is None else {"pair": pair}
    return Sample(id=name, film="f.mp4", question="Is there?", task="yes_no", answer=answer, facts=facts)


def box(name: str, sides: tuple[float, float, float, float], *, width: int = 1000, height: int = 1000) -> Sample:
    facts: dict[str, Fact] = {"width": width, "height": height}
    return Sample(id=name, film="f.mp4", question="Where?", task="box", box=sides, facts=facts)
