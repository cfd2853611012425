"""`movieqa train` as people use it: planned, killed, resumed, stopped by bad numbers and bad settings."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from movieqa.api import plan_training, train_model
from movieqa.errors import CheckpointError, ConfigError, TrainingError
from movieqa.train.checkpoints import FOLDER, find_checkpoint
from movieqa.train.config import TrainConfig
from movieqa.train.loop import run_training
from movieqa.train.metrics import FILE, read_metrics
from tests.command import command_line, movieqa
from tests.training_data import write_records
from tests.training_runs import run_config, save_model, write_data

SETTINGS = ("checkpoint.every=1", "checkpoint.keep=2", "lora.dropout=0.3", "parallel.zero_stage=2")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return save_model(tmp_path_factory.mktemp("start") / "model")


def arguments(config: TrainConfig, out: Path, *settings: str) -> list[str]:
    """Return the command line of a run."""
    flags = [f"--set={setting}" for setting in settings]
    return [
        "train",
        config.recipe,
        "--model",
        config.model.folder,
        "--data",
        str(config.data.files[0]),
        "--out",
        str(out),
        *flags,
    ]


def small(*further: str) -> tuple[str, ...]:
    """Return the settings of `run_config` as the command line takes them."""
    return (
        "compute.dtype=fp32",
        "schedule.samples_per_step=4",
        "schedule.epochs=2",
        "parallel.micro_batch=2",
        "compute.loss_tile=16",
        "data.boundary_frames=5",
        "data.max_length=400",
        *further,
    )


def test_killed_at_a_random_step_it_comes_to_the_same_weights(model: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path, "boundary_instruct")
    config = run_config("boundary_instruct", model, data, *SETTINGS)
    whole = run_training(config, tmp_path / "whole")
    victim = random.Random(os.getpid()).randint(1, 8)
    out = tmp_path / "killed"
    process = subprocess.Popen(
        command_line(*arguments(config, out, *small(*SETTINGS))),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 200
        while len(read_metrics(out)) < victim and time.monotonic() < end and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    reached = len(read_metrics(out))
    assert victim <= reached < 10, f"killed after step {victim}, found {reached} steps"
    (out / FOLDER / ".step-99999999.partial").mkdir(exist_ok=True)  # as a kill in the middle of writing leaves it
    resumed = run_training(config, out)
    assert 0 < resumed.resumed_from <= reached
    assert resumed.loss == whole.loss
    left, right = (load_file(folder / "model" / "model.safetensors") for folder in (tmp_path / "whole", out))
    assert all(left[name].equal(right[name]) for name in left)
    assert [step.loss for step in read_metrics(out)] == [step.loss for step in read_metrics(tmp_path / "whole")]
    assert sorted(path.name for path in (out / FOLDER).iterdir()) == ["step-00000009", "step-00000010"]
    check_refusals(config, out)


def check_refusals(config: TrainConfig, out: Path) -> None:
    """A folder that holds a run takes no other run, and a damaged checkpoint is told."""
    with pytest.raises(TrainingError, match="holds a run with other settings"):
        run_training(replace(config, seed=1), out)
    with pytest.raises(TrainingError, match="holds a run already"):
        run_training(config, out, resume=False)
    found = find_checkpoint(out)
    assert found is not None
    with next(found[0].rglob("*.safetensors")).open("ab") as file:
        file.write(b"x")
    with pytest.raises(TrainingError, match=r"is damaged .* is not whole"):
        run_training(config, out)


def test_two_processes_from_the_command_line(model: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path, "align")
    config = run_config("align", model, data)
    line = arguments(config, tmp_path / "run", *small("schedule.max_steps=2"))
    done = movieqa(*line, "--processes", "2", "--json", cwd=tmp_path, env={"OMP_NUM_THREADS": "1"}, timeout=200)
    assert done.code == 0, done.err
    assert done.json["steps"] == 2
    assert not done.err, "what libraries say is nothing that a user could change"
    assert {"config.json", "model.safetensors", "guidance_tokenizer"} <= {
        path.name for path in Path(done.json["model"]).iterdir()
    }
    again = movieqa(*line, "--processes", "2", "--set=optimizer.lr=1", cwd=tmp_path, timeout=200)
    assert "holds a run with other settings" in again.complaint


def test_a_plan_before_anything_is_trained(model: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path, "instruct")
    line = ["train", "instruct", "--model", str(model), "--data", str(data), "--dry-run"]
    done = movieqa(*line, "--set", "schedule.samples_per_step=8", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    plan = done.json
    sizes = {part["name"]: (part["trained"], part["whole"]) for part in plan["parts"]}
    assert sizes["vision_tower"][0] == 0
    assert all(trained == whole for name, (trained, whole) in sizes.items() if name != "vision_tower")
    assert (plan["num_samples"], plan["steps"]) == (20, 3)
    assert plan["tokens"] == 1094, "every sample once"
    assert plan["memory"]["weights"] == 2 * sum(whole for _, whole in sizes.values())
    assert plan["seconds"] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["instruct"]
    people = plan_training("identity_associate", model=model, data=[write_data(tmp_path, "identity_associate")])
    assert {"id_former", "identity_tokens"} <= {part.name for part in people.parts}
    assert people.memory.weights == 2 * sum(part.whole for part in people.parts)


def test_mistakes_are_one_line(model: Path, tmp_path: Path) -> None:
    data = write_records(tmp_path / "text.json", [{"id": 0, "conversations": []}])
    line = ["train", "align", "--model", str(model), "--data", str(data), "--out", "run", "--set", "optimizer.learn=1"]
    assert "no field 'optimizer.learn'; did you mean optimizer." in movieqa(*line, cwd=tmp_path).complaint
    with pytest.raises(ConfigError, match=r"missing\.json"):
        train_model("align", model=model, data=[tmp_path / "missing.json"], out=tmp_path / "run")
    with pytest.raises(CheckpointError, match="nowhere"):
        train_model("align", model="nowhere", data=[data], out=tmp_path / "run")
    with pytest.raises(TrainingError, match="1 bad samples"):
        train_model("align", model=model, data=[data], out=tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_loss_that_is_no_number_stops_the_run_and_names_its_samples(model: Path, tmp_path: Path) -> None:
    config = run_config("instruct", model, write_data(tmp_path, "instruct"), "optimizer.lr=1e30", "checkpoint.every=1")
    with pytest.raises(TrainingError, match=r"the (loss|gradient) is no number.*samples: instruct\.json: record \d+"):
        run_training(config, tmp_path / "run")
    lines = (tmp_path / "run" / FILE).read_text(encoding="utf-8").splitlines()
    assert lines and all(np.isfinite(json.loads(line)["loss"]) for line in lines)
    assert not (tmp_path / "run" / "model").exists()


def test_samples_that_turn_bad_are_counted_and_stop_the_run(model: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path, "align")
    picture = data.parent / "3.png"
    picture.write_bytes(picture.read_bytes()[: picture.stat().st_size // 2])
    config = run_config("align", model, data)
    with pytest.raises(TrainingError, match="1 bad samples, and at most 0"):
        run_training(config, tmp_path / "strict")
    allowed = replace(config, data=replace(config.data, max_bad=1))
    result = run_training(allowed, tmp_path / "lenient")
    assert (result.num_bad, result.steps) == (1, 10)
