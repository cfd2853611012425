"""A tiny model learns 20 samples of every recipe by heart: from records and media to answers of the exported model.

The recipes follow one another as they do in earnest: what is random at first learns to write with `instruct`, which all
others start from. Those that train projectors alone start from a model that writes captions, with new projectors.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from movieqa.api.train import make_identity_tokens
from movieqa.train.loop import run_training
from movieqa.train.metrics import read_metrics
from tests.training_runs import answer_accuracy, forget, run_config, save_model, seeded_id_former, write_data

QUICK = (
    "schedule.samples_per_step=20",
    "parallel.micro_batch=20",
    "parallel.zero_stage=0",
    "compute.gradient_checkpointing=false",
    "compute.loss_tile=1024",
    "optimizer.lr=5e-3",
    "optimizer.beta2=0.95",
    "optimizer.weight_decay=0",
    "schedule.epochs=45",
    "checkpoint.every=1000",
)
"""A step of all samples, and as few steps as will do."""
PROJECTORS = ("content_projector.", "context_attention.")

Learn = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tmp_path_factory.mktemp("by-heart")


@pytest.fixture(scope="module")
def start(folder: Path) -> Path:
    """Return a random model."""
    return save_model(folder / "start")


@pytest.fixture(scope="module")
def instructed(folder: Path, start: Path) -> Path:
    return learn("instruct", start, folder)


@pytest.fixture(scope="module")
def perceiving(folder: Path, instructed: Path) -> Path:
    return learn("boundary_perceive", instructed, folder)


def learn(recipe: str, model: Path, folder: Path, *settings: str, data: Path | None = None, name: str = "") -> Path:
    """Learn a recipe's samples, all answers of which are then written letter for letter; return the exported model."""
    data = data or write_data(folder / "data", recipe)
    config = run_config(recipe, model, data, *QUICK, *settings)
    out = folder / (name or recipe)
    result = run_training(config, out, make_id_former=seeded_id_former, make_identity_tokens=make_identity_tokens)
    assert read_metrics(out)[0].loss > 0.5, "it knew the answers before it learned"
    assert answer_accuracy(result.model, config) == 1.0
    return result.model


def writer(folder: Path, start: Path, instructed: Path, recipe: str, template: str) -> Path:
    """Return a model that writes captions in a template, which has to learn again what frames look like."""
    data = write_data(folder / "data", recipe)
    settings = (f"data.template={template}", "schedule.epochs=25")
    able = learn("instruct", instructed, folder, *settings, data=data, name=f"{recipe}-writer")
    return forget(able, start, folder / f"{recipe}-start", *PROJECTORS)


def test_instruct(instructed: Path) -> None:
    assert (instructed / "model.safetensors").exists()


@pytest.mark.parametrize(("recipe", "template"), [("align", "plain"), ("boundary_align", "plain_line")])
def test_projectors_alone(folder: Path, start: Path, instructed: Path, recipe: str, template: str) -> None:
    learn(recipe, writer(folder, start, instructed, recipe, template), folder, "optimizer.lr=1e-2")


@pytest.mark.parametrize("recipe", ["long_video", "generated_films", "identity_associate", "identity_recognize"])
def test_films_and_people(folder: Path, instructed: Path, recipe: str) -> None:
    learn(recipe, instructed, folder)


def test_boundaries(perceiving: Path) -> None:
    assert (perceiving / "model.safetensors").exists()


def test_boundaries_on_what_was_merged(folder: Path, perceiving: Path) -> None:
    learn("boundary_instruct", perceiving, folder)
