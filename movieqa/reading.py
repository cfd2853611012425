"""A film being read for questions: what they share, what is answered together, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movieqa.answer import Usage
from movieqa.decoding import Suffixes
from movieqa.film_prompts import SharedPrompt
from movieqa.prefix import Prefix
from movieqa.prompt import Prompt

OnText = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reply:
    """What the model wrote, and where in the film it looked while writing.

    Attributes:
        question: The question.
        text: The answer.
        token_ids: Its tokens; where the model writes slots for people, `text` has the names they had then.
        is_complete: Whether the model ended it itself.
        frames: Indices of the frames that were in the context.
        attention: Float64[F], the share of the answer's attention that went to each of them; the rest went to words.
        usage: What was used and dropped.
    """

    question: str
    text: str
    token_ids: tuple[int, ...]
    is_complete: bool
    frames: tuple[int, ...]
    attention: NDArray[np.float64]
    usage: Usage


@dataclass(kw_only=True, eq=False)
class OpenFilm:
    """What all questions share, and its keys and values once they are read."""

    shared: SharedPrompt
    prefix: Prefix | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Questions answered together, their prompts, and how the film is read for them."""

    questions: list[str]
    prompts: list[Prompt]
    start: Callable[[], tuple[Prefix, Suffixes]]
    until: float | None


def drain(pieces: Generator[str, None, list[Reply]], on_text: OnText | None) -> list[Reply]:
    """Read all pieces of an answer and return what the generator returns; `on_text` hears each."""
    while True:
        try:
            piece = next(pieces)
        except StopIteration as done:
            replies: list[Reply] = done.value
            return replies
        if on_text is not None:
            on_text(piece)
