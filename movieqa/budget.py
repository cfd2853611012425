"""What of a film goes into a limited context, and what is left out first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.movie import Shot

STILL_SHOT_WEIGHT = 0.05
"""What a shot in which nothing moves is worth beside one with the film's average motion."""


@dataclass(frozen=True, kw_only=True)
class ContextBudget:
    """What is in the context and what is not.

    Attributes:
        limit: Tokens that prompt and answer may take together.
        answer_tokens: Tokens kept free for the answer.
        fixed_tokens: Tokens of the template, the sentences around the film and the question.
        frame_tokens: Tokens of all used frames.
        subtitle_tokens: Tokens of all used subtitle lines.
        identity_tokens: Tokens of all used identity lines, those inside the film included.
        frames: Indices of the used frames, in order.
        dropped_frames: Indices of the others.
        subtitles: Indices of the used subtitle lines.
        dropped_subtitles: Indices of the others.
        identities: Indices of the used identity lines.
        dropped_identities: Indices of the others.
        cast_level: How much is told of the film's people, 0 the most; None where nothing is. `movieqa.cast_text` has
            the levels.
    """

    limit: int
    answer_tokens: int
    fixed_tokens: int
    frame_tokens: int
    subtitle_tokens: int
    identity_tokens: int
    frames: tuple[int, ...]
    dropped_frames: tuple[int, ...]
    subtitles: tuple[int, ...]
    dropped_subtitles: tuple[int, ...]
    identities: tuple[int, ...]
    dropped_identities: tuple[int, ...]
    cast_level: int | None = None

    def __post_init__(self) -> None:
        """Check that it is within the limit."""
        if self.used > self.limit:
            raise ContextOverflowError(f"{self.used} tokens do not fit into {self.limit}")

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompt."""
        return self.fixed_tokens + self.frame_tokens + self.subtitle_tokens + self.identity_tokens

    @property
    def used(self) -> int:
        """Tokens of the prompt and the room for the answer."""
        return self.prompt_tokens + self.answer_tokens

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the film was left out."""
        return not (self.dropped_frames or self.dropped_subtitles or self.dropped_identities)

    def __str__(self) -> str:
        """Say in one line what is used.

        Example:
            >>> str(plan_context(limit=99, answer_tokens=9, fixed_tokens=8, tokens_per_frame=2, frame_times=[0, 1]))
            '2 of 2 frames, 0 of 0 subtitle lines, 0 of 0 identity lines; 21 of 99 tokens, 9 of them for the answer'
        """
        parts = [
            f"{len(used)} of {len(used) + len(dropped)} {name}"
            for name, used, dropped in (
                ("frames", self.frames, self.dropped_frames),
                ("subtitle lines", self.subtitles, self.dropped_subtitles),
                ("identity lines", self.identities, self.dropped_identities),
            )
        ]
        return f"{', '.join(parts)}; {self.used} of {self.limit} tokens, {self.answer_tokens} of them for the answer"


def plan_context(
    *,
    limit: int,
    answer_tokens: int,
    fixed_tokens: int,
    tokens_per_frame: int,
    frame_times: Sequence[float] | NDArray[np.float64],
    shots: Sequence[Shot] = (),
    subtitle_tokens: Sequence[int] = (),
    identity_tokens: Sequence[int] = (),
    motion: Sequence[float] | NDArray[np.float64] | None = None,
) -> ContextBudget:
    """Decide what goes into the context.

    What does not fit is left out in this order. First frames: a frame is worth its shot's motion divided by the
    frames the shot still has, and the least worth goes, so that static and long shots are thinned first and evenly;
    every shot that has a frame keeps one. Then identity lines, the last ones first. Then subtitle lines, evenly over
    the film. The question and the room for the answer always stay.

    Args:
        limit: Tokens that prompt and answer may take together.
        answer_tokens: Tokens to keep free for the answer.
        fixed_tokens: Tokens of the template, the sentences around the film and the question.
        tokens_per_frame: Tokens of one frame.
        frame_times: Seconds of the sampled frames, [T], increasing.
        shots: The film's shots; without any, the film counts as one shot.
        subtitle_tokens: Tokens of each subtitle line.
        identity_tokens: Tokens of each identity line, the most important first.
        motion: How much each frame differs from the one before, [T], any unit; without it all shots move alike.

    Returns:
        What is used and what is dropped.

    Raises:
        ContextOverflowError: If not even one frame per shot fits.
        ConfigError: If an argument makes no sense.

    Example:
        >>> still = plan_context(limit=30, answer_tokens=10, fixed_tokens=10, tokens_per_frame=2, frame_times=range(9))
        >>> still.frames
        (0, 2, 4, 6, 8)
    """
    times = np.asarray(frame_times, dtype=np.float64)
    moves = np.ones(len(times)) if motion is None else np.asarray(motion, dtype=np.float64)
    if moves.shape != times.shape or not np.isfinite(moves).all() or (moves < 0).any():
        raise ConfigError(f"motion needs one number of at least 0 for each of {len(times)} frames")
    if min([limit, answer_tokens, fixed_tokens, tokens_per_frame, *subtitle_tokens, *identity_tokens]) < 0:
        raise ConfigError("token counts cannot be negative")
    groups = _group_frames(times, shots)
    room = limit - answer_tokens - fixed_tokens
    floor = len(groups) * tokens_per_frame
    if room < floor:
        need = answer_tokens + fixed_tokens + floor
        raise ContextOverflowError(
            f"the question ({fixed_tokens} tokens), the answer ({answer_tokens}) and one frame for each of "
            f"{len(groups)} shots ({floor}) need {need} tokens, and the model's context is {limit}",
            hint="ask for a shorter answer or about a part of the film, or take a model with a longer context",
        )
    subtitles = _keep_evenly(subtitle_tokens, room - floor)
    room -= sum(subtitle_tokens[index] for index in subtitles)
    identities = _keep_first(identity_tokens, room - floor)
    room -= sum(identity_tokens[index] for index in identities)
    num_frames = len(times) if not tokens_per_frame else min(len(times), room // tokens_per_frame)
    frames = _thin_frames(groups, moves, num_frames)
    return ContextBudget(
        limit=limit,
        answer_tokens=answer_tokens,
        fixed_tokens=fixed_tokens,
        frame_tokens=len(frames) * tokens_per_frame,
        subtitle_tokens=sum(subtitle_tokens[index] for index in subtitles),
        identity_tokens=sum(identity_tokens[index] for index in identities),
        frames=frames,
        dropped_frames=_others(len(times), frames),
        subtitles=subtitles,
        dropped_subtitles=_others(len(subtitle_tokens), subtitles),
        identities=identities,
        dropped_identities=_others(len(identity_tokens), identities),
    )


def _group_frames(times: NDArray[np.float64], shots: Sequence[Shot]) -> list[NDArray[np.int64]]:
    """Return the frame indices of every shot that has a frame."""
    if not len(times):
        return []
    starts = np.array([shot.start for shot in shots]) if shots else np.zeros(1)
    shot_of_frame = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    _, first = np.unique(shot_of_frame, return_index=True)
    return list(np.split(np.arange(len(times)), first[1:]))


def _thin_frames(groups: Sequence[NDArray[np.int64]], motion: NDArray[np.float64], num_frames: int) -> tuple[int, ...]:
    """Return `num_frames` indices, at least one of every group, evenly spread within each."""
    kept = [len(group) for group in groups]
    average = float(motion.mean()) if len(motion) else 0.0
    worth = [STILL_SHOT_WEIGHT + (float(motion[group].mean()) / average if average else 0.0) for group in groups]
    queue = [(worth[index] / count, index) for index, count in enumerate(kept) if count > 1]
    heapq.heapify(queue)
    for _ in range(sum(kept) - num_frames):
        _, index = heapq.heappop(queue)
        kept[index] -= 1
        if kept[index] > 1:
            heapq.heappush(queue, (worth[index] / kept[index], index))
    return tuple(
        int(group[place]) for group, count in zip(groups, kept, strict=True) for place in _spread(len(group), count)
    )


def _spread(total: int, count: int) -> list[int]:
    """Return `count` of `total` places, evenly spread and centred."""
    return [(2 * step + 1) * total // (2 * count) for step in range(count)]


def _keep_evenly(tokens: Sequence[int], room: int) -> tuple[int, ...]:
    """Return the largest evenly spread choice of lines that fits."""
    sizes = np.asarray(tokens, dtype=np.int64)
    for count in range(len(sizes), 0, -1):
        places = _spread(len(sizes), count)
        if sizes[places].sum() <= room:
            return tuple(places)
    return ()


def _keep_first(tokens: Sequence[int], room: int) -> tuple[int, ...]:
    """Return as many of the first lines as fit."""
    fits = np.cumsum(np.asarray(tokens, dtype=np.int64)) <= room
    return tuple(range(int(fits.sum())))


def _others(total: int, used: Sequence[int]) -> tuple[int, ...]:
    """Return the indices that are not used."""
    chosen = set(used)
    return tuple(index for index in range(total) if index not in chosen)
