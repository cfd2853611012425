"""Answers questions about one film. The extractive answerer needs no model: its answer is the evidence itself."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Protocol, runtime_checkable

from movieqa.answer import Answer
from movieqa.cast_check import check_cast
from movieqa.errors import ConfigError, WorkspaceError
from movieqa.extractive import Evidence, Finding
from movieqa.identity import Cast
from movieqa.people_answers import answer_about_people
from movieqa.people_files import has_cast, load_cast
from movieqa.question import parse_question
from movieqa.workspace import Workspace

MAX_QUESTION = 10_000
"""Characters."""

NO_MODEL_NOTE = (
    "No language model is in use: the answer is quoted from the film itself. "
    "Name one with --model or MOVIEQA_MODEL: a folder made by `movieqa convert`."
)

_MAX_KEPT = 4  # indexes, one for every recent `until`


@runtime_checkable
class Answerer(Protocol):
    """What answers questions about one film."""

    name: str
    """What answers carry as their `answerer`."""

    def answer(self, question: str, *, until: float | None = None) -> Answer:
        """Answer a question, using nothing of the film at or after `until`, in seconds.

        Raises:
            ConfigError: The question is empty or too long, or `until` leaves nothing of the film.
        """
        ...

    def answer_many(self, questions: Sequence[str], *, until: float | None = None) -> list[Answer]:
        """Answer several questions, sharing what can be shared; errors are those of `answer`."""
        ...

    def stream(self, question: str, *, until: float | None = None) -> Generator[str, None, Answer]:
        """Answer a question, yielding the text in pieces as it comes; the generator returns the whole answer."""
        ...


def check_question(text: str) -> str:
    """Return a question without the space around it.

    Raises:
        ConfigError: It is empty or longer than `MAX_QUESTION` characters.
    """
    stripped = text.strip()
    if not stripped:
        raise ConfigError("the question is empty", hint="ask something, such as: Who takes the key?")
    if len(stripped) > MAX_QUESTION:
        raise ConfigError(
            f"the question has {len(stripped):,} characters, more than {MAX_QUESTION:,}", hint="ask a shorter one"
        )
    return stripped


class ExtractiveAnswerer:
    """Answers with the film's own lines and shots; needs no model.

    The index is built at the first question and serves all others.

    Args:
        workspace: The film.
        max_spans: The most moments an answer cites, 1 to 5.

    Raises:
        ConfigError: `max_spans` is out of range.

    Example:
        >>> answerer = ExtractiveAnswerer(Workspace.open("signs.movieqa"))  # doctest: +SKIP
        >>> print(answerer.answer("When is the word book signed?").text)  # doctest: +SKIP
        00:00:04.760-00:00:07.920 “[signs the word "book"]”
    """

    name = "extractive"

    def __init__(self, workspace: Workspace, *, max_spans: int = 5) -> None:
        if not 1 <= max_spans <= 5:
            raise ConfigError(f"max_spans must be 1 to 5, got {max_spans}")
        self.workspace = workspace
        self.max_spans = max_spans
        self._kept: dict[float | None, Evidence] = {}
        self._faults: list[str] = []

    def answer(self, question: str, *, until: float | None = None) -> Answer:
        """Answer a question, using nothing of the film at or after `until`, in seconds.

        Raises:
            ConfigError: The question is empty or too long, or `until` leaves nothing of the film.
            WorkspaceError: The workspace is damaged.
        """
        started = time.perf_counter()
        text = check_question(question)
        about_people = None if self._cast is None else answer_about_people(text, self._cast, until)
        if about_people is not None:
            return replace(about_people, seconds=time.perf_counter() - started)
        evidence = self._evidence(until)
        finding = evidence.find(parse_question(text, evidence.film.duration), max_spans=self.max_spans)
        absent: tuple[str, ...] = ()
        if self._cast is not None:  # a quoted line may speak of somebody who is elsewhere
            absent = check_cast(finding.text, self._cast, finding.spans, evidence.film.shots).notes
        return Answer(
            question=text,
            text=finding.text,
            answerer=self.name,
            spans=finding.spans,
            names=finding.names,
            until=until,
            notes=(*finding.notes, *absent, *self._faults, NO_MODEL_NOTE),
            seconds=time.perf_counter() - started,
        )

    def answer_many(self, questions: Sequence[str], *, until: float | None = None) -> list[Answer]:
        """Answer several questions over one index; errors are those of `answer`."""
        return [self.answer(question, until=until) for question in questions]

    def stream(self, question: str, *, until: float | None = None) -> Generator[str, None, Answer]:
        """Answer a question; the text comes in one piece. Errors are those of `answer`."""
        answer = self.answer(question, until=until)
        yield answer.text
        return answer

    def weigh(self, question: str, options: Sequence[str], *, until: float | None = None) -> tuple[Finding, ...]:
        """Find for every option the lines that speak most of it and the question together.

        Args:
            question: The question.
            options: What it may be answered with.
            until: Seconds; nothing at or after this time is used.

        Returns:
            One finding an option; the first span's score tells how much of the words it carries. Lines that share
            words are no proof, so scores only order the options.

        Raises:
            ConfigError: The question is empty or too long, or `until` leaves nothing of the film.
        """
        evidence = self._evidence(until)
        timed = parse_question(check_question(question), evidence.film.duration)
        return tuple(evidence.weigh(timed, option, max_spans=self.max_spans) for option in options)

    @cached_property
    def _cast(self) -> Cast | None:
        try:
            return load_cast(self.workspace) if has_cast(self.workspace) else None
        except WorkspaceError as error:  # the film was scanned anew: words can be searched all the same
            self._faults.append(f"Who is on screen was not used: {error}.")
            return None

    def _evidence(self, until: float | None) -> Evidence:
        evidence = self._kept.pop(until, None) or Evidence(self.workspace, until)
        self._kept[until] = evidence
        if len(self._kept) > _MAX_KEPT:
            self._kept.pop(next(iter(self._kept)))
        return evidence
