"""Local processes of one run, started and watched; more machines are for torchrun and deepspeed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from movieqa.errors import TrainingError

_PATIENCE = 5.0
"""Seconds that the others get to tell why, where the process that failed did not."""
_FAULTS = "fault-*.json"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What a process could not do.

    Attributes:
        message: What happened.
        hint: The way out.
    """

    message: str
    hint: str


def write_fault(folder: Path, fault: Fault) -> None:
    """Leave word for whoever started this process."""
    path = folder / f"fault-{int(os.environ.get('RANK', '0')):05d}.json"
    path.write_text(json.dumps([fault.message, fault.hint]), encoding="utf-8")


def run_processes(module: str, arguments: Sequence[str], *, count: int, folder: Path) -> None:
    """Run a module in so many processes that find each other, and wait for them.

    Args:
        module: Run with `python -m`.
        arguments: For each of them.
        count: How many.
        folder: Where they leave word; what others than the first write to standard error goes there too.

    Raises:
        TrainingError: If one of them fails; the others are stopped.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count))}
    running: list[subprocess.Popen[bytes]] = []
    logs: list[IO[bytes]] = []
    try:
        for rank in range(count):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            if rank:
                logs.append((folder / f"process-{rank}.log").open("wb"))
            running.append(
                subprocess.Popen(
                    [sys.executable, "-m", module, *arguments],
                    env={**threads, **os.environ, **shared, **place},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=logs[-1] if rank else None,
                )
            )
        _wait(running, folder)
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
            process.wait()
        for log in logs:
            log.close()


def _wait(running: Sequence[subprocess.Popen[bytes]], folder: Path) -> None:
    while True:
        codes = {rank: process.poll() for rank, process in enumerate(running)}
        failed = {rank: code for rank, code in codes.items() if code}
        if failed:
            break
        if all(code == 0 for code in codes.values()):
            return
        time.sleep(0.1)
    rank, code = next(iter(failed.items()))
    end = time.monotonic() + (_PATIENCE if code > 0 else 0)
    while time.monotonic() < end and not list(folder.glob(_FAULTS)) and any(one.poll() is None for one in running):
        time.sleep(0.1)
    for path in sorted(folder.glob(_FAULTS)):
        message, hint = json.loads(path.read_text(encoding="utf-8"))
        raise TrainingError(message, hint=hint)
    if code < 0:
        raise TrainingError(
            f"process {rank} was killed ({signal.Signals(-code).name})",
            hint="a system kills what takes too much memory: see --dry-run; the same command goes on",
        )
    log = folder / f"process-{rank}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    told = next((line.strip() for line in reversed(lines) if line.strip()), "")
    raise TrainingError(f"process {rank} ended with code {code}{f': {told}' if told else ''}")
