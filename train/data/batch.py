"""Examples side by side, exactly as `MovieModel.forward` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from movieqa.errors import ConfigError
from movieqa.model import Media
from movieqa.prompt import IGNORED_LABEL

from .example import Example, MediaRole
from .packing import block_mask, restarting_positions
from .sample import BadSample


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """What one process reads at once: rows padded on the right, or a single row of packed samples.

    Attributes:
        input_ids: Ids with frame slots.
        labels: Ids to learn, `IGNORED_LABEL` elsewhere.
        position_ids: Positions; they restart in every packed sample.
        attention_mask: True at real positions; None where nothing is padded.
        media: For each row its media in order.
        roles: For each medium what it is to the others of its sample.
        segments: For each row the tokens of its samples.
        indices: For each row its samples' places in the training set.
        names: For each row its samples, as errors name them.
        people: For each row pictures of people whose tokens stand beside slots.
        people_roles: For each of them whom of which sample it shows.
        bad: Samples that could not be read, by their places in the training set.
    """

    input_ids: Int[Tensor, "B L"]
    labels: Int[Tensor, "B L"]
    position_ids: Int[Tensor, "B L"]
    attention_mask: Bool[Tensor, "B L"] | None
    media: tuple[tuple[Media, ...], ...]
    roles: tuple[tuple[MediaRole, ...], ...]
    segments: tuple[tuple[int, ...], ...]
    indices: tuple[tuple[int, ...], ...]
    names: tuple[tuple[str, ...], ...]
    people: tuple[tuple[Media, ...], ...]
    people_roles: tuple[tuple[MediaRole, ...], ...]
    bad: tuple[tuple[int, BadSample], ...] = ()

    @property
    def is_packed(self) -> bool:
        """Whether a row holds several samples."""
        return any(len(row) > 1 for row in self.segments)

    @property
    def num_tokens(self) -> int:
        """Real positions, without padding."""
        return sum(sum(row) for row in self.segments)

    @property
    def num_learned(self) -> int:
        """Positions that the loss is summed over."""
        return int((self.labels[:, 1:] != IGNORED_LABEL).sum())

    def mask_for(self, attention: str, dtype: torch.dtype = torch.float32) -> Tensor | None:
        """Return the attention mask that an implementation needs to keep samples apart.

        FlashAttention reads where packed samples end from `position_ids`; the others need the mask written out.

        Args:
            attention: `sdpa`, `eager`, or a kind of FlashAttention.
            dtype: Of the language model.
        """
        if not self.is_packed:
            return self.attention_mask
        if attention.startswith("flash"):
            return None
        mask = block_mask(self.segments[0]).to(self.input_ids.device)
        if attention != "eager":
            return mask
        hidden = torch.finfo(dtype).min  # eager attention adds its mask to the scores
        return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, hidden)

    def arguments(self, attention: str = "sdpa") -> dict[str, Any]:
        """Return the arguments of `MovieModel.forward`.

        Nothing is cached: with a cache transformers does not look for packed samples in `position_ids`.
        """
        return {
            "input_ids": self.input_ids,
            "labels": self.labels,
            "position_ids": self.position_ids,
            "attention_mask": self.mask_for(attention),
            "media": self.media,
            "use_cache": False,
        }


def collate(examples: Sequence[Example], *, pad: int = 0) -> Batch:
    """Put examples side by side, padded on the right; one that was packed stands alone.

    Args:
        examples: From `TrainingSet`, or rows made of them by `join`.
        pad: Id of padding, which nothing reads.

    Raises:
        ConfigError: If there is none, or a packed row among others.

    Example:
        >>> batch = collate([training_set[0], training_set[1]])  # doctest: +SKIP
        >>> model(**batch.arguments()).loss  # doctest: +SKIP
    """
    if not examples:
        raise ConfigError("a batch of no examples")
    if len(examples) > 1 and any(len(example.segments) > 1 for example in examples):
        raise ConfigError("a packed row stands alone in its batch", hint="join its samples with the others")
    length = max(len(example) for example in examples)
    input_ids = torch.full((len(examples), length), pad)
    labels = torch.full((len(examples), length), IGNORED_LABEL)
    positions = torch.arange(length).repeat(len(examples), 1)
    mask = torch.zeros(len(examples), length, dtype=torch.bool)
    for row, example in enumerate(examples):
        size = len(example)
        input_ids[row, :size] = torch.from_numpy(example.input_ids)
        labels[row, :size] = torch.from_numpy(example.labels)
        positions[row, :size] = restarting_positions(example.segments)
        mask[row, :size] = True
    return Batch(
        input_ids=input_ids,
        labels=labels,
        position_ids=positions,
        attention_mask=None if bool(mask.all()) else mask,
        media=tuple(example.media for example in examples),
        roles=tuple(example.roles for example in examples),
        segments=tuple(example.segments for example in examples),
        indices=tuple(example.indices for example in examples),
        names=tuple(example.names for example in examples),
        people=tuple(example.people for example in examples),
        people_roles=tuple(example.people_roles for example in examples),
        bad=tuple(bad for example in examples for bad in example.bad),
    )
