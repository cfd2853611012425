"""The visual tower of IDA-VLM: shapes, odd sizes, and its conversion."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from movieqa.checkpoint.ida_vlm_tower import VisualTowerConfig, convert_visual_tower
from movieqa.errors import CheckpointError, ConfigError
from movieqa.memory.visual_tower import VisualTower, prepare_pictures

RELEASE = Path(__file__).parent.parent / "assets" / "golden" / "ida-vlm" / "e2e_two_rows.safetensors"
BLOCK = "transformer.visual.transformer.resblocks.1."


def test_the_published_size() -> None:
    with torch.device("meta"):
        tower = VisualTower(VisualTowerConfig())
    assert {name: tuple(one.shape) for name, one in tower.state_dict().items()} == VisualTowerConfig().shapes
    # the release counts two layers with the tower that are converted with the ID-Former
    assert sum(one.numel() for one in tower.parameters()) == 1_859_556_096 - 4096 * 4096 - 2 * 4096


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("missing", r"1 missing \(blocks.1.narrow.bias\); 1 surplus \(.*more\); 1 misshapen \(norm.bias is \[3\]"),
        ("none", "holds no complete visual tower"),
        ("heads", "does not describe a visual tower"),
    ],
)
def test_bad_releases_are_refused(tmp_path: Path, change: str, reason: str) -> None:
    tensors = load_file(RELEASE)
    if change == "missing":
        del tensors[f"{BLOCK}mlp.c_proj.bias"]
        tensors |= {f"{BLOCK}more": torch.ones(1), "transformer.visual.ln_pre.bias": torch.ones(3)}
    if change == "none":
        del tensors["transformer.visual.conv1.weight"]
    save_file(tensors, tmp_path / "release.safetensors")
    with pytest.raises(CheckpointError, match=reason):
        convert_visual_tower(
            tmp_path / "release.safetensors", tmp_path / "tower", num_heads=5 if change == "heads" else 4
        )
    assert not (tmp_path / "tower").exists()


def test_other_pictures_are_refused_or_squashed(tmp_path: Path) -> None:
    report = convert_visual_tower(
        RELEASE, tmp_path / "tower", num_heads=4, picture_size=56, report=tmp_path / "report.json"
    )
    assert all(one.is_equal for one in report.tensors) and (tmp_path / "report.json").is_file()
    tower = VisualTower.load(tmp_path / "tower", dtype=torch.bfloat16)
    pixels = prepare_pictures([Image.new("RGBA", (10, 90)), Image.new("L", (70, 7))], 56)
    assert tower(pixels).shape == (2, 16, 64)
    with pytest.raises(ConfigError, match="must be 56 x 56 pixels"):
        tower(prepare_pictures([Image.new("RGB", (9, 9))]))
    (tmp_path / "tower" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="cannot be read"):
        VisualTower.load(tmp_path / "tower")


def test_sizes() -> None:
    for sizes, reason in (
        ({"num_heads": 3}, "heads must divide"),
        ({"picture_size": 450}, "patches the picture"),
        ({"num_positions": 8}, "8 positions are no square"),
        ({"num_blocks": 0}, "at least 1"),
    ):
        with pytest.raises(ConfigError, match=reason):
            VisualTowerConfig(**sizes)
