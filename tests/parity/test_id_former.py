"""IDA-VLM's ID-Former against the recordings: every array and every gradient."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from movieqa.checkpoint.ida_vlm import VISUAL, IdFormerConfig, convert_id_former, translate_id_former_name
from movieqa.checkpoint.ida_vlm_tower import convert_visual_tower
from movieqa.memory.id_former import IdFormer, PictureGroup, flags_of_prompts, group_by_flags
from movieqa.memory.visual_tower import VisualTower, prepare_pictures

FOLDER = Path(__file__).parent.parent / "assets" / "golden" / "ida-vlm"
CASES = ("3id_2test", "1id_1test", "batch_of_three_samples", "plain_flag2")
CONFIG = IdFormerConfig(width=64, num_heads=2, num_queries=16, patch_width=48)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@cache
def arrays(name: str) -> dict[str, Tensor]:
    with np.load(FOLDER / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def check(actual: Tensor, wanted: Tensor) -> None:
    assert_close(actual, wanted, rtol=0, atol=1e-5 * max(1.0, float(wanted.abs().max())))


def published(case: str) -> dict[str, Tensor]:
    """Return a recording's weights as a release holds them; these recordings end before the last two layers."""
    weights = {
        f"{VISUAL}attn_pool.{name}": tensor for name, tensor in load_file(FOLDER / f"{case}.safetensors").items()
    }
    last = {"ln_post.weight": torch.ones(64), "ln_post.bias": torch.zeros(64), "proj": torch.eye(64)}
    return weights | {f"{VISUAL}{name}": tensor for name, tensor in last.items()}


@pytest.fixture
def former(case: str, tmp_path: Path) -> IdFormer:
    save_file(published(f"idformer_{case}"), tmp_path / "release.safetensors")
    report = convert_id_former(tmp_path / "release.safetensors", tmp_path / "former", num_heads=2)
    assert all(tensor.is_equal for tensor in report.tensors)
    loaded = IdFormer.load(tmp_path / "former")
    assert loaded.config == CONFIG
    return loaded


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_every_array(case: str, former: IdFormer) -> None:
    recorded = arrays(f"idformer_{case}")
    features = recorded["features"]
    patches = former.read_patches(features)
    check(patches, recorded["kv"])
    check(former.query_norm(former.query), recorded["ln_query"])
    check(former.key_positions(64), recorded["pos_key"])
    groups = group_by_flags(recorded["images_flag"].tolist())
    check(former(features, groups), recorded["out"])
    check(former(features), recorded["out_plain"])
    start = number = 0
    for group in groups:
        references, tests = torch.split(
            patches[start : start + group.num_references + group.num_tests], [group.num_references, group.num_tests]
        )
        start += len(group)
        if not len(references):
            continue
        memory = former.memory(former.pool(references))
        check(memory, recorded[f"g{number}_id_memory"])
        query = tests + former.key_positions(64)
        rows = memory.expand(len(tests), -1, -1)
        found, weights = former.identity_attention(query, rows, rows)
        check(found, recorded[f"g{number}_attn1_out"])
        check(weights, recorded[f"g{number}_attn1_weights"])
        check(former.modulate(tests, memory), recorded[f"g{number}_modulated"])
        number += 1
    assert sum(name.startswith("g") for name in recorded) == 4 * number


@pytest.mark.parametrize("case", ["3id_2test"])
def test_every_gradient(case: str, former: IdFormer) -> None:
    recorded = arrays("idformer_3id_2test_grad")
    features = arrays("idformer_3id_2test")["features"].clone().requires_grad_()
    out = former(features, [PictureGroup(num_references=3, num_tests=2)])
    loss = (out[3:] * recorded["loss_weight"]).sum()
    check(loss, recorded["loss"][0])
    loss.backward()
    assert features.grad is not None
    check(features.grad, recorded["grad_features"])
    assert not features.grad[:3].any()
    ours = dict(former.named_parameters())
    names = [name.removeprefix("grad__") for name in recorded if name.startswith("grad__")]
    for name in names:
        parameter = ours.pop(str(translate_id_former_name(f"{VISUAL}attn_pool.{name}")))
        assert parameter.grad is not None, name
        check(parameter.grad, recorded[f"grad__{name}"])
    assert set(ours) == {"query_positions", "output_norm.weight", "output_norm.bias", "output_projector"}
    assert all(parameter.grad is None for parameter in ours.values())


@torch.no_grad()
def test_from_pictures_to_the_embeddings(tmp_path: Path) -> None:
    recorded = arrays("e2e_two_rows")
    tower_report = convert_visual_tower(
        FOLDER / "e2e_two_rows.safetensors", tmp_path / "tower", num_heads=4, picture_size=112
    )
    tower = VisualTower.load(tmp_path / "tower")
    pictures = [Image.fromarray(recorded[f"image_{index}"].numpy()) for index in range(6)]
    pixels = prepare_pictures(pictures, 112)
    assert torch.equal(pixels, recorded["pixel_values"])
    check(tower(pixels), recorded["vit_features"])
    report = convert_id_former(FOLDER / "e2e_two_rows.safetensors", tmp_path / "former")
    assert set(report.unused) & set(tower_report.unused) == {"transformer.wte.weight"}  # all the rest is converted
    former = IdFormer.load(tmp_path / "former")
    assert former.config.num_heads == 1
    flags = flags_of_prompts(recorded["input_ids"], picture_start=400)
    assert flags == recorded["images_flag"].tolist()
    pooled = former(recorded["vit_features"], group_by_flags(flags))
    check(pooled, recorded["pool_out"])
    tokens = former.project(pooled)
    check(tokens, recorded["image_tokens"])
    words = load_file(FOLDER / "e2e_two_rows.safetensors")["transformer.wte.weight"]
    embedded = functional.embedding(recorded["input_ids"], words)
    is_inside = ((recorded["input_ids"] == 400).cumsum(1) - (recorded["input_ids"] == 401).cumsum(1)).bool()
    is_slot = is_inside & (recorded["input_ids"] != 400)
    check(embedded.masked_scatter(is_slot[..., None], tokens), recorded["inputs_embeds"])


@pytest.mark.parametrize("case", ["3id_2test"])
@torch.no_grad()
def test_what_else_was_measured(case: str, former: IdFormer) -> None:
    """Order of references, a second test, a reference twice, references by themselves: as in the reference."""
    measured = json.loads((FOLDER / "properties.json").read_text())
    assert measured["id_outputs_equal_plain_resampler"] and not measured["second_test_image_changes_first_max_abs"]
    features = arrays("idformer_3id_2test")["features"]
    three = former(features, [PictureGroup(num_references=3, num_tests=2)])
    order = torch.tensor([2, 0, 1, 3, 4])
    assert_close(former(features[order], [PictureGroup(num_references=3, num_tests=2)])[3:], three[3:])
    alone = former(features[:4], [PictureGroup(num_references=3, num_tests=1)])
    assert_close(alone[3], three[3])
    assert_close(three[:3], former(features[:3]))
    assert (three[3:] - former(features[3:])).abs().max() > 0.05
    twice = former(features[[0, 0, 3]], [PictureGroup(num_references=2, num_tests=1)])
    assert_close(twice[2], former(features[[0, 3]], [PictureGroup(num_references=1, num_tests=1)])[1])
