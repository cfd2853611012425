"""One of several local processes of a training run; `train_model` starts it."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path


def main(folder: Path, out: Path, *, resume: bool, progress: bool) -> int:
    """Train, and leave the result or the fault in the folder; the exit code is the command line's."""
    from movieqa.errors import MovieQAError
    from movieqa.train.config import TrainConfig
    from movieqa.train.launch import Fault, write_fault
    from movieqa.train.results import write_result

    from .train import run

    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    try:
        result = run(TrainConfig.load(folder / "config.json"), out, resume=resume, progress=progress)
    except MovieQAError as error:
        write_fault(folder, Fault(message=error.message, hint=error.hint))
        return 2
    if os.environ["RANK"] == "0":
        write_result(folder, result)
    return 0


def _leave_with(parent: int) -> None:
    """End this process when the one that started it is gone: killed, it could not stop us."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]), Path(sys.argv[2]), resume=sys.argv[3] == "1", progress=sys.argv[4] == "1")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a process group that another process left does not let Python end
