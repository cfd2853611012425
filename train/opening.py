"""The model of a run: loaded, its positions stretched, what it trains chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import torch

from movieqa.errors import CheckpointError, ConfigError
from movieqa.model import MovieConfig, MovieModel, MovieProcessor, load_model
from movieqa.prompt import find_template

from .config import TrainConfig
from .dependencies import import_peft
from .trainable import attach_lora, choose_trainable
from .training_model import IdFormer

MakeIdFormer = Callable[[MovieConfig, str | None], IdFormer]
"""Makes the ID-Former for a model, from a folder where one is named; `movieqa.memory` has it, and hands it in."""
ADAPTER = "adapter"
"""Folder of a LoRA that was not merged, inside a model's folder."""
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedModel:
    """A model that is ready to be trained.

    Attributes:
        model: The model; LoRA is on its layers already.
        processor: Its processor.
        id_former: Its ID-Former, if the run trains or names one.
        adapters: peft's model around the language model, if it has LoRA.
    """

    model: MovieModel
    processor: MovieProcessor
    id_former: IdFormer | None
    adapters: Any


def trained_config(config: TrainConfig) -> MovieConfig:
    """Return the configuration that the trained model has: positions stretched to its samples, their template.

    Raises:
        CheckpointError: If the folder holds no model.
    """
    if not config.model.folder:
        raise ConfigError("no model to train", hint="give a model's folder with --model (see movieqa convert)")
    model_config = MovieProcessor.from_pretrained(config.model.folder).config
    stretch_positions(model_config, config.data.max_length)
    if config.data.template is not None and _is_asked_with(config.data.template):
        model_config.template = config.data.template
    return model_config


def stretch_positions(config: MovieConfig, max_length: int) -> None:
    """Divide positions until `max_length` of them fit into what the language model was made for (arXiv 2306.15595).

    What is stretched enough already stays: LLaMA-VID's factor is the length over the language model's own positions,
    rounded up, 16 for 65,536 tokens.
    """
    language = config.language
    rope = dict(getattr(language, "rope_parameters", None) or {})
    factor = float(rope.get("factor", 1.0))
    own = language.max_position_embeddings
    if max_length > own * factor:
        if rope.get("rope_type", "default") not in ("default", "linear"):
            raise ConfigError(
                f"positions of type {rope['rope_type']} cannot be stretched to {max_length} tokens",
                hint="set data.max_length to what the model was made for",
            )
        language.rope_parameters = {**rope, "rope_type": "linear", "factor": float(ceil(max_length / own))}
    config.max_context = max(config.max_context, max_length)


def open_model(
    config: TrainConfig,
    *,
    device: torch.device | str = "cpu",
    make_id_former: MakeIdFormer | None = None,
    quantises: bool = True,
) -> OpenedModel:
    """Load the model of a run and choose what is trained.

    Args:
        config: The run.
        device: Where it is trained.
        make_id_former: Makes the ID-Former of recipes that train one.
        quantises: Whether a quantised run's language model is quantised; the export takes it as it was.

    Raises:
        CheckpointError: If the folder is not a complete model.
        ConfigError: If the run trains what the model does not have.
        MissingDependencyError: If peft or bitsandbytes is needed and not installed.
    """
    model_config = trained_config(config)
    processor = MovieProcessor.from_pretrained(config.model.folder)
    processor.config = model_config
    model = load_model(
        config.model.folder,
        device=device,
        dtype=DTYPES[config.compute.dtype],
        attention=config.compute.attention,
        quantisation=config.compute.quantisation if quantises else "none",
        config=model_config,
    )
    _merge_earlier(model, config.model.folder)
    id_former = None
    if "id_former" in config.model.trains or config.model.id_former is not None:
        if make_id_former is None:
            raise ConfigError("this run trains an ID-Former and was given none")
        id_former = make_id_former(model_config, config.model.id_former).to(device, DTYPES[config.compute.dtype])
    choose_trainable(model, config.model.trains, id_former=id_former)
    adapters = attach_lora(model, config.lora) if config.lora.rank else None
    return OpenedModel(model=model, processor=processor, id_former=id_former, adapters=adapters)


def _merge_earlier(model: MovieModel, folder: str) -> None:
    """Add a LoRA of an earlier stage, kept beside the weights, to them."""
    adapter = Path(folder) / ADAPTER
    if not adapter.is_dir():
        return
    if not (adapter / "adapter_model.safetensors").is_file():
        raise CheckpointError(f"{adapter} holds no adapter_model.safetensors", hint="export it again")
    try:
        merged = import_peft().PeftModel.from_pretrained(model.language_model, adapter).merge_and_unload()
    except (ValueError, RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{adapter} does not fit the model beside it ({reason})") from error
    model.language_model = merged


def _is_asked_with(template: str) -> bool:
    """Whether models can be asked with a template; some are only trained with."""
    try:
        find_template(template)
    except ConfigError:
        return False
    return True
