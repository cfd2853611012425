"""The two LAVIS files that training starts from: the vision tower alone, and the trimmed Q-Former."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from movieqa.checkpoint.describe import Architecture
from movieqa.checkpoint.names import TEXT_DECODER, VISION, join_names
from movieqa.checkpoint.weights import StoredTensor, Weights, open_file
from movieqa.errors import CheckpointError

_VISION_NAME = re.compile(r"cls_token|pos_embed|patch_embed\.proj\.\w+|blocks\.(\d+)\..+")
_VISION_UNUSED = re.compile(r"(norm|fc_norm|head)\..+")
_QFORMER_UNUSED = re.compile(r"(llm_proj|t5_proj|visual_encoder|Qformer\.cls)\..+")


def open_vision_tower(path: Path, architecture: Architecture) -> tuple[Weights, tuple[str, ...]]:
    """Open `eva_vit_g.pth` under published names.

    Args:
        path: The file.
        architecture: Blocks to use and size of a frame; positions of another size are interpolated.

    Returns:
        The tensors, and the names that are left out: the final norm, the head, blocks past the last one used.

    Raises:
        CheckpointError: If it holds anything that no vision tower has.
    """
    weights, unused, unknown = {}, [], []
    for name, tensor in open_file(path).items():
        found = _VISION_NAME.fullmatch(name)
        if found and int(found.group(1) or 0) < architecture.num_vision_layers:
            weights[VISION + name] = tensor
        elif found or _VISION_UNUSED.fullmatch(name):
            unused.append(name)
        else:
            unknown.append(name)
    if unknown or f"{VISION}pos_embed" not in weights or f"{VISION}patch_embed.proj.weight" not in weights:
        raise CheckpointError(f"{path} is not an EVA vision tower (it holds {join_names(unknown) or 'too little'})")
    positions = weights[f"{VISION}pos_embed"]
    side = architecture.image_size // weights[f"{VISION}patch_embed.proj.weight"].shape[-1]
    if positions.shape[1] != 1 + side * side:
        weights[f"{VISION}pos_embed"] = replace(
            positions,
            shape=(1, 1 + side * side, positions.shape[2]),
            read=lambda: interpolate_positions(positions.read(), side),
        )
    return Weights(weights), tuple(unused)


def open_text_decoder(path: Path) -> tuple[Weights, tuple[str, ...]]:
    """Open a trimmed InstructBLIP Q-Former under published names.

    Returns:
        The tensors, and the names that are left out: the projection to another language model, other models' parts.

    Raises:
        CheckpointError: If it holds anything that belongs to no Q-Former.
    """
    weights: dict[str, StoredTensor] = {}
    unused, unknown = [], []
    for name, tensor in open_file(path).items():
        if name.startswith("Qformer.bert."):
            weights[TEXT_DECODER + name.removeprefix("Qformer.bert.")] = tensor
        elif name.startswith("ln_vision."):
            weights[f"model.vlm_att_ln.{name.removeprefix('ln_vision.')}"] = tensor
        elif name == "query_tokens":
            weights["model.vlm_att_query"] = tensor
        elif _QFORMER_UNUSED.fullmatch(name):
            unused.append(name)
        else:
            unknown.append(name)
    if unknown or "model.vlm_att_query" not in weights:
        raise CheckpointError(f"{path} is not a trimmed Q-Former (it holds {join_names(unknown) or 'too little'})")
    return Weights(weights), tuple(unused)


def interpolate_positions(positions: Float[Tensor, "1 R C"], side: int) -> Float[Tensor, "1 U C"]:
    """Bring learned positions to another number of patches, as LLaMA-VID does for frames of 336 pixels.

    Bicubic, corners not aligned, computed in float32; the class token's position stays.

    Args:
        positions: Positions of the class token and a square of patches, R in all.
        side: Patches along one side of the new square.

    Returns:
        Positions of the class token and side x side patches, U in all.
    """
    old = round((positions.shape[1] - 1) ** 0.5)
    grid = positions[:, 1:].float().reshape(1, old, old, -1).permute(0, 3, 1, 2)
    resized = functional.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
    patches = resized.permute(0, 2, 3, 1).flatten(1, 2)
    return torch.cat([positions[:, :1], patches.to(positions.dtype)], dim=1)
