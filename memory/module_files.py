"""Weights of a small module of ours in a folder: nothing missing, nothing left over, nothing that is not finite."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from movieqa.checkpoint.names import plan_conversion
from movieqa.checkpoint.weights import open_folder
from movieqa.errors import CheckpointError


def load_strictly(
    module: nn.Module, folder: Path, *, dtype: torch.dtype | None = None, left_out: tuple[str, ...] = ()
) -> None:
    """Fill a module with the tensors of a folder; the module may have been made on the meta device.

    Args:
        module: What is filled.
        folder: Where the weights are.
        dtype: Type of its numbers; as stored by default.
        left_out: Beginnings of names that are not read; there the module keeps what it holds.

    Raises:
        CheckpointError: If the folder holds no weights, a tensor is missing, surplus, misshapen or not finite.
    """
    weights = open_folder(folder)
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    wanted = {name: shape for name, shape in wanted.items() if not name.startswith(left_out)}
    plan_conversion(
        {name: shape for name, shape in weights.shapes.items() if not name.startswith(left_out)},
        wanted,
        where=str(folder),
        translate=lambda name: name,
        hint="convert or train it again",
    )
    tensors: dict[str, Tensor] = {}
    for name in wanted:
        tensors[name] = weights[name].read() if dtype is None else weights[name].read().to(dtype)
        if not bool(torch.isfinite(tensors[name]).all()):
            raise CheckpointError(f"{folder}: {name} holds numbers that are not finite", hint="convert it again")
    trained = {name: parameter.requires_grad for name, parameter in module.named_parameters()}
    module.load_state_dict(tensors, strict=not left_out, assign=True)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(trained[name])
        if dtype is not None:
            parameter.data = parameter.data.to(dtype)
