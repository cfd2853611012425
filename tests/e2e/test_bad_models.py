"""Models and films that cannot be used together: each is one clear line on standard error, and exit code 2."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from movieqa.loaded import open_model
from movieqa.preprocess.features import add_features
from tests.command import movieqa_inside
from tests.tiny_checkpoint import make_tiny_model, save_published, save_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_subtitles, make_workspace

TOWER = "vision_tower.encoder.layers.0.mlp.fc1.weight"


class Runs:
    """Makes a file when it is unpickled the usual way."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model in shards, and a film with that model's features."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("ready")
    model = make_tiny_model()
    model.save_pretrained(folder / "model", max_shard_size="400KB")
    tiny_processor(model.config).save_pretrained(folder / "model")
    lines = make_subtitles((1.0, 2.5, "Take the key."))
    film = make_workspace(folder, shots=make_shots(0, 3, 6), subtitles=lines, num_frames=6)
    add_features(film, open_model(folder / "model"))
    return folder


@pytest.fixture
def here(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(shutil.copytree(ready, tmp_path / "here"))
    monkeypatch.chdir(folder)
    return folder


def complaint(*arguments: str) -> str:
    """Run a verb, and return the one line that it says."""
    done = movieqa_inside(*arguments)
    assert not done.out and len(done.err.splitlines()) == 1, done
    return done.complaint


def ask(*more: str) -> str:
    return complaint("ask", "film.movieqa", "--model", "model", "--question", "Who takes the key?", *more)


def change(folder: Path, name: str, tensor: torch.Tensor | None) -> None:
    """Replace a tensor of a model in shards, or take it out."""
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    shard = folder / index["weight_map"][name]
    tensors = load_file(shard)
    tensors.pop(name)
    save_file(tensors if tensor is None else {**tensors, name: tensor}, shard, metadata={"format": "pt"})


def test_a_folder_that_is_no_model(here: Path) -> None:
    shutil.rmtree(here / "model")
    assert "no model 'model': no such folder" in ask()
    (here / "model").mkdir()
    assert "holds no model: it has no config.json; make one with `movieqa convert`" in ask()
    (here / "model" / "config.json").write_text('{"model_type": "llama"}')
    assert "type 'llama', not a movieqa model" in ask()


def test_a_missing_shard(here: Path) -> None:
    shards = sorted((here / "model").glob("model-*.safetensors"))
    assert len(shards) > 1
    shards[-1].unlink()
    assert shards[-1].name in (said := ask()) and "download or convert it again" in said


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (torch.ones(7), "1 misshapen (query_tokens is [7] instead of [1, 8, 48])"),
        (torch.full((1, 8, 48), float("nan")), "weights are not finite: query_tokens"),
        (None, "1 missing (query_tokens)"),
    ],
)
def test_wrong_weights(here: Path, tensor: torch.Tensor | None, reason: str) -> None:
    change(here / "model", "query_tokens", tensor)
    assert reason in ask()


def test_a_pickle_with_code(here: Path) -> None:
    save_published(here / "release", "single")
    torch.save({"weight": torch.ones(2), "code": Runs()}, here / "release" / "pytorch_model.bin")
    said = complaint("convert", "release", "new", "--guidance-tokenizer", "release/bert")
    assert "holds more than tensors and was not opened" in said and "such a file can run code" in said
    assert not (here / "ran").exists() and not (here / "new").exists()


def test_features_of_another_model(here: Path) -> None:
    change(here / "model", TOWER, torch.zeros(48, 32))
    assert "features of another model that is also called model" in ask()
    save_tiny_model(here / "other")
    said = complaint("ask", "film.movieqa", "--model", "other", "--question", "Who?")
    assert "no features of model other (there are some of model); make them with: movieqa preprocess" in said


def test_a_prompt_that_cannot_fit(here: Path) -> None:
    said = ask("--answer-tokens", "2040")
    assert "and one frame for each of 2 shots (4) need 2342 tokens, and the model's context is 2048; ask for" in said


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory.\nMore."), RuntimeError("allocate memory")]
)
def test_no_memory(here: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("movieqa.session.read_prefix", fail)
    assert "not enough memory for reading the prompt" in (said := ask()) and "load the model in 4 bits" in said
