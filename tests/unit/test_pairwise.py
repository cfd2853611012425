"""Pairs are judged in both orders: a judge that prefers a place, not an answer, finds no winner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movieqa.errors import EvaluationError
from movieqa.eval.judging import moviellm
from movieqa.eval.judging.cache import ReplyCache
from movieqa.eval.judging.client import Judge, JudgeConfig
from movieqa.eval.judging.pairwise import JudgedPair, Pair, judge_pairs, summarise_pairs
from movieqa.eval.judging.panel import Panel
from tests.judge_server import Behaviour, judge_server

PAIRS = [
    Pair(
        id=str(n),
        category="plot" if n % 2 else "overview",
        question=f"q{n}?",
        reference="r",
        first="ours!",
        second="theirs!",
    )
    for n in range(6)
]


def run(tmp_path: Path, better: Any) -> tuple[JudgedPair, ...]:
    def behave(number: int, body: dict[str, Any]) -> Behaviour:
        prompt = body["messages"][0]["content"]
        is_swapped = prompt.index("theirs!") < prompt.index("ours!")
        return Behaviour(reply=better(is_swapped, prompt))

    with judge_server(behave) as server, ReplyCache(tmp_path / "c") as cache:
        judge = Judge(JudgeConfig(model="judge", url=server.url))
        return judge_pairs(PAIRS, Panel(judge, "judge", cache))


def verdict(better: str, first: float, second: float) -> str:
    return json.dumps({"better": better, "first": first, "second": second})


def test_a_judge_that_reads(tmp_path: Path) -> None:
    judged = run(tmp_path, lambda swapped, prompt: verdict("second", 1, 4) if swapped else verdict("first", 5, 2))
    table = summarise_pairs(judged)[-1]
    assert (table.wins, table.ties, table.losses, table.win_rate, table.agreement) == (6, 0, 0, 1.0, 1.0)
    assert (table.first, table.second) == (4.5, 1.5)
    assert [table.category for table in summarise_pairs(judged)] == ["overview", "plot", "all"]


def test_a_judge_that_prefers_a_place(tmp_path: Path) -> None:
    table = summarise_pairs(run(tmp_path, lambda swapped, prompt: verdict("first", 5, 2)))[-1]
    assert (table.wins, table.ties, table.losses, table.win_rate, table.agreement) == (0, 6, 0, 0.5, 0.0)
    assert table.first == table.second


def test_unjudged_pairs_are_counted(tmp_path: Path) -> None:
    judged = run(tmp_path, lambda swapped, prompt: "?" if "q3?" in prompt else verdict("tie", 3, 3))
    table = summarise_pairs(judged)[-1]
    assert (table.ties, table.unjudged, table.win_rate) == (5, 1, 0.5)
    assert [item.reason for item in judged if item.verdict is None] == ["the judge's reply cannot be read"]


def test_nothing_to_compare() -> None:
    with pytest.raises(EvaluationError, match="no pairs"):
        summarise_pairs([])


@given(st.lists(st.sampled_from(["win", "tie", "loss", None]), min_size=1, max_size=30))
def test_table_is_bounded_and_free_of_order(verdicts: list[Any]) -> None:
    judged = [JudgedPair(pair=PAIRS[0], verdict=verdict, agrees=True) for verdict in verdicts]
    table = summarise_pairs(judged)[-1]
    assert 0 <= table.low <= table.win_rate <= table.high <= 1
    turned = summarise_pairs(judged[::-1])[-1]
    assert turned.win_rate == pytest.approx(table.win_rate)
    assert table.wins + table.ties + table.losses + table.unjudged == len(verdicts)


@pytest.mark.parametrize("broken", ["{", "[]", '{"QA": {"plot_qa": [{}]}}', '{"QA": {"plot_qa": 4}}', "[" * 99_999])
def test_broken_films_are_one_line(broken: str, tmp_path: Path) -> None:
    film = {"QA": {"plot_qa": [{"Question": "Why?", "Answer": "Because."}]}}
    for side in "tab":
        (tmp_path / side).mkdir()
        (tmp_path / side / "film.json").write_text(json.dumps(film))
    folders = [tmp_path / side for side in "tab"]
    assert [pair.category for pair in moviellm.read_film_pairs(*folders)] == ["plot"]
    (tmp_path / "a" / "film.json").write_text(broken)
    with pytest.raises(EvaluationError, match="film") as caught:
        moviellm.read_film_pairs(*folders)
    assert "\n" not in str(caught.value)
    (tmp_path / "a" / "film.json").unlink()
    with pytest.raises(EvaluationError, match="no answer"):
        moviellm.read_film_pairs(*folders)
