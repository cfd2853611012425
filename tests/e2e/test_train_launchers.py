"""Several machines start a run by the standard launchers; a process that ends early ends the run in one line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from movieqa.train.metrics import read_metrics
from tests.command import command_line, movieqa_inside
from tests.training_runs import read_curve, save_model, write_data

GOLDEN = Path(__file__).parent.parent / "golden" / "train" / "align.txt"
SETTINGS = (
    "compute.dtype=fp32",
    "schedule.samples_per_step=4",
    "schedule.max_steps=2",
    "parallel.micro_batch=2",
    "compute.loss_tile=16",
    "data.max_length=400",
)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of a model and its data."""
    folder = tmp_path_factory.mktemp("start")
    save_model(folder / "model")
    write_data(folder, "align")
    return folder


def arguments(start: Path, out: Path) -> list[str]:
    """Return what follows `movieqa` to train two steps."""
    flags = [f"--set={setting}" for setting in SETTINGS]
    data = start / "align" / "align.json"
    return ["train", "align", "--model", str(start / "model"), "--data", str(data), "--out", str(out), *flags]


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def deepspeed_node(rank: int, port: str, folder: Path) -> list[str]:
    """Return how a machine is started by hand where the launcher cannot reach it."""
    (folder / "hosts").write_text("localhost slots=1\n127.0.0.1 slots=1\n", encoding="utf-8")
    launcher = [sys.executable, "-m", "deepspeed.launcher.runner", "--hostfile", str(folder / "hosts"), "--no_ssh"]
    address = ["--node_rank", str(rank), "--master_addr", "127.0.0.1", "--master_port", port]
    return [*launcher, *address, "--module", "movieqa"]


def torchrun_node(rank: int, port: str, folder: Path) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    return [*launcher, "--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{port}", "-m", "movieqa"]


def test_deepspeeds_word_of_the_process_is_taken() -> None:
    assert movieqa_inside("--local_rank=1", "--version").out.startswith("movieqa ")


@pytest.mark.bench
@pytest.mark.timeout(600)
@pytest.mark.parametrize("node", [deepspeed_node, torchrun_node], ids=["deepspeed", "torchrun"])
def test_two_nodes_learn_together(start: Path, tmp_path: Path, node: Callable[[int, str, Path], list[str]]) -> None:
    port, out = free_port(), tmp_path / "run"
    nodes = [
        subprocess.Popen(
            [*node(rank, port, tmp_path), *arguments(start, out)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        told = [one.communicate(timeout=500) for one in nodes]
    finally:
        for one in nodes:
            one.kill()
    assert [one.returncode for one in nodes] == [0, 0], told
    assert [str(out / "model") in lines.splitlines() for lines, _ in told] == [True, False]
    expected = [loss for loss, _ in read_curve(GOLDEN)][:2]
    assert [step.loss for step in read_metrics(out)] == pytest.approx(expected, abs=1e-4)
    assert (out / "model" / "model.safetensors").exists()


def is_worker(process: psutil.Process) -> bool:
    try:
        return any("train_worker" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("kills", "code", "line"),
    [
        (True, 2, "movieqa: process 1 was killed (SIGKILL)"),
        (False, 3, "movieqa: interrupted; run the same command again to go on"),
    ],
    ids=["a process is killed", "Ctrl-C"],
)
def test_all_processes_end_together(start: Path, tmp_path: Path, kills: bool, code: int, line: str) -> None:
    command = subprocess.Popen(
        command_line(*arguments(start, tmp_path / "run"), "--processes", "2"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's `&` ignores it
    )
    workers: list[psutil.Process] = []
    try:
        end = time.monotonic() + 100
        while len(workers) < 2 and time.monotonic() < end:
            workers = [one for one in psutil.Process(command.pid).children() if is_worker(one)]
            time.sleep(0.02)
        if kills:
            next(one for one in workers if one.environ()["RANK"] == "1").kill()
        else:
            command.send_signal(signal.SIGINT)
        out, told = command.communicate(timeout=60)
    finally:
        command.kill()
    assert (command.returncode, out) == (code, "")
    assert [one.startswith(line) for one in told.splitlines() if one] == [True], told
    assert not any(one.is_running() for one in workers)
