"""Runs that are killed, and runs that go on with other processes and another ZeRO stage.

Two processes are launched twice: to start them takes longer than what they do.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from movieqa.api.train import make_identity_tokens
from movieqa.train.checkpoints import FOLDER
from movieqa.train.config import ParallelConfig, TrainConfig
from movieqa.train.loop import CONFIG_FILE, run_training
from movieqa.train.metrics import read_metrics
from tests.command import movieqa_inside
from tests.training_runs import run_config, save_model, seeded_id_former, write_data

pytestmark = pytest.mark.timeout(400)
KEPT = ("checkpoint.every=1", "checkpoint.keep=100", "compute.gradient_checkpointing=false")
SHORT = ("schedule.max_steps=5",)
SMALL = (  # the killed run, as the command line takes it
    "compute.dtype=fp32",
    "schedule.samples_per_step=4",
    "schedule.epochs=2",
    "data.boundary_frames=5",
    "data.max_length=400",
    "lora.dropout=0.3",
)
KILLED = ("boundary_instruct", (*KEPT, "lora.dropout=0.3", "parallel.zero_stage=2"))
MOVED = {  # the recipe of a run that moves, its settings, and the ZeRO stages of its three legs
    "fp32": ("instruct", (), (2, 3, 0)),
    "bf16": ("identity_recognize", ("compute.dtype=bf16",), (2, 0, 3)),
}
"""Identity has weights of one number, which two processes cannot divide."""
SHARED = ParallelConfig(zero_stage=3, sequence_parallel=2)


def on_stage(config: TrainConfig, stage: int) -> TrainConfig:
    return replace(config, parallel=replace(config.parallel, zero_stage=stage))


def launch(jobs: Path) -> subprocess.Popen[str]:
    """Run a folder of configurations in two processes, as `torchrun` does."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*command, "-m", "tests.training_worker", str(jobs)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_at(process: subprocess.Popen[str], out: Path, step: int) -> None:
    """Kill the launcher and its processes, with no chance to tidy up, when a run has told of a step."""
    running = [psutil.Process(process.pid)]
    try:
        end = time.monotonic() + 200
        while len(read_metrics(out)) < step and time.monotonic() < end and process.poll() is None:
            time.sleep(0.002)
        time.sleep(random.random() / 20)  # anywhere in the step, or in the writing of its checkpoint
    finally:
        running += running[0].children(recursive=True)
        for one in running:  # the launcher first: it would end the others gently
            one.kill()
        process.communicate()


def leave(run: Path, step: int, to: Path) -> None:
    """Make a folder of a run as it was at a step."""
    name = f"step-{step:08d}"
    shutil.copytree(run / FOLDER / name, to / FOLDER / name)
    shutil.copy(run / CONFIG_FILE, to)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all runs: begun in two processes, killed, and gone on with."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("resume")
    model, first, second = save_model(folder / "model"), folder / "first", folder / "second"
    first.mkdir()
    second.mkdir()
    recipe, settings = KILLED
    killed = run_config(recipe, model, write_data(folder, recipe), *settings)
    for path in (first / "a-whole", first / "c-killed", second / "a-killed", second / "c-damaged"):
        path.with_suffix(".json").write_text(killed.to_json())
    for name, (recipe, settings, stages) in MOVED.items():
        config = run_config(recipe, model, write_data(folder, recipe), *KEPT, *SHORT, *settings)
        for place, stage in ((first, stages[0]), (folder, stages[1]), (second, stages[2])):
            (place / f"b-{name}.json").write_text(on_stage(config, stage).to_json())
    config = TrainConfig.load(first / "b-fp32.json")
    (second / "b-shared.json").write_text(replace(config, parallel=SHARED).to_json())
    kill_at(launch(first), first / "c-killed", random.Random(os.getpid()).randint(1, 8))
    for name in MOVED:
        leave(first / f"b-{name}", 2, folder / f"b-{name}")
        run_training(
            TrainConfig.load(folder / f"b-{name}.json"),
            folder / f"b-{name}",
            make_id_former=seeded_id_former,
            make_identity_tokens=make_identity_tokens,
        )
        leave(folder / f"b-{name}", 3, second / f"b-{name}")
    leave(first / "b-fp32", 3, second / "b-shared")
    shutil.copytree(first / "c-killed", second / "a-killed")
    (second / "a-killed" / FOLDER / ".step-99999999.partial").mkdir(exist_ok=True)  # as a kill may leave it
    leave(first / "a-whole", 2, second / "c-damaged")
    damage(second / "c-damaged")
    (folder / "told.txt").write_text(launch(second).communicate(timeout=200)[1])
    return folder


def damage(run: Path) -> None:
    """Change a byte of a file that the second process looks after."""
    path = run / FOLDER / "step-00000002" / "exp_avg-00000.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def losses(run: Path) -> list[float]:
    return [step.loss for step in read_metrics(run)]


def weights(run: Path, step: int) -> Tensor:
    """Return all trained weights of a checkpoint in one row."""
    files = sorted((run / FOLDER / f"step-{step:08d}").glob("weight-*.safetensors"))
    return torch.cat([weight.flatten() for file in files for _, weight in sorted(load_file(file).items())])


def test_killed_at_a_random_step_it_comes_to_the_same_weights(runs: Path) -> None:
    whole, killed, resumed = runs / "first" / "a-whole", runs / "first" / "c-killed", runs / "second" / "a-killed"
    assert 0 < len(losses(killed)) < len(losses(whole)) == 10
    assert losses(resumed) == losses(whole)
    left, right = (load_file(run / "model" / "model.safetensors") for run in (whole, resumed))
    assert left.keys() == right.keys()
    assert all(left[name].equal(right[name]) for name in left)
    assert not list((resumed / FOLDER).glob(".*"))


@pytest.mark.parametrize(("name", "tolerance", "drift"), [("fp32", 1e-4, 2e-3), ("bf16", 2e-2, 0.05)])
def test_from_two_processes_to_one_and_back_with_other_stages(
    runs: Path, name: str, tolerance: float, drift: float
) -> None:
    whole, alone, back = (folder / f"b-{name}" for folder in (runs / "first", runs, runs / "second"))
    assert losses(alone) == pytest.approx(losses(whole)[2:], abs=tolerance)
    assert losses(back) == pytest.approx(losses(whole)[3:], abs=tolerance)
    learned = weights(whole, 5) - weights(whole, 2)
    assert (weights(back, 5) - weights(whole, 5)).norm() < drift * learned.norm()


def test_from_a_sample_each_to_one_sample_shared(runs: Path) -> None:
    whole, shared = runs / "first" / "b-fp32", runs / "second" / "b-shared"
    assert losses(shared) == pytest.approx(losses(whole)[3:], abs=1e-4)
    learned = weights(whole, 5) - weights(whole, 3)
    assert (weights(shared, 5) - weights(whole, 5)).norm() < 2e-3 * learned.norm()


def test_a_fault_that_one_process_finds_is_told_by_all(runs: Path) -> None:
    told = (runs / "told.txt").read_text()
    path = runs / "second" / "c-damaged" / FOLDER / "step-00000002"
    assert told.count(f"TrainingError: {path} is damaged (exp_avg-00000.safetensors is not what was written); ") == 2


def test_a_damaged_checkpoint_is_one_line_of_the_command(runs: Path) -> None:
    run = runs / "second" / "c-damaged"
    config = TrainConfig.load(run.with_suffix(".json"))
    file = run / FOLDER / "step-00000002" / "weight-00000.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    told = movieqa_inside(
        "train",
        config.recipe,
        f"--model={config.model.folder}",
        f"--data={config.data.files[0]}",
        f"--out={run}",
        *(f"--set={setting}" for setting in SMALL),
    )
    assert f"{file.parent} is damaged ({file.name} is not whole); remove it" in told.complaint
