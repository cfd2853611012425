"""Which weights a run trains: parts of the model, and LoRA on the language model's layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from movieqa.errors import ConfigError
from movieqa.model import MovieModel

from .config import LoraConfig, Part
from .dependencies import import_peft

PREFIXES: dict[Part, tuple[str, ...]] = {
    "language_model": ("language_model.",),
    "content_projector": ("content_projector.",),
    "context_attention": ("context_attention.",),
    "text_decoder": ("text_decoder.", "query_tokens", "image_norm."),
    "id_former": (),
}
"""Beginnings of the names of each part's weights in a `MovieModel`; the ID-Former stands beside it."""


@dataclass(frozen=True, kw_only=True)
class PartSize:
    """How much of one part is trained.

    Attributes:
        name: The part.
        trained: Its numbers that are trained.
        whole: All its numbers.
    """

    name: str
    trained: int
    whole: int


def choose_trainable(model: MovieModel, parts: tuple[Part, ...], *, id_former: nn.Module | None = None) -> None:
    """Let the weights of some parts be trained, and no others; frozen parts run without dropout.

    The vision tower is never trained: its key bias must stay zero.

    Args:
        model: The model.
        parts: Names of parts.
        id_former: The ID-Former, if there is one.

    Raises:
        ConfigError: If an ID-Former is to be trained and there is none.

    Example:
        >>> from movieqa.model.config import tiny
        >>> model = MovieModel(tiny())
        >>> choose_trainable(model, ("content_projector",))
        >>> sum(weight.requires_grad for weight in model.parameters())
        4
    """
    if "id_former" in parts and id_former is None:
        raise ConfigError("an ID-Former is to be trained and there is none")
    chosen = tuple(prefix for part in parts for prefix in PREFIXES[part])
    for name, weight in model.named_parameters():
        weight.requires_grad_(name.startswith(chosen))
    if id_former is not None:
        id_former.requires_grad_("id_former" in parts)
    set_modes(model, id_former=id_former)


def set_modes(model: MovieModel, *, id_former: nn.Module | None = None) -> None:
    """Put parts with trained weights into training mode and the others into evaluation mode.

    LLaMA-VID left dropout on in its frozen text decoder; a part that does not learn gains nothing from noise.
    """
    modules = [*model.children(), *([] if id_former is None else [id_former])]
    for module in modules:
        module.train(any(weight.requires_grad for weight in module.parameters()))


def attach_lora(model: MovieModel, lora: LoraConfig) -> Any:
    """Put adapters on the language model's linear layers, in place.

    Args:
        model: The model; a LoRA of an earlier stage is merged into it already.
        lora: The adapters.

    Returns:
        peft's model around the language model; it merges and saves.

    Raises:
        MissingDependencyError: If peft is not installed.
        ConfigError: If the language model has no layer of the names that are targeted.
    """
    peft = import_peft()
    targets: str | list[str] = lora.targets[0] if lora.targets == ("all-linear",) else list(lora.targets)
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        bias="none",
        task_type="CAUSAL_LM",
    )
    try:
        return peft.get_peft_model(model.language_model, config)
    except ValueError as error:
        raise ConfigError(
            f"LoRA finds no layer to adapt ({str(error).splitlines()[0]})", hint="set lora.targets to names of layers"
        ) from error


def trained_names(model: MovieModel, *, id_former: nn.Module | None = None) -> tuple[str, ...]:
    """Return the names of all weights that are trained; those of the ID-Former begin with `id_former.`."""
    names = [name for name, weight in model.named_parameters() if weight.requires_grad]
    others = [] if id_former is None else id_former.named_parameters()
    return (*names, *(f"id_former.{name}" for name, weight in others if weight.requires_grad))


def part_sizes(model: MovieModel, *, id_former: nn.Module | None = None) -> tuple[PartSize, ...]:
    """Count trained numbers by part, in the order of the model; queries and norm count to the text decoder."""
    whole: dict[str, int] = {}
    trained: dict[str, int] = {}
    weights = [*model.named_parameters()]
    if id_former is not None:
        weights += [(f"id_former.{name}", weight) for name, weight in id_former.named_parameters()]
    for name, weight in weights:
        first = name.split(".")[0]
        part = "text_decoder" if first in ("query_tokens", "image_norm") else first
        part = f"{part} (LoRA)" if ".lora_" in name else part
        whole[part] = whole.get(part, 0) + weight.numel()
        trained[part] = trained.get(part, 0) + weight.numel() * weight.requires_grad
    return tuple(PartSize(name=part, trained=trained[part], whole=whole[part]) for part in whole)
