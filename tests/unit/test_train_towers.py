"""Stored features belong to a vision tower: those of another are told, and a trained model keeps its own to the bit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from movieqa.errors import TrainingError
from movieqa.loaded import open_model, read_tower
from movieqa.preprocess.features import add_features
from movieqa.train.data.training_set import open_training_set
from movieqa.train.exporting import export_model
from movieqa.train.opening import fingerprint
from movieqa.train.opening import open_model as open_trained
from movieqa.train.trainable import named_weights
from movieqa.workspace import Workspace
from tests.command import movieqa_inside
from tests.tiny_checkpoint import save_tiny_model, tiny_processor
from tests.training_data import said, write_records
from tests.training_runs import run_config
from tests.workspaces import make_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two models of one shape with unlike towers, and a film with features of the first."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("towers")
    save_tiny_model(folder / "one", seed=1)
    save_tiny_model(folder / "other", seed=2)
    film = add_features(make_workspace(folder, num_frames=6), open_model(folder / "one", device="cpu"))
    film.path.rename(folder / "film.movieqa")
    record = {"id": 0, "video": "film.movieqa", "conversations": said("<image>\nWho runs?", "Nobody.")}
    write_records(folder / "films.json", [record])
    return folder


def test_features_of_another_tower_are_told(folder: Path) -> None:
    config, processor = run_config("long_video", folder / "one", folder / "films.json"), tiny_processor()
    for model, name in (("one", None), ("one", "one"), ("other", None), ("other", "one")):
        run = replace(config, model=replace(config.model, folder=str(folder / model)))
        run = replace(run, data=replace(run.data, features=name))
        open_films = partial(
            open_training_set, run.data, processor, processor.config, read_tower=partial(fingerprint, run)
        )
        if model == "one":
            features = open_films()[0].media[0].features
            assert features is not None and features.shape == (6, 65, 32)
            continue
        with pytest.raises(TrainingError, match=r"another vision tower .* made the features of one; make this model's"):
            open_films()
    checked = movieqa_inside("data", "check", "films.json", "--model", "other", "--json", cwd=folder)
    assert "another vision tower than this model's made the features of one" in checked.json["bad"][0]["reason"]


def test_the_features_of_this_models_tower_are_taken_among_others(folder: Path) -> None:
    add_features(Workspace.open(folder / "film.movieqa"), open_model(folder / "other", device="cpu"))
    processor = tiny_processor()
    read = {}
    for model in ("one", "other"):
        config = run_config("long_video", folder / model, folder / "films.json")
        data = open_training_set(config.data, processor, processor.config, read_tower=partial(fingerprint, config))
        read[model] = data[0].media[0].features
    assert read["one"] is not None and read["other"] is not None and not read["one"].equal(read["other"])


def test_a_trained_model_keeps_its_tower_whatever_it_was_trained_in(folder: Path, tmp_path: Path) -> None:
    """Trained in bfloat16, a model stored in float32 has the same tower as before, and the same features."""
    config = run_config("long_video", folder / "one", folder / "films.json", "compute.dtype=bf16")
    opened = open_trained(config)
    assert opened.model.vision_tower.dtype == torch.bfloat16
    weights = {name: weight.detach() for name, weight in named_weights(opened.model) if weight.requires_grad}
    export_model(config, weights, tmp_path / "trained")
    before, after = read_tower(folder / "one"), read_tower(tmp_path / "trained")
    assert after.fingerprint == before.fingerprint
    stored = load_file(tmp_path / "trained" / "model.safetensors")
    assert stored["image_norm.weight"].dtype == torch.bfloat16
    loaded = open_model(tmp_path / "trained", device="cpu")
    assert {weight.dtype for weight in loaded.model.parameters()} == {torch.bfloat16}
