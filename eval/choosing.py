"""Chooses among options without a model: the option whose words the film's lines carry best, as a baseline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from movieqa.answer import Answer
from movieqa.engine import ExtractiveAnswerer

from .jobs import Question
from .sample import LETTERS, Sample

NO_CHOICE = "The lines of the film speak for no option more than for the others."


@dataclass(frozen=True, kw_only=True)
class EvidenceDesk:
    """Answers with a film's own evidence, and chooses where a question has options.

    It reads no picture and understands nothing: an option is chosen for the words that it and the question share with
    neighbouring lines. Where two options share as much, none is chosen.
    """

    answerer: ExtractiveAnswerer

    def ask(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer questions, in their order; errors are those of the answerer."""
        return [
            choose(self.answerer, question.sample, until=question.until)
            if question.sample.task == "choice"
            else self.answerer.answer(question.sample.question, until=question.until)
            for question in batch
        ]


def choose(answerer: ExtractiveAnswerer, sample: Sample, *, until: float | None = None) -> Answer:
    """Choose the option that most of the film's lines' words speak for.

    Args:
        answerer: What finds the lines.
        sample: A question with options.
        until: Seconds; nothing at or after this time is used.

    Returns:
        The option with its letter and the lines that speak for it. Where the best are equal the text is empty, as any
        word of a sentence could be an option, and a note says why.

    Raises:
        ConfigError: The question is empty or too long, or `until` leaves nothing of the film.

    Example:
        >>> sample = Sample(id="7", film="signs.mp4", question="Which word?", task="choice", options=("book", "door"))
        >>> choose(ExtractiveAnswerer(Workspace.open("signs.movieqa")), sample).text  # doctest: +SKIP
        'A. book'
    """
    started = time.perf_counter()
    findings = answerer.weigh(sample.question, sample.options, until=until)
    scores = [finding.spans[0].score if finding.spans else 0.0 for finding in findings]
    best = max(scores)
    is_clear = best > 0 and scores.count(best) == 1
    chosen = findings[scores.index(best)]
    return Answer(
        question=sample.question,
        text=f"{LETTERS[scores.index(best)]}. {chosen.text}" if is_clear else "",
        answerer=answerer.name,
        spans=chosen.spans if is_clear else (),
        names=chosen.names if is_clear else (),
        notes=() if is_clear else (NO_CHOICE,),
        until=until,
        seconds=time.perf_counter() - started,
    )
