"""Several samples in one row, none of which reads another: positions restart, and attention stays inside a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Int
from numpy.typing import NDArray
from torch import Tensor

from movieqa.errors import ConfigError
from movieqa.prompt import IGNORED_LABEL

from .example import Example

Rows = tuple[tuple[int, ...], ...]
"""Rows of samples, each given by its place in what was packed."""


def pack_rows(lengths: Sequence[int] | NDArray[np.int64], capacity: int) -> Rows:
    """Distribute samples over as few rows as the first-fit-decreasing rule needs: at most 11/9 of the best, and one.

    Args:
        lengths: Tokens of each sample.
        capacity: Tokens that fit into a row; a longer sample gets a row of its own.

    Returns:
        For each row the places of its samples in `lengths`, in their order; each sample is in exactly one row.

    Raises:
        ConfigError: If the capacity is not positive.

    Example:
        >>> pack_rows([5, 3, 4, 2], 8)
        ((0, 1), (2, 3))
    """
    if capacity < 1:
        raise ConfigError(f"rows of {capacity} tokens hold nothing")
    rows: list[list[int]] = []
    room: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-int(lengths[place]), place)):
        length = int(lengths[place])
        row = next((index for index, left in enumerate(room) if left >= length), None)
        if row is None:
            rows.append([])
            room.append(capacity)
            row = len(rows) - 1
        rows[row].append(place)
        room[row] -= length
    return tuple(sorted(tuple(sorted(row)) for row in rows))


def join(examples: Sequence[Example]) -> Example:
    """Put examples behind each other in one row.

    The first label of each is ignored: the loss is shifted by one, and the last token of one sample must not learn to
    write the first one of the next.
    """
    if len(examples) == 1:
        return examples[0]
    labels = [example.labels.copy() for example in examples]
    for one in labels[1:]:
        one[0] = IGNORED_LABEL
    roles, people_roles, before = [], [], 0
    for example in examples:
        roles += [replace(role, sample=role.sample + before) for role in example.roles]
        people_roles += [replace(role, sample=role.sample + before) for role in example.people_roles]
        before += len(example.segments)
    return Example(
        input_ids=np.concatenate([example.input_ids for example in examples]),
        labels=np.concatenate(labels),
        media=tuple(medium for example in examples for medium in example.media),
        roles=tuple(roles),
        segments=tuple(length for example in examples for length in example.segments),
        indices=tuple(index for example in examples for index in example.indices),
        names=tuple(name for example in examples for name in example.names),
        people=tuple(picture for example in examples for picture in example.people),
        people_roles=tuple(people_roles),
        bad=tuple(bad for example in examples for bad in example.bad),
    )


def restarting_positions(segments: Sequence[int]) -> Int[Tensor, " L"]:
    """Return positions that start at 0 in every sample; FlashAttention is told by them where samples end.

    Example:
        >>> restarting_positions([2, 3]).tolist()
        [0, 1, 0, 1, 2]
    """
    return torch.cat([torch.arange(length) for length in segments])


def block_mask(segments: Sequence[int]) -> Bool[Tensor, "1 1 L L"]:
    """Return the mask that SDPA and eager attention need: each position sees its own sample up to itself.

    It takes L x L bytes: for rows of tens of thousands of tokens use FlashAttention, or do not pack.

    Example:
        >>> block_mask([1, 2])[0, 0].int().tolist()
        [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    """
    sample = torch.repeat_interleave(torch.arange(len(segments)), torch.tensor(segments))
    is_same = sample[:, None] == sample[None, :]
    return is_same.tril()[None, None]
