"""Batch evaluation as a person runs it: killed and resumed, twice at once, scored, compared, with bad input."""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from movieqa.eval.run import read_run
from tests.command import command_line, movieqa, movieqa_inside
from tests.evaluation_films import make_films, make_samples, write_samples
from tests.judge_server import Behaviour, judge_server

NUM_FILMS, NUM_SAMPLES = 10, 200


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten films and 200 questions about them."""
    folder = tmp_path_factory.mktemp("films")
    write_samples(folder / "qa.jsonl", make_samples(make_films(folder, NUM_FILMS), NUM_SAMPLES))
    return folder


@pytest.fixture(scope="module")
def undisturbed(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = movieqa(*arguments(films), cwd=folder)
    assert done.code == 0, done.err
    assert done.out == "run.jsonl  (200 answered)\n"
    return folder / "run.jsonl"


def arguments(films: Path) -> tuple[str | Path, ...]:
    return "eval", films / "qa.jsonl", "--out", "run.jsonl", "--batch", "4"


@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.bench)])
def test_a_run_killed_at_random_points_ends_as_one_undisturbed(
    films: Path, undisturbed: Path, tmp_path: Path, kills: int
) -> None:
    dice = random.Random(kills)
    log, whole = tmp_path / "run.jsonl", undisturbed.stat().st_size
    command = command_line(*arguments(films))
    stops = []
    for left in range(kills, 0, -1):
        have = log.stat().st_size if log.exists() else 0
        goal = have + dice.uniform(0.1, 1.6) * (whole - have) / (left + 1)
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + (dice.uniform(0.2, 1.0) if left % 3 == 0 else 60)
        while process.poll() is None and time.monotonic() < deadline:
            if log.exists() and log.stat().st_size > goal:
                break
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        stops.append(log.stat().st_size if log.exists() else 0)
    assert max(stops) > 0
    last = movieqa_inside(*arguments(films), cwd=tmp_path)
    assert last.code == 0, last.err
    ended, expected = read_run(log), read_run(undisturbed)
    assert ended.content == expected.content
    assert ended.is_intact and ended.counts["answered"] == NUM_SAMPLES
    assert ended.predictions == tuple(
        replace(one, seconds=other.seconds, peak_bytes=other.peak_bytes)
        for one, other in zip(expected.predictions, ended.predictions, strict=True)
    )
    assert not list(tmp_path.glob(".*.tmp"))


def test_an_interrupted_run_says_so_and_goes_on(films: Path, undisturbed: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command_line(*arguments(films)),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = tmp_path / "run.jsonl"
    while not log.exists() or log.stat().st_size < 20_000:
        assert process.poll() is None
        time.sleep(0.0005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert "run the same command again to go on" in errors
    assert 0 < read_run(log).num_missing < NUM_SAMPLES
    assert movieqa_inside(*arguments(films), cwd=tmp_path).code == 0
    assert read_run(log).content == read_run(undisturbed).content
    assert len(read_run(log).sessions) == 2


def test_a_finished_run_is_not_asked_again(films: Path, undisturbed: Path) -> None:
    before = undisturbed.read_bytes()
    assert movieqa_inside(*arguments(films), cwd=undisturbed.parent).code == 0
    assert undisturbed.read_bytes() == before


def test_two_runs_at_once_on_one_log_are_refused(films: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(command_line(*arguments(films)), cwd=tmp_path)
    log = tmp_path / "run.jsonl"
    while not log.exists():
        assert process.poll() is None
        time.sleep(0.0005)
    process.send_signal(signal.SIGSTOP)
    try:
        second = movieqa_inside(*arguments(films), cwd=tmp_path)
        assert second.complaint == (
            "movieqa: run.jsonl: another movieqa is writing this log; wait for it, or use another --out"
        )
    finally:
        process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=60) == 0
    assert read_run(log).is_finished


def test_another_run_is_not_mixed_in(films: Path, undisturbed: Path) -> None:
    before = undisturbed.read_bytes()
    for flags, difference in (
        (("--batch", "3"), "settings batch was 4 and is 3 now"),
        (("--until-free",), "settings until_free was False and is True now"),
        (("--limit", "9"), "data digest was"),
    ):
        assert difference in movieqa_inside(*arguments(films), *flags, cwd=undisturbed.parent).complaint
    assert undisturbed.read_bytes() == before


def test_scores_come_from_the_log_alone(undisturbed: Path, tmp_path: Path) -> None:
    shutil.copy(undisturbed, tmp_path / "run.jsonl")
    scored = movieqa_inside("score", "run.jsonl", "--json", cwd=tmp_path).json
    values = {scores["scorer"]: scores["values"] for scores in scored["scores"]}
    assert values["choice"]["accuracy"] == 100.0
    assert 0 < values["token_f1"]["f1"] < 100
    assert scored["content"] == read_run(undisturbed).content
    one = movieqa_inside("score", "run.jsonl", "--scorer", "choice", cwd=tmp_path)
    assert one.out.splitlines() == ["choice  (100 scored)", "  accuracy                        100.000"]


def test_a_judge_scores_what_no_rule_can_and_is_asked_once(undisturbed: Path, tmp_path: Path) -> None:
    shutil.copy(undisturbed, tmp_path / "run.jsonl")
    said = {"pred": "yes", "score": 4}
    with judge_server(lambda number, body: Behaviour(reply=json.dumps(said))) as server:
        judge = ("--scorer", "judge_qa", "--judge", server.url, "--judge-model", "j", "--json")
        few = movieqa_inside("score", "run.jsonl", *judge, "--max-judge-calls", "3", cwd=tmp_path).json["scores"][0]
        assert len(server.requests) == 3
        assert few["counts"]["unjudged"] > 0
        whole = movieqa_inside("score", "run.jsonl", *judge, cwd=tmp_path).json["scores"][0]
        asked = len(server.requests)
        assert movieqa_inside("score", "run.jsonl", *judge, cwd=tmp_path).json["scores"][0]["values"] == whole["values"]
        assert len(server.requests) == asked
    assert {name: whole["values"][name] for name in ("accuracy", "score")} == {"accuracy": 1.0, "score": 4.0}
    assert whole["counts"]["scored"] == 100
    assert "j, temperature 0" in whole["notes"][0]
    kept = ("--scorer", "judge_qa", "--judge-model", "j", "--json")
    assert movieqa_inside("score", "run.jsonl", *kept, cwd=tmp_path).json["scores"][0]["values"] == whole["values"]


def test_exports_hold_every_sample(undisturbed: Path, tmp_path: Path) -> None:
    pyarrow_parquet = pytest.importorskip("pyarrow.parquet")
    shutil.copy(undisturbed, tmp_path / "run.jsonl")
    for name in ("run.parquet", "run.json"):
        assert movieqa_inside("score", "run.jsonl", "--export", name, cwd=tmp_path).code == 0
    table = pyarrow_parquet.read_table(tmp_path / "run.parquet")
    predictions = read_run(undisturbed).predictions
    assert table["id"].to_pylist() == [one.sample.id for one in predictions]
    assert table["text"].to_pylist() == [one.text for one in predictions]
    assert table["span_starts"].to_pylist() == [[span.start for span in one.spans] for one in predictions]
    assert table["choice.correct"].to_pylist() == [1.0 if one.sample.options else None for one in predictions]
    assert json.loads(table.schema.metadata[b"movieqa"])["data"]["samples"] == NUM_SAMPLES
    results = json.loads((tmp_path / "run.json").read_text())
    assert results["results"]["movieqa"]["accuracy,choice"] == 100.0
    assert results["n-samples"]["movieqa"] == {"original": NUM_SAMPLES, "effective": NUM_SAMPLES}
    assert [one["doc"]["id"] for one in results["samples"]["movieqa"]] == [one.sample.id for one in predictions]


def test_comparing_tells_what_only_one_run_has(films: Path, undisturbed: Path, tmp_path: Path) -> None:
    assert (
        movieqa_inside(
            "eval",
            films / "qa.jsonl",
            "--out",
            "run.jsonl",
            "--until-free",
            "--limit",
            "60",
            "--max-spans",
            "1",
            cwd=tmp_path,
        ).code
        == 0
    )
    result = movieqa_inside("compare", undisturbed, "run.jsonl", "--json", cwd=tmp_path).json
    (f1,) = [one for one in result if one["scorer"] == "token_f1"]
    assert (f1["num_common"], f1["num_only_a"], f1["num_only_b"], f1["num_changed"]) == (60, 140, 0, 0)
    (difference,) = f1["differences"]
    assert difference["samples"] == 30
    assert difference["interval"]["low"] <= difference["b"] - difference["a"] <= difference["interval"]["high"]
    text = movieqa_inside("compare", undisturbed, "run.jsonl", cwd=tmp_path)
    assert "token_f1  (60 samples in both, 140 only in A)" in text.out
    assert "McNemar" in text.out


def test_a_missing_film_fails_its_samples_and_the_exit_code_says_so(films: Path, tmp_path: Path) -> None:
    samples = [*make_samples(["film0", "lost"], 6)]
    write_samples(tmp_path / "qa.jsonl", samples)
    done = movieqa_inside("eval", "qa.jsonl", "--films", films, "--out", "run.jsonl", cwd=tmp_path)
    assert done.code == 1
    assert done.out == "run.jsonl  (3 answered, 3 failed)\n"
    assert "lost: the film cannot be opened: no film 'lost' in" in done.err
    assert movieqa_inside("eval", "qa.jsonl", "--films", films, "--out", "run.jsonl", cwd=tmp_path).code == 1
    shutil.copytree(films / "film1.movieqa", tmp_path / "lost.movieqa")
    again = ("eval", "qa.jsonl", "--films", films, "--workspaces", ".", "--out", "run.jsonl", "--redo-failed")
    done = movieqa_inside(*again, cwd=tmp_path)
    assert (done.code, done.out) == (0, "run.jsonl  (6 answered)\n"), done.err


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([{"id": "1", "film": "film0", "question": "Who?", "qestion": "Who?"}], "qa.jsonl, line 1: unknown field"),
        ([{"id": "1", "film": "film0", "question": "Who?"}] * 2, "'1'"),
        ([{"id": "1", "film": "film0"}], "question"),
        ([], "qa.jsonl"),
        ("{not json\n", "qa.jsonl, line 1"),
        ([{"id": "1", "film": "film0", "question": "Who?", "spans": [[float("nan"), 2]]}], "qa.jsonl"),
    ],
    ids=["unknown column", "duplicate id", "no question", "empty", "no JSON", "NaN"],
)
def test_bad_samples_are_one_clear_line(films: Path, tmp_path: Path, rows: list[object] | str, complaint: str) -> None:
    text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "qa.jsonl").write_text(text)
    flags = ("--benchmark", "movieqa", "--films", films, "--out", "run.jsonl")
    assert complaint in movieqa_inside("eval", "qa.jsonl", *flags, cwd=tmp_path).complaint
    assert not (tmp_path / "run.jsonl").exists()


def test_bad_arguments_are_one_clear_line(films: Path, undisturbed: Path, tmp_path: Path) -> None:
    shutil.copy(undisturbed, tmp_path / "run.jsonl")
    data = (tmp_path / "run.jsonl").read_bytes()
    (tmp_path / "nan.jsonl").write_bytes(data.replace(b'"start": 0.0', b'"start": NaN', 1))
    (tmp_path / "diary.txt").write_text("dear diary")
    for command, complaint in (
        (("eval",), "eval needs samples and --out"),
        (("eval", films / "qa.jsonl", "--out", "diary.txt"), "diary.txt: this is no log of movieqa eval"),
        (("eval", films / "qa.jsonl", "--out", "."), "this is a folder"),
        (("eval", films / "qa.jsonl", "--out", "a.jsonl", "--blind", "text"), "blind needs a model"),
        (("eval", "none.jsonl", "--out", "a.jsonl"), "none.jsonl"),
        (("score", "none.jsonl"), "none.jsonl: there is no such log"),
        (("score", "diary.txt"), "diary.txt: this is no log of movieqa eval"),
        (("score", "nan.jsonl"), "nan.jsonl, line 12: damaged (NaN is no number)"),
        (("score", "run.jsonl", "--scorer", "chioce"), "chioce"),
        (("score", "run.jsonl", "--scorer", "grounding"), "run.jsonl holds nothing that grounding scores"),
        (("score", "run.jsonl", "--scorer", "judge_qa"), "judge_qa needs a judge"),
        (("score", "run.jsonl", "--judge", "http://localhost:1"), "say which with --judge-model"),
        (("score", "run.jsonl", "--export", "run.csv"), "run.csv: no format goes with this ending"),
        (("score", "run.jsonl", "--export", "none/run.json"), "none/run.json: it cannot be written"),
    ):
        assert complaint in movieqa_inside(*command, cwd=tmp_path).complaint, command
    assert (tmp_path / "diary.txt").read_text() == "dear diary"


def test_references_without_spans_are_one_clear_line(films: Path, tmp_path: Path) -> None:
    rows = [{"id": "1", "film": "film0", "question": "the key", "task": "moments"}]
    (tmp_path / "qa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ("--benchmark", "movieqa", "--films", films, "--out", "run.jsonl")
    assert movieqa_inside("eval", "qa.jsonl", *flags, cwd=tmp_path).code == 0
    assert "grounding" in movieqa_inside("score", "run.jsonl", "--scorer", "grounding", cwd=tmp_path).complaint
    usual = movieqa_inside("score", "run.jsonl", cwd=tmp_path)
    assert usual.code == 0
    assert "note: grounding" in usual.err


def test_a_full_disk_is_one_clear_line_and_the_run_goes_on(films: Path, undisturbed: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    stopped = movieqa(*arguments(films), cwd=tmp_path, before=limit)
    assert "run.jsonl: the disk takes no file this large" in stopped.complaint
    assert (tmp_path / "run.jsonl").read_bytes().endswith(b"\n")
    assert 0 < read_run(tmp_path / "run.jsonl").num_missing < NUM_SAMPLES
    assert movieqa_inside(*arguments(films), cwd=tmp_path).code == 0
    assert read_run(tmp_path / "run.jsonl").content == read_run(undisturbed).content


def test_the_list_names_licence_and_source() -> None:
    listed = movieqa_inside("eval", "--list", "--json", cwd=Path.cwd()).json
    assert len(listed) >= 20
    assert all(one["licence"] and one["homepage"] and one["scorers"] for one in listed)


def test_logs_of_vtimellm_score_to_the_number_it_prints(tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "eval" / "vtimellm"
    arguments = (golden / "grounding_log_three_queries.txt", "--annotations", golden / "captioning_data.json")
    (scores,) = movieqa_inside("score", *arguments, "--json", cwd=tmp_path).json["scores"]
    expected = json.loads((golden / "grounding_expected.json").read_text())["three_queries"]["metrics"]
    assert scores["values"] == pytest.approx(expected)
    assert "mIoU" in movieqa_inside("score", *arguments, cwd=tmp_path).out


def test_the_report_finds_the_films_that_the_log_was_made_of(films: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    done = movieqa_inside("eval", films / "qa.jsonl", "--limit", "4", "--out", "logs/run.jsonl", cwd=tmp_path)
    assert done.code == 0, done.err
    assert movieqa_inside("eval-report", "logs/run.jsonl", cwd=tmp_path).code == 0
    assert "say with --films" not in (tmp_path / "logs" / "run.html").read_text()
    assert str(films) not in (tmp_path / "logs" / "run.jsonl").read_text()


def test_moments_are_asked_for_in_hundredths(films: Path, tmp_path: Path) -> None:
    film = json.loads((films / "qa.jsonl").read_text().splitlines()[0])["film"]
    sample = {"id": "1", "film": film, "question": "a word is said", "task": "moments", "spans": [[0, 2]]}
    (tmp_path / "qa.jsonl").write_text(json.dumps(sample) + "\n")
    arguments = ("eval", "qa.jsonl", "--films", films, "--times", "hundredths", "--out", "run.jsonl")
    assert movieqa_inside(*arguments, cwd=tmp_path).code == 0
    assert read_run(tmp_path / "run.jsonl").predictions[0].sample.facts["times"] == "hundredths"
