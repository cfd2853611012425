"""Published checkpoints become ours bit for bit, or one line says why not."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from movieqa.checkpoint import Architecture, convert_checkpoint, start_checkpoint
from movieqa.checkpoint.lavis import open_text_decoder, open_vision_tower
from movieqa.checkpoint.names import is_dropped, join_names, plan_conversion, translate_name
from movieqa.errors import CheckpointError, MissingDependencyError
from movieqa.model import MovieModel
from movieqa.model.config import MovieConfig, llama_vid_7b, llama_vid_13b
from movieqa.model.loading import load_model
from movieqa.model.processor import MovieProcessor
from movieqa.prompt import Turn
from tests.tiny_checkpoint import Layout, save_language_model_part, save_published, save_trimmed_text_decoder

ARCHITECTURE = Architecture(num_vision_heads=4, num_vision_layers=3, num_text_decoder_heads=4, image_size=112)


@pytest.fixture
def golden(assets: Path) -> Path:
    return assets / "golden" / "llama-vid"


def convert(source: Path, target: Path, **given: Any) -> Any:
    options = {"guidance_tokenizer": source / "bert", "architecture": ARCHITECTURE, **given}
    return convert_checkpoint(source, target, **options)


@pytest.mark.parametrize("layout", ["shards", "single", "safetensors", "safetensors_shards"])
def test_every_layout_converts_to_equal_bits(tmp_path: Path, layout: Layout) -> None:
    original = save_published(tmp_path / "release", layout)
    report = convert(tmp_path / "release", tmp_path / "model", report=tmp_path / "report.json")
    loaded = load_model(tmp_path / "model")
    for name, tensor in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert all(record.is_equal for record in report.tensors)
    assert len(report.tensors) == len(original.state_dict())
    assert report.num_parameters == sum(tensor.numel() for tensor in original.state_dict().values())
    assert {name.split(".")[-1] for name in report.dropped} == {"inv_freq", "position_ids"}
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["kind"] == "finished"
    assert str(tmp_path) not in json.dumps(written)
    config = loaded.config
    assert (config.pooling, config.max_context, config.template, config.pad_pictures) == (
        "mean",
        32768,
        "vicuna_v1",
        True,
    )
    assert config.language.rope_parameters["rope_type"] == "linear"

    loaded.save_pretrained(tmp_path / "again")
    MovieProcessor.from_pretrained(tmp_path / "model").save_pretrained(tmp_path / "again")
    again = load_model(tmp_path / "again")
    for name, tensor in original.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    processor = MovieProcessor.from_pretrained(tmp_path / "again")
    assert processor.decode(torch.from_numpy(processor.encode([Turn(role="user", text="é")]).input_ids)).endswith(
        "USER: é ASSISTANT:"
    )


def test_a_large_model_is_written_in_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = save_published(tmp_path / "release")
    monkeypatch.setattr("movieqa.checkpoint.write.MAX_SHARD_BYTES", 200_000)
    convert(tmp_path / "release", tmp_path / "model")
    assert len(list((tmp_path / "model").glob("model-*-of-*.safetensors"))) > 2
    loaded = load_model(tmp_path / "model")
    for name, tensor in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    (tmp_path / "plain").touch()
    modes = {file.stat().st_mode for file in (tmp_path / "model").rglob("*") if file.is_file()}
    assert modes == {(tmp_path / "plain").stat().st_mode}  # whoever reads files of ours reads these


@pytest.mark.parametrize(("size", "preset"), [("7b", llama_vid_7b), ("13b", llama_vid_13b)])
def test_all_tensors_of_the_full_models(golden: Path, size: str, preset: Any) -> None:
    published = {
        name: tuple(shape)
        for name, shape in json.loads(gzip.decompress((golden / f"tensors_{size}.json.gz").read_bytes())).items()
    }
    with torch.device("meta"):
        model = MovieModel(preset())
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    plan = plan_conversion(published, wanted, where=size)
    assert [tensor.name for tensor in plan.tensors] == list(wanted)
    used = [name for tensor in plan.tensors for name in tensor.sources]
    assert sorted([*used, *plan.dropped]) == sorted(published)
    assert len(plan.dropped) == (33 if size == "7b" else 41)
    for name in list(published)[:: len(published) // 20]:
        rest = {other: shape for other, shape in published.items() if other != name}
        if is_dropped(name):
            plan_conversion(rest, wanted, where=size)
            continue
        with pytest.raises(CheckpointError, match="1 missing"):
            plan_conversion(rest, wanted, where=size)
        with pytest.raises(CheckpointError, match="1 misshapen"):
            plan_conversion({**published, name: (1, *published[name])}, wanted, where=size)


def test_names_agree_with_the_map_made_by_hand(golden: Path) -> None:
    for name, theirs in json.loads(gzip.decompress((golden / "names_7b.json.gz").read_bytes())).items():
        ours = translate_name(name)
        assert ours is not None
        assert ours.partition(".")[2] == theirs.partition(" ")[0].partition(".")[2], name


def test_stage_1_needs_its_other_parts(golden: Path, tmp_path: Path) -> None:
    given = {"guidance_tokenizer": golden / "bert-base-uncased"}
    with pytest.raises(CheckpointError, match="stage-1 release: it holds no language model"):
        convert(golden / "stage1", tmp_path / "model", **given)
    with pytest.raises(CheckpointError, match="both hold"):
        convert(golden / "checkpoint", tmp_path / "model", vision_tower=golden / "eva_vit_g.pth", **given)
    assert not (tmp_path / "model").exists()


def test_trimmed_text_decoder(golden: Path, tmp_path: Path) -> None:
    """The LAVIS file holds the text decoder of stage 1 under other names, and a projection that nobody uses."""
    stage_1 = torch.load(golden / "stage1" / "mm_projector.bin", weights_only=True)
    prefix = "model.vlm_att_encoder.bert."
    lavis = {
        f"Qformer.bert.{name.removeprefix(prefix)}": tensor
        for name, tensor in stage_1.items()
        if name.startswith(prefix)
    }
    lavis |= {f"ln_vision.{part}": stage_1[f"model.vlm_att_ln.{part}"] for part in ("weight", "bias")}
    lavis |= {"query_tokens": stage_1["model.vlm_att_query"], "llm_proj.weight": torch.zeros(64, 48)}
    torch.save({"model": lavis}, tmp_path / "qformer.pth")
    weights, unused = open_text_decoder(tmp_path / "qformer.pth")
    assert unused == ("llm_proj.weight",)
    parts = ("model.vlm_att_encoder.", "model.vlm_att_ln.", "model.vlm_att_query")
    assert weights.keys() == {name for name in stage_1 if name.startswith(parts)}
    for name in weights:
        assert torch.equal(weights[name].read(), stage_1[name])
    torch.save({"model": {**lavis, "stranger": torch.zeros(1)}}, tmp_path / "qformer.pth")
    with pytest.raises(CheckpointError, match=r"is not a trimmed Q-Former \(it holds stranger\)"):
        open_text_decoder(tmp_path / "qformer.pth")
    with pytest.raises(CheckpointError, match="is not an EVA vision tower"):
        open_vision_tower(tmp_path / "qformer.pth", ARCHITECTURE)


def rewrite(file: Path, change: Any) -> None:
    tensors = torch.load(file, weights_only=True)
    change(tensors)
    torch.save(tensors, file)


def set_nan(tensors: dict[str, torch.Tensor]) -> None:
    tensors["lm_head.weight"][3, 4] = float("nan")


def reshape(tensors: dict[str, torch.Tensor]) -> None:
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:7]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_nan, "lm_head.weight holds numbers that are not finite"),
        (reshape, r"1 misshapen \(language_model.lm_head.weight is \[7, 64\] instead of \[259, 64\]\)"),
        (lambda tensors: tensors.pop("model.norm.weight"), r"1 missing \(language_model.model.norm.weight\)"),
        (
            lambda tensors: [tensors.pop(f"model.layers.{i}.mlp.up_proj.weight") for i in (0, 1)],
            r"2 missing \(language_model.model.layers.\{0-1\}.mlp.up_proj.weight\)",
        ),
        (
            lambda tensors: tensors.pop("model.vision_tower.vision_tower.blocks.1.attn.q_bias"),
            "1 missing .vision_tower.encoder.layers.1.self_attn.qkv.bias",
        ),
        (lambda tensors: tensors.update({"model.other": torch.zeros(1)}), r"1 surplus \(model.other\)"),
        (lambda tensors: tensors.pop("model.vlm_att_query"), "no tensor model.vlm_att_query"),
        (lambda tensors: tensors.update({"model.note": "text"}), "holds more than tensors: model.note"),
        (lambda tensors: tensors.update({"lm_head.weight": torch.zeros(259, 64, dtype=torch.complex64)}), "complex64"),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, change: Any, message: str) -> None:
    save_published(tmp_path / "release", "single")
    rewrite(tmp_path / "release" / "pytorch_model.bin", change)
    with pytest.raises(CheckpointError, match=message) as caught:
        convert(tmp_path / "release", tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release"]  # nothing half-written is left


class Bomb:
    """Runs a program when it is unpickled the usual way."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def test_code_in_a_weight_file_is_not_run(tmp_path: Path) -> None:
    save_published(tmp_path / "release", "single")
    torch.save({"model.norm.weight": Bomb(tmp_path / "boom")}, tmp_path / "release" / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="holds more than tensors and was not opened") as caught:
        convert(tmp_path / "release", tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "boom").exists()


def test_wrong_folders_are_refused_in_one_line(tmp_path: Path) -> None:
    release = tmp_path / "release"
    save_published(release)
    cases: list[tuple[str, Any]] = [
        ("has no config.json", lambda folder: (folder / "config.json").unlink()),
        ("cannot be read", lambda folder: (folder / "config.json").write_text("{")),
        ("holds no JSON object", lambda folder: (folder / "config.json").write_text("[]")),
        ("not a LLaMA-VID configuration", lambda folder: (folder / "config.json").write_text('{"hidden_size": 64}')),
        (
            "shards are missing: pytorch_model-00002",
            lambda folder: (folder / "pytorch_model-00002-of-00002.bin").unlink(),
        ),
        ("is damaged", lambda folder: (folder / "pytorch_model-00001-of-00002.bin").write_bytes(b"PK\x03\x04 cut")),
        ("is damaged|not opened", lambda folder: (folder / "pytorch_model-00001-of-00002.bin").write_bytes(b"")),
        ("is not an index", lambda folder: (folder / "pytorch_model.bin.index.json").write_text("[1]")),
        (
            "outside its folder: ../evil.bin",
            lambda folder: (folder / "pytorch_model.bin.index.json").write_text('{"weight_map": {"a": "../evil.bin"}}'),
        ),
        ("holds no weights", lambda folder: [path.unlink() for path in folder.glob("pytorch_model*")]),
        ("tokenizer bert cannot be read|cannot be read", lambda folder: shutil.rmtree(folder / "bert")),
    ]
    for number, (message, spoil) in enumerate(cases):
        folder = Path(shutil.copytree(release, tmp_path / f"case{number}"))
        spoil(folder)
        with pytest.raises(CheckpointError, match=message) as caught:
            convert(folder, tmp_path / "model")
        assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        convert(tmp_path / "nowhere", tmp_path / "model")
    with pytest.raises(CheckpointError, match="exists already; give a new folder"):
        convert(release, tmp_path)


def test_index_that_promises_too_much(tmp_path: Path) -> None:
    save_published(tmp_path / "release")
    index = tmp_path / "release" / "pytorch_model.bin.index.json"
    content = json.loads(index.read_text())
    content["weight_map"]["model.more"] = "pytorch_model-00001-of-00002.bin"
    index.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"promises tensors that no shard holds: model\.more"):
        convert(tmp_path / "release", tmp_path / "model")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("compress_type", "grid:x", "compress_type 'grid:x'"),
        ("compress_type", "grid:99", "grid_size=99 must be between 2 and 8"),
        ("mm_projector_type", "mlp3x_gelu", "mm_projector_type 'mlp3x_gelu' is not one of"),
        ("bert_type", "raw_qformer", "bert_type 'raw_qformer' is not supported"),
        ("mm_use_im_start_end", True, "not supported"),
        ("mm_vision_select_feature", "cls_patch", "must be 'patch'"),
        ("num_attention_heads", "many", "does not describe a model"),
    ],
)
def test_variants_that_are_not_built_are_refused(tmp_path: Path, key: str, value: object, message: str) -> None:
    save_published(tmp_path / "release", "single")
    path = tmp_path / "release" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(CheckpointError, match=message):
        convert(tmp_path / "release", tmp_path / "model")


@pytest.mark.parametrize(
    ("compress", "pooling", "grid_size"), [("grid:4", "grid", 4), ("grid:2", "grid", 2), (None, "none", 2)]
)
def test_pooling_is_read(tmp_path: Path, compress: str | None, pooling: str, grid_size: int) -> None:
    save_published(tmp_path / "release", "single")
    path = tmp_path / "release" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "compress_type": compress, "rope_scaling": None}))
    convert(tmp_path / "release", tmp_path / "model")
    config = MovieConfig.from_pretrained(tmp_path / "model")
    assert (config.pooling, config.grid_size) == (pooling, grid_size)


def test_guidance_tokenizer_of_another_size(tmp_path: Path, golden: Path) -> None:
    save_published(tmp_path / "release", "single")
    with pytest.raises(CheckpointError, match="has 175 tokens, the text decoder 142"):
        convert(tmp_path / "release", tmp_path / "model", guidance_tokenizer=golden / "bert-base-uncased")


def test_joined_names() -> None:
    assert join_names(["a.0.b", "a.1.b", "a.5.b", "c", "d.2.e"]) == "a.{0-1,5}.b, c, d.2.e"


@pytest.mark.parametrize("projector", ["linear", "mlp2x_gelu"])
def test_model_that_training_starts_from(golden: Path, tmp_path: Path, projector: Any) -> None:
    stage_1 = torch.load(golden / "stage1" / "mm_projector.bin", weights_only=True)
    save_trimmed_text_decoder(golden / "stage1", tmp_path / "qformer.pth")
    save_language_model_part(golden / "checkpoint", tmp_path / "vicuna")
    given: dict[str, Any] = {
        "vision_tower": golden / "eva_vit_g.pth",
        "text_decoder": tmp_path / "qformer.pth",
        "guidance_tokenizer": golden / "bert-base-uncased",
        "architecture": ARCHITECTURE,
        "pooling": "grid",
        "projector": projector,
    }
    report = start_checkpoint(tmp_path / "vicuna", tmp_path / "start", **given)
    model = load_model(tmp_path / "start")
    assert (report.kind, model.config.template, model.config.num_tokens_per_frame) == ("start", "plain", 5)
    assert torch.equal(model.query_tokens.data, stage_1["model.vlm_att_query"])
    start_checkpoint(tmp_path / "vicuna", tmp_path / "same", **given)
    start_checkpoint(tmp_path / "vicuna", tmp_path / "other", **given, seed=1)
    values = [
        load_model(tmp_path / name).context_attention.value_projector.weight for name in ("start", "same", "other")
    ]
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])


@pytest.mark.parametrize("module", ["sentencepiece", "google.protobuf"])
def test_what_the_tokenizer_needs_is_named(
    golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setattr("movieqa.checkpoint.convert._is_installed", lambda name: name != module)
    with pytest.raises(MissingDependencyError, match=rf"needs {module.split('.')[-1]}; pip install"):
        convert(golden / "checkpoint", tmp_path / "model", guidance_tokenizer=golden / "bert-base-uncased")
