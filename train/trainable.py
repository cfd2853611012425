"""Which weights a run trains: parts of the model, and LoRA on the language model's layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from movieqa.errors import ConfigError
from movieqa.model import MovieModel
from movieqa.model.adapter import import_peft

from .config import LoraConfig, Part

PREFIXES: dict[Part, tuple[str, ...]] = {
    "language_model": ("language_model.",),
    "content_projector": ("content_projector.",),
    "context_attention": ("context_attention.",),
    "text_decoder": ("text_decoder.", "query_tokens", "image_norm."),
    "id_former": (),
    "person_slots": (),
    "identity_tokens": (),
}
"""Beginnings of the names of each part's weights in a `MovieModel`.

The ID-Former and what makes identity tokens stand beside it; rows of slots are trained with the language model, or by
`attach_adapters`.
"""


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


def choose_trainable(
    model: MovieModel,
    parts: tuple[Part, ...],
    *,
    id_former: nn.Module | None = None,
    identity_tokens: nn.Module | None = None,
) -> None:
    """Let the weights of some parts be trained, and no others; frozen parts run without dropout.

    The vision tower is never trained: its key bias must stay zero.

    Args:
        model: The model.
        parts: Names of parts.
        id_former: The ID-Former, if there is one.
        identity_tokens: What makes identity tokens, if there is one.

    Raises:
        ConfigError: If a part that stands beside the model is to be trained and there is none.

    Example:
        >>> from movieqa.model.config import tiny
        >>> model = MovieModel(tiny())
        >>> choose_trainable(model, ("content_projector",))
        >>> sum(weight.requires_grad for weight in model.parameters())
        4
    """
    chosen = tuple(prefix for part in parts for prefix in PREFIXES[part])
    for name, weight in model.named_parameters():
        weight.requires_grad_(name.startswith(chosen))
    beside: dict[Part, nn.Module | None] = {"id_former": id_former, "identity_tokens": identity_tokens}
    for part, module in beside.items():
        if module is not None:
            module.requires_grad_(part in parts)
        elif part in parts:
            raise ConfigError(f"{part} is to be trained and there is none")
    for module in (*model.children(), id_former, identity_tokens):
        if module is not None:  # LLaMA-VID left dropout on in its frozen text decoder; no use where nothing learns
            module.train(any(weight.requires_grad for weight in module.parameters()))


def attach_adapters(model: MovieModel, lora: LoraConfig, *, slots: Sequence[int] = ()) -> Any:
    """Put adapters on the language model, in place: LoRA on its linear layers, and rows of person slots of their own.

    Args:
        model: The model; a LoRA of an earlier stage is merged into it already.
        lora: Adapters of linear layers; none of rank 0.
        slots: Ids of the slots whose rows are trained, in the embeddings and the output layer.

    Returns:
        peft's model around the language model, which merges and saves; None where there is nothing to adapt.

    Raises:
        MissingDependencyError: If peft is not installed.
        ConfigError: If the language model has no layer of the names that are targeted.
    """
    if not lora.rank and not slots:
        return None
    peft = import_peft()
    targets: str | list[str] = lora.targets[0] if lora.targets == ("all-linear",) else list(lora.targets)
    config = peft.LoraConfig(
        r=max(1, lora.rank),
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets if lora.rank else peft.utils.constants.DUMMY_TARGET_MODULES,
        bias="none",
        task_type="CAUSAL_LM",
        trainable_token_indices={layer: list(slots) for layer in _word_layers(model)} if slots else None,
    )
    try:
        return peft.get_peft_model(model.language_model, config)
    except ValueError as error:
        raise ConfigError(
            f"LoRA finds no layer to adapt ({str(error).splitlines()[0]})", hint="set lora.targets to names of layers"
        ) from error


def _word_layers(model: MovieModel) -> list[str]:
    """Return the names of the layers that hold a row a word; of two that share their rows the first one."""
    layers = [model.get_input_embeddings()]
    if not model.config.language.tie_word_embeddings:
        layers.append(model.get_output_embeddings())
    names = {id(module): name for name, module in model.language_model.named_modules()}
    return [names[id(layer)] for layer in layers]


def trained_names(model: MovieModel, **beside: nn.Module | None) -> tuple[str, ...]:
    """Return the names of all weights that are trained.

    Args:
        model: The model.
        **beside: Modules that stand beside it, `id_former` and `identity_tokens`; their weights' names begin so.
    """
    return tuple(name for name, weight in named_weights(model, **beside) if weight.requires_grad)


def named_weights(model: MovieModel, **beside: nn.Module | None) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield all weights with their names; the arguments are those of `trained_names`."""
    yield from model.named_parameters()
    for part, module in beside.items():
        if module is not None:
            yield from ((f"{part}.{name}", weight) for name, weight in module.named_parameters())


def part_sizes(model: MovieModel, **beside: nn.Module | None) -> tuple[PartSize, ...]:
    """Count trained numbers by part, in the order of the model; queries and norm count to the text decoder.

    The arguments are those of `trained_names`.
    """
    whole: dict[str, int] = {}
    trained: dict[str, int] = {}
    for name, weight in named_weights(model, **beside):
        first = name.split(".")[0]
        part = "text_decoder" if first in ("query_tokens", "image_norm") else first
        part = f"{part} (LoRA)" if ".lora_" in name else f"{part} (slots)" if ".trainable_tokens_" in name else part
        whole[part] = whole.get(part, 0) + weight.numel()
        trained[part] = trained.get(part, 0) + weight.numel() * weight.requires_grad
    return tuple(PartSize(name=part, trained=trained[part], whole=whole[part]) for part in whole)
