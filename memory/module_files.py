"""Weights of a small module of ours in a folder: nothing missing, nothing left over, nothing that is not finite."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from movieqa.checkpoint.names import plan_conversion
from movieqa.checkpoint.weights import open_folder
from movieqa.errors import CheckpointError


def load_strictly(module: nn.Module, folder: Path, *, dtype: torch.dtype | None = None) -> None:
    """Fill a module with the tensors of a folder; the module may have been made on the meta device.

    Raises:
        CheckpointError: If the folder holds no weights, a tensor is missing, surplus, misshapen or not finite.
    """
    weights = open_folder(folder)
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    plan_conversion(
        weights.shapes, wanted, where=str(folder), translate=lambda name: name, hint="convert or train it again"
    )
    tensors: dict[str, Tensor] = {}
    for name in wanted:
        tensors[name] = weights[name].read() if dtype is None else weights[name].read().to(dtype)
        if not bool(torch.isfinite(tensors[name]).all()):
            raise CheckpointError(f"{folder}: {name} holds numbers that are not finite", hint="convert it again")
    trained = {name: parameter.requires_grad for name, parameter in module.named_parameters()}
    module.load_state_dict(tensors, strict=True, assign=True)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(trained[name])
