"""What a sample is for the model: ids, labels and media; several of them packed in one row are one as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movieqa.model import Media
from movieqa.prompt import IGNORED_LABEL

from .sample import BadSample, Role

NOTHING = -1
"""Index of an example that fills a place and teaches nothing."""


@dataclass(frozen=True, kw_only=True)
class MediaRole:
    """What a medium is to the others of its sample.

    Attributes:
        role: A `reference` shows somebody, a `test` is read with its sample's references in mind, others by themselves.
        sample: Which sample of its row it belongs to, from 0.
        identity: Whom a reference shows, counted from 0 within its sample.
    """

    role: Role = "plain"
    sample: int = 0
    identity: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """A row of ids with its media.

    Attributes:
        input_ids: Int64[L], `FRAME_SLOT` where frame tokens go.
        labels: Int64[L], `IGNORED_LABEL` where nothing is learned.
        media: In the order of their slots; the same frames in two turns are the same tensor.
        roles: One for each medium.
        people: Pictures of people whose tokens stand in the row, beside slots.
        people_roles: One for each of them: whom of which sample it shows.
        segments: Tokens of each sample in the row, which add up to L.
        indices: Which samples of the training set these are; `NOTHING` for none.
        names: What people call them.
        bad: Samples of the row that could not be read.
    """

    input_ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    media: tuple[Media, ...]
    roles: tuple[MediaRole, ...]
    segments: tuple[int, ...]
    indices: tuple[int, ...]
    names: tuple[str, ...]
    people: tuple[Media, ...] = ()
    people_roles: tuple[MediaRole, ...] = ()
    bad: tuple[tuple[int, BadSample], ...] = ()

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def num_learned(self) -> int:
        """Positions whose id is learned: never the first of a sample, which nothing comes before."""
        starts = np.cumsum([0, *self.segments[:-1]])
        is_learned = self.labels != IGNORED_LABEL
        is_learned[starts] = False
        return int(is_learned.sum())


def empty_example(token: int, *, bad: tuple[int, BadSample] | None = None) -> Example:
    """Return an example of one token that teaches nothing: where a sample is bad, or a process has none left.

    Args:
        token: Any id of the vocabulary.
        bad: The sample whose place it takes, and why.
    """
    return Example(
        input_ids=np.array([token], dtype=np.int64),
        labels=np.array([IGNORED_LABEL], dtype=np.int64),
        media=(),
        roles=(),
        segments=(1,),
        indices=(NOTHING if bad is None else bad[0],),
        names=("nothing" if bad is None else str(bad[1]),),
        bad=() if bad is None else (bad,),
    )
