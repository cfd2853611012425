"""Grouping, odd counts and the conversion of IDA-VLM's ID-Former."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from movieqa.checkpoint.ida_vlm import NEEDS, VISUAL, IdFormerConfig, convert_id_former
from movieqa.errors import CheckpointError, ConfigError
from movieqa.memory.id_former import IdFormer, PictureGroup, flags_of_prompts, group_by_flags

CONFIG = IdFormerConfig(width=32, num_heads=2, num_queries=4, patch_width=24)
GROUPS = [
    PictureGroup(num_references=2),
    PictureGroup(num_tests=1),
    PictureGroup(num_references=1, num_tests=3, num_others=1),
    PictureGroup(),
]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


def make_former(config: IdFormerConfig = CONFIG, *, seed: int = 0, detaches_memory: bool = True) -> IdFormer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        former = IdFormer(config, detaches_memory=detaches_memory)
        torch.nn.init.normal_(former.identity_attention.out_proj.weight, std=0.2)
    return former.eval()


def release(former: IdFormer) -> dict[str, Tensor]:
    """Return a module's tensors under published names, with one of the visual tower and one of the language model."""
    names = (
        ("query_positions", "attn_pool.pos_embed"),
        ("query_norm", "attn_pool.ln_q"),
        ("patch_norm", "attn_pool.ln_kv"),
        ("patch_projector", "attn_pool.kv_proj"),
        ("pooling", "attn_pool.attn"),
        ("identity_attention", "attn_pool.attn1"),
        ("output_norm", "ln_post"),
        ("output_projector", "proj"),
        ("query", "attn_pool.query"),
    )
    tensors = {"transformer.wte.weight": torch.ones(4, 32), f"{VISUAL}conv1.weight": torch.ones(2, 3, 14, 14)}
    for ours, tensor in former.state_dict().items():
        old, new = next(pair for pair in names if ours.startswith(pair[0]))
        tensors[VISUAL + new + ours.removeprefix(old)] = tensor.contiguous().clone()
    return tensors


def features(count: int, seed: int = 1, width: int = 24) -> Tensor:
    return torch.randn(count, 16, width, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_counts_keep_samples_apart() -> None:
    """A sample without tests or without references is read by itself, and no sample sees another's references."""
    former = make_former()
    pictures = features(8)
    together = former(pictures, GROUPS)
    torch.testing.assert_close(together[:3], former(pictures[:3]))
    torch.testing.assert_close(together[3:], former(pictures[3:], GROUPS[2:3]))
    torch.testing.assert_close(together[-1], former(pictures[-1:])[0])
    assert not torch.allclose(together[4:7], former(pictures[4:7]), atol=1e-3)
    assert former(pictures[:0], []).shape == (0, 4, 32)


@torch.no_grad()
def test_many_references_and_tests() -> None:
    former = make_former()
    assert former(features(60), [PictureGroup(num_references=40, num_tests=20)]).isfinite().all()


def test_a_new_one_changes_nothing_until_it_is_trained() -> None:
    former = IdFormer(CONFIG)
    pictures = features(3)
    both = former(pictures, [PictureGroup(num_references=1, num_tests=2)])
    torch.testing.assert_close(both, former(pictures), rtol=0, atol=1e-6)
    both.square().sum().backward()
    gradient = former.identity_attention.out_proj.weight.grad
    assert gradient is not None and gradient.any()


@pytest.mark.parametrize("detaches_memory", [True, False])
def test_references_learn_through_tests_only_without_detaching(detaches_memory: bool) -> None:
    former = make_former(detaches_memory=detaches_memory)
    pictures = features(2).requires_grad_()
    former(pictures, [PictureGroup(num_references=1, num_tests=1)])[1].sum().backward()
    assert pictures.grad is not None
    assert bool(pictures.grad[0].any()) is not detaches_memory


@pytest.mark.parametrize(
    ("flags", "counts"),
    [
        ([0, 2], [(1, 1, 0)]),  # whatever its flag, the picture after a reference is a test
        ([0, 0, 0, 1], [(3, 1, 0)]),
        ([2, 0, 1], [(0, 0, 1), (1, 1, 0)]),
        ([0, 0], [(2, 0, 0)]),
        ([0, 1, 0, 1, 1, 2, 2], [(1, 1, 0), (1, 2, 0), (0, 0, 2)]),
        ([], []),
    ],
)
def test_groups_of_flags(flags: list[int], counts: list[tuple[int, int, int]]) -> None:
    groups = group_by_flags(flags)
    assert [(one.num_references, one.num_tests, one.num_others) for one in groups] == counts
    assert sum(map(len, groups)) == len(flags)


def test_odd_flags_and_counts() -> None:
    with pytest.raises(ConfigError, match="picture 1 is a test"):
        group_by_flags([2, 1])
    with pytest.raises(ConfigError, match="0, 1 or 2, not 3"):
        group_by_flags([0, 3])
    with pytest.raises(ConfigError, match="fewer than none"):
        PictureGroup(num_tests=-1)
    with pytest.raises(ConfigError, match="groups of 8 pictures for the features of 2"):
        make_former()(features(2), GROUPS)
    with pytest.raises(ConfigError, match=r"\[2, 16, 7\] are not \[pictures, patches, 24\]"):
        make_former()(features(2, width=7))
    with pytest.raises(ConfigError, match="15 patches are no square"):
        make_former()(features(2)[:, :15])


def test_flags_of_prompts() -> None:
    rows = [[374, 220, 9, 1, 9, 3], [5, 220, 9, 374, 220, 9], [9, 0, 0, 374, 220, 9], [0, 0, 0, 0, 0, 0]]
    assert flags_of_prompts(torch.tensor(rows), picture_start=9) == [0, 1, 2, 0, 2, 0]


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"width": 30}, "multiple of 4"),
        ({"num_heads": 3}, "its 3 heads"),
        ({"num_queries": 5}, "5 queries are no square"),
        ({"patch_width": 0}, "at least 1"),
    ],
)
def test_sizes(sizes: dict[str, int], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        IdFormerConfig(**{"width": 32, "num_heads": 2, **sizes})


@pytest.mark.parametrize("patch_width", [24, 32])
def test_shapes_are_those_of_the_module(patch_width: int) -> None:
    config = IdFormerConfig(width=32, num_heads=2, num_queries=4, patch_width=patch_width)
    with torch.device("meta"):
        former = IdFormer(config)
    assert {name: tuple(tensor.shape) for name, tensor in former.state_dict().items()} == config.shapes


def test_the_published_size() -> None:
    with torch.device("meta"):
        former = IdFormer(IdFormerConfig())
    own = sum(tensor.numel() for name, tensor in former.state_dict().items() if not name.startswith("output"))
    assert own == 143_179_776
    assert sum(tensor.numel() for tensor in former.identity_attention.parameters()) == 67_125_248


@pytest.mark.parametrize("kind", ["safetensors", "shards of torch files"])
def test_conversion_keeps_every_number(tmp_path: Path, kind: str) -> None:
    former = make_former()
    tensors = release(former)
    folder = tmp_path / "model-idf"
    folder.mkdir()
    if kind == "safetensors":
        save_file(tensors, folder / "model.safetensors")
    else:
        names = sorted(tensors)
        files = {name: f"pytorch_model-{index % 2 + 1:05d}-of-00002.bin" for index, name in enumerate(names)}
        for file in set(files.values()):
            torch.save({name: tensors[name].half() for name in names if files[name] == file}, folder / file)
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": files}))
    report = convert_id_former(folder, tmp_path / "former", num_heads=2, report=tmp_path / "report.json")
    assert set(report.unused) == {"transformer.wte.weight", f"{VISUAL}conv1.weight"}
    assert json.loads((tmp_path / "report.json").read_text())["needs"] == list(NEEDS)
    assert not report.dropped and all(tensor.is_equal for tensor in report.tensors)
    loaded = IdFormer.load(tmp_path / "former", dtype=torch.float32)
    for name, tensor in former.state_dict().items():
        wanted = tensor if kind == "safetensors" else tensor.half().float()
        assert torch.equal(loaded.state_dict()[name], wanted), name
    assert not loaded.query_positions.requires_grad and loaded.query.requires_grad


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("missing", r"1 missing \(identity_attention.out_proj.bias\); 1 surplus \(.*attn_pool.attn2\); "
         r"1 misshapen \(output_norm.bias is \[3\] instead of \[32\]\); give a complete model-idf release"),
        ("base", "plain resampler and no ID-Former.*take model-idf, not model-base"),
        ("none", "holds no ID-Former"),
        ("query", "attn_pool.query or .* missing or misshapen"),
        ("infinite", "query holds numbers that are not finite"),
        ("heads", "does not describe an ID-Former.*5 heads"),
        ("pickle", "holds more than tensors and was not opened"),
        ("exists", "exists already"),
    ],
)  # fmt: skip
def test_bad_releases_are_refused(tmp_path: Path, change: str, reason: str) -> None:
    tensors = release(make_former())
    path = tmp_path / "release.safetensors"
    pool = f"{VISUAL}attn_pool."
    match change:
        case "missing":
            del tensors[f"{pool}attn1.out_proj.bias"]
            tensors |= {f"{pool}attn2": torch.ones(1), f"{VISUAL}ln_post.bias": torch.ones(3)}
        case "base":
            tensors = {name: tensor for name, tensor in tensors.items() if "attn1" not in name}
        case "none":
            tensors = {"transformer.wte.weight": torch.ones(2)}
        case "query":
            del tensors[f"{pool}query"]
        case "infinite":
            tensors[f"{pool}query"][0, 0] = float("inf")
        case "exists":
            (tmp_path / "former").mkdir()
    save_file(tensors, path)
    if change == "pickle":
        path = tmp_path / "release.bin"
        torch.save({**tensors, "more": Path("x")}, path)
    with pytest.raises(CheckpointError, match=reason) as caught:
        convert_id_former(path, tmp_path / "former", num_heads=5 if change == "heads" else 2)
    assert "\n" not in str(caught.value)
    assert change == "exists" or not (tmp_path / "former").exists()


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "former"
    with pytest.raises(CheckpointError, match=r"config.json cannot be read"):
        IdFormer.load(folder)
    save_file(release(make_former()), tmp_path / "release.safetensors")
    convert_id_former(tmp_path / "release.safetensors", folder, num_heads=2)
    tensors = load_file(folder / "model.safetensors")
    save_file({name: tensor for name, tensor in tensors.items() if name != "query"}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"1 missing \(query\)"):
        IdFormer.load(folder)
    for text in ('{"model_type": "movieqa"}', "[]", "{", '{"model_type": "ida-vlm-id-former", "width": "8"}'):
        (folder / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match="cannot be read"):
            IdFormer.load(folder)
