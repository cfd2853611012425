"""Which samples each step of a run learns from: the same on any number of processes, and after any interruption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import ConfigError

from .example import NOTHING
from .packing import pack_rows

IntArray = NDArray[np.int64]
_WINDOW = 16
"""Steps whose samples are sorted by length together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """The samples between two updates of the weights, over all processes.

    Attributes:
        number: From 0, through all epochs.
        epoch: From 0.
        samples: Int64[N], their places in the training set; N is smaller only in an epoch's last step.
    """

    number: int
    epoch: int
    samples: IntArray


class BatchOrder:
    """A shuffled order of samples, cut into steps.

    An epoch's order depends on lengths, seed and epoch alone. With `group_by_length`, samples of neighbouring lengths
    share a step: a window of steps is sorted by length, cut, and its steps shuffled, so that little is padded.

    Args:
        lengths: Tokens of each sample.
        samples_per_step: Samples of one update, over all processes.
        seed: Of the order.
        group_by_length: Whether lengths are looked at.
        capacity: Tokens of a packed row; without it nothing is packed.

    Raises:
        ConfigError: If there are no samples, or a step has none.

    Example:
        >>> order = BatchOrder([7, 9, 8], samples_per_step=2, seed=1, group_by_length=False)
        >>> sorted(sum((step.samples.tolist() for step in order.steps(0)), []))
        [0, 1, 2]
    """

    def __init__(
        self,
        lengths: Sequence[int] | IntArray,
        *,
        samples_per_step: int,
        seed: int,
        group_by_length: bool = True,
        capacity: int | None = None,
    ) -> None:
        self.lengths: IntArray = np.asarray(lengths, dtype=np.int64)
        if not len(self.lengths) or samples_per_step < 1:
            raise ConfigError(f"{len(self.lengths)} samples cannot be ordered in steps of {samples_per_step}")
        self.samples_per_step = samples_per_step
        self.seed = seed
        self.group_by_length = group_by_length
        self.capacity = capacity

    @property
    def steps_per_epoch(self) -> int:
        """Steps that show every sample once."""
        return -(-len(self.lengths) // self.samples_per_step)

    def steps(self, epoch: int) -> Iterator[Step]:
        """Yield an epoch's steps; together they hold every sample exactly once."""
        order = self._shuffled(epoch)
        parts = [order[at : at + self.samples_per_step] for at in range(0, len(order), self.samples_per_step)]
        for index, samples in enumerate(parts):
            yield Step(number=epoch * self.steps_per_epoch + index, epoch=epoch, samples=samples)

    def from_step(self, number: int) -> Iterator[Step]:
        """Yield all steps from one on, without end: a run that stopped before step `number` goes on with this.

        Raises:
            ConfigError: If the number is negative.
        """
        if number < 0:
            raise ConfigError(f"there is no step {number}")
        epoch = number // self.steps_per_epoch
        while True:
            for step in self.steps(epoch):
                if step.number >= number:
                    yield step
            epoch += 1

    def share(self, step: Step, *, rank: int, world_size: int, micro_batch: int) -> list[list[tuple[int, ...]]]:
        """Return what one process reads of a step: micro batches of rows of samples.

        All processes get the same number of micro batches; where samples run out, a row is `NOTHING`. Samples of
        about the same length are read at the same time, so that no process waits long. A packed micro batch is one row
        of up to `micro_batch` times the capacity.

        Args:
            step: Of this order.
            rank: Which process, from 0.
            world_size: How many processes share a step.
            micro_batch: Rows that a process reads at once.

        Raises:
            ConfigError: If a size is not positive or the rank is not one of them.
        """
        if world_size < 1 or micro_batch < 1 or not 0 <= rank < world_size:
            raise ConfigError(f"process {rank} of {world_size} with {micro_batch} rows at once cannot be")
        lengths = self.lengths[step.samples]
        if self.capacity is not None:
            rows = [tuple(step.samples[list(row)].tolist()) for row in pack_rows(lengths, self.capacity * micro_batch)]
            sizes = [int(self.lengths[list(row)].sum()) for row in rows]
            at_once = 1
        else:
            rows, sizes, at_once = [(int(sample),) for sample in step.samples], lengths.tolist(), micro_batch
        by_size = sorted(range(len(rows)), key=lambda row: (-sizes[row], rows[row]))
        dealt = [rows[row] for row in by_size]
        dealt += [(NOTHING,)] * (-len(dealt) % (world_size * at_once))
        micros = [dealt[at : at + at_once] for at in range(0, len(dealt), at_once)]
        return micros[rank::world_size]

    def _shuffled(self, epoch: int) -> IntArray:
        dice = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, epoch])))
        order: IntArray = dice.permutation(len(self.lengths)).astype(np.int64)
        if not self.group_by_length:
            return order
        window = self.samples_per_step * _WINDOW
        whole = len(order) - len(order) % self.samples_per_step  # the short last step stays where it is
        parts: list[IntArray] = []
        for start in range(0, whole, window):
            near = order[start : min(start + window, whole)]
            near = near[np.argsort(-self.lengths[near], kind="stable")]
            parts += np.split(near, len(near) // self.samples_per_step)
        shuffled = [parts[index] for index in dice.permutation(len(parts))]
        return np.concatenate([*shuffled, order[whole:]])
