"""Vision tower, text decoder and frame tokens against the recordings, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from movieqa.checkpoint import convert_checkpoint
from movieqa.checkpoint.lavis import interpolate_positions, open_vision_tower
from movieqa.checkpoint.names import VISION
from movieqa.model import MovieModel
from movieqa.model.loading import load_model
from movieqa.model.processor import MovieProcessor
from movieqa.model.tokens import order_tokens, pool_patches
from tests.parity.conftest import with_pooling
from tests.parity.recordings import ARCHITECTURE, FEATURES, FOLDER, arrays
from tests.tiny_checkpoint import save_language_model_part


@contextmanager
def recorded_outputs(modules: list[nn.Module]) -> Iterator[list[Tensor]]:
    """Collect what modules return."""
    outputs: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, output: Any) -> None:
        outputs.append(output[0] if isinstance(output, tuple) else output)

    handles = [module.register_forward_hook(keep) for module in modules]
    yield outputs
    for handle in handles:
        handle.remove()


@pytest.fixture(scope="module")
def pixels(processor: MovieProcessor) -> Tensor:
    return processor.preprocess([frame.numpy() for frame in arrays("vision")["frames_u8"]])


@torch.no_grad()
def test_vision_tower_block_by_block(model: MovieModel, pixels: Tensor) -> None:
    recorded = arrays("vision")
    assert_close(model.encode_frames(pixels), recorded["features"], **FEATURES)
    embeddings = model.vision_tower.embeddings
    patches = embeddings.patch_embedding(pixels[:1]).flatten(2).transpose(1, 2)
    assert_close(patches, recorded["patch_tokens"], **FEATURES)
    assert_close(embeddings(pixels[:1]), recorded["embeddings"], **FEATURES)
    with recorded_outputs(list(model.vision_tower.encoder.layers)) as blocks:
        model.encode_frames(pixels[:1])
    assert_close(torch.stack(blocks), recorded["block_outputs"], **FEATURES)


@torch.no_grad()
def test_larger_pictures_with_interpolated_positions(tmp_path: Path, pixels: Tensor) -> None:
    """A stage-1 release, the LAVIS tower and a language model make a complete model of another picture size."""
    recorded = arrays("vision")
    vision, unused = open_vision_tower(FOLDER / "eva_vit_g.pth", ARCHITECTURE)
    assert {name.split(".")[0] for name in unused} == {"norm", "blocks"}
    positions = vision[f"{VISION}pos_embed"].read()
    assert_close(interpolate_positions(positions, 16), recorded["pos_embed_224"], **FEATURES)

    save_language_model_part(FOLDER / "checkpoint", tmp_path / "vicuna")
    convert_checkpoint(
        FOLDER / "stage1",
        tmp_path / "model",
        vision_tower=FOLDER / "eva_vit_g.pth",
        language_model=tmp_path / "vicuna",
        guidance_tokenizer=FOLDER / "bert-base-uncased",
        architecture=type(ARCHITECTURE)(
            num_vision_heads=4, num_vision_layers=3, num_text_decoder_heads=4, image_size=224
        ),
    )
    model = load_model(tmp_path / "model")
    assert_close(model.vision_tower.embeddings.position_embedding.data, recorded["pos_embed_224"], **FEATURES)
    processor = MovieProcessor.from_pretrained(tmp_path / "model")
    enlarged = recorded["frames_u8"][0].numpy().repeat(2, axis=0).repeat(2, axis=1)
    assert_close(model.encode_frames(processor.preprocess([enlarged])), recorded["features_224"], **FEATURES)


@torch.no_grad()
@pytest.mark.parametrize("question", [0, 1])
def test_text_decoder_layer_by_layer(model: MovieModel, question: int) -> None:
    recorded = arrays("qformer")
    features = recorded["image_features"]
    assert_close(features, arrays("vision")["features"][:3], **FEATURES)
    assert_close(model.query_tokens.data, recorded["query_tokens"], **FEATURES)
    rows = slice(3 * question, 3 * question + 3)
    mask = recorded["prompt_attention_mask"][question].bool()
    ids = recorded["prompt_input_ids"][question][mask]
    normed = model.image_norm(features)
    assert_close(normed, recorded["ln_out"][rows], **FEATURES)
    with recorded_outputs(list(model.text_decoder.encoder.layer)) as layers:
        queries = model.read_frames(normed, ids)
    assert_close(queries, recorded["query_out"][rows], **FEATURES)
    is_real = recorded["expanded_attention_mask"][rows][0].bool()
    for index, layer in enumerate(layers):
        assert_close(layer, recorded[f"layer{index}"][rows][:, is_real], **FEATURES)
    assert_close(model.context_attention.query_projector(queries), recorded["text_q"][rows], **FEATURES)
    assert torch.equal(recorded["text_q"], arrays("tokens")["text_q"])


@torch.no_grad()
def test_context_attention(model: MovieModel) -> None:
    recorded = arrays("tokens")
    attention = model.context_attention
    patches, queries = recorded["vis_embed"].repeat(2, 1, 1), arrays("qformer")["query_out"]
    assert_close(patches[:3], arrays("vision")["features"][:3, 1:], **FEATURES)
    assert_close(attention.key_projector(patches[:3]), recorded["key"], **FEATURES)
    folded = recorded["text_q"] @ attention.key_projector.weight @ patches.mT / patches.shape[-1] ** 0.5
    difference = folded - recorded["scores"]  # the key bias: one constant in a row, which the softmax takes out
    assert_close(difference, difference[..., :1].expand_as(difference), **FEATURES)
    assert_close(attention.pool(queries, patches)[:, None], recorded["ctx_pooled"], **FEATURES)
    assert_close(attention(queries, patches)[:, None], recorded["context_token"], **FEATURES)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "pooling", "grid_size"),
    [("mean", "mean", 2), ("grid2", "grid", 2), ("grid4", "grid", 4), ("grid3", "grid", 3), ("none", "none", 2)],
)
def test_frame_tokens_of_every_pooling(model: MovieModel, name: str, pooling: str, grid_size: int) -> None:
    recorded = arrays("tokens")
    other = with_pooling(model, pooling, grid_size)
    features = arrays("qformer")["image_features"]
    if (pooled := recorded.get(f"content_pooled_{name}")) is not None:
        assert_close(pool_patches(features[:, 1:], pooling, grid_size), pooled, **FEATURES)
    for prompt, expected in enumerate(recorded[f"final_{name}"]):
        ids = arrays("qformer")["prompt_input_ids"][prompt]
        ids = ids[arrays("qformer")["prompt_attention_mask"][prompt].bool()]
        context = other.context_tokens(features, ids, reads_class_token=True)
        tokens = order_tokens(context, other.content_tokens(features))
        assert tokens.shape[1] == other.config.num_tokens_per_frame
        assert_close(tokens.flatten(0, 1), expected, **FEATURES)
