"""The processes of a run: who this one is, and the few things all of them agree on."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed
from torch._C._distributed_c10d import HashStore

from movieqa.errors import ConfigError

from .dependencies import import_deepspeed

_PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others; a checkpoint of a large model on a slow disk takes minutes."""


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process among all.

    Attributes:
        rank: Its number.
        world_size: How many there are.
        device: Where it computes.
        sequence_size: Neighbouring processes that share one sample.
    """

    rank: int
    world_size: int
    device: torch.device
    sequence_size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it writes what is written once."""
        return self.rank == 0

    @property
    def data_size(self) -> int:
        """How many samples are read side by side."""
        return self.world_size // self.sequence_size

    @property
    def data_rank(self) -> int:
        """Which of them this process reads."""
        return self.rank // self.sequence_size

    @property
    def sequence_rank(self) -> int:
        """Which stretch of the sample it reads."""
        return self.rank % self.sequence_size

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all processes."""
        total = values.to(self.device)
        distributed.all_reduce(total)
        return total.cpu()

    def wait(self) -> None:
        """Wait until all processes are here."""
        distributed.barrier()


def has_launcher() -> bool:
    """Whether a launcher (torchrun, deepspeed) started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def join_processes(*, sequence_size: int = 1) -> Processes:
    """Join the processes that a launcher started, or be the only one.

    Args:
        sequence_size: Neighbouring processes that share one sample.

    Raises:
        ConfigError: If the number of processes cannot be divided so.
        MissingDependencyError: If deepspeed is not installed.
    """
    deepspeed: Any = import_deepspeed()
    has_gpu = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if has_gpu else torch.device("cpu")
    if has_gpu:
        torch.cuda.set_device(device)
    backend = "nccl" if has_gpu else "gloo"
    if not distributed.is_initialized():
        atexit.register(distributed.destroy_process_group)  # kept until then: deepspeed holds on to it
        if has_launcher():
            distributed.init_process_group(backend, timeout=_PATIENCE)
        else:
            distributed.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    os.environ.setdefault("LOCAL_RANK", str(local))  # deepspeed insists on a launcher's variable
    deepspeed.init_distributed(dist_backend=backend, verbose=False)
    world_size = distributed.get_world_size()
    if world_size % sequence_size:
        raise ConfigError(
            f"parallel.sequence_parallel={sequence_size} does not divide {world_size} processes",
            hint="start a multiple of it, with --processes or a launcher",
        )
    return Processes(rank=distributed.get_rank(), world_size=world_size, device=device, sequence_size=sequence_size)
