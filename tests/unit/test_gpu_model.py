"""What only a GPU can do: offloaded caches, FlashAttention-2, quantised weights, features that stay on the device."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig

from movieqa.decoding import Decoding
from movieqa.features import FrameFeatures
from movieqa.loaded import LoadedModel, open_model
from movieqa.model.cache import CacheKind, CacheSettings
from movieqa.model.config import tiny
from movieqa.model.loading import Attention, Quantisation
from movieqa.session import FilmSession, SessionConfig
from movieqa.workspace import Workspace
from tests.bench.random_film import make_random_film
from tests.tiny_checkpoint import save_tiny_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available() and not os.environ.get("MOVIEQA_REQUIRE_GPU"), reason="there is no GPU"
    ),
]
LANGUAGE = LlamaConfig(
    vocab_size=259, hidden_size=256, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4,
    num_key_value_heads=4, max_position_embeddings=2048, pad_token_id=0, initializer_range=0.1,
)  # fmt: skip
QUESTION = "Who takes the key?"
SHORT = Decoding(max_new_tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "wide", tiny(text_config=LANGUAGE))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Workspace:
    return make_random_film(tmp_path_factory.mktemp("film"), open_model(folder, device="cpu"), 90)


def logits(film: Workspace, loaded: LoadedModel, **options: object) -> torch.Tensor:
    config = SessionConfig(**{"guidance": "film", "decoding": SHORT, **options})  # type: ignore[arg-type]
    return FilmSession(film, loaded, config).next_logits(QUESTION).cpu()


@pytest.fixture(scope="module")
def wanted(film: Workspace, folder: Path) -> torch.Tensor:
    return logits(film, open_model(folder, device="cpu"))


def test_a_gpu_gives_what_the_processor_gives(film: Workspace, folder: Path, wanted: torch.Tensor) -> None:
    on_gpu = open_model(folder, device="cuda", attention="sdpa")
    torch.testing.assert_close(logits(film, on_gpu, prefill_chunk=50), wanted, rtol=0, atol=1e-2)
    here, there = (
        FilmSession(film, loaded, SessionConfig(decoding=SHORT)).ask(QUESTION)
        for loaded in (open_model(folder, device="cpu"), on_gpu)
    )
    assert here.token_ids == there.token_ids


@pytest.mark.parametrize("kind", ["static", "offloaded", "offloaded_static"])
@pytest.mark.parametrize("guidance", ["question", "film"])
def test_caches_agree(film: Workspace, folder: Path, kind: CacheKind, guidance: str) -> None:
    loaded = open_model(folder, device="cuda", attention="sdpa")
    plain = logits(film, loaded, guidance=guidance)
    kept = logits(film, loaded, guidance=guidance, cache=CacheSettings(kind=kind), prefill_chunk=40)
    torch.testing.assert_close(kept, plain, rtol=0, atol=1e-2)


def test_flash_attention_agrees(film: Workspace, folder: Path, wanted: torch.Tensor) -> None:
    pytest.importorskip("flash_attn")
    chosen: Attention = "flash_attention_2"
    flash = logits(film, open_model(folder, device="cuda", precision="bfloat16", attention=chosen))
    assert torch.nn.functional.cosine_similarity(flash, wanted, dim=0) > 0.99


@pytest.mark.parametrize(("quantisation", "least"), [("8bit", 0.95), ("4bit", 0.7)])
def test_quantised_weights_answer(
    film: Workspace, folder: Path, wanted: torch.Tensor, quantisation: Quantisation, least: float
) -> None:
    pytest.importorskip("bitsandbytes")
    loaded = open_model(folder, device="cuda", precision="float16", quantisation=quantisation)
    assert loaded.model.vision_tower.dtype == torch.float16
    assert torch.nn.functional.cosine_similarity(logits(film, loaded), wanted, dim=0) > least


def test_features_stay_on_the_device(film: Workspace, folder: Path) -> None:
    loaded = open_model(folder, device="cuda")
    before = torch.cuda.memory_allocated()
    session = FilmSession(film, loaded, SessionConfig(decoding=SHORT))
    features = FrameFeatures.open(film, loaded.name, tower=loaded.tower)
    assert torch.cuda.memory_allocated() - before >= features.num_bytes
    assert session.features.facts == features.facts
