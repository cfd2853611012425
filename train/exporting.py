"""The result of a run: a complete model folder, made of the weights it began with and those it trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from movieqa.checkpoint.folders import new_folder
from movieqa.errors import TrainingError
from movieqa.model.loading import check_finite

from .config import TrainConfig
from .opening import ADAPTER, MakeIdFormer, open_model

ID_FORMER = "id-former"
"""Folder of a trained ID-Former, inside the model's folder."""


def export_model(
    config: TrainConfig, weights: Mapping[str, Tensor], target: Path, *, make_id_former: MakeIdFormer | None = None
) -> None:
    """Write a trained model with its tokenizers, in safetensors; an earlier export of the same run is replaced.

    Args:
        config: The run.
        weights: Everything that was trained, by its name in the model.
        target: The folder.
        make_id_former: Makes the ID-Former of recipes that train one.

    Raises:
        TrainingError: If the weights are not those of the run, or not finite.
        CheckpointError: If the folder cannot be written.
    """
    opened = open_model(config, make_id_former=make_id_former, quantises=False)
    places: dict[str, nn.Parameter] = dict(opened.model.named_parameters())
    if opened.id_former is not None:
        places |= {f"id_former.{name}": weight for name, weight in opened.id_former.named_parameters()}
    trained = {name for name, weight in places.items() if weight.requires_grad}
    if trained != set(weights):
        other = sorted(trained ^ set(weights))
        raise TrainingError(f"the trained weights are not those of the run: {', '.join(other[:5])}")
    with torch.no_grad():
        for name, weight in weights.items():
            places[name].copy_(weight.view_as(places[name]))
    model = opened.model
    check_finite(model, "the trained model")
    shutil.rmtree(target, ignore_errors=True)
    with new_folder(target) as folder:
        if opened.adapters is not None and config.lora.merge:
            model.language_model = opened.adapters.merge_and_unload()
        elif opened.adapters is not None:
            opened.adapters.save_pretrained(folder / ADAPTER)
            model.language_model = opened.adapters.unload()
        model.save_pretrained(folder)
        opened.processor.save_pretrained(folder)
        if opened.id_former is not None:
            opened.id_former.save(folder / ID_FORMER)
