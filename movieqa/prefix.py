"""A long prompt read once, and attention to it by any number of answers: kept once, never copied, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import Cache, QuantizedLayer

from movieqa.errors import ConfigError
from movieqa.model.cache import CacheSettings, make_cache, prefill

_ATTENTION = "movieqa_prefix"
_MOST_MASK = 64 << 20  # positions in one mask; more rows are done in turns


class AttentionRecord:
    """How much the answers looked at every position of the prompt.

    Args:
        num_answers: Answers written side by side.
        num_positions: Positions of the prompt.
        layers: Layers that are watched.
    """

    def __init__(self, num_answers: int, num_positions: int, *, layers: range, device: torch.device) -> None:
        self.layers = layers
        self.active = torch.ones(num_answers, dtype=torch.bool, device=device)
        """Answers that are still being written; the others are not watched."""
        self._sums = torch.zeros(num_answers, num_positions, device=device)
        self._counts = torch.zeros(num_answers, device=device)

    def add(self, weights: Float[Tensor, "B P"]) -> None:
        """Add a word's attention weights, one row an answer."""
        active = self.active.float()
        self._sums[:, : weights.shape[1]] += weights.to(active.device) * active[:, None]
        self._counts += active

    def mean(self, answer: int) -> Float[Tensor, " P"]:
        """Return an answer's mean attention to every position; what is missing to 1 went to the answer itself."""
        return self._sums[answer] / self._counts[answer].clamp(min=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Prefix:
    """Keys and values of the first `length` positions of a prompt.

    Attributes:
        cache: Holds them, of one prompt, in any of the kinds that `CacheSettings` offers.
        length: Positions that count.
    """

    cache: Cache
    length: int

    def cut(self, length: int) -> Prefix:
        """Return the same prompt with fewer positions; nothing is copied."""
        return replace(self, length=min(length, self.length))

    def layer(self, index: int, device: torch.device) -> tuple[Float[Tensor, "H P E"], Float[Tensor, "H P E"]]:
        """Return one layer's keys and values on the device where its attention is computed."""
        layer: Any = self.cache.layers[index]  # check_attention has seen to it that it holds keys and values
        pairs = [(layer.keys, layer.values)]
        if isinstance(self.cache.layers[index], QuantizedLayer):
            late = pairs if layer.keys is not None and layer.keys.ndim == 4 else []
            pairs = [(layer._dequantize(layer._quantized_keys), layer._dequantize(layer._quantized_values)), *late]
        keys, values = (torch.cat(parts, dim=-2) if len(parts) > 1 else parts[0] for parts in zip(*pairs, strict=True))
        return keys[0, :, : self.length].to(device), values[0, :, : self.length].to(device)


@torch.inference_mode()
def read_prefix(
    language_model: PreTrainedModel,
    embeddings: Float[Tensor, "1 P D"],
    settings: CacheSettings,
    *,
    chunk: int | None = None,
) -> Prefix:
    """Read a prompt, or the beginning of one, so that answers can be written after it.

    Args:
        language_model: The language model.
        embeddings: The embedded prompt.
        settings: How keys and values are kept.
        chunk: Positions read at a time; by default all, or 4,096 on a GPU.

    Raises:
        ConfigError: The language model's attention is not plain, or the cache cannot be had here.
        MissingDependencyError: The cache needs a package that is not installed.
    """
    check_attention(language_model.config)
    length = embeddings.shape[1]
    cache = make_cache(language_model.config, settings, max_length=length)
    step = chunk or (4096 if embeddings.device.type == "cuda" else max(length, 1))
    # prefill leaves the last position to be read for its logits; one more is put there, which it leaves
    prefill(language_model, torch.cat([embeddings, embeddings[:, -1:]], dim=1), cache, chunk=step)
    if embeddings.device.type == "cuda":
        torch.cuda.synchronize(embeddings.device)  # an offloaded cache fetches layers on a stream of its own
    return Prefix(cache=cache, length=length)


def check_attention(config: PreTrainedConfig) -> None:
    """Refuse language models whose attention is more than softmax over all that came before.

    Raises:
        ConfigError: There are sliding windows, soft caps, sinks, or layers without attention.
    """
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    has_window = bool(getattr(config, "sliding_window", None)) and getattr(config, "use_sliding_window", True)
    is_capped = getattr(config, "attn_logit_softcapping", None) is not None
    if kinds != {"full_attention"} or has_window or is_capped or config.model_type in ("gpt_oss",):
        raise ConfigError(
            f"a language model of type {config.model_type} has attention that a film session cannot share between "
            "questions (sliding windows, soft caps, sinks or recurrent layers)",
            hint="use a language model with full attention in every layer, such as Llama",
        )


@contextmanager
def attends_to_prefix(language_model: PreTrainedModel) -> Iterator[None]:
    """Let a language model's attention read the prefix that is passed with the call; undone on leaving."""
    AttentionInterface.register(_ATTENTION, _attend)
    config: Any = language_model.config
    before = config._attn_implementation
    config._attn_implementation = _ATTENTION
    try:
        yield
    finally:
        config._attn_implementation = before


def _attend(
    module: nn.Module,
    query: Float[Tensor, "B H L E"],
    key: Float[Tensor, "B G K E"],
    value: Float[Tensor, "B G K E"],
    attention_mask: Bool[Tensor, "B 1 L K"],
    *,
    prefix: Prefix,
    scaling: float | None = None,
    record: AttentionRecord | None = None,
    **_: Any,
) -> tuple[Float[Tensor, "B L H E"], None]:
    """Attend to the prefix, which all answers share, and to each answer's own keys, in one softmax."""
    length = query.shape[2]
    scale = query.shape[3] ** -0.5 if scaling is None else scaling
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    far = prefix.layer(layer, query.device)
    is_watched = record is not None and layer in record.layers
    output: Tensor | None = None
    if length == 1 or is_watched:
        output, weights = _attend_once(query[:, :, -1:] * scale, key, value, attention_mask[:, :, -1:], *far)
        if record is not None and is_watched:
            record.add(weights)
    if output is None or length > 1:
        output = _attend_many(query, key, value, attention_mask, *far, scale=scale)
    return output.transpose(1, 2).contiguous(), None


def _attend_once(
    query: Float[Tensor, "B H 1 E"],
    key: Float[Tensor, "B G K E"],
    value: Float[Tensor, "B G K E"],
    mask: Bool[Tensor, "B 1 1 K"],
    far_keys: Float[Tensor, "G P E"],
    far_values: Float[Tensor, "G P E"],
) -> tuple[Float[Tensor, "B H 1 E"], Float[Tensor, "B P"]]:
    """Attend with one query for every answer, and return the mean weight of every position of the prefix.

    The queries of all answers are rows of one product with the prefix, so its keys are read once however many answers
    there are.
    """
    (num_answers, num_heads, _, width), num_groups, num_far = query.shape, key.shape[1], far_keys.shape[1]
    by_group = num_groups, num_answers, num_heads // num_groups, -1
    heads = query.reshape(num_answers, num_groups, -1, width)
    near = (heads @ key.transpose(2, 3)).masked_fill(~mask, torch.finfo(query.dtype).min)
    far = (heads.transpose(0, 1).flatten(1, 2) @ far_keys.transpose(1, 2)).reshape(by_group).transpose(0, 1)
    weights = torch.cat([far, near], dim=-1).float().softmax(dim=-1)
    to_far, to_near = weights[..., :num_far], weights[..., num_far:].to(query.dtype)
    read = (to_far.to(query.dtype).transpose(0, 1).flatten(1, 2) @ far_values).reshape(by_group).transpose(0, 1)
    return (read + to_near @ value).reshape(num_answers, num_heads, 1, width), to_far.mean(dim=(1, 2))


def _attend_many(
    query: Float[Tensor, "B H L E"],
    key: Float[Tensor, "B G K E"],
    value: Float[Tensor, "B G K E"],
    mask: Bool[Tensor, "B 1 L K"],
    far_keys: Float[Tensor, "G P E"],
    far_values: Float[Tensor, "G P E"],
    *,
    scale: float,
) -> Float[Tensor, "B H L E"]:
    """Attend with several queries for every answer, all answers as one row of words after the prefix.

    A mask keeps each answer to itself, so that one fused kernel does it all and no score is ever kept.
    """
    num_answers, num_heads, length, width = query.shape
    num_far, num_near = far_keys.shape[1], key.shape[2]
    shared = num_heads // key.shape[1]  # repeated, because fused kernels take a mask or shared keys, not both
    keys, values = (
        torch.cat([far, near.transpose(0, 1).flatten(1, 2)], dim=1)[:, None].expand(-1, shared, -1, -1).flatten(0, 1)
        for far, near in ((far_keys, key), (far_values, value))
    )
    own = torch.zeros(num_answers, length, num_answers, num_near, dtype=torch.bool, device=query.device)
    answers = torch.arange(num_answers, device=query.device)
    own[answers, :, answers] = mask[:, 0]
    visible = functional.pad(own.reshape(num_answers * length, -1), (num_far, 0), value=True)
    rows = query.transpose(0, 1).reshape(1, num_heads, -1, width)
    step = max(1, _MOST_MASK // keys.shape[1])
    parts = [
        functional.scaled_dot_product_attention(
            rows[:, :, start : start + step],
            keys[None],
            values[None],
            attn_mask=visible[start : start + step],
            scale=scale,
        )
        for start in range(0, rows.shape[2], step)
    ]
    return torch.cat(parts, dim=2).reshape(num_heads, num_answers, length, width).transpose(0, 1)
