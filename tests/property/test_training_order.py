"""Order and packing: every sample once, every token once, whatever the lengths."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from movieqa.train.data.example import NOTHING
from movieqa.train.data.order import BatchOrder
from movieqa.train.data.packing import block_mask, pack_rows, restarting_positions

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=60)


@given(
    lengths=LENGTHS, per_step=st.integers(1, 9), seed=st.integers(0, 5), epoch=st.integers(0, 3), groups=st.booleans()
)
def test_an_epoch_is_a_permutation(lengths: list[int], per_step: int, seed: int, epoch: int, groups: bool) -> None:
    order = BatchOrder(lengths, samples_per_step=per_step, seed=seed, group_by_length=groups)
    steps = list(order.steps(epoch))
    assert sorted(np.concatenate([step.samples for step in steps]).tolist()) == list(range(len(lengths)))
    assert len(steps) == order.steps_per_epoch
    assert all(len(step.samples) == per_step for step in steps[:-1])


@given(lengths=LENGTHS, per_step=st.integers(1, 9), start=st.integers(0, 20))
def test_going_on_is_what_would_have_come(lengths: list[int], per_step: int, start: int) -> None:
    order = BatchOrder(lengths, samples_per_step=per_step, seed=3)
    through = [(step.number, step.samples.tolist()) for step in islice(order.from_step(0), start + 5)]
    again = BatchOrder(lengths, samples_per_step=per_step, seed=3)
    resumed = [(step.number, step.samples.tolist()) for step in islice(again.from_step(start), 5)]
    assert through[start:] == resumed


@given(
    lengths=LENGTHS,
    per_step=st.integers(1, 12),
    world_size=st.integers(1, 5),
    micro_batch=st.integers(1, 3),
    capacity=st.one_of(st.none(), st.integers(20, 90)),
)
def test_processes_share_a_step_without_loss(
    lengths: list[int], per_step: int, world_size: int, micro_batch: int, capacity: int | None
) -> None:
    order = BatchOrder(lengths, samples_per_step=per_step, seed=1, capacity=capacity)
    for step in order.steps(0):
        shares = [
            order.share(step, rank=rank, world_size=world_size, micro_batch=micro_batch) for rank in range(world_size)
        ]
        assert len({len(share) for share in shares}) == 1
        read = [index for share in shares for micro in share for row in micro for index in row if index != NOTHING]
        assert sorted(read) == sorted(step.samples.tolist())
        assert all(len(micro) == (micro_batch if capacity is None else 1) for share in shares for micro in share)


@given(
    lengths=LENGTHS,
    per_step=st.integers(1, 9),
    parts=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 8)), min_size=2, max_size=4),
    capacity=st.one_of(st.none(), st.integers(20, 90)),
)
def test_a_run_resumed_by_other_numbers_of_processes_keeps_its_order(
    lengths: list[int], per_step: int, parts: list[tuple[int, int]], capacity: int | None
) -> None:
    """Each part of a run has a world size and some steps; together they are the run of one process."""

    def read(world_size: int, start: int, stop: int) -> list[list[int]]:
        order = BatchOrder(lengths, samples_per_step=per_step, seed=4, capacity=capacity)
        return [
            sorted(
                index
                for rank in range(world_size)
                for micro in order.share(step, rank=rank, world_size=world_size, micro_batch=2)
                for row in micro
                for index in row
                if index != NOTHING
            )
            for step in islice(order.from_step(start), stop - start)
        ]

    ends = np.cumsum([0, *(steps for _, steps in parts)]).tolist()
    resumed = [
        step
        for (size, _), start, stop in zip(parts, ends[:-1], ends[1:], strict=True)
        for step in read(size, start, stop)
    ]
    assert resumed == read(1, 0, ends[-1])


@given(lengths=LENGTHS, capacity=st.integers(1, 90))
def test_packing_keeps_every_token_once(lengths: list[int], capacity: int) -> None:
    rows = pack_rows(lengths, capacity)
    assert sorted(place for row in rows for place in row) == list(range(len(lengths)))
    assert all(len(row) == 1 or sum(lengths[place] for place in row) <= capacity for row in rows)
    fitting = sum(length for length in lengths if length <= capacity)
    long = sum(length > capacity for length in lengths)
    assert len(rows) - long <= max(1, 2 * fitting / capacity), "rows are at least half full"


@given(segments=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_a_position_sees_its_own_sample_up_to_itself(segments: list[int]) -> None:
    mask, positions = block_mask(segments)[0, 0], restarting_positions(segments)
    assert mask.sum(dim=1).tolist() == (positions + 1).tolist()
    for row, position in enumerate(positions.tolist()):
        assert mask[row, row - position : row + 1].all()


@given(lengths=st.lists(st.integers(1, 500), min_size=64, max_size=200))
def test_grouping_saves_padding(lengths: list[int]) -> None:
    def padded(groups: bool) -> int:
        order = BatchOrder(lengths, samples_per_step=4, seed=2, group_by_length=groups)
        return sum(max(lengths[index] for index in step.samples) * len(step.samples) for step in order.steps(0))

    assert padded(True) <= padded(False)
