"""Loading a folder, caches and memory: strict, and one clear line when something is wrong."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig

from movieqa.errors import CheckpointError, ConfigError, MissingDependencyError
from movieqa.model.cache import CacheSettings, make_cache, prefill
from movieqa.model.config import llama_vid_7b, llama_vid_13b, tiny
from movieqa.model.loading import choose_attention, load_model, quantisation_config
from movieqa.model.memory import estimate_memory
from movieqa.model.processor import MovieProcessor
from movieqa.model.shortage import explain_memory
from tests.tiny_checkpoint import make_tiny_model, save_tiny_model

WIDE = LlamaConfig(
    vocab_size=259, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=4, pad_token_id=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return save_tiny_model(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_loaded_is_what_was_saved(saved: Path) -> None:
    loaded, made = load_model(saved), make_tiny_model()
    assert not loaded.training
    for name, tensor in made.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert load_model(saved, dtype=torch.bfloat16).dtype == torch.bfloat16


@pytest.mark.parametrize("attention", ["auto", "sdpa", "eager"])
def test_attention_is_chosen(saved: Path, attention: str) -> None:
    loaded = load_model(saved, attention=attention)
    chosen = "eager" if attention == "eager" else "sdpa"
    parts = (loaded.language_model, loaded.vision_tower, loaded.text_decoder)
    assert {part.config._attn_implementation for part in parts} == {chosen}


def change(folder: Path, name: str, tensor: torch.Tensor | None) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(name, None)
    if tensor is not None:
        tensors[name] = tensor
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("query_tokens", None, r"1 missing \(query_tokens\)"),
        ("stranger.weight", torch.zeros(2), r"1 surplus \(stranger.weight\)"),
        ("image_norm.weight", torch.zeros(7), r"1 misshapen \(image_norm.weight is \[7\] instead of \[32\]\)"),
        ("image_norm.bias", torch.full((32,), float("nan")), "weights are not finite: image_norm.bias"),
        ("image_norm.bias", torch.full((32,), float("inf")), "weights are not finite: image_norm.bias"),
    ],
)
def test_wrong_tensors_are_named(folder: Path, name: str, tensor: torch.Tensor | None, message: str) -> None:
    change(folder, name, tensor)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_wrong_folders_are_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for wrong in (empty, tmp_path / "nowhere"):
        for load in (load_model, MovieProcessor.from_pretrained):
            with pytest.raises(CheckpointError) as caught:
                load(wrong)
            assert "\n" not in str(caught.value)
    (folder / "model.safetensors").write_bytes(b"not safetensors at all")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_model(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_model(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    with pytest.raises(CheckpointError, match="type 'llama', not a movieqa model"):
        load_model(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError):
        load_model(folder)


def test_what_is_not_installed_is_named() -> None:
    if find_spec("bitsandbytes") is None:
        with pytest.raises(MissingDependencyError, match="pip install bitsandbytes"):
            quantisation_config("4bit")
    if find_spec("flash_attn") is None:
        with pytest.raises(MissingDependencyError, match="FlashAttention-2 is not installed"):
            choose_attention("flash_attention_2", "cuda")
    if find_spec("hqq") is None:
        with pytest.raises(MissingDependencyError, match="pip install hqq"):
            make_cache(tiny().language, CacheSettings(kind="quantized", backend="hqq", bits=8), max_length=8)


def test_an_adapter_beside_the_weights_is_merged_into_them(saved: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    folder = Path(shutil.copytree(saved, tmp_path / "adapted"))
    model = load_model(saved)
    before = model.language_model.model.layers[0].mlp.up_proj.weight.clone()
    torch.manual_seed(0)
    adapted = peft.get_peft_model(
        model.language_model, peft.LoraConfig(r=2, target_modules=["up_proj"], init_lora_weights=False)
    )
    adapted.save_pretrained(folder / "adapter")
    expected = adapted.merge_and_unload().model.layers[0].mlp.up_proj.weight
    assert not torch.equal(expected, before)
    assert torch.equal(load_model(folder).language_model.model.layers[0].mlp.up_proj.weight, expected)
    file = folder / "adapter" / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="adapter does not fit the model beside it"):
        load_model(folder)
    file.rename(file.with_name("adapter_model.bin"))  # peft would read a pickle
    with pytest.raises(CheckpointError, match=r"holds no adapter_model\.safetensors"):
        load_model(folder)


def test_flash_attention_is_taken_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movieqa.model.loading.find_spec", lambda name: object())
    chosen = [
        choose_attention("auto", device, dtype)["text_config"]
        for device, dtype in (("cuda", torch.bfloat16), ("cuda", None), ("cuda", torch.float32), ("cpu", None))
    ]
    assert chosen == ["flash_attention_2", "flash_attention_2", "sdpa", "sdpa"]


def test_quantised_weights_are_multiplied_in_the_type_of_the_run() -> None:
    pytest.importorskip("bitsandbytes")
    assert quantisation_config("4bit", torch.bfloat16).bnb_4bit_compute_dtype == torch.bfloat16
    assert quantisation_config("4bit").bnb_4bit_compute_dtype == torch.float16


def test_options_that_are_not_offered(saved: Path) -> None:
    for given in ({"kind": "frozen"}, {"backend": "zip"}, {"kind": "quantized", "bits": 3}):
        with pytest.raises(ConfigError):
            CacheSettings(**given)
    with pytest.raises(ConfigError, match="attention 'slow' is not one of"):
        load_model(saved, attention="slow")
    with pytest.raises(ConfigError, match="quantisation '3bit' is not one of"):
        load_model(saved, quantisation="3bit")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="needs a CUDA device"):
            make_cache(tiny().language, CacheSettings(kind="offloaded"), max_length=8)


def test_what_fits_on_which_card() -> None:
    """The claims of docs/model.md, by arithmetic."""
    film = llama_vid_7b(is_long=True)
    assert estimate_memory(film, num_tokens=65536, prefill_chunk=4096).total < 60e9
    quantised = estimate_memory(film, num_tokens=65536, prefill_chunk=2048, weight_bits=4, cache_bits=4)
    assert quantised.total < 22e9
    assert estimate_memory(film, num_tokens=28020, prefill_chunk=2048, weight_bits=4).total < 24e9
    assert estimate_memory(llama_vid_13b(is_long=True), num_tokens=65536, prefill_chunk=2048).total > 80e9
    assert 34.3e9 < estimate_memory(film, num_tokens=65536).cache < 34.5e9


def test_lack_of_memory_is_one_line() -> None:
    with pytest.raises(ConfigError, match="not enough memory for the prompt") as caught, explain_memory("the prompt"):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="in chunks"), explain_memory("the prompt"):
        torch.empty(2**50)
    with pytest.raises(RuntimeError, match="something else"), explain_memory("the prompt"):
        raise RuntimeError("something else")


@pytest.mark.parametrize(("backend", "bits"), [("quanto", 4), ("hqq", 8)])
def test_quantised_cache(backend: str, bits: int) -> None:
    pytest.importorskip({"quanto": "optimum.quanto", "hqq": "hqq.core.quantize"}[backend])
    model = make_tiny_model(tiny(text_config=WIDE))
    ids = torch.randint(5, 250, (1, 200), generator=torch.Generator().manual_seed(0))
    exact = model(ids).logits[0, -1]
    for chunk in (199, 64):
        cache = make_cache(WIDE, CacheSettings(kind="quantized", backend=backend, bits=bits), max_length=200)
        embeddings = model.embed_prompt(ids)
        prefill(model.language_model, embeddings, cache, chunk=chunk)
        assert cache.get_seq_length() == 199
        last = model(inputs_embeds=embeddings[:, -1:], past_key_values=cache).logits[0, -1]
        assert torch.nn.functional.cosine_similarity(last, exact, dim=0) > 0.8
    answer = model.generate(ids, cache=CacheSettings(kind="quantized", backend=backend, bits=bits), max_new_tokens=3)
    assert answer.shape[0] == 1


@pytest.mark.parametrize(("quantisation", "layer"), [("8bit", "Linear8bitLt"), ("4bit", "Linear4bit")])
def test_quantised_weights_spare_the_encoders(tmp_path: Path, quantisation: str, layer: str) -> None:
    pytest.importorskip("bitsandbytes")
    save_tiny_model(tmp_path / "model", tiny(text_config=WIDE))
    model = load_model(tmp_path / "model", quantisation=quantisation)
    quantised = {name for name, module in model.named_modules() if type(module).__name__ == layer}
    assert len(quantised) == 2 * 7
    assert all(name.startswith("language_model.model.layers.") for name in quantised)
    assert model.generate(torch.tensor([[1, 9, 8]]), max_new_tokens=2).shape[0] == 1
