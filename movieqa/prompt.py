"""What the language model reads: chat templates, and a film written as frames and subtitle lines in time order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from movieqa.budget import ContextBudget
from movieqa.cast_text import PresenceLine, attach_presence
from movieqa.errors import ConfigError
from movieqa.movie import Subtitle
from movieqa.person_slots import IDENTITY_SLOT

FRAME_SLOT = -200
"""Id of a prompt position that a frame token fills."""
IGNORED_LABEL = -100
"""Label of a position that is not learned."""
FRAME_MARK = "<image>"
"""Stands in a text for one frame token, or for a whole picture or video before it is expanded."""

START_SENTENCE = "Below is a movie. Memorize the content and answer my question after watching this movie."
END_SENTENCE = "Now the movie end."

Role = Literal["user", "assistant"]
DEFAULT_TEMPLATE = "vicuna_v1"
MODEL_TEMPLATE = "model"
"""Name of the template that the language model's own tokenizer brings."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One side's contribution to a conversation; `FRAME_MARK` in a user's text is where the picture or video goes."""

    role: Role
    text: str


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A conversation as one text, and the parts of it that a model learns to write.

    Attributes:
        text: The whole text.
        answers: Half-open character intervals of the answers, the end marks included.
    """

    text: str
    answers: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class ChatTemplate:
    """How turns become one text.

    Attributes:
        name: Name in a model's configuration.
        system: What stands before everything, its separator included.
        user: Stands before a user's text; None leaves out all of that text but its frame marks.
        after_user: Stands after a user's text.
        assistant: Stands before an answer; a prompt for an answer ends with it.
        before_answer: Stands between that and an answer that is known; a model writes it itself.
        end: Stands after an answer.
    """

    name: str
    system: str
    user: str | None
    after_user: str
    assistant: str
    before_answer: str
    end: str

    def render(self, turns: Sequence[Turn]) -> Rendered:
        """Write the turns as one text; after a user's turn it ends where the answer begins.

        Raises:
            ConfigError: If the turns do not alternate, the user first.

        Example:
            >>> vicuna_v1().render([Turn(role="user", text="Who?")]).text[-21:]
            'USER: Who? ASSISTANT:'
        """
        check_turns(turns)
        text, answers = self.system, []
        for turn in turns:
            if turn.role == "user":
                said = turn.text if self.user is not None else FRAME_MARK * turn.text.count(FRAME_MARK)
                text += f"{self.user or ''}{said}{self.after_user}{self.assistant}"
            else:
                start = len(text)
                text += f"{self.before_answer}{turn.text}{self.end}"
                answers.append((start, len(text)))
        return Rendered(text=text, answers=tuple(answers))


def vicuna_v1() -> ChatTemplate:
    """Return the template that the published LLaMA-VID models were trained with in stages 2 and 3."""
    return ChatTemplate(
        name="vicuna_v1",
        system="A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions. ",
        user="USER: ",
        after_user=" ",
        assistant="ASSISTANT:",
        before_answer=" ",
        end="</s>",
    )


def plain() -> ChatTemplate:
    """Return the template of stage 1: the picture, then its caption and a newline, and no other word."""
    return ChatTemplate(name="plain", system="", user=None, after_user="", assistant="", before_answer="", end="\n")


def find_template(name: str) -> ChatTemplate:
    """Return a template by the name in a model's configuration.

    Raises:
        ConfigError: If there is none of that name.
    """
    templates = {template.name: template for template in (vicuna_v1(), plain())}
    if name not in templates:
        raise ConfigError(f"no chat template {name!r}", hint=f"one of {', '.join([*templates, MODEL_TEMPLATE])}")
    return templates[name]


def check_turns(turns: Sequence[Turn]) -> None:
    """Raise `ConfigError` unless user and assistant take turns, the user first."""
    if not turns:
        raise ConfigError("a conversation without a turn")
    for index, turn in enumerate(turns):
        if turn.role != ("assistant" if index % 2 else "user"):
            raise ConfigError(f"turn {index} is the {turn.role}'s: user and assistant take turns, the user first")


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompt:
    """A film and a question, ready for the model.

    Attributes:
        input_ids: Int64[L], `FRAME_SLOT` where a frame token goes.
        frame_slots: Int64[T, n], the positions of each used frame's tokens.
        guidance: The text that guides the context tokens.
        budget: What of the film is in the prompt, and what is not.
        people: Ids of the people that `IDENTITY_SLOT` stands for in `input_ids`, each as often as the next.
    """

    input_ids: NDArray[np.int64]
    frame_slots: NDArray[np.int64]
    guidance: str
    budget: ContextBudget
    people: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check that the slots are where they are said to be."""
        if not np.array_equal(np.flatnonzero(self.input_ids == FRAME_SLOT), self.frame_slots.ravel()):
            raise ConfigError("frame_slots are not the frame slots of input_ids")
        num_identity_slots = int((self.input_ids == IDENTITY_SLOT).sum())
        if num_identity_slots % max(1, len(self.people)) or (num_identity_slots and not self.people):
            raise ConfigError(f"{num_identity_slots} identity slots for {len(self.people)} people")

    def __len__(self) -> int:
        return len(self.input_ids)


def write_film(
    frame_times: Sequence[float] | NDArray[np.float64],
    subtitles: Sequence[Subtitle],
    *,
    tokens_per_frame: int,
    forbidden: Iterable[str] = (),
    presence: Sequence[PresenceLine] = (),
) -> str:
    """Write a film as frame marks with the subtitle lines between them.

    A line follows the last frame that is shown before the line ends, and never an earlier frame than the line before
    it, so lines keep their order. A line that ends before the first frame follows the first frame (LLaMA-VID's tools
    moved it to the end of the film).

    Args:
        frame_times: Seconds of the frames that are in the prompt.
        subtitles: Lines that are in the prompt.
        tokens_per_frame: Frame marks per frame.
        forbidden: Strings that mean something to the tokenizer and are taken out of the lines.
        presence: Who is on screen from when on; each stands on a line of its own before the first frame it is true of.

    Returns:
        The text between start and end sentence.

    Example:
        >>> write_film([0.0, 1.0], [Subtitle(start=0.2, end=0.9, text="Run!")], tokens_per_frame=1)
        '<image>Run!<image>'
    """
    times = np.asarray(frame_times, dtype=np.float64)
    if not len(times):
        return " ".join(subtitle_text(line, forbidden=forbidden) for line in subtitles)
    lines: list[list[str]] = [[] for _ in times]
    for line, frame in zip(subtitles, attach_subtitles(times, subtitles), strict=True):
        lines[frame].append(subtitle_text(line, forbidden=forbidden))
    shown = {frame: presence_text(text) for frame, text in attach_presence(times, presence).items()}
    return "".join(
        shown.get(frame, "") + FRAME_MARK * tokens_per_frame + " ".join(said) for frame, said in enumerate(lines)
    )


def presence_text(text: str) -> str:
    """Write who is on screen as it stands between frames."""
    return f"\n{clean_text(text)}\n"


def attach_subtitles(frame_times: NDArray[np.float64], subtitles: Sequence[Subtitle]) -> list[int]:
    """Return for each subtitle the index of the frame that it follows; `write_film` says which."""
    ends = np.array([line.end for line in subtitles], dtype=np.float64)
    before_end = np.searchsorted(frame_times, ends, side="left") - 1
    return np.maximum.accumulate(np.maximum(before_end, 0)).tolist() if len(ends) else []


def subtitle_text(line: Subtitle, *, forbidden: Iterable[str] = ()) -> str:
    """Write one subtitle on one line, its speaker first where one is known.

    Example:
        >>> subtitle_text(Subtitle(start=0, end=1, text="Run,\\nnow!", speaker="Mara"))
        'Mara: Run, now!'
    """
    said = f"{line.speaker}: {line.text}" if line.speaker else line.text
    return clean_text(said, forbidden=forbidden)


def clean_text(text: str, *, forbidden: Iterable[str] = ()) -> str:
    """Take out of a text what would mean something else in a prompt: frame marks, special tokens, line breaks.

    Example:
        >>> clean_text("a <image>line\\nand</s> more", forbidden=["</s>"])
        'a line and more'
    """
    marks = sorted((FRAME_MARK, *forbidden), key=len, reverse=True)
    before = None
    while before != text:  # taking one mark out can join the halves of another
        before = text
        for mark in marks:
            text = text.replace(mark, "")
    return " ".join(text.split())


def write_question(film: str, question: str, *, identity_lines: Sequence[str] = ()) -> str:
    """Write a user's turn about a film: who is in it, the film between its two sentences, the question.

    Without identity lines this is, to the letter, what the published film model was trained to read.

    Example:
        >>> write_question("<image>", "Who runs?").endswith("<image>Now the movie end.\\nWho runs?")
        True
    """
    people = "".join(f"{line}\n" for line in identity_lines)
    return f"{people}{START_SENTENCE}{film}{END_SENTENCE}\n{question}"
