"""Judged scores equal what the published scripts print, known errors included; the default is the right number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.judging import moviellm
from movieqa.eval.judging.cache import ReplyCache
from movieqa.eval.judging.pairwise import Pair, summarise_pairs
from movieqa.eval.judging.panel import Panel
from movieqa.eval.judging.published import read_leading_score
from movieqa.eval.judging.rubric import JudgeQuestion
from movieqa.eval.judging.scorers import JudgedAnswers, VideoChatGPT
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample

GOLDEN = Path(__file__).parents[1] / "golden" / "eval"


def load(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


def lines(name: str) -> list[Any]:
    return [json.loads(line) for line in (GOLDEN / name).read_text().splitlines()]


def unpack(name: str, folder: Path) -> Path:
    folder.mkdir()
    for entry in lines(name):
        (folder / entry["file"]).write_text(json.dumps(entry["content"]))
    return folder


class Scripted(Panel):
    """A panel whose judge's replies were written beforehand, in the order of the questions."""

    def __init__(self, cache: ReplyCache, replies: Sequence[str]) -> None:
        super().__init__(None, "scripted", cache)
        self._left = list(replies)
        self.seen: list[JudgeQuestion] = []

    def judge(self, questions: Sequence[JudgeQuestion]) -> Any:
        for question in questions:
            self.seen.append(question)
            self._cache.put(question, self.model, self._left.pop(0))
        return super().judge(questions)


def in_order(predictions: Sequence[str], replies: Mapping[str, str]) -> list[str]:
    """Return the replies of a script, whose keys carry a running number for every id."""
    seen: dict[str, int] = {}
    found = []
    for key in predictions:
        found.append(replies[f"{key}_{seen.get(key, 0)}"])
        seen[key] = seen.get(key, 0) + 1
    return found


def number(line: str) -> float:
    return float(line.rsplit(":", 1)[1])


def test_open_answers(tmp_path: Path) -> None:
    rows = lines("short_video/qa_pred.jsonl")
    replies = in_order([row["id"] for row in rows], load("short_video/qa_replies.json"))
    predictions = [
        Prediction(
            sample=Sample(id=str(place), film="v", question=row["question"], answer=row["answer"]), text=row["pred"]
        )
        for place, row in enumerate(rows)
    ]
    with ReplyCache(tmp_path / "c") as cache:
        published = JudgedAnswers(Scripted(cache, replies), is_reference_compatible=True).score(predictions)
    yes, no, accuracy, average = map(number, load("short_video/expected.json")["qa"]["printed"])
    correct = [sample.values["correct"] for sample in published.samples]
    assert (correct.count(1.0), correct.count(0.0)) == (yes, no)
    assert published.values == {"accuracy": accuracy, "score": average}
    with ReplyCache(tmp_path / "d") as cache:
        right = JudgedAnswers(Scripted(cache, replies)).score(predictions)
    hedged = sum("not yes" in reply or "mostly" in reply or "really" in reply for reply in replies)
    assert right.counts == {"scored": len(rows) - hedged, "unanswered": 0, "unjudged": hedged}
    assert right.values["accuracy_lowest"] <= right.values["accuracy"] <= right.values["accuracy_highest"]
    assert right.values["score"] > 0


@pytest.mark.parametrize("name", ["correctness", "temporal"])
def test_one_dimension(name: str, tmp_path: Path) -> None:
    rows = lines("short_video/generic_pred.jsonl")
    replies = in_order([row["video_name"] for row in rows], load(f"short_video/{name}_replies.json"))
    predictions = [
        Prediction(
            sample=Sample(id=str(n), film="v", question=row["Q"], answer=row["A"], facts={"dimensions": name}),
            text=row["pred"],
        )
        for n, row in enumerate(rows)
    ]
    with ReplyCache(tmp_path / "c") as cache:
        published = VideoChatGPT(Scripted(cache, replies), is_reference_compatible=True).score(predictions)
    with ReplyCache(tmp_path / "d") as cache:
        right = VideoChatGPT(Scripted(cache, replies)).score(predictions)
    assert published.values[name] == pytest.approx(number(load("short_video/expected.json")[name]["printed"][0]))
    assert right.values[name] > published.values[name]  # 4.8 is 4.8


def test_consistency_shows_both_wordings(tmp_path: Path) -> None:
    rows = lines("short_video/consistency_pred.jsonl")
    replies = in_order([row["video_name"] for row in rows], load("short_video/consistency_replies.json"))
    predictions = [
        Prediction(
            sample=Sample(
                id=f"{n}/{wording}",
                film="v",
                question=row[f"Q{wording}"],
                answer=row["A"],
                facts={"dimensions": "consistency", "pair": str(n)},
            ),
            text=row[f"pred{wording}"],
        )
        for n, row in enumerate(rows)
        for wording in (1, 2)
    ]
    with ReplyCache(tmp_path / "c") as cache:
        panel = Scripted(cache, replies)
        published = VideoChatGPT(panel, is_reference_compatible=True).score(predictions)
    expected = load("short_video/expected.json")["consistency"]
    assert published.values["consistency"] == pytest.approx(number(expected["printed"][0]))
    assert expected["second_question_seen_by_judge"] == "same as the first"
    assert all(question.parts[0].text == question.parts[1].text for question in panel.seen)
    with ReplyCache(tmp_path / "d") as cache:
        panel = Scripted(cache, replies)
        VideoChatGPT(panel).score(predictions)
    assert [question.parts[1].text for question in panel.seen] == [row["Q2"] for row in rows]
    with pytest.raises(EvaluationError, match="two wordings"):
        VideoChatGPT(panel).score(predictions[:-1])


@pytest.mark.parametrize(
    ("first_line", "counted"), [("7", 7), ("10", 10), ("8/10", 8), ("10/10", 1), ("8.5", None), ("Score: 8", None)]
)
def test_leading_score(first_line: str, counted: int | None) -> None:
    assert read_leading_score(first_line + "\nbecause") == counted


@pytest.mark.parametrize("count", [40, 100])
def test_published_pairwise_sums(count: int, tmp_path: Path) -> None:
    folder = unpack(f"moviellm/judged_{count}.jsonl", tmp_path / "judged")
    expected = load(f"moviellm/judged_{count}_expected.json")["reference_values"]
    for scores in moviellm.score_as_published(folder):
        name = scores.category
        assert scores.win_ratio == pytest.approx(expected[f"{name}_first_ratio"], abs=1e-12)
        assert scores.first == pytest.approx(expected[f"{name}_score_first"], abs=1e-12)
        assert scores.second == pytest.approx(expected[f"{name}_score_second"], abs=1e-12)


def test_true_counts_by_default(tmp_path: Path) -> None:
    folder = unpack("moviellm/judged_40.jsonl", tmp_path / "judged")
    honest = load("moviellm/judged_40_expected.json")["not_reference_true_denominators"]
    *tables, whole = summarise_pairs(moviellm.read_judged(folder))
    assert whole.wins < sum(honest[table.category]["first"] for table in tables)  # "not the first one" is no win
    assert whole.agreement is None
    for table in tables:
        expected = honest[table.category]
        assert table.wins + table.ties + table.losses + table.unjudged == expected["n"]
        assert table.unjudged == 0
        assert table.wins <= expected["first"]
        assert table.first == pytest.approx(expected["score_first"])
        assert table.second == pytest.approx(expected["score_second"])


BROKEN = {
    "score_is_string": (lambda res: res["overview_qa"][0]["score"].update({"first one": "4"}), True),
    "only_one_plot": (lambda res: res["plot_qa"].pop(), True),
    "no_temporal": (lambda res: res.pop("temporal_qa"), True),
    "three_plots": (lambda res: res["plot_qa"].append(res["plot_qa"][0]), False),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_shapes(name: str, tmp_path: Path) -> None:
    change, stops = BROKEN[name]
    folder = unpack("moviellm/judged_40.jsonl", tmp_path / "judged")
    before = moviellm.score_as_published(folder)
    path = next(iter(sorted(folder.iterdir())))
    value = json.loads(path.read_text())
    change(value["QA_res"])  # type: ignore[no-untyped-call]
    path.write_text(json.dumps(value))
    assert (load("moviellm/broken_shapes_expected.json")[name]["exit_code"] == 1) == stops
    if stops:
        with pytest.raises(EvaluationError, match=path.name):
            moviellm.score_as_published(folder)
    else:
        assert moviellm.score_as_published(folder) == before
    assert len(moviellm.read_judged(folder)) == 160 + {"only_one_plot": -1, "no_temporal": -1, "three_plots": 1}.get(
        name, 0
    )


def test_published_judging_run(tmp_path: Path) -> None:
    sides = [
        unpack(f"moviellm/judge_run/{side}.jsonl", tmp_path / side) for side in ("ground_truth", "ours", "baseline")
    ]
    expected, scripted = load("moviellm/judge_run/expected.json"), load("moviellm/judge_run/scripted_replies.json")
    asked: list[Pair] = []

    def ask(pair: Pair) -> str:
        film = pair.id.split("/")[0]
        number = sum(other.id.split("/")[0] == film for other in asked)
        asked.append(pair)
        reply = scripted[f"{film}.json"][number]
        assert isinstance(reply, str)
        return reply

    unwritten = moviellm.judge_as_published(*sides, tmp_path / "out", ask)
    assert sorted(f"{film}.json" for film in unwritten) == expected["not_written"]
    assert len(asked) == expected["calls"]
    assert all(pair.first.startswith("ours") and pair.second.startswith("baseline") for pair in asked)
    written = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert written == expected["written"]
    asked.clear()
    moviellm.judge_as_published(*sides, tmp_path / "out", ask)
    assert {f"{pair.id.split('/')[0]}.json" for pair in asked} == set(expected["not_written"])
