"""The visual tower of IDA-VLM (Qwen-VL's): its shape, the names of its tensors, and their strict conversion."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isqrt
from pathlib import Path

from movieqa.checkpoint.ida_vlm import VISUAL, convert_part, load_sizes
from movieqa.checkpoint.names import Shape
from movieqa.checkpoint.write import ConversionReport
from movieqa.errors import CheckpointError, ConfigError

KIND = "ida-vlm-visual-tower"
_BLOCK = r"transformer\.resblocks\.(\d+)\."
_RULES = (
    (r"conv1\.weight", "patches.weight"),
    (r"positional_embedding", "positions"),
    (r"ln_pre\.(\w+)", r"norm.\1"),
    (_BLOCK + r"ln_1\.(\w+)", r"blocks.\1.attention_norm.\2"),
    (_BLOCK + r"ln_2\.(\w+)", r"blocks.\1.hidden_norm.\2"),
    (_BLOCK + r"attn\.in_proj\.(\w+)", r"blocks.\1.fused.\2"),
    (_BLOCK + r"attn\.out_proj\.(\w+)", r"blocks.\1.projection.\2"),
    (_BLOCK + r"mlp\.c_fc\.(\w+)", r"blocks.\1.widen.\2"),
    (_BLOCK + r"mlp\.c_proj\.(\w+)", r"blocks.\1.narrow.\2"),
)
_PATTERNS = tuple((re.compile(re.escape(VISUAL) + pattern), ours) for pattern, ours in _RULES)


@dataclass(frozen=True, kw_only=True)
class VisualTowerConfig:
    """The shape of the tower; the published one by default.

    Attributes:
        width: Width C of its patches.
        num_heads: Attention heads.
        num_blocks: Blocks.
        hidden: Width inside the feed-forward layers.
        picture_size: Side of a picture, pixels.
        patch_size: Side of a patch, pixels.
        num_positions: Learned positions, a square number; resized to the picture's patches.
    """

    width: int = 1664
    num_heads: int = 16
    num_blocks: int = 48
    hidden: int = 8192
    picture_size: int = 448
    patch_size: int = 14
    num_positions: int = 256

    def __post_init__(self) -> None:
        """Check what the arithmetic relies on.

        Raises:
            ConfigError: If a size cannot work.
        """
        if min(self.width, self.num_heads, self.num_blocks, self.hidden, self.picture_size, self.patch_size) < 1:
            raise ConfigError("sizes of a visual tower must be at least 1")
        if self.width % self.num_heads or self.picture_size % self.patch_size:
            raise ConfigError("heads must divide the width, and patches the picture")
        if isqrt(self.num_positions) ** 2 != self.num_positions or not self.num_positions:
            raise ConfigError(f"{self.num_positions} positions are no square")

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every tensor, by our name."""
        wide, hidden, patch = self.width, self.hidden, self.patch_size
        shapes: dict[str, Shape] = {
            "positions": (self.num_positions, wide),
            "patches.weight": (wide, 3, patch, patch),
            "norm.weight": (wide,),
            "norm.bias": (wide,),
        }
        for index in range(self.num_blocks):
            for norm in ("attention_norm", "hidden_norm"):
                shapes |= {f"blocks.{index}.{norm}.weight": (wide,), f"blocks.{index}.{norm}.bias": (wide,)}
            for layer, (wide_out, wide_in) in {
                "fused": (3 * wide, wide),
                "projection": (wide, wide),
                "widen": (hidden, wide),
                "narrow": (wide, hidden),
            }.items():
                shapes |= {
                    f"blocks.{index}.{layer}.weight": (wide_out, wide_in),
                    f"blocks.{index}.{layer}.bias": (wide_out,),
                }
        return shapes


def translate_tower_name(name: str) -> str | None:
    """Return our name of a published tensor, None if it is no part of the visual tower.

    Example:
        >>> translate_tower_name("transformer.visual.transformer.resblocks.3.mlp.c_fc.bias")
        'blocks.3.widen.bias'
    """
    for pattern, ours in _PATTERNS:
        if pattern.fullmatch(name):
            return pattern.sub(ours, name)
    return None


def convert_visual_tower(
    source: str | Path,
    target: str | Path,
    *,
    num_heads: int = 16,
    picture_size: int = 448,
    report: str | Path | None = None,
) -> ConversionReport:
    """Convert the visual tower of an IDA-VLM release, as `convert_id_former` does the ID-Former.

    Args:
        source: Folder of the release, or one file of weights.
        target: New folder; must not exist yet.
        num_heads: Attention heads, which no tensor says.
        picture_size: Side of a picture, pixels, which no tensor says either.
        report: JSON file to write the report to.

    Returns:
        What was converted; its `unused` are the release's other tensors.

    Raises:
        CheckpointError: If a file is missing, damaged or would run code; if a tensor of the tower is missing, surplus,
            misshapen or not finite; or if the target exists.

    Example:
        >>> convert_visual_tower("model-idf", "visual-tower").num_parameters  # doctest: +SKIP
        1842770688
    """
    return convert_part(
        Path(source),
        Path(target),
        kind=KIND,
        is_own=lambda name: name.startswith(f"{VISUAL}transformer.") or translate_tower_name(name) is not None,
        describe=lambda shapes: _describe(shapes, Path(source), num_heads, picture_size),
        dump=lambda config: json.dumps({"model_type": KIND, **asdict(config)}, indent=1, sort_keys=True) + "\n",
        translate=translate_tower_name,
        report=report,
    )


def load_tower_config(data: bytes) -> VisualTowerConfig:
    """Read the configuration of a converted tower.

    Raises:
        ValueError: Not such a file (also as TypeError, KeyError or ConfigError).
    """
    return VisualTowerConfig(**load_sizes(data, KIND))


def _describe(shapes: Mapping[str, Shape], source: Path, num_heads: int, picture_size: int) -> VisualTowerConfig:
    """Read the sizes from the shapes; what is inconsistent shows when the shapes are compared one by one."""
    ours = {translate_tower_name(name): shape for name, shape in shapes.items()}
    positions, patches, widen = (
        ours.get(name, ()) for name in ("positions", "patches.weight", "blocks.0.widen.weight")
    )
    if len(positions) != 2 or len(patches) != 4 or len(widen) != 2:
        raise CheckpointError(f"{source} holds no complete visual tower", hint="give a complete release of IDA-VLM")
    numbers = [int(name.split(".")[1]) for name in ours if name is not None and name.startswith("blocks.")]
    try:
        return VisualTowerConfig(
            width=positions[1],
            num_heads=num_heads,
            num_blocks=max(numbers) + 1,
            hidden=widen[0],
            picture_size=picture_size,
            patch_size=patches[2],
            num_positions=positions[0],
        )
    except ConfigError as error:
        raise CheckpointError(f"{source} does not describe a visual tower ({error.message})") from error
