"""The result of a run: a complete model folder, made of the weights it began with and those it trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from movieqa.checkpoint.folders import new_folder
from movieqa.checkpoint.weights import open_folder
from movieqa.errors import TrainingError
from movieqa.loaded import find_folder
from movieqa.model.adapter import FOLDER as ADAPTER_FOLDER
from movieqa.model.loading import check_finite

from .config import TrainConfig
from .opening import ID_FORMER, IDENTITY_TOKENS, MakeIdentityTokens, MakeIdFormer, open_model
from .trainable import named_weights


def export_model(
    config: TrainConfig,
    weights: Mapping[str, Tensor],
    target: Path,
    *,
    make_id_former: MakeIdFormer | None = None,
    make_identity_tokens: MakeIdentityTokens | None = None,
) -> None:
    """Write a trained model with its tokenizers, in safetensors; an earlier export of the same run is replaced.

    Args:
        config: The run.
        weights: Everything that was trained, by its name in the model.
        target: The folder.
        make_id_former: Makes the ID-Former of recipes that train one.
        make_identity_tokens: Makes what makes identity tokens of recipes that train it.

    Raises:
        TrainingError: If the weights are not those of the run, or not finite.
        CheckpointError: If the folder cannot be written.
    """
    opened = open_model(
        config, make_id_former=make_id_former, make_identity_tokens=make_identity_tokens, quantises=False
    )
    places = dict(named_weights(opened.model, id_former=opened.id_former, identity_tokens=opened.identity_tokens))
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
            opened.adapters.save_pretrained(folder / ADAPTER_FOLDER)
            model.language_model = opened.adapters.unload()
        model.save_pretrained(folder, state_dict=model.state_dict() | _stored_tower(config.model.folder))
        opened.processor.config = model.config  # says the type of its numbers, which the one it was made with does not
        opened.processor.save_pretrained(folder)
        for name, module in ((ID_FORMER, opened.id_former), (IDENTITY_TOKENS, opened.identity_tokens)):
            earlier = Path(config.model.folder) / name
            if module is not None:
                module.save(folder / name)
            elif earlier.is_dir():  # of another stage: it still belongs to the model
                shutil.copytree(earlier, folder / name)


def _stored_tower(model: str) -> dict[str, Tensor]:
    """Return the vision tower as the model has it stored: no stage trains it, and its features stay good to the bit."""
    weights = open_folder(find_folder(model))
    return {name: weights[name].read() for name in weights if name.startswith("vision_tower.")}
