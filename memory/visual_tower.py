"""The visual tower of IDA-VLM and Qwen-VL, whose last block's output the published ID-Former reads.

A plain vision transformer without a class token: 14 x 14 patches, learned positions resized to the picture, exact GELU.
Its fused projection holds query, key and value head by head.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from movieqa.checkpoint.ida_vlm import read_config
from movieqa.checkpoint.ida_vlm_tower import VisualTowerConfig, load_tower_config
from movieqa.errors import ConfigError

from .id_former import NORM_EPS
from .module_files import load_strictly

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class VisualTower(nn.Module):
    """Turn pictures into patches.

    Args:
        config: Its shape.

    Example:
        >>> config = VisualTowerConfig(width=8, num_heads=2, num_blocks=1, hidden=8, picture_size=28)
        >>> VisualTower(config)(torch.zeros(1, 3, 28, 28)).shape
        torch.Size([1, 4, 8])
    """

    def __init__(self, config: VisualTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.patches = nn.Conv2d(3, config.width, config.patch_size, stride=config.patch_size, bias=False)
        self.positions = nn.Parameter(torch.empty(config.num_positions, config.width))
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.num_blocks))
        nn.init.normal_(self.positions, std=config.width**-0.5)

    def forward(self, pixels: Float[Tensor, "I 3 H W"]) -> Float[Tensor, "I P C"]:
        """Return the last block's output, as it is.

        Raises:
            ConfigError: If pictures are not of the tower's size.
        """
        size = self.config.picture_size
        if tuple(pixels.shape[2:]) != (size, size):
            raise ConfigError(f"pictures must be {size} x {size} pixels, not {tuple(pixels.shape[2:])}")
        states = self.patches(pixels.to(self.positions)).flatten(2).mT
        states = self.norm(states + self._positions(isqrt(states.shape[1])))
        for block in self.blocks:
            states = block(states)
        return states  # type: ignore[no-any-return]

    def _positions(self, side: int) -> Float[Tensor, "P C"]:
        old = isqrt(self.config.num_positions)
        if old == side:
            return self.positions
        square = self.positions.float().T.view(1, -1, old, old)
        resized = functional.interpolate(square, size=(side, side), mode="bicubic", align_corners=False)
        return resized.flatten(2)[0].T.to(self.positions)

    @classmethod
    def load(cls, folder: str | Path, *, dtype: torch.dtype | None = None) -> VisualTower:
        """Load what `movieqa.checkpoint.ida_vlm_tower.convert_visual_tower` made.

        Raises:
            CheckpointError: If the folder is no converted tower, or a tensor is missing, surplus, misshapen or not
                finite.

        Example:
            >>> tower = VisualTower.load("visual-tower", dtype=torch.bfloat16)  # doctest: +SKIP
        """
        config = read_config(Path(folder), load_tower_config)
        with torch.device("meta"):
            tower = cls(config)
        load_strictly(tower, Path(folder), dtype=dtype)
        return tower.eval()


class _Block(nn.Module):
    """Attention and a feed-forward layer, each behind a norm and beside what it changes."""

    def __init__(self, config: VisualTowerConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.attention_norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.fused = nn.Linear(config.width, 3 * config.width)
        self.projection = nn.Linear(config.width, config.width)
        self.hidden_norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.widen = nn.Linear(config.width, config.hidden)
        self.narrow = nn.Linear(config.hidden, config.width)

    def forward(self, states: Float[Tensor, "I P C"]) -> Float[Tensor, "I P C"]:
        """Return the next states."""
        fused = self.fused(self.attention_norm(states)).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        query, key, value = fused.chunk(3, dim=-1)
        attended = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        states = states + self.projection(attended)
        hidden: Tensor = self.narrow(functional.gelu(self.widen(self.hidden_norm(states))))
        return states + hidden


def prepare_pictures(pictures: Sequence[Image.Image], size: int = 448) -> Float[Tensor, "I 3 H W"]:
    """Squash pictures to a square (bicubic, whatever their shape) and bring them to the tower's scale."""
    rows = [np.asarray(one.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)) for one in pictures]
    scaled = torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).float() / 255
    return (scaled - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
