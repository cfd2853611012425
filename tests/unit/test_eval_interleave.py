"""Frames and lines in LongVideoBench's order, against what its public harness made of the same input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.interleave import interleave
from movieqa.eval.timed_lines import TimedLine, read_timed_lines
from tests.benchmark_files import write_json, write_lines

GOLDEN = Path(__file__).parent.parent / "golden" / "eval" / "longvideobench_interleave.jsonl"
CASES = [json.loads(line) for line in GOLDEN.read_text().splitlines()]


@pytest.mark.parametrize("case", CASES)
def test_the_order_is_the_harness_order(case: dict[str, Any], tmp_path: Path) -> None:
    lines = read_timed_lines(write_json(tmp_path / "lines.json", case["subtitles"]))
    pieces = interleave(
        case["frame_timestamps"],
        lines,
        duration=case["duration"],
        starts_at=case["starting_timestamp_for_subtitles"],
    )
    assert [piece.text or "<image>" for piece in pieces] == case["interleaved"]
    assert [piece.frame for piece in pieces if piece.frame is not None] == list(range(len(case["frame_timestamps"])))


def test_all_forms_of_lines_are_read(tmp_path: Path) -> None:
    timed = [{"timestamp": [1.5, None], "text": "One."}, {"timestamp": [2, 3], "text": " "}]
    clocked = [{"start": "00:01:02.500", "end": "00:01:03.000", "line": "Two."}]
    assert read_timed_lines(write_json(tmp_path / "a.json", timed)) == (TimedLine(start=1.5, end=None, text="One."),)
    assert read_timed_lines(write_json(tmp_path / "b.json", clocked)) == (TimedLine(start=62.5, end=63.0, text="Two."),)
    words = write_lines(tmp_path / "c.jsonl", {"text": "Take", "start_time": 0.25, "end_time": 0.5})
    assert read_timed_lines(words) == (TimedLine(start=0.25, end=0.5, text="Take", is_word=True),)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"timestamp": [1], "text": "a"}, "item 1: timestamp must be a start and an end"),
        ({"timestamp": ["1", 2], "text": "a"}, "item 1: start must be a number"),
        ({"start": "soon", "end": "00:00:02", "line": "a"}, "item 1: start must be a clock time"),
        ({"start": "00:00:01", "line": "a"}, "item 1: end is missing"),
    ],
)
def test_broken_lines_are_named(record: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=expected):
        read_timed_lines(write_json(tmp_path / "lines.json", [record]))
