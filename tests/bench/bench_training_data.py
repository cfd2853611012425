"""Measures training data: how fast samples are measured, and how long a run on pictures waits for them."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from movieqa.train import loop
from movieqa.train.data.config import DataConfig
from movieqa.train.data.training_set import open_training_set
from movieqa.train.reading import ReadStep
from tests.tiny_checkpoint import tiny_processor
from tests.training_data import said, write_records
from tests.training_runs import run_config, save_model

DIALOGUES = 6000
PICTURES = 64
SAMPLES, AT_ONCE = 160, 16
WORKERS = (0, 1, 4)
SIZE = (640, 480)
_TALK = ("<image>\nWhat is in this picture?", "A cat, and a dog beside it. " * 8, "And what else?", "A mat. " * 8)


def write_pictures(folder: Path) -> None:
    """Write smooth pictures of the size of COCO's."""
    dice = np.random.default_rng(0)
    for number in range(PICTURES):
        small = Image.fromarray(dice.integers(0, 255, (15, 20, 3), dtype=np.uint8))
        small.resize(SIZE, Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)


def measuring(folder: Path) -> tuple[float, float]:
    """Return how many dialogues a second of processor time measures: the first time, and out of the cache."""
    records = [{"id": n, "image": f"{n % PICTURES}.jpg", "conversations": said(*_TALK)} for n in range(DIALOGUES)]
    config = DataConfig(files=(write_records(folder / "dialogues.json", records),))
    processor = tiny_processor()
    speeds = []
    for _ in range(2):
        started = time.process_time()
        assert len(open_training_set(config, processor, processor.config)) == DIALOGUES
        speeds.append(DIALOGUES / (time.process_time() - started))
    return speeds[0], speeds[1]


def waiting(folder: Path, model: Path, num_workers: int) -> float:
    """Return the share of a run's time that it waits for pictures."""
    records = [{"image": f"{n % PICTURES}.jpg", "conversations": said(*_TALK[:1], "A cat.")} for n in range(SAMPLES)]
    config = run_config(
        "align",
        model,
        write_records(folder / "captions.json", records),
        f"schedule.samples_per_step={AT_ONCE}",
        f"parallel.micro_batch={AT_ONCE}",
        "schedule.epochs=1",
        f"data.num_workers={num_workers}",
    )
    read_steps, waits, steps = loop.read_steps, [], []

    def timed(*arguments: Any, **more: Any) -> Iterator[ReadStep]:
        steps_read = read_steps(*arguments, **more)
        while True:
            started = time.perf_counter()
            step = next(steps_read, None)
            if step is None:
                return
            waits.append(time.perf_counter() - started)
            yield step

    loop.read_steps = timed  # type: ignore[assignment]
    try:
        with tempfile.TemporaryDirectory() as out:
            loop.run_training(config, Path(out) / "run", watch=lambda step: steps.append(step.seconds))
    finally:
        loop.read_steps = read_steps
    return sum(waits[1:]) / (sum(waits[1:]) + sum(steps[1:]))


def main() -> None:
    """Measure and print the tables."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        write_pictures(folder)
        first, again = measuring(folder)
        model = save_model(folder / "model")
        shares = [(number, waiting(folder, model, number)) for number in WORKERS]
    print("## Training data\n")
    print("| dialogues of two questions measured, a second of processor time | |\n|---|---:|")
    print(f"| the first time | {first:,.0f} |\n| from the cache | {again:,.0f} ({again / first:.0f} times as fast) |\n")
    print(f"| threads that read {SIZE[0]}x{SIZE[1]} pictures ahead | share of a run of a tiny model spent waiting |")
    print("|---:|---:|")
    for number, share in shares:
        print(f"| {number} | {share:.0%} |")
    print(f"\n`data.num_workers` is {DataConfig().num_workers} by default. A larger model waits less.")


if __name__ == "__main__":
    sys.exit(main())
