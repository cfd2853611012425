"""The prompts of one film: written anew for every question, or once for all of them with only the end to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from movieqa.cast_text import cast_levels, slot_levels
from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.identity import Cast
from movieqa.model.processor import MovieProcessor
from movieqa.person_slots import IDENTITY_MARK, SLOT_TEXTS, PersonSlots
from movieqa.prompt import (
    FRAME_MARK,
    FRAME_SLOT,
    Prompt,
    Turn,
    attach_subtitles,
    clean_text,
    subtitle_text,
    write_question,
)
from movieqa.shown import ShownFilm
from movieqa.workspace import Workspace

CastForm = Literal["words", "slots"]
CAST_FORMS: tuple[CastForm, ...] = ("words", "slots")

_PROBES = ("Who?", "1")  # what the prompts of two unlike questions have in common, all prompts have


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedPrompt:
    """The part of a prompt that is the same for every question about a film.

    Attributes:
        until: What of the film it holds.
        prompt: The prompt of an empty question.
        ids: Int64[P], with which every prompt begins.
        tail: What is said after the last frame; it is tokenised together with the question.
    """

    until: float | None
    prompt: Prompt
    ids: NDArray[np.int64]
    tail: str


class FilmPrompts:
    """Writes prompts about one film for one model.

    Args:
        workspace: The film.
        processor: The model's.
        answer_tokens: Room for the longest answer.
        limit: Tokens of prompt and answer; None for what the model was trained for.
        motion: Called only when frames must be left out; returns how much each frame moves, [T].
        cast: Who is on screen when. The prompts say nothing of people without it.
        cast_form: How people are told of: by their names in words, or by the slots of a model that has them.
        identity_tokens: With slots, tokens made of pictures that stand beside each person's slot before the film.
    """

    def __init__(
        self,
        workspace: Workspace,
        processor: MovieProcessor,
        *,
        answer_tokens: int,
        limit: int | None,
        motion: Callable[[], NDArray[np.float64]],
        cast: Cast | None = None,
        cast_form: CastForm = "words",
        identity_tokens: int = 0,
    ) -> None:
        self._workspace = workspace
        self._processor = processor
        self._answer_tokens = answer_tokens
        self._limit = limit
        self._motion = motion
        self.cast = cast
        self._cast_form = cast_form
        self._identity_tokens = identity_tokens
        self._slots: tuple[float | None, PersonSlots] | None = None
        specials = (str(token) for token in processor.tokenizer.all_special_tokens)
        self._forbidden = (*specials, IDENTITY_MARK, *SLOT_TEXTS)

    def clean(self, text: str) -> str:
        """Take out of a text what would mean something else in a prompt."""
        return clean_text(text, forbidden=self._forbidden)

    def write(
        self, question: str, *, until: float | None, guidance: str | None = None, spare_tokens: int = 0
    ) -> Prompt:
        """Write the film and a question.

        Args:
            question: The question.
            until: Seconds; nothing at or after this time is in the prompt.
            guidance: Text that guides the context tokens; the question by default.
            spare_tokens: Room kept free besides the answer's.

        Raises:
            ConfigError: `until` leaves no frame of the film.
            ContextOverflowError: Not even the question and one frame a shot fit.
        """
        shown = ShownFilm.of(self._workspace, until)
        times = self._workspace.frames.times
        times = times[times < shown.duration]
        if not len(times):
            raise ConfigError("no sampled frame was shown by then", hint="give a later time with until")
        slots = self.slots(until)
        if slots is not None:
            levels = slot_levels(slots, shown.shots, until=until, identity_tokens=self._identity_tokens)
        else:
            levels = () if self.cast is None else cast_levels(self.cast, shown.shots, until=until)
        asked = self._named(question, slots)

        def write(motion: NDArray[np.float64] | None) -> Prompt:
            return self._processor.film_prompt(
                asked,
                frame_times=times,
                subtitles=shown.lines,
                shots=shown.shots,
                cast_levels=levels,
                motion=motion,
                answer_tokens=self._answer_tokens + spare_tokens,
                limit=self._limit,
                guidance=self.clean(question) if guidance is None else guidance,
            )

        prompt = write(None)
        return write(self._motion()[: len(times)]) if prompt.budget.dropped_frames else prompt

    def share(self, *, until: float | None, guidance: str, question_tokens: int) -> SharedPrompt:
        """Write the part that all questions share.

        Args:
            until: Seconds; nothing at or after this time is in the prompt.
            guidance: Text that guides the context tokens.
            question_tokens: Room kept free for the longest question.

        Raises:
            ConfigError: `until` leaves no frame of the film.
            ContextOverflowError: Not even one frame a shot fits.
        """
        prompt = self.write("", until=until, guidance=guidance, spare_tokens=question_tokens)
        tail = self._tail(prompt, until)
        one, other = (self._ids(prompt, tail, question) for question in _PROBES)
        return SharedPrompt(until=until, prompt=prompt, ids=one[: count_shared(one, other)], tail=tail)

    def finish(self, shared: SharedPrompt, question: str) -> Prompt:
        """Write a question's prompt; only what follows the last frame is tokenised.

        Raises:
            ContextOverflowError: The question is longer than the room kept for it.
        """
        ids = self._ids(shared.prompt, shared.tail, self._named(question, self.slots(shared.until)))
        if len(ids) + self._answer_tokens > shared.prompt.budget.limit:
            raise ContextOverflowError(
                f"the question takes {len(ids) - len(shared.ids)} tokens, more than are kept free after the film",
                hint='ask a shorter one, raise question_tokens, or use guidance="question"',
            )
        return Prompt(
            input_ids=ids,
            frame_slots=shared.prompt.frame_slots,
            guidance=shared.prompt.guidance,
            budget=shared.prompt.budget,
            people=shared.prompt.people,
        )

    def slots(self, until: float | None) -> PersonSlots | None:
        """Return who has which slot of the model, knowing the film up to `until` seconds; None where names are told."""
        if self.cast is None or self._cast_form == "words":
            return None
        if self._slots is None or self._slots[0] != until or self._slots[1].cast is not self.cast:
            self._slots = (until, PersonSlots.of(self.cast, until))
        return self._slots[1]

    def _named(self, question: str, slots: PersonSlots | None) -> str:
        """Write a question as the model reads it; with slots what they are called stands before it."""
        if slots is None:
            return question
        return f"{slots.names(self.clean)} {slots.ask(question)}".strip()

    def _ids(self, prompt: Prompt, tail: str, question: str) -> NDArray[np.int64]:
        turn = Turn(role="user", text=write_question(FRAME_MARK + tail, question))
        ids = self._processor.encode([turn]).input_ids
        end = ids[int(np.flatnonzero(ids == FRAME_SLOT)[-1]) + 1 :]
        return np.concatenate([prompt.input_ids[: int(prompt.frame_slots[-1, -1]) + 1], end])

    def _tail(self, prompt: Prompt, until: float | None) -> str:
        lines = ShownFilm.of(self._workspace, until).lines
        used = [lines[index] for index in prompt.budget.subtitles]
        times = self._workspace.frames.times[list(prompt.budget.frames)]
        last = [
            line for line, frame in zip(used, attach_subtitles(times, used), strict=True) if frame == len(times) - 1
        ]
        return " ".join(subtitle_text(line, forbidden=self._forbidden) for line in last)


def count_shared(one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    """Return how many ids two prompts begin with alike."""
    length = min(len(one), len(other))
    different = np.flatnonzero(one[:length] != other[:length])
    return int(different[0]) if len(different) else length
