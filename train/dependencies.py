"""Optional packages of training, imported when they are needed and missed in one line."""

from __future__ import annotations

import logging
import warnings
from importlib import import_module
from typing import Any

from movieqa.accelerator import choose_accelerator
from movieqa.errors import MissingDependencyError

_HINT = 'pip install "movieqa[train]"'


def import_deepspeed() -> Any:
    """Return deepspeed, set up for this machine's devices, quiet, and not compiling anything on a CPU.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    choose_accelerator()
    try:
        deepspeed = import_module("deepspeed")
        operators = import_module("deepspeed.ops").__compatible_ops__
    except ImportError as error:
        raise MissingDependencyError(f"training needs deepspeed ({error})", hint=_HINT) from error
    if operators.get("deepspeed_shm_comm"):
        operators["deepspeed_shm_comm"] = False  # else every start compiles it, or fails without a compiler
    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
    # what deepspeed calls by an old name is nothing that a user could change
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.distributed")
    return deepspeed


def import_peft() -> Any:
    """Return peft.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        return import_module("peft")
    except ImportError as error:
        raise MissingDependencyError(f"LoRA needs peft ({error})", hint=_HINT) from error
