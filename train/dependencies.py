"""Optional packages of training, imported when they are needed and missed in one line."""

from __future__ import annotations

import logging
import os
import shutil
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
    # what deepspeed calls by an old name, and where its stage 3 has its hooks, is nothing that a user could change
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.distributed")
    warnings.filterwarnings("ignore", message="Full backward hook is firing", category=UserWarning)
    return deepspeed


def compiled_adam() -> Any:
    """Return DeepSpeed's AdamW for optimizers in host memory, compiled at its first use on a machine.

    Raises:
        MissingDependencyError: If it cannot be compiled.
    """
    hint = "install g++ and ninja, or set optimizer.implementation=torch"
    check_compiler("optimizer.implementation=deepspeed", hint=hint)
    try:
        import_module("deepspeed.ops.op_builder").CPUAdamBuilder().load(verbose=False)  # else it talks on stdout
        return import_module("deepspeed.ops.adam").DeepSpeedCPUAdam
    except (RuntimeError, ImportError, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise MissingDependencyError(f"DeepSpeed's AdamW cannot be compiled ({reason})", hint=hint) from error


def check_compiler(what: str, *, hint: str) -> None:
    """Check that C++ can be compiled here.

    Args:
        what: What needs it.
        hint: The way out.

    Raises:
        MissingDependencyError: If there is no compiler.
    """
    if not any(shutil.which(name) for name in (os.environ.get("CXX"), "g++", "c++", "clang++") if name):
        raise MissingDependencyError(f"{what} needs a C++ compiler, and none is installed", hint=hint)
