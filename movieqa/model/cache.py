"""Where keys and values of a long prompt live, and how the prompt is read into them piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import DynamicCache, PretrainedConfig, PreTrainedModel, QuantizedCache, StaticCache
from transformers.cache_utils import Cache

from movieqa.errors import ConfigError, MissingDependencyError

CacheKind = Literal["dynamic", "static", "offloaded", "offloaded_static", "quantized"]
CACHE_KINDS: tuple[CacheKind, ...] = ("dynamic", "static", "offloaded", "offloaded_static", "quantized")
Backend = Literal["quanto", "hqq"]
BACKEND_PACKAGES: dict[Backend, str] = {"quanto": "optimum-quanto", "hqq": "hqq"}
BACKEND_MODULES: dict[Backend, str] = {"quanto": "optimum.quanto", "hqq": "hqq"}


@dataclass(frozen=True, kw_only=True)
class CacheSettings:
    """How keys and values are kept.

    Attributes:
        kind: `dynamic` grows with the text, `static` is allocated once at full length, `quantized` keeps few bits a
            number, `offloaded` and `offloaded_static` keep all layers but the one at work in host memory (CUDA only).
        bits: Bits of a number, for `quantized`: 2 or 4 with quanto; 1, 2, 3, 4 or 8 with hqq.
        backend: Package that quantises.
    """

    kind: CacheKind = "dynamic"
    bits: int = 4
    backend: Backend = "quanto"

    def __post_init__(self) -> None:
        """Check the choices.

        Raises:
            ConfigError: If one is not offered.
        """
        if self.kind not in CACHE_KINDS:
            raise ConfigError(f"cache kind {self.kind!r} is not one of {', '.join(CACHE_KINDS)}")
        offered = {"quanto": (2, 4), "hqq": (1, 2, 3, 4, 8)}
        if self.backend not in offered:
            raise ConfigError(f"cache backend {self.backend!r} is not one of {', '.join(offered)}")
        if self.bits not in offered[self.backend]:
            raise ConfigError(f"{self.backend} keeps {offered[self.backend]} bits, not {self.bits}")


def make_cache(config: PretrainedConfig, settings: CacheSettings, *, max_length: int) -> Cache:
    """Make an empty cache for a language model.

    Args:
        config: The language model's configuration.
        settings: How to keep keys and values.
        max_length: Positions of prompt and answer together; used where memory is allocated ahead.

    Raises:
        MissingDependencyError: If the package that quantises is not installed.
        ConfigError: If offloading is asked for without a CUDA device.
    """
    if settings.kind.startswith("offloaded") and not torch.cuda.is_available():
        raise ConfigError("an offloaded cache needs a CUDA device", hint="use cache kind 'dynamic' on this machine")
    if settings.kind == "quantized":
        if find_spec(BACKEND_MODULES[settings.backend].partition(".")[0]) is None:
            package = BACKEND_PACKAGES[settings.backend]
            raise MissingDependencyError(f"a quantised cache needs {package}", hint=f"pip install {package}")
        return QuantizedCache(backend=settings.backend, config=config, nbits=settings.bits)
    if settings.kind.endswith("static"):
        return StaticCache(config=config, max_cache_len=max_length, offloading=settings.kind == "offloaded_static")
    return DynamicCache(config=config, offloading=settings.kind == "offloaded")


@torch.no_grad()
def prefill(
    language_model: PreTrainedModel,
    embeddings: Float[Tensor, "B L D"],
    cache: Cache,
    *,
    chunk: int,
    attention_mask: Tensor | None = None,
) -> None:
    """Read all but the last position of embedded prompts into a cache, a chunk at a time.

    transformers' own chunked prefill reads ids only; this one reads embeddings. The last position is left to
    `generate`, which needs its logits. What the cache holds already is not read again.

    Args:
        language_model: The language model.
        embeddings: Whole prompts, padded on the left.
        cache: Filled in place.
        chunk: Positions to read at a time.
        attention_mask: True at real positions, [B, L]; needed only where prompts are padded.

    Raises:
        ConfigError: If the chunk is empty.
    """
    if chunk < 1:
        raise ConfigError(f"prefill_chunk={chunk} must be at least 1")
    positions = positions_of(attention_mask)
    end = embeddings.shape[1] - 1
    for start in range(int(cache.get_seq_length()), end, chunk):
        stop = min(start + chunk, end)
        language_model(
            inputs_embeds=embeddings[:, start:stop],
            attention_mask=None if attention_mask is None else attention_mask[:, :stop],
            position_ids=None if positions is None else positions[:, start:stop],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )


def positions_of(attention_mask: Tensor | None) -> Int[Tensor, "B L"] | None:
    """Count the positions of padded prompts from their first real token."""
    if attention_mask is None:
        return None
    return (attention_mask.long().cumsum(dim=-1) - 1).clamp(min=0)
