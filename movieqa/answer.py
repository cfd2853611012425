"""What a question gets back: a text, and the moments that prove it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from movieqa.times import format_time

Known = Literal["seen", "heard", "inferred", "not found"]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A moment of the film, the half-open interval `[start, end)` in seconds, and how it is known."""

    start: float
    end: float
    known: Known
    """`seen` in the picture, `heard` in the subtitles, `inferred` from both, or `not found` when a check failed."""
    score: float
    """How well the moment supports the answer, 0 to 1; comparable within one answer."""
    quote: str | None = None
    """The subtitle lines themselves, where the moment is heard."""
    speaker: str | None = None
    source: str | None = None
    """Where the quoted lines come from."""
    shot: int | None = None
    """Index of the shot at the span's start."""
    keyframe: str | None = None
    """The shot's picture, as a path inside the workspace."""

    def __post_init__(self) -> None:
        """Check the interval."""
        if not 0 <= self.start < self.end:
            raise ValueError(f"an interval needs 0 <= start < end, got {self.start=} {self.end=}")

    def __str__(self) -> str:
        """Write the span as `[00:00:04.760-00:00:07.920 heard "..."]`."""
        quote = ' "' + self.quote.replace("\n", " ") + '"' if self.quote else ""
        return f"[{format_time(self.start)}-{format_time(self.end)} {self.known}{quote}]"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What of the film and of the model's context an answer took."""

    frames_used: int
    frames_dropped: int
    """Sampled frames that did not fit into the context."""
    subtitles_used: int
    subtitles_dropped: int
    prompt_tokens: int
    answer_tokens: int
    limit: int
    """Tokens that prompt and answer may take together."""
    seconds: float
    """Wall time of the model: reading, or going on from what is cached, and writing."""

    def __str__(self) -> str:
        """Say it in one line.

        Example:
            >>> print(Usage(frames_used=9, frames_dropped=1, subtitles_used=3, subtitles_dropped=0,
            ...     prompt_tokens=80, answer_tokens=7, limit=100, seconds=0.5))
            9 of 10 frames, 3 of 3 subtitle lines; 80 + 7 of 100 tokens
        """
        return (
            f"{self.frames_used} of {self.frames_used + self.frames_dropped} frames, "
            f"{self.subtitles_used} of {self.subtitles_used + self.subtitles_dropped} subtitle lines; "
            f"{self.prompt_tokens} + {self.answer_tokens} of {self.limit} tokens"
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer with its evidence.

    Example:
        >>> answer = Answer(question="Who?", text="Nothing in the film supports an answer.", answerer="extractive")
        >>> answer.is_found
        False
    """

    question: str
    text: str
    answerer: str
    """What answered: `extractive`, or the model's name."""
    spans: tuple[Span, ...] = ()
    """Best first."""
    names: tuple[str, ...] = ()
    """Characters the answer names."""
    until: float | None = None
    """Nothing at or after this time, in seconds, was used or shown."""
    notes: tuple[str, ...] = ()
    """What the reader should know about how the answer came to be."""
    seconds: float = 0.0
    """Wall time it took."""
    usage: Usage | None = None
    """What a model read and what was left out; None where no model answered."""

    @property
    def is_found(self) -> bool:
        """Whether any moment supports the answer."""
        return any(span.known != "not found" for span in self.spans)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON types."""
        return {**asdict(self), "is_found": self.is_found}
