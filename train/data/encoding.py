"""A sample becomes ids and labels: film texts unfold, and what is too long is thinned or cut, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from movieqa.model import MovieProcessor
from movieqa.model.processor import Encoded
from movieqa.prompt import FRAME_MARK, FRAME_SLOT, IGNORED_LABEL, Turn

from .opened import Medium
from .sample import Cuts, MediumRef, Sample, SampleError

_MOST_REPLANS = 8
"""Times a film is thinned further because joined lines took more tokens than the lines alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EncodedSample:
    """A sample as ids.

    Attributes:
        encoded: Ids and labels, `FRAME_SLOT` where frame tokens go.
        refs: The media that are left, in order.
        media: The same, opened.
        frames: For each medium the frames that are used.
        cuts: What is left out.
    """

    encoded: Encoded
    refs: tuple[MediumRef, ...]
    media: tuple[Medium, ...]
    frames: tuple[NDArray[np.int64], ...]
    cuts: Cuts

    def __len__(self) -> int:
        return len(self.encoded.input_ids)

    @property
    def num_frames(self) -> int:
        """Frames of all media."""
        return sum(len(frames) for frames in self.frames)


def encode_sample(
    sample: Sample, media: Sequence[Medium], processor: MovieProcessor, *, max_length: int
) -> EncodedSample:
    """Turn a sample into ids and labels.

    Beyond `max_length` a film loses frames, spread evenly, and keeps its lines; a dialogue loses its last turns, then a
    video frames, and at last an answer its end.

    Args:
        sample: The conversation.
        media: For each medium of the sample, opened.
        processor: Of the template that is trained.
        max_length: Tokens.

    Raises:
        SampleError: If nothing is left to learn, or the question alone is too long.
    """
    if processor.config.template == "plain" and (len(sample.turns) != 2 or len(sample.media) != 1):
        raise SampleError(
            f"{len(sample.turns) // 2} turns and {len(sample.media)} media where the plain template takes one of each"
        )
    draft = _Draft(sample=sample, media=tuple(media), frames=tuple(np.arange(one.num_frames) for one in media))
    whole = encoded = draft.encode(processor)
    if len(encoded.input_ids) > max_length:
        draft, encoded = _shorten(draft, processor, max_length)
    left = Cuts(
        frames=sum(one.num_frames for one in draft.media) - sum(map(len, draft.frames)),
        turns=(len(sample.turns) - len(draft.sample.turns)) // 2,
        tokens=max(0, len(encoded.input_ids) - max_length),
    )
    if left.tokens:
        encoded = Encoded(input_ids=encoded.input_ids[:max_length], labels=encoded.labels[:max_length])
        if draft.num_slots(processor) != int((encoded.input_ids == FRAME_SLOT).sum()):
            raise SampleError(f"{len(whole.input_ids)} tokens, and what it shows does not fit into {max_length}")
    if not (encoded.labels[1:] != IGNORED_LABEL).any():
        raise SampleError(f"of {len(whole.input_ids)} tokens nothing to learn is left within {max_length}")
    return EncodedSample(encoded=encoded, refs=draft.sample.media, media=draft.media, frames=draft.frames, cuts=left)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Draft:
    """A sample with the frames that are kept of it."""

    sample: Sample
    media: tuple[Medium, ...]
    frames: tuple[NDArray[np.int64], ...]

    def encode(self, processor: MovieProcessor) -> Encoded:
        per_frame = processor.config.num_tokens_per_frame
        slots: list[int] = []
        for medium, frames in zip(self.media, self.frames, strict=True):
            slots += [per_frame * len(frames)] if medium.texts is None else [per_frame] * len(frames)
        return processor.encode(self._turns(), num_slots=slots, has_identities=bool(self.sample.people))

    def num_slots(self, processor: MovieProcessor) -> int:
        return processor.config.num_tokens_per_frame * sum(map(len, self.frames))

    def _turns(self) -> list[Turn]:
        """Return the turns with the text of each film in the place of its mark."""
        waiting = iter(zip(self.media, self.frames, strict=True))
        turns = []
        for turn in self.sample.turns:
            first, *rest = turn.text.split(FRAME_MARK)
            text = first
            for part in rest:
                medium, frames = next(waiting)
                text += (FRAME_MARK if medium.texts is None else film_text(medium.texts, frames)) + part
            turns.append(replace(turn, text=text))
        return turns

    def first_turns(self, count: int) -> _Draft:
        turns = self.sample.turns[:count]
        num_media = sum(turn.text.count(FRAME_MARK) for turn in turns)
        return _Draft(
            sample=replace(self.sample, turns=turns, media=self.sample.media[:num_media]),
            media=self.media[:num_media],
            frames=self.frames[:num_media],
        )

    def thinned(self, share: float) -> _Draft:
        """Keep about a share of the frames of everything that has several."""
        frames = tuple(
            np.unique(np.linspace(0, len(old) - 1, max(1, int(len(old) * share))).astype(np.int64))
            if len(old) > 1
            else old
            for old in self.frames
        )
        return replace(self, frames=tuple(old[new] for old, new in zip(self.frames, frames, strict=True)))


def film_text(texts: Sequence[str], frames: NDArray[np.int64]) -> str:
    """Write a film with some of its frames; what follows a frame that is left out follows the frame before it.

    Example:
        >>> film_text(["", "Run!", "Now."], np.array([0, 2]))
        '<image>Run!<image>Now.'
    """
    bounds = [*frames.tolist(), len(texts)]
    said = [" ".join(text for text in texts[bounds[i] : bounds[i + 1]] if text) for i in range(len(frames))]
    if len(frames) == len(texts):
        said = list(texts)
    return "".join(f"{FRAME_MARK}{text}" for text in said)


def _shorten(draft: _Draft, processor: MovieProcessor, max_length: int) -> tuple[_Draft, Encoded]:
    """Return the draft with less in it and its ids; they may still be too long."""
    encoded = draft.encode(processor)
    if all(medium.texts is None for medium in draft.media):
        count = len(draft.sample.turns)
        while len(encoded.input_ids) > max_length and count > 2:
            count -= 2
            draft = draft.first_turns(count)
            encoded = draft.encode(processor)
    for _ in range(_MOST_REPLANS):
        slots = draft.num_slots(processor)
        excess = len(encoded.input_ids) - max_length
        if excess <= 0 or slots <= excess or not any(len(frames) > 1 for frames in draft.frames):
            break
        draft = draft.thinned(1 - excess / slots)
        encoded = draft.encode(processor)
    return draft, encoded
