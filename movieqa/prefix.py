# ruff: noqa: F722
"""A long prompt read once, and attention to it by any number of answers: kept once, never copied, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import Cache, QuantizedLayer

from movieqa.errors import ConfigError
from movieqa.model.cache import CacheSettings, make_cache, prefill

_ATTENTION = "movieqa_prefix"
_MOST_SCORES = 64 << 20  # scores of one layer in memory at once; more rows are done in turns


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

    def add(self, answers: Tensor, weights: Float[Tensor, "R P"]) -> None:
        """Add rows of attention weights, each of the answer that `answers` names."""
        weights = weights * self.active[answers][:, None]
        self._sums[:, : weights.shape[1]].index_add_(0, answers, weights)
        self._counts.index_add_(0, answers, self.active[answers].float())

    def mean(self, answer: int) -> Float[Tensor, " P"]:
        """Return an answer's mean attention to every position; what is missing to 1 went to the answer itself."""
        return self._sums[answer] / self._counts[answer].clamp(min=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Prefix:
    """Keys and values of the first `length` positions of a prompt.

    Attributes:
        cache: Holds them, of one prompt, in any of the kinds that `CacheSettings` offers.
        length: Positions that count.
        device: Where attention is computed.
    """

    cache: Cache
    length: int
    device: torch.device

    def cut(self, length: int) -> Prefix:
        """Return the same prompt with fewer positions; nothing is copied."""
        return replace(self, length=min(length, self.length))

    def layer(self, index: int) -> tuple[Float[Tensor, "H P E"], Float[Tensor, "H P E"]]:
        """Return one layer's keys and values."""
        layer: Any = self.cache.layers[index]  # check_attention has seen to it that it holds keys and values
        pairs = [(layer.keys, layer.values)]
        if isinstance(self.cache.layers[index], QuantizedLayer):
            late = pairs if layer.keys is not None and layer.keys.ndim == 4 else []
            pairs = [(layer._dequantize(layer._quantized_keys), layer._dequantize(layer._quantized_values)), *late]
        keys, values = (torch.cat(parts, dim=-2) if len(parts) > 1 else parts[0] for parts in zip(*pairs, strict=True))
        return keys[0, :, : self.length].to(self.device), values[0, :, : self.length].to(self.device)


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
    return Prefix(cache=cache, length=length, device=embeddings.device)


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
    """Attend to the prefix, which all answers share, and to each answer's own keys, in one softmax.

    The queries of all answers are rows of one matrix product with the prefix, so its keys are read once however many
    answers there are.
    """
    num_answers, num_heads, length, width = query.shape
    num_groups = key.shape[1]
    shared = num_heads // num_groups
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    far_keys, far_values = prefix.layer(layer)
    scale = width**-0.5 if scaling is None else scaling
    heads = query.reshape(num_answers, num_groups, shared, length, width) * scale
    near = torch.einsum("bgsle,bgke->bgslk", heads, key)
    near = near.masked_fill(~attention_mask[:, :, None], torch.finfo(near.dtype).min)
    rows = heads.transpose(0, 1).reshape(num_groups, -1, width)
    near_rows = near.transpose(0, 1).reshape(num_groups, rows.shape[1], -1)
    step = max(1, _MOST_SCORES // (num_groups * max(prefix.length, 1)))
    far, near_weights = [], []
    for start in range(0, rows.shape[1], step):
        part = slice(start, start + step)
        scores = torch.cat([rows[:, part] @ far_keys.transpose(1, 2), near_rows[:, part]], dim=-1)
        weights = scores.float().softmax(dim=-1)
        if record is not None and layer in record.layers:
            _record(record, weights[..., : prefix.length], start, length=length, rows_per_answer=shared * length)
        weights = weights.to(query.dtype)
        far.append(weights[..., : prefix.length] @ far_values)
        near_weights.append(weights[..., prefix.length :])
    by_answer = (num_groups, num_answers, shared, length, -1)
    own = torch.cat(near_weights, dim=1).reshape(by_answer).transpose(0, 1)
    output = torch.cat(far, dim=1).reshape(by_answer).transpose(0, 1) + torch.einsum("bgslk,bgke->bgsle", own, value)
    return output.reshape(num_answers, num_heads, length, width).transpose(1, 2).contiguous(), None


def _record(
    record: AttentionRecord, weights: Float[Tensor, "G R P"], start: int, *, length: int, rows_per_answer: int
) -> None:
    """Record the rows that predict a word: the last position of every answer."""
    rows = torch.arange(start, start + weights.shape[1], device=weights.device)
    last = rows % length == length - 1
    num_groups = weights.shape[0]
    answers = (rows[last] // rows_per_answer).repeat(num_groups)
    record.add(answers, weights[:, last].flatten(0, 1))
