"""A session of questions about one film; the film is opened once."""

from __future__ import annotations

from collections.abc import Generator

from movieqa.answer import Answer
from movieqa.engine import Answerer


class Chat:
    """Asks one answerer question after question and remembers the answers.

    Args:
        answerer: What answers.
        until: Seconds; nothing at or after this time is used or shown. Can be changed between questions.

    Example:
        >>> chat = movieqa.api.chat("film.movieqa")  # doctest: +SKIP
        >>> chat.ask("Who takes the key?").spans[0].start  # doctest: +SKIP
        2467.0
    """

    def __init__(self, answerer: Answerer, *, until: float | None = None) -> None:
        self._answerer = answerer
        self._history: list[Answer] = []
        self.until = until

    @property
    def history(self) -> tuple[Answer, ...]:
        """All answers so far, oldest first."""
        return tuple(self._history)

    def ask(self, question: str) -> Answer:
        """Answer one question.

        Raises:
            ConfigError: The question is empty or too long.
        """
        answer = self._answerer.answer(question, until=self.until)
        self._history.append(answer)
        return answer

    def stream(self, question: str) -> Generator[str, None, Answer]:
        """Answer one question, yielding its text in pieces as it comes; the generator returns the whole answer.

        Raises:
            ConfigError: The question is empty or too long.
        """
        answer = yield from self._answerer.stream(question, until=self.until)
        self._history.append(answer)
        return answer
