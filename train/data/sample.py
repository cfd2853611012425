"""What every format becomes: a conversation with a mark for each medium, and what each medium is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from movieqa.errors import TrainingError
from movieqa.prompt import FRAME_MARK, Turn

MediumKind = Literal["picture", "video", "film"]
Role = Literal["plain", "reference", "test"]


class SampleError(TrainingError):
    """One sample cannot be used; it is recorded and counted, and no other takes its place."""


@dataclass(frozen=True, kw_only=True)
class BadSample:
    """A sample that cannot be used.

    Attributes:
        file: The file's name.
        number: Of the record in it, from 1.
        id: As the record tells it; empty where it tells none.
        reason: What is wrong.
    """

    file: str
    number: int
    id: str
    reason: str

    def __str__(self) -> str:
        """Write it on one line, whatever names hold."""
        name = f" ({self.id})" if self.id else ""
        text = f"{self.file}: record {self.number}{name}: {self.reason}"
        return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """What of a sample was left out because it is too long."""

    frames: int = 0
    turns: int = 0
    tokens: int = 0
    """Of the last answer."""

    def __bool__(self) -> bool:
        return bool(self.frames or self.turns or self.tokens)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a video, `[start, end)` in seconds."""

    start: float
    end: float

    def __post_init__(self) -> None:
        """Check the order.

        Raises:
            SampleError: If it ends before it starts.
        """
        if not 0 <= self.start < self.end:
            raise SampleError(f"a stretch from {self.start:g} to {self.end:g} seconds is none")


@dataclass(frozen=True, kw_only=True)
class MediumRef:
    """A picture, a video or a film as a record names it.

    Attributes:
        kind: A film brings the text between its frames, a video does not.
        name: Its path in one of the media folders.
        guidance: Text that guides its context tokens.
        role: A `reference` shows who somebody is, a `test` is read with the references in mind.
        identity: Whom a reference shows, counted from 0 within the sample.
        stretch: Which part of a video; the whole by default.
        num_frames: Frames, spread evenly; by default as many a second as the run asks for.
        text: A film's text with one `FRAME_MARK` a frame, where the record brings it.
    """

    kind: MediumKind
    name: str
    guidance: str
    role: Role = "plain"
    identity: int | None = None
    stretch: Stretch | None = None
    num_frames: int | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A conversation to learn, whatever format it came in.

    Attributes:
        id: As the record tells it.
        format: Name of the format.
        turns: User and assistant in turn; `FRAME_MARK` stands for one whole medium.
        media: One for each mark, in order.
        people: References that stand in no turn: slots do, with an `IDENTITY_MARK` for each token made of a person's
            references, person by person.

    Raises:
        SampleError: If marks and media do not agree, or an answer is missing or empty.
    """

    id: str
    format: str
    turns: tuple[Turn, ...]
    media: tuple[MediumRef, ...] = ()
    people: tuple[MediumRef, ...] = ()

    def __post_init__(self) -> None:
        """Check what later steps rely on."""
        if len(self.turns) < 2 or len(self.turns) % 2:
            raise SampleError("the conversation does not end with an answer")
        for index, turn in enumerate(self.turns):
            if turn.role != ("assistant" if index % 2 else "user"):
                raise SampleError(f"turn {index + 1} is the {turn.role}'s: user and assistant take turns, user first")
            if turn.role == "assistant" and not turn.text.strip():
                raise SampleError(f"turn {index + 1} is an empty answer")
            if turn.role == "assistant" and FRAME_MARK in turn.text:
                raise SampleError(f"turn {index + 1} is an answer with a frame mark in it")
        marks = sum(turn.text.count(FRAME_MARK) for turn in self.turns)
        if marks != len(self.media):
            raise SampleError(f"{marks} frame marks in the conversation for {len(self.media)} media")
