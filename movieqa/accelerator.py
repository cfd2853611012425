"""Keeps quiet what transformers loads wherever it is installed, also for a model that is only used."""

from __future__ import annotations

import logging
import os

import torch


def choose_accelerator() -> None:
    """Tell deepspeed of a machine without a GPU before anything imports it; else it complains on standard output."""
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    # bitsandbytes tells of kernels that it could download, and at every layer of every step what it casts
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
