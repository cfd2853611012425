"""The order of data through a whole run: interrupted, and gone on by another number of processes."""

from __future__ import annotations

from itertools import chain

import pytest
import torch

from movieqa.train.data.config import DataConfig
from movieqa.train.data.order import BatchOrder
from movieqa.train.data.training_set import TrainingSet, open_training_set
from movieqa.train.processes import Processes
from movieqa.train.reading import read_steps
from tests.bad_training_data import write_film
from tests.tiny_checkpoint import tiny_processor
from tests.training_data import said, write_picture, write_records

NUM_STEPS = 14


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """Pictures, films and texts of many lengths; the longest by their frames, the texts by their words."""
    folder = tmp_path_factory.mktemp("data")
    write_picture(folder / "a.png")
    for number in range(6):
        write_film(folder / f"tt{number}.pkl", 3 + 7 * number, "<image>line" * (3 + 7 * number))
    records = [{"image": "a.png", "conversations": said("<image>\nWho?", "M" * (3 * n + 1))} for n in range(9)]
    records += [{"video": f"tt{n}.pkl", "conversations": said("<image>\nWho?", "Mara.")} for n in range(6)]
    records += [{"conversations": said("Why?", "So. " * (11 * n + 1))} for n in range(8)]
    processor = tiny_processor()
    config = DataConfig(files=(write_records(folder / "data.json", records),))
    return open_training_set(config, processor, processor.config)


def learned(
    samples: TrainingSet, world_size: int, start: int, stop: int, *, packing: bool, num_workers: int
) -> list[list[int]]:
    """Return the samples that all processes together read in each step, as the loop reads them."""
    steps: list[list[int]] = [[] for _ in range(start, stop)]
    for rank in range(world_size):
        order = BatchOrder(samples.lengths, samples_per_step=4, seed=5, capacity=600 if packing else None)
        read = read_steps(
            samples,
            order,
            Processes(rank=rank, world_size=world_size, device=torch.device("cpu")),
            micro_batch=2 if not packing else 1,
            start=start,
            stop=stop,
            num_workers=num_workers,
            pad=0,
        )
        for one in read:
            indices = [index for batch in one.batches for row in batch.indices for index in row if index >= 0]
            steps[one.step.number - start] += indices
    return [sorted(step) for step in steps]


@pytest.mark.parametrize("packing", [False, True], ids=["rows", "packed"])
def test_world_size_2_to_1_to_2_has_the_same_data_order(samples: TrainingSet, packing: bool) -> None:
    whole = learned(samples, 2, 0, NUM_STEPS, packing=packing, num_workers=0)
    changed = [
        *learned(samples, 2, 0, 5, packing=packing, num_workers=0),
        *learned(samples, 1, 5, 9, packing=packing, num_workers=2),
        *learned(samples, 2, 9, NUM_STEPS, packing=packing, num_workers=1),
    ]
    assert changed == whole
    assert sorted(chain(*whole[:6])) == list(range(len(samples))), "an epoch has every sample once"
    assert whole[:6] != whole[6:12], "each epoch has an order of its own"


def test_samples_are_grouped_by_their_true_length(samples: TrainingSet) -> None:
    """Frames and subtitles count: words alone would put a film of 38 frames beside a text of five letters."""
    order = BatchOrder(samples.lengths, samples_per_step=4, seed=5)
    told = [samples.lengths[step.samples].tolist() for step in order.steps(0)]
    read = [[len(samples[int(index)]) for index in step.samples] for step in order.steps(0)]
    assert read == told
    shuffled = BatchOrder(samples.lengths, samples_per_step=4, seed=5, group_by_length=False)
    mixed = [samples.lengths[step.samples].tolist() for step in shuffled.steps(0)]
    grouped, apart = (sum(max(step) - min(step) for step in steps if len(step) == 4) for steps in (told, mixed))
    assert grouped < apart / 2
