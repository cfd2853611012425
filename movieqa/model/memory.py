"""How much memory a prompt takes, before anything is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import torch

from movieqa.model.config import MovieConfig
from movieqa.model.modeling import MovieModel

QUANTISED_OVERHEAD = {8: 1.02, 4: 1.10}
"""Bytes that scales add to quantised numbers: one float for every block of 64."""


@dataclass(frozen=True, kw_only=True)
class MemoryEstimate:
    """Bytes that one prompt takes on the device.

    Attributes:
        weights: All weights, those of the language model quantised if so asked.
        cache: Keys and values of prompt and answer.
        working: Embedded prompt, and the largest layer's values for one chunk.
    """

    weights: int
    cache: int
    working: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.working

    def __str__(self) -> str:
        """Write the estimate in gigabytes.

        Example:
            >>> str(MemoryEstimate(weights=2 * 10**9, cache=10**9, working=0))
            '3.0 GB: weights 2.0, cache 1.0, working 0.0'
        """
        total, *parts = (number / 1e9 for number in (self.total, self.weights, self.cache, self.working))
        return "{:.1f} GB: weights {:.1f}, cache {:.1f}, working {:.1f}".format(total, *parts)


def estimate_memory(
    config: MovieConfig,
    *,
    num_tokens: int,
    weight_bits: int = 16,
    cache_bits: int = 16,
    prefill_chunk: int | None = None,
) -> MemoryEstimate:
    """Estimate the memory of a prompt with its answer, weights and activations in 16 bits.

    Args:
        config: The model.
        num_tokens: Tokens of prompt and answer.
        weight_bits: Bits of the language model's weights: 16, 8 or 4.
        cache_bits: Bits of keys and values: 16, 8, 4.
        prefill_chunk: Positions read at a time; the whole prompt by default.

    Example:
        >>> from movieqa.model.config import llama_vid_7b
        >>> str(estimate_memory(llama_vid_7b(is_long=True), num_tokens=65536, prefill_chunk=4096))
        '53.3 GB: weights 15.9, cache 34.4, working 3.1'
    """
    language = config.language
    quantised, others = _count_weights(config.to_json_string(use_diff=False))
    num_heads = getattr(language, "num_key_value_heads", language.num_attention_heads)
    head_width = getattr(language, "head_dim", None) or language.hidden_size // language.num_attention_heads
    numbers = 2 * language.num_hidden_layers * num_heads * head_width * num_tokens
    chunk = min(prefill_chunk or num_tokens, num_tokens)
    one_layer = 2 * num_heads * head_width * num_tokens * 2  # keys and values at work, copied as the cache grows
    embedded = 2 * num_tokens * language.hidden_size * 2  # the prompt, and the copy that generation makes
    mask = chunk * num_tokens * 2 if chunk < num_tokens else 0  # a whole prompt needs none
    layer = chunk * (4 * language.hidden_size + 3 * language.intermediate_size) * 2
    return MemoryEstimate(
        weights=_bytes(quantised, weight_bits) + others * 2,
        cache=_bytes(numbers, cache_bits),
        working=embedded + layer + one_layer + mask,
    )


@lru_cache(maxsize=8)
def _count_weights(config: str) -> tuple[int, int]:
    """Return how many numbers of a model are quantised if so asked, and how many never are."""
    with torch.device("meta"):
        model = MovieModel(MovieConfig.from_dict(json.loads(config)))
    quantised = sum(
        module.weight.numel()
        for name, module in model.language_model.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head")
    )
    return quantised, sum(parameter.numel() for parameter in model.parameters()) - quantised


def _bytes(numbers: int, bits: int) -> int:
    return int(numbers * bits / 8 * QUANTISED_OVERHEAD.get(bits, 1.0))
