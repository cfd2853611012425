"""What of a film asks for room in a model's context: frames, lines, and the words around them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

import numpy as np

from movieqa.budget import ContextBudget, plan_context
from movieqa.errors import ConfigError
from movieqa.model.processor import MovieProcessor
from movieqa.movie import Shot
from movieqa.prompt import FRAME_MARK, Turn, subtitle_text, write_question
from movieqa.shown import ShownFilm
from movieqa.workspace import Workspace

_SPEECH_TOKENS = 1.9  # a second of film, where there are no subtitles to count: 13,500 in two hours
_SECONDS_PER_LINE = 4.0
_TEMPLATE_TOKENS = 90  # of the chat template and the sentences around the film, where there is no tokenizer
_QUESTION_TOKENS = 64
_CHARACTERS_PER_TOKEN = 3.5
_MOST_ENDS = 200


@dataclass(frozen=True, kw_only=True)
class FilmLength:
    """A film that is not there yet.

    Attributes:
        duration: Seconds.
        fps: Frames sampled a second.
        has_subtitles: Whether it will have any; then as many as films usually have.
    """

    duration: float
    fps: float = 1.0
    has_subtitles: bool = True

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ConfigError: One cannot work.
        """
        if not 0 < self.duration < 1e7 or not 0 < self.fps <= 1000:
            raise ConfigError(f"a film needs a duration and frames, got {self.duration=} {self.fps=}")


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What of a film asks for room, in film order.

    Attributes:
        duration: Seconds.
        times: Of the frames.
        shots: Of which each keeps a frame; none where they are not known.
        subtitle_tokens: Of each line.
        subtitle_ends: Of each line, in seconds.
        fixed_tokens: Of the template and a question.
        has_lines: Whether these are the film's own lines.
    """

    duration: float
    times: tuple[float, ...]
    shots: tuple[Shot, ...]
    subtitle_tokens: tuple[int, ...]
    subtitle_ends: tuple[float, ...]
    fixed_tokens: int
    has_lines: bool

    def until(self, time: float) -> Contents:
        """Return what is there before a time, in seconds."""
        lines = [index for index, end in enumerate(self.subtitle_ends) if end <= time]
        return replace(
            self,
            duration=min(self.duration, time),
            times=self.times[: bisect_left(self.times, time)],
            shots=tuple(shot for shot in self.shots if shot.start < time),
            subtitle_tokens=tuple(self.subtitle_tokens[index] for index in lines),
            subtitle_ends=tuple(self.subtitle_ends[index] for index in lines),
        )

    def ends(self) -> list[float]:
        """Return times where a part of the film could end, at most 200: ends of shots, or even steps."""
        ends = [shot.end for shot in self.shots] or np.linspace(0, self.duration, _MOST_ENDS + 1)[1:].tolist()
        step = -(-len(ends) // _MOST_ENDS)
        return [float(end) for end in ends[step - 1 :: step]]

    def fit(self, *, limit: int, answer_tokens: int, tokens_per_frame: int) -> ContextBudget:
        """Decide what goes into the context, as it is decided for an answer.

        Raises:
            ContextOverflowError: Not even one frame a shot fits.
        """
        return plan_context(
            limit=limit,
            answer_tokens=answer_tokens,
            fixed_tokens=self.fixed_tokens,
            tokens_per_frame=tokens_per_frame,
            frame_times=self.times,
            shots=self.shots,
            subtitle_tokens=self.subtitle_tokens,
        )

    def fewest_tokens(self, tokens_per_frame: int) -> int:
        """Return the tokens of the question and one frame a shot."""
        starts = [shot.start for shot in self.shots] or [0.0]
        with_frames = {bisect_right(starts, time) for time in self.times}
        return self.fixed_tokens + tokens_per_frame * len(with_frames)


def read_contents(
    film: Workspace | FilmLength, processor: MovieProcessor | None, *, until: float | None, max_frames: int | None
) -> Contents:
    """Collect what asks for room.

    Args:
        film: A workspace, or the length of a film that is not there yet.
        processor: Counts words exactly; without it they are estimated from their letters.
        until: Only this much of the film, in seconds.
        max_frames: The most frames, evenly chosen.

    Raises:
        ConfigError: Nothing of the film is left.
    """
    fixed = _TEMPLATE_TOKENS + _QUESTION_TOKENS
    if processor is not None:
        turn = Turn(role="user", text=write_question(FRAME_MARK, ""))
        fixed = len(processor.encode([turn]).input_ids) - 1 + _QUESTION_TOKENS
    if isinstance(film, FilmLength):
        duration = film.duration if until is None else min(film.duration, until)
        times = np.arange(0, duration, 1 / film.fps)
        ends = np.arange(_SECONDS_PER_LINE, duration, _SECONDS_PER_LINE) if film.has_subtitles else np.empty(0)
        shots: tuple[Shot, ...] = ()
        tokens = [round(_SPEECH_TOKENS * _SECONDS_PER_LINE)] * len(ends)
    else:
        shown = ShownFilm.of(film, until)
        duration, shots = shown.duration, shown.shots
        times = film.frames.times[film.frames.times < duration]
        ends = np.array([line.end for line in shown.lines])
        texts = [subtitle_text(line) for line in shown.lines]
        tokens = [round(len(text) / _CHARACTERS_PER_TOKEN) for text in texts]
        if processor is not None and texts:
            tokens = [len(ids) for ids in processor.tokenizer(texts, add_special_tokens=False)["input_ids"]]
    if max_frames is not None and max_frames < len(times):
        times = times[np.linspace(0, len(times) - 1, max_frames).round().astype(int)]
    if not len(times):
        raise ConfigError("nothing of the film is left to plan for", hint="give a later time with until")
    return Contents(
        duration=float(duration),
        times=tuple(times.tolist()),
        shots=shots,
        subtitle_tokens=tuple(tokens),
        subtitle_ends=tuple(ends.tolist()),
        fixed_tokens=fixed,
        has_lines=isinstance(film, Workspace),
    )
