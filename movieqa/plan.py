"""What a film will take with a model, before anything is loaded or computed: tokens, memory, disk, time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch

from movieqa.budget import ContextBudget
from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.features import FeatureKind, bytes_per_frame
from movieqa.model.cache import CacheSettings
from movieqa.model.config import MovieConfig
from movieqa.model.loading import Quantisation
from movieqa.model.memory import MemoryEstimate, estimate_memory
from movieqa.model.processor import MovieProcessor
from movieqa.plan_contents import Contents, FilmLength, read_contents
from movieqa.speed import Speed, Work, work_of
from movieqa.times import format_time
from movieqa.workspace import Workspace

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
class Plan:
    """What a film takes with a model.

    Attributes:
        model: The model's name.
        duration: Seconds of film.
        num_frames: Sampled frames.
        frames_used: Frames in the context.
        num_subtitles: Subtitle lines; 0 where they are only estimated.
        subtitles_used: Lines in the context.
        prompt_tokens: Tokens of the prompt.
        answer_tokens: Room for the answer.
        limit: Tokens of prompt and answer that the model takes.
        is_counted: Whether the words were counted by the model's tokenizer; else they are estimated.
        disk: Bytes of the stored features.
        memory: Bytes on the device.
        available: Bytes that the device has; None where that is not known.
        work: Operations and bytes.
        speed: What the times rest on; None for no times.
        problem: Why it cannot be done; None if it can.
        alternatives: What would fit instead.
    """

    model: str
    duration: float
    num_frames: int
    frames_used: int
    num_subtitles: int
    subtitles_used: int
    prompt_tokens: int
    answer_tokens: int
    limit: int
    is_counted: bool
    disk: int
    memory: MemoryEstimate
    available: int | None
    work: Work
    speed: Speed | None = None
    problem: str | None = None
    alternatives: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises:
            ConfigError: It does not fit; the message says what would.
        """
        if self.problem is not None:
            raise ConfigError(self.problem, hint="; or ".join(self.alternatives) or "use a larger machine")

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON types."""
        seconds = None if self.speed is None else asdict(self.speed.times(self.work))
        return {**asdict(self), "memory": {**asdict(self.memory), "total": self.memory.total}, "seconds": seconds}


def plan_film(
    config: MovieConfig,
    film: Workspace | FilmLength,
    settings: PlanSettings | None = None,
    *,
    name: str = "model",
    processor: MovieProcessor | None = None,
    available: int | None = None,
    speed: Speed | None = None,
) -> Plan:
    """Work out what a film takes with a model, from configurations alone.

    Args:
        config: The model's configuration; its weights are not needed.
        film: A workspace, or the length of a film that is not there yet.
        settings: How the film is to be read.
        name: The model's name, for the table.
        processor: Counts words exactly; without it they are estimated.
        available: Bytes of memory the device has; see `movieqa.speed.available_memory`.
        speed: Of the device, for times; see `movieqa.speed.measure_speed`.

    Raises:
        ContextOverflowError: The model's context has no room for a question, the answer and one frame.
        ConfigError: Nothing of the film is left.

    Example:
        >>> from movieqa.model.config import llama_vid_7b
        >>> plan = plan_film(llama_vid_7b(is_long=True), FilmLength(duration=7200), available=80 * 10**9)
        >>> plan.frames_used, plan.prompt_tokens, plan.problem
        (7200, 28946, None)
    """
    settings = settings or PlanSettings()
    asked = read_contents(film, processor, until=settings.until, max_frames=settings.max_frames)
    request = _Request(name=name, config=config, settings=settings, limit=settings.limit or config.max_context)
    problem, alternatives, contents = None, list[str](), asked
    try:
        budget = request.fit(asked)
    except ContextOverflowError as error:
        problem, contents, budget = error.message, *_longest(asked, request)
        alternatives = [f"the film until {format_time(contents.duration)} would fit", *_longer_context(asked, request)]
    memory = request.memory(budget.used)
    if problem is None and available is not None and memory.total > available:
        problem = (
            f"{name} with {budget.prompt_tokens:,} tokens of film takes {_gigabytes(memory.total)} of memory, "
            f"and {_gigabytes(available)} are free"
        )
        alternatives = list(_smaller(asked, request, budget, available))
    return Plan(
        model=name,
        duration=asked.duration,
        num_frames=len(asked.times),
        frames_used=len(budget.frames),
        num_subtitles=len(asked.subtitle_tokens) if asked.has_lines else 0,
        subtitles_used=len(budget.subtitles) if asked.has_lines else 0,
        prompt_tokens=budget.prompt_tokens,
        answer_tokens=settings.answer_tokens,
        limit=request.limit,
        is_counted=asked.has_lines and processor is not None,
        disk=len(asked.times) * bytes_per_frame(settings.features, 1 + config.num_patches, config.vision.hidden_size),
        memory=memory,
        available=available,
        work=work_of(
            config,
            num_frames=len(asked.times),
            frames_used=len(budget.frames),
            prompt_tokens=budget.prompt_tokens,
            weight_bytes=memory.weights,
            cache_bytes=memory.cache,
        ),
        speed=speed,
        problem=problem,
        alternatives=tuple(alternatives),
    )


def render_plan(plan: Plan) -> str:
    """Write a plan for people."""
    words = "" if plan.is_counted else "  (words estimated)"
    said = (
        f"{plan.subtitles_used:,} of {plan.num_subtitles:,} subtitle lines" if plan.num_subtitles else "no lines known"
    )
    lines = [
        f"film      {format_time(plan.duration)}, {plan.num_frames:,} frames",
        f"context   {plan.prompt_tokens:,} + {plan.answer_tokens:,} of {plan.limit:,} tokens{words}",
        f"          {plan.frames_used:,} of {plan.num_frames:,} frames, {said}",
        f"memory    {plan.memory}" + (f"; {_gigabytes(plan.available)} free" if plan.available is not None else ""),
        f"disk      {_gigabytes(plan.disk)} of features",
    ]
    if plan.frames_used < plan.num_frames:
        fps = plan.frames_used / plan.duration
        lines.append(f"          all frames would fit at {fps:.3g} frames a second")
    if plan.speed is not None:
        times = plan.speed.times(plan.work)
        lines += [
            f"time      estimate, right within a factor of two or three: {plan.speed.source}",
            f"          {_duration(times.features)} for the features, once",
            f"          {_duration(times.first_token)} to the first word of an answer, "
            f"then {times.tokens_per_second:.3g} tokens a second",
            f'          {_duration(times.next_first_token)} to the first word of further answers with guidance="film"',
        ]
    if plan.problem is not None:
        lines.append(f"refused   {plan.problem}")
        lines += [f"instead   {alternative}" for alternative in plan.alternatives]
    return "\n".join(lines)


# --- what would fit ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Request:
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


def _longest(contents: Contents, request: _Request) -> tuple[Contents, ContextBudget]:
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


def _longer_context(contents: Contents, request: _Request) -> Iterator[str]:
    """Yield the context that the whole film needs."""
    need = contents.fewest_tokens(request.config.num_tokens_per_frame) + request.settings.answer_tokens
    yield f"a model with a context of {need:,} tokens would do"


def _smaller(contents: Contents, request: _Request, budget: ContextBudget, available: int) -> Iterator[str]:
    """Yield what would fit into memory, what changes least first."""
    others: list[tuple[str, Quantisation | None, int | None, int | None]] = [
        (f"reading it in pieces of {_SMALL_CHUNK:,} tokens", None, None, _SMALL_CHUNK),
        ("a cache of 4 bits", None, 4, None),
        ("weights of 8 bits", "8bit", None, None),
        ("weights of 4 bits", "4bit", None, None),
        ("weights and a cache of 4 bits", "4bit", 4, None),
        (f"weights and a cache of 4 bits, read in pieces of {_SMALL_CHUNK:,} tokens", "4bit", 4, _SMALL_CHUNK),
    ]
    for words, quantisation, cache_bits, chunk in others:
        total = request.memory(budget.used, quantisation=quantisation, cache_bits=cache_bits, chunk=chunk).total
        if total <= available:
            yield f"{words} would take {_gigabytes(total)}"
            break
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


def _most_tokens(request: _Request, most: int, available: int) -> int | None:
    """Return the largest limit that memory allows; None where the weights alone are too large."""
    low, high = 0, most // _STEP
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if request.memory(middle * _STEP).total <= available else (low, middle - 1)
    return low * _STEP or None


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2g} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
