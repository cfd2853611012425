"""Video-ChatGPT's benchmark of five scores: `generic_qa.json`, `temporal_qa.json` and `consistency_qa.json`.

The generic questions give correctness, detail and context. Of a consistency record, two wordings of one question
become two samples that share the fact `pair`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from movieqa.errors import EvaluationError
from movieqa.eval.sample import Sample

from .files import find_files, read_rows
from .rows import Row, gather

FILES = ("*_qa.json",)
NAME = "video-chatgpt"
SETS = {"generic": "correctness,detail,context", "temporal": "temporal", "consistency": "consistency"}
"""The scores that each set is for."""


def read_video_chatgpt(source: Path) -> tuple[Sample, ...]:
    """Read one of the three files, or a folder with some of them.

    Every sample has the facts `dimensions` (the scores that it is for, with commas), `video_name`, and `key`: the
    video's name and a running number from 0, which is what the published scripts name a judge's reply by. Consistency
    has `pair` and `part` (1 or 2) besides.

    Raises:
        EvaluationError: A file is not as published, or its name does not tell which set it is.
    """
    found = ((row, sample) for path in find_files(source, FILES) for row, sample in _samples(path))
    return gather(found, source)


def _samples(path: Path) -> Iterator[tuple[Row, Sample]]:
    counts: Counter[str] = Counter()
    for row in read_rows(path):
        kind = _kind(path, row)
        video = row.name("video_name")
        key = f"{video}_{counts[video]}"
        counts[video] += 1
        facts = {"dimensions": SETS[kind], "video_name": video, "key": key}
        shared = {"film": video, "answer": row.answer("A"), "tags": (f"set:{kind}",), "benchmark": NAME}
        if kind != "consistency":
            yield row, row.sample(id=f"{kind}/{key}", question=row.text("Q"), facts=facts, **shared)
            continue
        for part in (1, 2):
            whole = {**facts, "pair": f"{kind}/{key}", "part": part}
            yield (
                row,
                row.sample(id=f"{kind}/{key}/{part}", question=row.text(f"Q{part}"), facts=whole, **shared),
            )


def _kind(path: Path, row: Row) -> str:
    """Tell the set by the record, or by the file's name where records are alike."""
    if row.has("Q1"):
        return "consistency"
    for kind in ("generic", "temporal"):
        if kind in path.name.lower():
            return kind
    raise EvaluationError(
        f"{path.name}: is this the generic or the temporal set?", hint="keep the published name: generic_qa.json"
    )
