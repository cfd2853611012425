"""From a film file and a model's folder to cited answers. The model is tiny and random: its words mean nothing.

What is checked is all that does not depend on what it says: shapes, budget, spans inside the film, determinism,
streaming, and that the workspace answers alone.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from movieqa import api
from movieqa.answer import Answer
from movieqa.decoding import Decoding
from movieqa.features import FrameFeatures
from movieqa.loaded import LoadedModel, open_model
from movieqa.model.config import tiny
from movieqa.model_answerer import ModelAnswerer
from movieqa.plan import plan_film
from movieqa.preprocess.features import FeaturesConfig, add_features
from movieqa.session import FilmSession, Guidance, SessionConfig
from movieqa.workspace import Workspace
from tests.command import movieqa_inside
from tests.tiny_checkpoint import save_tiny_model

QUESTIONS = ["When is the word book signed?", "What is shown?", "How does the film end?"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    torch.set_num_threads(1)
    return open_model(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny-random", tiny()))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, loaded: LoadedModel, assets: Path) -> Workspace:
    folder = tmp_path_factory.mktemp("film")
    source = shutil.copy(assets / "signs.mp4", folder)
    shutil.copy(assets / "signs.srt", folder)
    workspace = api.preprocess_movie(source, output=folder / "signs.movieqa")
    Path(source).unlink()
    return add_features(workspace, loaded, FeaturesConfig(frames_per_shard=8))


def answer_all(film: Workspace, loaded: LoadedModel, guidance: Guidance, until: float | None = None) -> list[Answer]:
    config = SessionConfig(guidance=guidance, decoding=Decoding(max_new_tokens=24))
    return ModelAnswerer(FilmSession(film, loaded, config)).answer_many(QUESTIONS, until=until)


def test_every_frame_has_features(film: Workspace, loaded: LoadedModel) -> None:
    features = FrameFeatures.open(film, "tiny-random", tower=loaded.tower)
    assert len(features) == len(film.frames) > 15
    assert features.read([0]).shape == (1, 65, 32)
    assert api.info(film, verify=True).is_verified
    assert "features-tiny-random" in api.info(film).steps


@pytest.mark.parametrize("guidance", ["question", "film"])
@pytest.mark.parametrize("until", [None, 7.5])
def test_answers_are_whole(film: Workspace, loaded: LoadedModel, guidance: Guidance, until: float | None) -> None:
    answers = answer_all(film, loaded, guidance, until)
    end = film.duration if until is None else until
    for question, answer in zip(QUESTIONS, answers, strict=True):
        assert answer.question == question and answer.answerer == "tiny-random" and answer.usage is not None
        assert answer.usage.frames_used == sum(time < end for time in film.frames.times)
        assert answer.usage.prompt_tokens + 24 <= answer.usage.limit == 2048
        assert all(0 <= span.start < span.end <= end for span in answer.spans)
        assert json.loads(json.dumps(answer.to_dict()))["usage"]["limit"] == 2048
    again = answer_all(film, loaded, guidance, until)
    assert [(one.text, one.spans) for one in answers] == [(one.text, one.spans) for one in again]


def test_the_line_that_was_asked_for_is_cited(film: Workspace, loaded: LoadedModel) -> None:
    (answer, *_) = answer_all(film, loaded, "question")
    cited = next(span for span in answer.spans if span.quote and "book" in span.quote)
    assert 4.0 < cited.start < 5.5 and cited.known in ("heard", "inferred")


def test_a_plan_counts_what_is_then_read(film: Workspace, loaded: LoadedModel) -> None:
    plan = plan_film(loaded.model.config, film, processor=loaded.processor, name=loaded.name)
    assert plan.problem is None and plan.frames_used == len(film.frames)
    usage = answer_all(film, loaded, "question")[0].usage
    assert usage is not None and abs(plan.prompt_tokens - usage.prompt_tokens) <= 64
    size = sum(path.stat().st_size for path in (film.path / "features/tiny-random").glob("*.safetensors"))
    assert plan.disk <= size <= plan.disk * 1.1


def test_with_the_commands(assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(assets / name, tmp_path)
    save_tiny_model(tmp_path / "tiny-random")
    (tmp_path / "movieqa.toml").write_text('[chat]\nmodel = "tiny-random"\n')
    env = {"MOVIEQA_MODEL": "tiny-random"}
    done = movieqa_inside("preprocess", "signs.mp4", "--features", "int8", cwd=tmp_path, env=env)
    assert done.code == 0, done
    assert "MB to write" in done.err and "stored in 8 bits with a relative error of" in done.err
    (tmp_path / "signs.mp4").unlink()
    talk = "When is the word book signed?\n/until 00:00:07\nWhat is shown?\n \n/quit\nnever asked\n"
    monkeypatch.chdir(tmp_path)
    done = movieqa_inside("chat", "--answer-tokens", "6", "--json", stdin=talk)
    assert done.code == 0, done
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert first["answerer"] == second["answerer"] == "tiny-random"
    assert first["usage"]["frames_used"] > second["usage"]["frames_used"] == 7
    assert second["until"] == 7.0 and all(span["end"] <= 7.0 for span in second["spans"])


def test_how_the_model_keeps_what_it_has_read_changes_nothing(
    film: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_tiny_model(tmp_path / "tiny-random")
    asked = ("ask", film.path, "--model", "tiny-random", "--question", "Who?", "--answer-tokens", "6", "--json")
    texts = [json.loads(movieqa_inside(*asked, "--cache", kind).out)["text"] for kind in ("dynamic", "static")]
    assert texts[0] == texts[1]
    if not torch.cuda.is_available():
        assert "CUDA" in movieqa_inside(*asked, "--cache", "offloaded").complaint
    assert movieqa_inside(*asked, "--cache", "none").code == 2
