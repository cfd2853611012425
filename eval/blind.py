"""Answers without seeing the film: what a model knows of films in general, or reads off the subtitles alone.

A model that is as good blind as seeing has not used the pictures; the difference is what the pictures are worth.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from movieqa.answer import Answer, Usage
from movieqa.engine import check_question
from movieqa.errors import ContextOverflowError
from movieqa.loaded import LoadedModel
from movieqa.model.shortage import explain_memory
from movieqa.prompt import Turn, clean_text
from movieqa.shown import ShownFilm
from movieqa.workspace import Workspace

Blind = Literal["text", "subtitles"]
"""Nothing but the question, or the subtitles too."""
BLIND: tuple[Blind, ...] = ("text", "subtitles")


class BlindAnswerer:
    """Asks a language model about a film that it does not see; greedily, so that the same question has one answer.

    Args:
        loaded: The model; its vision tower is not used.
        workspace: The film whose subtitles are read; None for the question alone.
        answer_tokens: The longest answer.

    Example:
        >>> answerer = BlindAnswerer(open_model("llama-vid-7b-film"))  # doctest: +SKIP
        >>> answerer.answer("Who gives Mara the key?").text  # doctest: +SKIP
        'Her father.'
    """

    def __init__(self, loaded: LoadedModel, workspace: Workspace | None = None, *, answer_tokens: int = 512) -> None:
        self.name = loaded.name
        self._loaded = loaded
        self._workspace = workspace
        self._answer_tokens = answer_tokens

    def answer(self, question: str, *, until: float | None = None) -> Answer:
        """Answer a question, using no line at or after `until`, in seconds.

        Raises:
            ConfigError: The question is empty or too long, `until` leaves nothing of the film, or memory is not enough.
            ContextOverflowError: The question does not fit into the model's context.
        """
        started = time.perf_counter()
        text = check_question(question)
        ids, num_used, num_dropped = self._write(text, until)
        limit = self._loaded.processor.config.max_context
        model = self._loaded.model.language_model
        prompt = torch.from_numpy(ids)[None].to(self._loaded.model.device)
        with torch.inference_mode(), explain_memory("reading the prompt"):
            written = model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=self._answer_tokens,
                do_sample=False,
                eos_token_id=self._loaded.processor.tokenizer.eos_token_id,
                pad_token_id=self._loaded.processor.tokenizer.eos_token_id,
            )[0, len(ids) :]
        seconds = time.perf_counter() - started
        usage = Usage(
            frames_used=0,
            frames_dropped=0,
            subtitles_used=num_used,
            subtitles_dropped=num_dropped,
            prompt_tokens=len(ids),
            answer_tokens=len(written),
            limit=limit,
            seconds=seconds,
        )
        return Answer(
            question=text,
            text=self._loaded.processor.decode(written.cpu()),
            answerer=self.name,
            until=until,
            notes=("The film was not seen.",),
            seconds=seconds,
            usage=usage,
        )

    def answer_many(self, questions: Sequence[str], *, until: float | None = None) -> list[Answer]:
        """Answer several questions; errors are those of `answer`."""
        return [self.answer(question, until=until) for question in questions]

    def stream(self, question: str, *, until: float | None = None) -> Generator[str, None, Answer]:
        """Answer a question; the text comes in one piece. Errors are those of `answer`."""
        answer = self.answer(question, until=until)
        yield answer.text
        return answer

    def _write(self, question: str, until: float | None) -> tuple[NDArray[np.int64], int, int]:
        """Write the prompt; return its ids and how many subtitle lines are in it and were left out."""
        processor = self._loaded.processor
        if self._workspace is not None:
            lines = ShownFilm.of(self._workspace, until).lines
            prompt = processor.film_prompt(
                question, frame_times=np.empty(0), subtitles=lines, answer_tokens=self._answer_tokens
            )
            return prompt.input_ids, len(prompt.budget.subtitles), len(prompt.budget.dropped_subtitles)
        forbidden = tuple(str(token) for token in processor.tokenizer.all_special_tokens)
        ids = processor.encode([Turn(role="user", text=clean_text(question, forbidden=forbidden))]).input_ids
        limit = processor.config.max_context
        if len(ids) + self._answer_tokens > limit:
            raise ContextOverflowError(f"the question takes {len(ids)} of {limit} tokens", hint="ask a shorter one")
        return ids, 0, 0
