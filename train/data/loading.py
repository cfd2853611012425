"""Reads the micro batches of one process in the order of the run, ahead of time if asked to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from torch.utils.data import DataLoader, Dataset, Sampler

from .batch import Batch, collate
from .example import Example
from .order import BatchOrder, Step
from .packing import join
from .training_set import TrainingSet

Row = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class MicroBatch:
    """What one process reads at once, and where in the run that is.

    Attributes:
        step: The step it belongs to.
        index: Which of the step's micro batches of this process, from 0.
        count: How many it has; the last one updates the weights.
        batch: The samples.
    """

    step: Step
    index: int
    count: int
    batch: Batch

    @property
    def is_last(self) -> bool:
        """Whether the step ends with it."""
        return self.index == self.count - 1


def read_micro_batches(
    training_set: TrainingSet,
    order: BatchOrder,
    *,
    start: int = 0,
    rank: int = 0,
    world_size: int = 1,
    micro_batch: int = 1,
    num_workers: int = 0,
) -> Iterator[MicroBatch]:
    """Yield a process's micro batches from a step on, without end.

    Args:
        training_set: The samples.
        order: Which step has which of them.
        start: Number of the first step: 0, or where a run is resumed.
        rank: Which process, from 0.
        world_size: Processes that share a step.
        micro_batch: Rows that a process reads at once.
        num_workers: Processes that read ahead, two micro batches each. Their results are copied: for features of whole
            films, which are mapped, 0 is faster.

    Raises:
        TrainingError: If more samples are bad than the run allows.
    """
    places = partial(_places, order, start, rank, world_size, micro_batch)
    loader: DataLoader[Example] = DataLoader(
        _Rows(training_set),
        batch_sampler=_Micros(places),
        num_workers=num_workers,
        collate_fn=partial(collate, pad=training_set.pad),
    )
    for (step, index, count, _), batch in zip(places(), loader, strict=False):
        training_set.record(batch.bad)
        yield MicroBatch(step=step, index=index, count=count, batch=batch)


Place = tuple[Step, int, int, list[Row]]


def _places(order: BatchOrder, start: int, rank: int, world_size: int, micro_batch: int) -> Iterator[Place]:
    for step in order.from_step(start):
        micros = order.share(step, rank=rank, world_size=world_size, micro_batch=micro_batch)
        for index, rows in enumerate(micros):
            yield step, index, len(micros), rows


class _Rows(Dataset[Example]):
    """The training set by rows of samples."""

    def __init__(self, training_set: TrainingSet) -> None:
        self._training_set = training_set

    def __getitem__(self, row: Row) -> Example:
        return join([self._training_set[index] for index in row])


class _Micros(Sampler[list[Row]]):
    """The rows of each micro batch, in order."""

    def __init__(self, places: partial[Iterator[Place]]) -> None:
        self._places = places

    def __iter__(self) -> Iterator[list[Row]]:
        for _, _, _, rows in self._places():
            yield rows
