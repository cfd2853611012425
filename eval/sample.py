"""Samples: one thing asked about one film, with what is known of the right answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Task = Literal["choice", "open", "yes_no", "moments", "captions", "box"]
"""One of the options, a text, yes or no, when something is, all that happens and when, or where in the picture."""

Fact = str | int | float | bool | None

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The half-open interval `[start, end)` of a film, in seconds, and what happens in it where that is asked.

    The times are those of the data, which may be out of order or beyond the film's end; scorers deal with them.
    """

    start: float
    end: float
    caption: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A picture that goes with a question, such as a person's portrait."""

    name: str
    image: str
    """Path, relative to the samples' folder."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One thing asked about one film.

    Attributes:
        id: Unique in its file.
        film: A film or workspace: a path relative to the folder of films, or a name in it without its ending.
        question: As it is put; the options do not stand in it.
        task: What is asked for, which decides how the question is put and how the answer is read.
        options: What to choose from, without letters.
        answer: The right answer: a letter where there are options; None where the data keeps it back.
        other_answers: Further texts that count as right.
        spans: The right moments, or the dense captions.
        box: Where in the picture, as x0, y0, x1, y1 in parts of its width and height, 0 to 1.
        time: The moment, in seconds, of the one picture that is asked about.
        until: Nothing at or after this time, in seconds, may be used.
        subtitles: A subtitle file that goes with the film, as a path relative to the folder of films.
        references: Pictures that go with the question.
        pictures: What is asked about instead of a film: pictures in order, as paths relative to the folder of films.
            `film` then only names what belongs together.
        tags: What tables are made by, each written as `name:value` or a bare word.
        benchmark: Which reader it comes from.
        facts: What this benchmark's own scorer needs besides, in plain JSON values.

    Example:
        >>> sample = Sample(
        ...     id="7", film="signs.mp4", question="Which word?", task="choice", options=("book", "door"), answer="A"
        ... )
        >>> sample.answer_text
        'book'
    """

    id: str
    film: str
    question: str
    task: Task = "open"
    options: tuple[str, ...] = ()
    answer: str | None = None
    other_answers: tuple[str, ...] = ()
    spans: tuple[Moment, ...] = ()
    box: tuple[float, float, float, float] | None = None
    time: float | None = None
    until: float | None = None
    subtitles: str | None = None
    references: tuple[Reference, ...] = ()
    pictures: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    benchmark: str = "movieqa"
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that a choice has options and that its answer is one of them."""
        if not self.id or not self.film:
            raise ValueError("a sample needs an id and a film")
        if (self.task == "choice") != bool(self.options):
            raise ValueError(f"{self.id}: options go with a choice, and only with one")
        if len(self.options) > len(LETTERS):
            raise ValueError(f"{self.id}: {len(self.options)} options are more than there are letters")
        if self.task == "choice" and self.answer is not None and self.answer not in LETTERS[: len(self.options)]:
            raise ValueError(f"{self.id}: the answer {self.answer!r} is none of {len(self.options)} options")

    @property
    def answer_text(self) -> str | None:
        """The right answer in words, where it is known."""
        if self.answer is None or not self.options:
            return self.answer
        return self.options[LETTERS.index(self.answer)]
