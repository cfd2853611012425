"""What a film will take with a model, before anything is loaded or computed: tokens, memory, disk, time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.features import bytes_per_frame
from movieqa.model.config import MovieConfig
from movieqa.model.memory import MemoryEstimate
from movieqa.model.processor import MovieProcessor
from movieqa.plan_contents import FilmLength, read_contents
from movieqa.plan_fit import (
    CardFit,
    PlanSettings,
    Request,
    fit_card,
    longer_context,
    longest,
    smaller,
    write_gigabytes,
)
from movieqa.speed import Speed, Work, work_of
from movieqa.times import format_time
from movieqa.workspace import Workspace

__all__ = ["CardFit", "Plan", "PlanSettings", "plan_film", "render_plan"]

_CARDS = (24, 80)  # GB, usual sizes


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
        cards: How it fits on usual cards.
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
    cards: tuple[CardFit, ...] = ()

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
    request = Request(name=name, config=config, settings=settings, limit=settings.limit or config.max_context)
    problem, alternatives, contents = None, list[str](), asked
    try:
        budget = request.fit(asked)
    except ContextOverflowError as error:
        problem, contents, budget = error.message, *longest(asked, request)
        alternatives = [f"the film until {format_time(contents.duration)} would fit", *longer_context(asked, request)]
    memory = request.memory(budget.used)
    if problem is None and available is not None and memory.total > available:
        problem = (
            f"{name} with {budget.prompt_tokens:,} tokens of film takes {write_gigabytes(memory.total)} of memory, "
            f"and {write_gigabytes(available)} are free"
        )
        alternatives = list(smaller(asked, request, budget, available))
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
        cards=tuple(fit_card(request, budget.used, size * 10**9) for size in _CARDS),
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
        f"memory    {plan.memory}"
        + (f"; {write_gigabytes(plan.available)} free" if plan.available is not None else ""),
        *(f"          {_tell_card(fit)}" for fit in plan.cards),
        f"disk      {write_gigabytes(plan.disk)} of features",
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


def _tell_card(fit: CardFit) -> str:
    card = f"a card of {fit.card // 10**9} GB"
    if fit.way is None:
        return f"{card}: too small"
    return f"{card}: {write_gigabytes(fit.memory)}" + (f" with {fit.way}" if fit.way else ", as it is")


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2g} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
