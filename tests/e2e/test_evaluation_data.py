"""`movieqa eval` on data that cannot be used: one line, exit code 2, and no log is begun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmark_files import WRITERS, write_lines
from tests.command import movieqa

GOOD = {"id": "1", "film": "signs.mp4", "question": "Which word?"}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda folder: write_lines(folder / "qa.jsonl", GOOD, {**GOOD, "id": "2", "anwser": "door"}),
            "qa.jsonl, line 2: unknown field 'anwser'; is answer meant?",
        ),
        (
            lambda folder: write_lines(folder / "qa.jsonl", GOOD, GOOD),
            "qa.jsonl, line 2: the id '1' was used before, at qa.jsonl, line 1",
        ),
        (WRITERS["msvd-qa"], "can be of more than one benchmark (msvd-qa, msrvtt-qa); name it with --benchmark"),
    ],
    ids=["unknown field", "id twice", "ambiguous"],
)
def test_unusable_data_is_named(make: Callable[[Path], Path], expected: str, tmp_path: Path) -> None:
    outcome = movieqa("eval", make(tmp_path), "--out", "run.jsonl", cwd=tmp_path)
    assert expected in outcome.complaint
    assert not (tmp_path / "run.jsonl").exists()
