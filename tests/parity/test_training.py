"""What LLaMA-VID's stages train, and the gradients that its recordings tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from movieqa.model import Media, MovieModel
from movieqa.model.processor import MovieProcessor
from movieqa.train.config import Part
from movieqa.train.recipes import RECIPES
from movieqa.train.trainable import choose_trainable, trained_names
from movieqa.train.training_model import Micro, Piece, TrainingModel
from tests.parity.recordings import FOLDER, arrays, expand_batch, texts
from tests.parity.test_cases import Cases
from tests.tiny_checkpoint import published_tensors

STAGES = {
    "align": "stage1_qformer_pretrain_freeze",
    "instruct": "stage2_qformer_pretrain",
    "long_video": "stage3_qformer_pretrain_freeze_all",
}


def recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


def published_names(model: MovieModel) -> dict[str, str]:
    """Return what each of our weights is called in the releases."""
    places = {tensor.data_ptr(): name for name, tensor in published_tensors(model).items()}
    return {name: places[weight.data_ptr()] for name, weight in model.named_parameters() if weight.data_ptr() in places}


def copy_of(model: MovieModel) -> MovieModel:
    copied = MovieModel(model.config)
    copied.load_state_dict(model.state_dict())
    return copied


@pytest.mark.parametrize("recipe", STAGES)
def test_stages_train_what_was_published(model: MovieModel, recipe: str) -> None:
    other = copy_of(model)
    choose_trainable(other, RECIPES[recipe]().model.trains)
    names = published_names(other)
    expected = recorded("trainable.json")[STAGES[recipe]]
    assert {names[name] for name in trained_names(other)} == set(expected["names"])
    assert sum(weight.numel() for weight in other.parameters() if weight.requires_grad) == expected["params"]


def check_gradients(model: MovieModel, parts: tuple[Part, ...], micro: Micro, case: str, loss: float) -> None:
    choose_trainable(model, parts)
    names = published_names(model)
    model.eval()
    training = TrainingModel(model, tile=16).eval()
    learned = int((micro.targets != -100).sum())
    found = training(micro) / learned
    assert found.item() == pytest.approx(loss, abs=1e-5)
    found.backward()
    norms = {names[name]: weight.grad for name, weight in training.whole().named_parameters() if weight.requires_grad}
    expected = recorded("gradients.json")[case]
    assert set(norms) == set(expected)
    for name, norm in expected.items():
        gradient = norms[name]
        assert gradient is not None or norm is None, name
        if gradient is not None:
            assert float(gradient.norm()) == pytest.approx(norm or 0.0, rel=2e-4, abs=2e-6), name


def make_micro(case: dict[str, torch.Tensor], media: list[list[Media]], counts: list[list[int]]) -> Micro:
    input_ids, mask, labels = expand_batch(case, counts)
    return Micro(
        input_ids=input_ids,
        targets=torch.nn.functional.pad(labels[:, 1:], (0, 1), value=-100),
        pieces=[[Piece(media=one) for one in sample] for sample in media],
        attention_mask=None if bool(mask.all()) else mask,
    )


def test_gradients_of_stage_2(model: MovieModel, processor: MovieProcessor) -> None:
    case, media = arrays("case_batch"), Cases(processor).media("batch")
    counts = [[2] * len(sample) for sample in media]
    micro = make_micro(case, media, counts)
    check_gradients(copy_of(model), RECIPES["instruct"]().model.trains, micro, "batch_stage2", case["loss"].item())


def test_gradients_of_stage_3(film_model: MovieModel, processor: MovieProcessor) -> None:
    case, media = arrays("case_long"), Cases(processor).media("long")
    micro = make_micro(case, media, [[1] * (2 * media[0][0].num_frames)])
    check_gradients(
        copy_of(film_model), RECIPES["long_video"]().model.trains, micro, "long_stage3", case["loss"].item()
    )
    assert texts()["cases"]["long"]
