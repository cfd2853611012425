"""Packed samples are read as if each were alone; steps are the same on any number of processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from movieqa.errors import ConfigError
from movieqa.model import MovieModel
from movieqa.prompt import IGNORED_LABEL
from movieqa.train.data.batch import collate
from movieqa.train.data.example import NOTHING, Example
from movieqa.train.data.order import BatchOrder
from movieqa.train.data.packing import join, restarting_positions
from movieqa.train.data.training_set import TrainingSet
from tests.tiny_checkpoint import make_tiny_model
from tests.training_data import noise_clip, open_records, said, write_picture


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """Samples of every kind, of unequal lengths."""
    folder = tmp_path_factory.mktemp("packed")
    write_picture(folder / "a.png")
    noise_clip(folder / "b.mkv")
    records = [
        {"id": 1, "image": "a.png", "conversations": said("<image>\nWho?", "Mara.", "Where?", "In the boathouse.")},
        {"id": 2, "conversations": said("Is it so?", "Yes.")},
        {"id": 3, "video": "b.mkv", "conversations": said("What happens?\n<image>", "Noise.")},
        {"id": 4, "conversations": said("And then? " * 9, "Nothing at all happens after that.")},
        {"id": 5, "conversations": said("Why?", "Because.")},
    ]
    return open_records(folder, records)


@pytest.fixture(scope="module")
def model() -> MovieModel:
    torch.set_num_threads(1)
    return make_tiny_model()


@pytest.fixture(scope="module")
def examples(data: TrainingSet) -> list[Example]:
    return [data[index] for index in range(len(data))]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@torch.no_grad()
def test_packed_logits_are_those_of_separate_samples(
    model: MovieModel, examples: list[Example], attention: str
) -> None:
    model.language_model.set_attn_implementation(attention)
    packed = collate([join(examples)])
    arguments = packed.arguments(attention) | {"labels": None, "logits_to_keep": 0}
    together = model(**arguments).logits[0]
    start = 0
    for example in examples:
        alone = model(**collate([example]).arguments(attention) | {"labels": None, "logits_to_keep": 0}).logits[0]
        assert_close(together[start : start + len(example)], alone, rtol=0, atol=1e-4)
        start += len(example)
    assert start == len(together)
    leaking = model(**arguments | {"attention_mask": torch.ones(1, start, dtype=torch.bool)}).logits[0]
    assert (leaking - together).abs().max() > 0.1, "without the mask one sample would read another"


@torch.no_grad()
def test_transformers_keeps_packed_samples_apart_by_their_positions(model: MovieModel, examples: list[Example]) -> None:
    """What FlashAttention is given, positions that restart and no mask, means the same to SDPA."""
    model.language_model.set_attn_implementation("sdpa")
    packed = collate([join(examples)])
    assert packed.mask_for("flash_attention_2") is None
    by_mask = model(**packed.arguments("sdpa")).loss
    by_positions = model(**packed.arguments("flash_attention_2")).loss
    assert_close(by_mask, by_positions, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_packed_row_has_the_loss_of_its_samples(model: MovieModel, examples: list[Example]) -> None:
    packed = collate([join(examples)])
    total = model(**packed.arguments()).loss * packed.num_learned
    alone = [collate([example]) for example in examples]
    assert packed.num_learned == sum(batch.num_learned for batch in alone)
    assert_close(total, sum(model(**one.arguments()).loss * one.num_learned for one in alone), rtol=1e-5, atol=1e-4)


def test_the_first_token_of_a_packed_sample_is_not_learned_from_the_one_before(examples: list[Example]) -> None:
    learned = Example(
        input_ids=np.array([5, 6]),
        labels=np.array([5, 6]),
        media=(),
        roles=(),
        segments=(2,),
        indices=(0,),
        names=("x",),
    )
    row = join([learned, learned])
    assert row.labels.tolist() == [5, 6, IGNORED_LABEL, 6]
    assert row.num_learned == collate([row]).num_learned == 2


def test_positions_restart() -> None:
    assert restarting_positions([3, 1, 2]).tolist() == [0, 1, 2, 0, 0, 1]


def test_a_packed_row_stands_alone(examples: list[Example]) -> None:
    with pytest.raises(ConfigError, match="stands alone"):
        collate([join(examples[:2]), examples[2]])


@torch.no_grad()
def test_padding_and_empty_examples_change_no_loss(
    model: MovieModel, data: TrainingSet, examples: list[Example]
) -> None:
    alone, padded = collate(examples[:1]), collate([examples[0], data[NOTHING]])
    assert alone.attention_mask is None and padded.attention_mask is not None
    assert_close(model(**alone.arguments()).loss, model(**padded.arguments()).loss, rtol=0, atol=1e-5)
    nothing = collate([data[NOTHING]])
    assert nothing.num_learned == 0
    assert float(model(**nothing.arguments()).loss) == 0.0


def samples_of(order: BatchOrder, world_size: int, start: int, count: int) -> list[list[int]]:
    """Return the samples that all processes together read in some steps."""
    found = []
    for step in islice(order.from_step(start), count):
        shares = [order.share(step, rank=rank, world_size=world_size, micro_batch=1) for rank in range(world_size)]
        read = [index for share in shares for micro in share for row in micro for index in row]
        found.append(sorted(index for index in read if index != NOTHING))
    return found


@pytest.mark.parametrize("capacity", [None, 400])
def test_one_two_and_three_processes_learn_from_the_same_samples(data: TrainingSet, capacity: int | None) -> None:
    order = BatchOrder(data.lengths, samples_per_step=3, seed=4, capacity=capacity)
    whole = samples_of(order, 2, 0, 6)
    assert whole == samples_of(order, 1, 0, 6) == samples_of(order, 3, 0, 6)
    changed = samples_of(order, 2, 0, 2) + samples_of(order, 1, 2, 2) + samples_of(order, 2, 4, 2)
    assert changed == whole, "two processes, then one, then two again"
    assert sorted(whole[0] + whole[1]) == sorted(whole[2] + whole[3]) == list(range(5))


def test_threads_read_the_same(data: TrainingSet, examples: list[Example]) -> None:
    """Each thread has a decoder of its own."""
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(data.__getitem__, [2, 0, 2, 2, 1, 2]))
    for index, example in zip([2, 0, 2, 2, 1, 2], read, strict=True):
        assert np.array_equal(example.input_ids, examples[index].input_ids)
        for medium, other in zip(example.media, examples[index].media, strict=True):
            assert medium.pixels is not None and other.pixels is not None
            assert torch.equal(medium.pixels, other.pixels)


def test_every_process_gets_as_many_micro_batches() -> None:
    order = BatchOrder([9, 5, 7, 3, 4], samples_per_step=5, seed=1)
    step = next(order.steps(0))
    shares = [order.share(step, rank=rank, world_size=3, micro_batch=1) for rank in range(3)]
    assert {len(share) for share in shares} == {2}
    assert sorted(index for share in shares for (row,) in share for index in row) == [NOTHING, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"rank": 2}, "process 2 of 2"), ({"micro_batch": 0}, "0 rows"), ({"world_size": 0}, "of 0")],
)
def test_impossible_shares_are_refused(settings: dict[str, int], reason: str) -> None:
    order = BatchOrder([3, 4], samples_per_step=2, seed=1)
    with pytest.raises(ConfigError, match=reason):
        order.share(next(order.steps(0)), **{"rank": 0, "world_size": 2, "micro_batch": 1, **settings})
    with pytest.raises(ConfigError):
        next(order.from_step(-1))


def test_a_bad_sample_in_a_row_is_told_by_its_batch(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png").write_bytes(b"\x89PNG broken")
    records = [{"image": "a.png", "conversations": said("<image>\nWho?", "Mara.")}, {"conversations": said("a", "b")}]
    data = open_records(tmp_path, records, max_bad=1)
    batch = collate([join([data[0], data[1]])])
    assert [(index, bad.number) for index, bad in batch.bad] == [(0, 1)]
    other = open_records(tmp_path, records, max_bad=1)
    other.record(batch.bad)
    other.record(batch.bad)
    assert other.bad == data.bad, "told by another process, and counted once"
    assert batch.num_learned == collate([data[1]]).num_learned
