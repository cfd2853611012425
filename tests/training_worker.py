"""Runs several training runs one after the other, each in two processes that share it.

`python -m tests.training_worker JOBS`, where JOBS is a folder of configurations. Where no launcher started it, two
processes are forked when all is imported, which takes longer than a run.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import torch

from movieqa.api.train import make_identity_tokens
from movieqa.model.adapter import import_peft
from movieqa.train.config import TrainConfig
from movieqa.train.dependencies import import_deepspeed
from movieqa.train.loop import run_training
from movieqa.train.processes import has_launcher
from tests.training_runs import seeded_id_former

NUM_PROCESSES = 2


def run_all(folder: Path) -> None:
    """Run every configuration of the folder into a folder of its name."""
    for path in sorted(folder.glob("*.json")):
        run_training(
            TrainConfig.load(path),
            folder / path.stem,
            make_id_former=seeded_id_former,
            make_identity_tokens=make_identity_tokens,
        )


def share(folder: Path) -> int:
    """Run them in processes that find each other; return 0, or 1 as soon as one of them fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"WORLD_SIZE": str(NUM_PROCESSES), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    running = set()
    for rank in range(NUM_PROCESSES):
        process = os.fork()
        if not process:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            leave_after(folder)
        running.add(process)
    while running:
        process, status = os.wait()
        running.discard(process)
        if status:  # the others would wait for it
            for other in running:
                os.kill(other, signal.SIGKILL)
            return 1
    return 0


def leave_after(folder: Path) -> NoReturn:
    """Run all and end this process: gloo's threads of many runs may outlive the interpreter."""
    code = 1
    try:
        run_all(folder)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    torch.set_num_threads(1)
    import_deepspeed()
    import_peft()
    if has_launcher():
        leave_after(Path(sys.argv[1]))
    gc.freeze()  # deepspeed collects garbage often, and of what is imported there is none
    sys.exit(share(Path(sys.argv[1])))
