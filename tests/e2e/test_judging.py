"""Judging from the command line: two runs, old judged files, a run's open answers; the key stays out of everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import movieqa, movieqa_inside
from tests.judge_server import Behaviour, judge_server

KEY = "sk-very-secret-key"
GOLDEN = Path(__file__).parents[1] / "golden" / "eval" / "moviellm"


def unpack(name: str, folder: Path) -> Path:
    folder.mkdir()
    for line in (GOLDEN / name).read_text().splitlines():
        entry = json.loads(line)
        (folder / entry["file"]).write_text(json.dumps(entry["content"]))
    return folder


def prefers_ours(number: int, body: dict[str, Any]) -> Behaviour:
    prompt = body["messages"][0]["content"]
    is_first = prompt.index("\nours answer") < prompt.index("\nbaseline answer")
    first, second = (5, 1) if is_first else (1, 5)
    return Behaviour(reply=json.dumps({"better": "first" if is_first else "second", "first": first, "second": second}))


@pytest.fixture
def sides(tmp_path: Path) -> list[Path]:
    return [unpack(f"judge_run/{side}.jsonl", tmp_path / side) for side in ("ground_truth", "ours", "baseline")]


def test_two_folders_of_answers(sides: list[Path], tmp_path: Path) -> None:
    truth, ours, baseline = sides
    command = ("judge", ours, baseline, "--truth", truth, "--judge-model", "judge", "--json")
    env = {"OPENAI_API_KEY": KEY}
    with judge_server(prefers_ours) as server:
        limited = movieqa_inside(*command, "--judge", server.url, "--max-judge-calls", "10", env=env, cwd=tmp_path)
        asked_first = len(server.requests)
        whole = movieqa_inside(*command, "--judge", server.url, env=env, cwd=tmp_path)
        assert len(server.requests) == 160
    assert asked_first == 10
    table = limited.json["tables"][-1]
    assert (table["wins"], table["unjudged"]) == (5, 75)
    table = whole.json["tables"][-1]
    assert (table["wins"], table["unjudged"], table["agreement"]) == (80, 0, 1.0)
    kept = movieqa_inside(*command, cwd=tmp_path)  # no judge is there any more
    assert kept.json["tables"] == whole.json["tables"]
    for place in (limited.out, limited.err, *(path.read_text() for path in tmp_path.glob("*.judge.jsonl"))):
        assert KEY not in place


def test_judged_files_score_as_published(tmp_path: Path) -> None:
    folder = unpack("judged_40.jsonl", tmp_path / "judged")
    published = movieqa("judge", folder, "--reference-compatible", "--json", cwd=tmp_path).json["published"]
    assert published[0]["win_ratio"] == pytest.approx(0.23)
    honest = movieqa("judge", folder, "--json", cwd=tmp_path).json["tables"]
    assert honest[0]["win_rate"] == pytest.approx(0.5875)


def test_what_cannot_be_judged_is_one_line(sides: list[Path], tmp_path: Path) -> None:
    truth, ours, baseline = sides
    for arguments, said in (
        ((ours, baseline), "--judge-model"),
        ((ours, baseline, "--judge-model", "j"), "--truth"),
        ((tmp_path / "nothing.jsonl", tmp_path / "no.jsonl", "--judge-model", "j"), "nothing.jsonl"),
        ((tmp_path,), "no JSON files"),
        ((ours, baseline, "--truth", truth, "--judge-model", "j", "--judge", "http://u:p@h/v1"), "password"),
    ):
        assert said in movieqa_inside("judge", *arguments, cwd=tmp_path).complaint
