"""What a process reads of each step: its micro batches, read ahead while the step before is learned."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

import torch
from torch.nn import functional

from movieqa.model import Media
from movieqa.prompt import IGNORED_LABEL

from .data.batch import Batch, collate
from .data.example import NOTHING, Example, MediaRole
from .data.order import BatchOrder, IntArray, Step
from .data.packing import join
from .data.sample import BadSample
from .processes import Processes
from .sequence_parallel import cut
from .training_model import Micro, People, Piece


class Samples(Protocol):
    """What a run learns from: `movieqa.train.data.training_set.TrainingSet`, or anything like it."""

    digest: str
    lengths: IntArray

    @property
    def bad(self) -> tuple[BadSample, ...]:
        """Bad samples that were met so far."""

    def __getitem__(self, index: int) -> Example:
        """Return a sample."""

    def record(self, bad: Sequence[tuple[int, BadSample]]) -> None:
        """Count bad samples."""

    def describe(self, index: int) -> str:
        """Return what errors call a sample."""


@dataclass(frozen=True, kw_only=True)
class ReadStep:
    """One process's part of a step."""

    step: Step
    batches: tuple[Batch, ...]

    @property
    def num_learned(self) -> int:
        """Positions that are learned."""
        return sum(batch.num_learned for batch in self.batches)

    @property
    def num_tokens(self) -> int:
        """Positions of samples: neither padding, nor what fills a process's place."""
        rows = [row for batch in self.batches for row in zip(batch.segments, batch.indices, strict=True)]
        return sum(length for row in rows for length, index in zip(*row, strict=True) if index != NOTHING)


def read_steps(
    samples: Samples,
    order: BatchOrder,
    processes: Processes,
    *,
    micro_batch: int,
    start: int,
    stop: int,
    num_workers: int,
    pad: int,
) -> Iterator[ReadStep]:
    """Yield this process's part of the steps from `start` until `stop`.

    Args:
        samples: What is learned from.
        order: Which samples each step has.
        processes: This process among all; those that share a sample read the same.
        micro_batch: Rows at once.
        start: First step.
        stop: Step that is not made any more.
        num_workers: Threads that read the next step ahead; 0 reads when it is asked for.
        pad: Id of padding.
    """

    def read_row(row: tuple[int, ...]) -> Example:
        return join([samples[index] for index in row])

    def share(step: Step) -> list[list[tuple[int, ...]]]:
        return order.share(step, rank=processes.data_rank, world_size=processes.data_size, micro_batch=micro_batch)

    steps = takewhile(lambda step: step.number < stop, order.from_step(start))
    if not num_workers:
        for step in steps:
            batches = tuple(collate([read_row(row) for row in micro], pad=pad) for micro in share(step))
            yield ReadStep(step=step, batches=batches)
        return
    with ThreadPoolExecutor(num_workers) as pool:
        waiting: deque[tuple[Step, list[list[Future[Example]]]]] = deque()
        try:
            for step in steps:
                waiting.append((step, [[pool.submit(read_row, row) for row in micro] for micro in share(step)]))
                if len(waiting) > 1:
                    yield _gather(*waiting.popleft(), pad)
            while waiting:
                yield _gather(*waiting.popleft(), pad)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _gather(step: Step, micros: list[list[Future[Example]]], pad: int) -> ReadStep:
    batches = tuple(collate([row.result() for row in micro], pad=pad) for micro in micros)
    return ReadStep(step=step, batches=batches)


def to_micro(batch: Batch, processes: Processes, *, attention: str, tokens_per_frame: int) -> Micro:
    """Return what the model reads of a batch: targets shifted, references beside what is read with them in mind.

    Args:
        batch: On the host.
        processes: This process among all; with sequence parallelism it gets its stretch.
        attention: Of the language model.
        tokens_per_frame: Tokens of each frame.
    """
    device = processes.device
    references = [
        _references((*media, *people), (*roles, *people_roles))
        for media, roles, people, people_roles in zip(
            batch.media, batch.roles, batch.people, batch.people_roles, strict=True
        )
    ]
    micro = Micro(
        input_ids=batch.input_ids.to(device),
        targets=functional.pad(batch.labels[:, 1:], (0, 1), value=IGNORED_LABEL).to(device),
        pieces=[
            _pieces(media, roles, shown)
            for media, roles, shown in zip(batch.media, batch.roles, references, strict=True)
        ],
        attention_mask=_moved(batch.mask_for(attention), device),
        position_ids=batch.position_ids.to(device) if batch.is_packed else None,
        people=[
            People(references=shown[sample])
            for shown, roles in zip(references, batch.people_roles, strict=True)
            for sample in sorted({role.sample for role in roles})
        ],
    )
    if processes.sequence_size == 1:
        return micro
    return cut(micro, rank=processes.sequence_rank, size=processes.sequence_size, tokens_per_frame=tokens_per_frame)


def _moved(mask: torch.Tensor | None, device: torch.device) -> torch.Tensor | None:
    return None if mask is None else mask.to(device)


def _references(media: Sequence[Media], roles: Sequence[MediaRole]) -> dict[int, tuple[tuple[Media, ...], ...]]:
    """Return for each sample of a row the media that show each of its identities."""
    references: dict[int, dict[int, list[Media]]] = {}
    for one, role in zip(media, roles, strict=True):
        if role.role == "reference" and role.identity is not None:
            references.setdefault(role.sample, {}).setdefault(role.identity, []).append(one)
    return {
        sample: tuple(tuple(identities[number]) for number in sorted(identities))
        for sample, identities in references.items()
    }


def _pieces(
    media: Sequence[Media], roles: Sequence[MediaRole], shown: Mapping[int, tuple[tuple[Media, ...], ...]]
) -> list[Piece]:
    """Give each medium that is read with people in mind the references of its own sample."""
    return [
        Piece(media=one, references=shown.get(role.sample, ()) if role.role == "test" else ())
        for one, role in zip(media, roles, strict=True)
    ]
