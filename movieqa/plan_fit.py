"""What of a film fits, and what would fit instead: into a model's context, and into a device's memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch

from movieqa.budget import ContextBudget
from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.features import FeatureKind
from movieqa.model.cache import CacheSettings
from movieqa.model.config import MovieConfig
from movieqa.model.loading import Quantisation
from movieqa.model.memory import MemoryEstimate, estimate_memory
from movieqa.plan_contents import Contents
from movieqa.times import format_time

_WEIGHT_BITS: dict[Quantisation, int] = {"none": 16, "8bit": 8, "4bit": 4}
_CHUNK = 4096
_SMALL_CHUNK = 1024
_STEP = 256  # tokens, to which a limit is worked out
_LEAST_SHARE = 0.1  # of the frames; fewer are not worth offering


@dataclass(frozen=True, kw_only=True)
class PlanSettings:
    """How the film is to be read.

    Attributes:
        max_frames: The most frames in the context; None for as many as fit.
        answer_tokens: Room for the longest answer.
        limit: Tokens of prompt and answer; by default what the model was trained for.
        quantisation: Of the language model's weights.
        cache: How keys and values are kept.
        prefill_chunk: Positions read at a time; by default 4,096.
        features: How features are stored.
        precision: Of the numbers that are not quantised; `auto` takes them as the model's weights are stored.
        until: Only this much of the film, in seconds.
    """

    max_frames: int | None = None
    answer_tokens: int = 512
    limit: int | None = None
    quantisation: Quantisation = "none"
    cache: CacheSettings = field(default_factory=CacheSettings)
    prefill_chunk: int | None = None
    features: FeatureKind = "float16"
    precision: Literal["auto", "float16", "bfloat16", "float32"] = "auto"
    until: float | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: One cannot work.
        """
        if self.quantisation not in _WEIGHT_BITS:
            raise ConfigError(f"quantisation {self.quantisation!r} is not one of {', '.join(_WEIGHT_BITS)}")
        if min(self.answer_tokens, self.max_frames or 1, self.limit or 1, self.prefill_chunk or 1) < 1:
            raise ConfigError("max_frames, answer_tokens, limit and prefill_chunk must be at least 1")
        if self.until is not None and self.until <= 0:
            raise ConfigError(f"until must be later than the film's first moment, got {self.until}")


@dataclass(frozen=True, kw_only=True)
class CardFit:
    """How a film fits on a usual card, changed as little as possible.

    Attributes:
        card: Bytes of the card.
        way: What has to be changed; empty if nothing, None if nothing that is offered is enough.
        memory: Bytes it then takes.
    """

    card: int
    way: str | None
    memory: int


@dataclass(frozen=True, kw_only=True)
class Request:
    """A model and how it is to be used."""

    name: str
    config: MovieConfig
    settings: PlanSettings
    limit: int

    def fit(self, contents: Contents, *, limit: int | None = None) -> ContextBudget:
        """Decide what goes into the context."""
        return contents.fit(
            limit=min(limit or self.limit, self.limit),
            answer_tokens=self.settings.answer_tokens,
            tokens_per_frame=self.config.num_tokens_per_frame,
        )

    def memory(
        self,
        num_tokens: int,
        *,
        quantisation: Quantisation | None = None,
        cache_bits: int | None = None,
        chunk: int | None = None,
    ) -> MemoryEstimate:
        """Estimate the memory, as it is asked for or otherwise."""
        settings = self.settings
        asked_bits = settings.cache.bits if settings.cache.kind == "quantized" else 16
        estimate = estimate_memory(
            self.config,
            num_tokens=num_tokens,
            weight_bits=_WEIGHT_BITS[quantisation or settings.quantisation],
            cache_bits=cache_bits or asked_bits,
            prefill_chunk=chunk or settings.prefill_chunk or _CHUNK,
        )
        precision = settings.precision
        if precision == "auto" and self.config.dtype == torch.float32:
            precision = "float32"
        factor = 2 if precision == "float32" else 1
        share = 1.0
        if settings.cache.kind.startswith("offloaded"):  # the layer at work and the next one are on the device
            share = min(1.0, 2 / int(self.config.language.num_hidden_layers))
        return MemoryEstimate(
            weights=estimate.weights * factor,
            cache=int(estimate.cache * factor * share),
            working=estimate.working * factor,
        )


def longest(contents: Contents, request: Request) -> tuple[Contents, ContextBudget]:
    """Return the longest beginning of the film that fits into the context, and its budget."""
    for time in reversed(contents.ends()):
        part = contents.until(time)
        try:
            return part, request.fit(part)
        except ContextOverflowError:
            continue
    raise ContextOverflowError(
        f"a context of {request.limit:,} tokens has no room for a question and one frame of film",
        hint="allow a shorter answer, or take a model with a longer context",
    )


def longer_context(contents: Contents, request: Request) -> Iterator[str]:
    """Yield the context that the whole film needs."""
    need = contents.fewest_tokens(request.config.num_tokens_per_frame) + request.settings.answer_tokens
    yield f"a model with a context of {need:,} tokens would do"


def smaller(contents: Contents, request: Request, budget: ContextBudget, available: int) -> Iterator[str]:
    """Yield what would fit into memory, what changes least first."""
    if fitting := _least_change(request, budget.used, available):
        yield f"{fitting[0]} would take {write_gigabytes(fitting[1])}"
    limit = _most_tokens(request, budget.used, available)
    if limit is None:
        return
    try:
        num_frames = len(request.fit(contents, limit=limit).frames)
    except ContextOverflowError:
        num_frames = 0  # only a part of the film is left to offer
    if num_frames >= _LEAST_SHARE * len(contents.times):
        fps = num_frames / contents.duration
        yield f"{num_frames:,} frames ({fps:.3g} a second) with a limit of {limit:,} tokens would fit"
    ends = contents.ends()
    count = bisect_right(ends, limit, key=lambda time: request.fit(contents.until(time)).used)
    if count:
        yield f"all frames until {format_time(ends[count - 1])} would fit"


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A way to take less memory."""

    words: str
    quantisation: Quantisation | None = None
    cache_bits: int | None = None
    chunk: int | None = None


_WAYS = (  # what changes answers least first
    _Way(words=f"reading it in pieces of {_SMALL_CHUNK:,} tokens", chunk=_SMALL_CHUNK),
    _Way(words="a cache of 4 bits", cache_bits=4),
    _Way(words="weights of 8 bits", quantisation="8bit"),
    _Way(words="weights of 4 bits", quantisation="4bit"),
    _Way(words="weights and a cache of 4 bits", quantisation="4bit", cache_bits=4),
    _Way(
        words=f"weights and a cache of 4 bits, read in pieces of {_SMALL_CHUNK:,} tokens",
        quantisation="4bit",
        cache_bits=4,
        chunk=_SMALL_CHUNK,
    ),
)


def _least_change(request: Request, num_tokens: int, available: int) -> tuple[str, int] | None:
    """Return the first way that fits, and the bytes it takes."""
    for way in _WAYS:
        total = request.memory(
            num_tokens, quantisation=way.quantisation, cache_bits=way.cache_bits, chunk=way.chunk
        ).total
        if total <= available:
            return way.words, total
    return None


def fit_card(request: Request, num_tokens: int, card: int) -> CardFit:
    """Say how a prompt of so many tokens fits on a card of so many bytes."""
    total = request.memory(num_tokens).total
    if total <= card:
        return CardFit(card=card, way="", memory=total)
    words, memory = _least_change(request, num_tokens, card) or (None, total)
    return CardFit(card=card, way=words, memory=memory)


def _most_tokens(request: Request, most: int, available: int) -> int | None:
    """Return the largest limit that memory allows; None where the weights alone are too large."""
    low, high = 0, most // _STEP
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if request.memory(middle * _STEP).total <= available else (low, middle - 1)
    return low * _STEP or None


def write_gigabytes(num_bytes: int) -> str:
    """Write bytes for people.

    Example:
        >>> write_gigabytes(5_210_000_000)
        '5.2 GB'
    """
    return f"{num_bytes / 1e9:.1f} GB"
