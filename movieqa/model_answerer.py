"""Answers with a model: what it writes, and the moments of the film that bear it out."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import replace

from movieqa.answer import Answer
from movieqa.cast_check import check_cast
from movieqa.engine import ExtractiveAnswerer, check_question
from movieqa.moments import attended_moments, named_times
from movieqa.people_answers import answer_about_people
from movieqa.reading import Reply
from movieqa.session import FilmSession
from movieqa.shown import ShownFilm
from movieqa.spans import merge_moments, named_characters


class ModelAnswerer:
    """Asks a film session, and ties what it writes to moments of the film.

    What is asked of who is on screen when, the film's cast knows exactly: there the model is not asked.

    Args:
        session: A film and a model.
        max_spans: The most moments an answer cites, 1 to 5.

    Raises:
        ConfigError: `max_spans` is out of range.

    Example:
        >>> answerer = ModelAnswerer(FilmSession(workspace, open_model("llama-vid-7b-film")))  # doctest: +SKIP
        >>> print(answerer.answer("Who gives Mara the key?").text)  # doctest: +SKIP
        Otto gives Mara the key in the boathouse.
    """

    def __init__(self, session: FilmSession, *, max_spans: int = 5) -> None:
        self.session = session
        self.name = session.loaded.name
        self.max_spans = max_spans
        self._retriever = ExtractiveAnswerer(session.workspace, max_spans=max_spans)

    def answer(self, question: str, *, until: float | None = None) -> Answer:
        """Answer a question, using nothing of the film at or after `until`, in seconds.

        Raises:
            ConfigError: The question is empty or too long, `until` leaves nothing of the film, or memory is not enough.
            ContextOverflowError: The question and the least of the film do not fit into the model's context.
            WorkspaceError: The workspace is damaged.
        """
        started = time.perf_counter()
        text = check_question(question)
        if (answer := self._remember(text, until)) is not None:
            return answer
        return self._explain(text, self.session.ask(text, until=until), until, started)

    def answer_many(self, questions: Sequence[str], *, until: float | None = None) -> list[Answer]:
        """Answer several questions, together where the session's guidance allows it; errors are those of `answer`."""
        started = time.perf_counter()
        texts = [check_question(question) for question in questions]
        answers = [self._remember(text, until) for text in texts]
        asked = [text for text, answer in zip(texts, answers, strict=True) if answer is None]
        replies = iter(self.session.ask_many(asked, until=until) if asked else ())
        return [
            self._explain(text, next(replies), until, started) if answer is None else answer
            for text, answer in zip(texts, answers, strict=True)
        ]

    def stream(self, question: str, *, until: float | None = None) -> Generator[str, None, Answer]:
        """Answer a question, yielding the text in pieces; the generator returns the answer. Errors are as above.

        Example:
            >>> for piece in answerer.stream("Who runs?"):  # doctest: +SKIP
            ...     print(piece, end="", flush=True)
        """
        started = time.perf_counter()
        text = check_question(question)
        if (answer := self._remember(text, until)) is not None:
            yield answer.text
            return answer
        reply = yield from self.session.stream(text, until=until)
        return self._explain(text, reply, until, started)

    def _remember(self, question: str, until: float | None) -> Answer | None:
        """Answer from the cast what is asked of who is on screen."""
        started = time.perf_counter()
        cast = self.session.cast
        answer = None if cast is None else answer_about_people(question, cast, until)
        return None if answer is None else replace(answer, seconds=time.perf_counter() - started)

    def _explain(self, question: str, reply: Reply, until: float | None, started: float) -> Answer:
        workspace = self.session.workspace
        film = ShownFilm.of(workspace, until)
        evidence = merge_moments(
            reply.text,
            film=film,
            retrieved=self._retriever.answer(question, until=until).spans,
            attended=attended_moments(
                reply.attention, workspace.frames.times[list(reply.frames)], film.shots, duration=film.duration
            ),
            named=named_times(reply.text),
            keyframe=workspace.keyframe,
            max_spans=self.max_spans,
        )
        names = named_characters(reply.text, film.lines)
        cast_notes: tuple[str, ...] = ()
        if (cast := self.session.cast) is not None:
            checked = check_cast(reply.text, cast, evidence.spans, film.shots)
            names, cast_notes = tuple(dict.fromkeys((*names, *checked.names))), checked.notes
        return Answer(
            question=question,
            text=reply.text,
            answerer=self.name,
            spans=evidence.spans,
            names=names,
            until=until,
            notes=(*evidence.notes, *cast_notes, *_tell(reply)),
            seconds=time.perf_counter() - started,
            usage=reply.usage,
        )


def _tell(reply: Reply) -> list[str]:
    """Say what the reader should know of how the answer came to be."""
    notes = []
    usage = reply.usage
    if usage.frames_dropped or usage.subtitles_dropped:
        notes.append(f"Not all of the film fitted into the model's context: {usage}.")
    if not reply.text:
        notes.append("The model wrote nothing.")
    elif not reply.is_complete:
        notes.append(f"The answer was cut off at {usage.answer_tokens} tokens.")
    return notes
