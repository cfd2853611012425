"""The model of a run: loaded, its positions stretched, what it trains chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import torch
from torch import nn

from movieqa.errors import ConfigError
from movieqa.loaded import read_tower
from movieqa.model import MovieConfig, MovieModel, MovieProcessor, load_model
from movieqa.model.slot_vocabulary import add_person_slots, add_slot_tokens, has_person_slots, slot_ids
from movieqa.prompt import find_template

from .config import Part, TrainConfig
from .trainable import attach_adapters, choose_trainable
from .training_model import IdentityTokens, IdFormer

_Arguments = ParamSpec("_Arguments")
_Module = TypeVar("_Module", bound=nn.Module)
MakeIdFormer = Callable[[MovieConfig, str | None], IdFormer]
"""Makes the ID-Former for a model, from a folder where one is named; `movieqa.memory` has it, and hands it in."""
MakeIdentityTokens = Callable[[MovieConfig, str | None, int], IdentityTokens]
"""Makes what makes so many identity tokens of each person; else as the ID-Former."""
ID_FORMER, IDENTITY_TOKENS = "id-former", "identity-tokens"
"""Folders of what was trained beside a model, inside the model's folder."""
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedModel:
    """A model that is ready to be trained.

    Attributes:
        model: The model; LoRA is on its layers already.
        processor: Its processor.
        id_former: Its ID-Former, if the run trains, names or needs one.
        identity_tokens: What makes tokens of people, if the run trains or needs it.
        adapters: peft's model around the language model, if it has LoRA or trains slots alone.
    """

    model: MovieModel
    processor: MovieProcessor
    id_former: IdFormer | None
    identity_tokens: IdentityTokens | None
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


def trained_processor(config: TrainConfig) -> MovieProcessor:
    """Return the processor of the trained model: its configuration, and slots for people where the run gives it some.

    Raises:
        CheckpointError: If the folder holds no model.
    """
    model_config = trained_config(config)
    processor = MovieProcessor.from_pretrained(config.model.folder)
    processor.config = model_config
    if _adds_slots(config, processor):
        add_slot_tokens(processor)
    return processor


def fingerprint(config: TrainConfig) -> str:
    """Return the fingerprint of the vision tower of a run's model, which stored features tell too.

    Raises:
        CheckpointError: If the folder holds no complete model.
    """
    return read_tower(config.model.folder).fingerprint


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
    make_identity_tokens: MakeIdentityTokens | None = None,
    quantises: bool = True,
) -> OpenedModel:
    """Load the model of a run and choose what is trained.

    Args:
        config: The run.
        device: Where it is trained.
        make_id_former: Makes the ID-Former of recipes that train one.
        make_identity_tokens: Makes what makes identity tokens of recipes that train it.
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
    if _adds_slots(config, processor):
        add_person_slots(model, processor)
    id_former, identity_tokens = make_people_parts(
        config, model_config, make_id_former=make_id_former, make_identity_tokens=make_identity_tokens
    )
    for part in (id_former, identity_tokens):
        if part is not None:
            part.to(device, DTYPES[config.compute.dtype])
    adapters = choose_weights(config, model, processor, id_former=id_former, identity_tokens=identity_tokens)
    return OpenedModel(
        model=model,
        processor=processor,
        id_former=id_former,
        identity_tokens=identity_tokens,
        adapters=adapters,
    )


def make_people_parts(
    config: TrainConfig,
    model_config: MovieConfig,
    *,
    make_id_former: MakeIdFormer | None,
    make_identity_tokens: MakeIdentityTokens | None,
) -> tuple[IdFormer | None, IdentityTokens | None]:
    """Make what stands beside a model to see people: new, or as its folder or the run's settings have it.

    Args:
        config: The run.
        model_config: Of the trained model.
        make_id_former: Makes the ID-Former.
        make_identity_tokens: Makes what makes identity tokens.

    Returns:
        The ID-Former and what makes identity tokens, each None where the run has no use for it.

    Raises:
        ConfigError: If something is needed that is neither trained nor stored.
        CheckpointError: If what is stored is damaged.
    """
    model, data = config.model, config.data
    has_tokens = data.people != "names" or "identity_tokens" in model.trains or model.identity_tokens is not None
    id_former, identity_tokens = None, None
    if has_tokens or "id_former" in model.trains or model.id_former is not None:
        folder = _stored(config, "id_former", model.id_former, ID_FORMER)
        id_former = _given(make_id_former, "id_former")(model_config, folder)
    if has_tokens:
        folder = _stored(config, "identity_tokens", model.identity_tokens, IDENTITY_TOKENS)
        identity_tokens = _given(make_identity_tokens, "identity_tokens")(model_config, folder, data.identity_tokens)
    return id_former, identity_tokens


def choose_weights(
    config: TrainConfig,
    model: MovieModel,
    processor: MovieProcessor,
    *,
    id_former: IdFormer | None,
    identity_tokens: IdentityTokens | None,
) -> Any:
    """Choose what a run trains, and return peft's model around the language model where there is one.

    Slots are rows of the language model: they are trained with it, or else by themselves.
    """
    trains = config.model.trains
    choose_trainable(model, trains, id_former=id_former, identity_tokens=identity_tokens)
    trains_rows = "person_slots" in trains and "language_model" not in trains
    return attach_adapters(model, config.lora, slots=slot_ids(processor.tokenizer) if trains_rows else ())


def _stored(config: TrainConfig, part: Part, folder: str | None, own: str) -> str | None:
    """Return the folder that a part is read from; None for a new one."""
    beside = Path(config.model.folder) / own
    if folder is None and beside.is_dir():
        return str(beside)
    if folder is None and part not in config.model.trains:
        raise ConfigError(
            f"data.people={config.data.people} needs {part}, and {config.model.folder} holds none ({own}/)",
            hint=f"add {part} to model.trains, or set data.people=names",
        )
    return folder


def _given(make: Callable[_Arguments, _Module] | None, part: Part) -> Callable[_Arguments, _Module]:
    if make is None:
        raise ConfigError(f"this run needs {part} and was given none")
    return make


def _adds_slots(config: TrainConfig, processor: MovieProcessor) -> bool:
    return "person_slots" in config.model.trains and not has_person_slots(processor.tokenizer)


def _is_asked_with(template: str) -> bool:
    """Whether models can be asked with a template; some are only trained with."""
    try:
        find_template(template)
    except ConfigError:
        return False
    return True
