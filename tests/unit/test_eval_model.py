"""Batch evaluation with a model: films preprocessed on the way, one reading shared, blind runs, pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from movieqa import api
from movieqa.errors import CheckpointError, ConfigError, EvaluationError
from movieqa.eval.benchmarks import read_samples
from movieqa.eval.run import Run
from movieqa.eval.sample import Sample
from movieqa.workspace import Workspace
from tests.benchmark_files import WRITERS, write_json
from tests.clips import plain
from tests.evaluation_films import make_films, make_samples
from tests.tiny_checkpoint import save_tiny_model


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    make_films(folder, 2)
    return folder


SAMPLES = make_samples(["film0", "film1"], 12)


def evaluate(out: Path, films: Path, model: Path, samples: tuple[Sample, ...] = SAMPLES, **settings: object) -> Run:
    settings = {"answer_tokens": 6, "device": "cpu", **settings}
    return api.evaluate(samples, out=out, films=films, model=str(model), **settings)  # type: ignore[arg-type]


def texts(run: Run) -> list[str]:
    return [one.text for one in run.predictions]


def test_features_are_made_on_the_way_and_all_is_counted(tmp_path: Path, films: Path, model: Path) -> None:
    run = evaluate(tmp_path / "run.jsonl", films, model)
    assert run.counts["answered"] == len(SAMPLES)
    assert "features-tiny" in Workspace.open(films / "film0.movieqa").steps
    assert run.header.model["name"] == "tiny"
    assert {"torch", "transformers"} <= set(run.header.versions)
    for one in run.predictions:
        assert one.prompt_tokens > 50
        assert 0 < one.answer_tokens <= 6
        assert one.frames_used > 0
        assert one.peak_bytes > 1_000_000
        assert one.seconds > 0


def test_answers_are_those_of_asking_one_by_one(tmp_path: Path, films: Path, model: Path) -> None:
    from movieqa.eval.asking import write_prompt

    for guidance in ("question", "film"):
        run = evaluate(tmp_path / f"{guidance}.jsonl", films, model, guidance=guidance, batch=4)
        for one in run.predictions[:3]:
            answer = api.ask(
                films / f"{one.sample.film}.movieqa",
                write_prompt(one.sample),
                until=one.sample.until,
                model=str(model),
                guidance=guidance,  # type: ignore[arg-type]
                answer_tokens=6,
                device="cpu",
            )
            assert one.text == answer.text


def test_another_model_of_the_same_name_is_another_run(tmp_path: Path, films: Path, model: Path) -> None:
    evaluate(tmp_path / "run.jsonl", films, model, blind="text")
    other = save_tiny_model(tmp_path / "tiny", seed=5)
    with pytest.raises(EvaluationError, match=r"model digest was sha256:[0-9a-f]+\.\.\. and is"):
        evaluate(tmp_path / "run.jsonl", films, other, blind="text")


def test_a_blind_model_sees_nothing_of_the_film(tmp_path: Path, films: Path, model: Path) -> None:
    text = evaluate(tmp_path / "text.jsonl", tmp_path / "no films", model, blind="text")
    assert text.counts["answered"] == len(SAMPLES)  # not even the film is needed
    assert {one.frames_used for one in text.predictions} == {0}
    lines = evaluate(tmp_path / "lines.jsonl", films, model, blind="subtitles")
    assert {one.frames_used for one in lines.predictions} == {0}
    for one, other in zip(text.predictions, lines.predictions, strict=True):
        assert one.prompt_tokens < other.prompt_tokens
    limited = {one.sample.id: one for one in lines.predictions if one.sample.until is not None}
    whole = evaluate(tmp_path / "whole.jsonl", films, model, blind="subtitles", until_free=True)
    assert limited
    for one in whole.predictions:
        assert one.sample.id not in limited or one.prompt_tokens > limited[one.sample.id].prompt_tokens


def test_questions_about_pictures_need_no_film(tmp_path: Path, model: Path) -> None:
    for name, colour in (("red", "red"), ("blue", "blue")):
        Image.new("RGB", (40, 30), colour).save(tmp_path / f"{name}.png")
    one = Sample(id="1", film="pair", question="What is <image>?", pictures=("red.png",))
    samples = (
        one,
        replace(one, id="2", question="Which of these?", pictures=("red.png", "blue.png")),
        replace(one, id="3", pictures=("../secret.png",)),
        replace(one, id="4", pictures=("none.png",)),
    )
    run = evaluate(tmp_path / "run.jsonl", tmp_path, model, samples)
    assert [one.status for one in run.predictions] == ["answered", "answered", "refused", "refused"]
    assert "outside the folder" in str(run.predictions[2].error)
    assert "no picture 'none.png'" in str(run.predictions[3].error)
    blind = evaluate(tmp_path / "blind.jsonl", tmp_path, model, samples[:2], blind="text")
    assert blind.counts["answered"] == 2
    without = api.evaluate(samples[:2], out=tmp_path / "without.jsonl", films=tmp_path)
    assert without.counts["failed"] == 2
    assert "only a model answers about pictures" in str(without.predictions[0].error)


def test_a_question_that_does_not_fit_is_refused(tmp_path: Path, films: Path, model: Path) -> None:
    samples = (SAMPLES[0], replace(SAMPLES[1], id="long", question="why " * 1500), SAMPLES[3])
    run = evaluate(tmp_path / "run.jsonl", films, model, samples, guidance="film")
    assert [one.status for one in run.predictions] == ["answered", "refused", "answered"]
    assert "more than are kept free" in str(run.predictions[1].error)


def test_what_cannot_work_is_said_before_anything_runs(tmp_path: Path, films: Path, model: Path) -> None:
    with pytest.raises(CheckpointError, match="no model 'nobody/nothing'"):
        evaluate(tmp_path / "run.jsonl", films, Path("nobody/nothing"))
    with pytest.raises(ConfigError, match="max_spans must be 1 to 5"):
        evaluate(tmp_path / "run.jsonl", films, model, max_spans=9)
    with pytest.raises(ConfigError, match="limit must be at least 1"):
        evaluate(tmp_path / "run.jsonl", films, model, limit=0)
    with pytest.raises(EvaluationError, match="batch must be at least 1"):
        evaluate(tmp_path / "run.jsonl", films, model, batch=0)
    assert not (tmp_path / "run.jsonl").exists()


def test_a_film_is_preprocessed_where_it_has_no_workspace(tmp_path: Path, assets: Path) -> None:
    sample = Sample(id="1", film="signs.mp4", question="When is the word book signed?")
    samples = (sample, replace(sample, id="2", film="signs.mp4", question="How many shots are there?"))
    run = api.evaluate(samples, out=tmp_path / "run.jsonl", films=assets, workspaces=tmp_path / "made", fps=0.5)
    assert run.counts["answered"] == 2
    workspace = Workspace.open(tmp_path / "made" / "signs.movieqa")
    assert run.films["signs.mp4"].num_shots == len(workspace.shots)
    assert run.predictions[0].spans
    again = api.evaluate(samples, out=tmp_path / "again.jsonl", films=assets, workspaces=tmp_path / "made", fps=0.5)
    assert again.content == run.content


def test_a_benchmarks_own_subtitles_go_into_its_films(tmp_path: Path) -> None:
    source = WRITERS["longvideobench"](tmp_path)
    write_json(tmp_path / "subtitles" / "k1_en.json", [{"timestamp": [12.0, 14.0], "text": "Take the key."}])
    film = next(one.film for one in read_samples(source) if one.facts.get("subtitle_path"))
    (tmp_path / film).parent.mkdir(parents=True, exist_ok=True)
    place = (tmp_path / film) if Path(film).suffix else (tmp_path / film).with_suffix(".mp4")
    plain(place, seconds=3)
    run = api.evaluate(source, out=tmp_path / "run.jsonl", limit=1)
    assert run.counts["answered"] == 1, run.predictions[0].error
    assert run.films[film].num_subtitles == 1


def test_people_are_found_where_nobody_has_looked(tmp_path: Path) -> None:
    make_films(tmp_path, 1)
    sample = Sample(id="1", film="film0", question="Who is on screen at 00:00:01?")
    without = api.evaluate([sample], out=tmp_path / "without.jsonl", films=tmp_path)
    run = api.evaluate([sample], out=tmp_path / "run.jsonl", films=tmp_path, people="classical")
    assert "people" in Workspace.open(tmp_path / "film0.movieqa").steps
    assert run.header.settings["people"] == "classical"
    assert run.films["film0"].digest != without.films["film0"].digest
