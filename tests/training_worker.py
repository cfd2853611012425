"""Runs several training runs one after the other in processes that a launcher started: starting them takes seconds.

`python -m torch.distributed.run ... -m tests.training_worker JOBS`, where JOBS is a folder of configurations.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

from movieqa.api.train import make_identity_tokens
from movieqa.train.config import TrainConfig
from movieqa.train.loop import run_training
from tests.training_runs import seeded_id_former


def main(folder: Path) -> None:
    """Run every configuration of the folder into a folder of its name."""
    torch.set_num_threads(1)
    for path in sorted(folder.glob("*.json")):
        run_training(
            TrainConfig.load(path),
            folder / path.stem,
            make_id_former=seeded_id_former,
            make_identity_tokens=make_identity_tokens,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # gloo's threads of many runs may outlive the interpreter
