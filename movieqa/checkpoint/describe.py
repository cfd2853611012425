"""Read from a published config.json and from tensor shapes what kind of model a checkpoint is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import LlamaConfig
from transformers.models.instructblip.configuration_instructblip import (
    InstructBlipQFormerConfig,
    InstructBlipVisionConfig,
)

from movieqa.checkpoint.names import TEXT_DECODER, VISION, Shape
from movieqa.errors import CheckpointError, ConfigError
from movieqa.model.config import MovieConfig

_OURS_IN_JSON = re.compile(
    r"mm_.*|.*mm_mlp_adapter|use_mm_proj|image_.*|max_token|bert_type|num_query|compress_type|model_path|"
    r"model_type|architectures|_name_or_path|transformers_version|torch_dtype|dtype"
)


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Facts about the published models that none of their files holds.

    Attributes:
        num_vision_heads: Attention heads of the vision tower.
        num_vision_layers: Blocks of the vision tower that are used; `eva_vit_g.pth` holds one more.
        num_text_decoder_heads: Attention heads of the text decoder.
        image_size: Side of a frame, where a vision tower is added from its own file; its positions are interpolated.
    """

    num_vision_heads: int = 16
    num_vision_layers: int = 39
    num_text_decoder_heads: int = 12
    image_size: int = 224


def describe(
    published: Mapping[str, Any], path: Path, shapes: Mapping[str, Shape], architecture: Architecture
) -> MovieConfig:
    """Return the configuration of a published model.

    Args:
        published: What its config.json holds.
        path: That file, for errors.
        shapes: Shapes of all its tensors, by published name.
        architecture: What the files do not say.

    Raises:
        CheckpointError: If config.json is no LLaMA-VID configuration, or a tensor it depends on is missing.
    """
    pooling, grid_size = _pooling(published, path)
    try:
        language = _language(published)
        return MovieConfig(
            vision_config=_vision(shapes, architecture),
            qformer_config=_text_decoder(shapes, architecture),
            text_config=language,
            num_query_tokens=_shape(shapes, "model.vlm_att_query")[1],
            pooling=pooling,
            grid_size=grid_size,
            projector=_one_of(published, "mm_projector_type", ("mlp2x_gelu", "linear"), path, default="linear"),
            max_context=_max_context(published, language),
            template="plain" if published.get("tune_mm_mlp_adapter") else "vicuna_v1",
            pad_pictures=published.get("image_aspect_ratio") == "pad",
        )
    except (ConfigError, StrictDataclassError, TypeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path} does not describe a model that can be built ({reason})") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        CheckpointError: If there is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path.parent} has no {path.name}", hint="give the folder of a LLaMA-VID release"
        ) from error
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return content


def check_is_llama_vid(published: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` for another kind of model, or a variant whose parts are not built here."""
    if "mm_vision_tower" not in published or "bert_type" not in published:
        raise CheckpointError(
            f"{path} is not a LLaMA-VID configuration: it has no mm_vision_tower or no bert_type",
            hint="give the folder of a LLaMA-VID release",
        )
    bert_type = str(published["bert_type"])
    if "qformer" not in bert_type or "raw" in bert_type or "layer" in bert_type:
        raise CheckpointError(f"{path}: bert_type {bert_type!r} is not supported; the releases have a Q-Former")
    if published.get("mm_use_im_start_end") or published.get("mm_use_im_patch_token"):
        raise CheckpointError(
            f"{path}: start, end and patch marks around pictures are not supported; no release has any"
        )
    if published.get("mm_vision_select_feature", "patch") != "patch":
        raise CheckpointError(f"{path}: mm_vision_select_feature must be 'patch'")


def _pooling(published: Mapping[str, Any], path: Path) -> tuple[str, int]:
    compress = published.get("compress_type")
    if compress is None:
        return "none", 2
    if compress == "mean":
        return "mean", 2
    if grid := re.fullmatch(r"grid:(\d+)", str(compress)):
        return "grid", int(grid.group(1))
    raise CheckpointError(f"{path}: compress_type {compress!r} is not null, 'mean' or 'grid:' and a number")


def _one_of(published: Mapping[str, Any], key: str, allowed: tuple[str, ...], path: Path, *, default: str) -> str:
    value = published.get(key, default)
    if value not in allowed:
        raise CheckpointError(f"{path}: {key} {value!r} is not one of {', '.join(allowed)}")
    return str(value)


def _max_context(published: Mapping[str, Any], language: LlamaConfig) -> int:
    """Return the trained length; stage 1 and 2 were trained on less than the positions reach."""
    rope: dict[str, Any] = dict(language.rope_parameters or {})
    factor = float(rope.get("factor") or 1.0)
    return max(int(published.get("max_token") or 0), int(language.max_position_embeddings * factor))


def _language(published: Mapping[str, Any]) -> LlamaConfig:
    """Return the Llama part, its stretched positions under today's names."""
    kept = {key: value for key, value in published.items() if not _OURS_IN_JSON.fullmatch(key)}
    scaling = dict(kept.pop("rope_scaling", None) or {})
    kind = scaling.pop("type", None) or scaling.pop("rope_type", "default")
    rope = {"rope_type": kind, "rope_theta": kept.pop("rope_theta", 10000.0), **scaling}
    return LlamaConfig(**{"rope_parameters": rope, **kept})


def _vision(shapes: Mapping[str, Shape], architecture: Architecture) -> InstructBlipVisionConfig:
    positions, patch = _shape(shapes, f"{VISION}pos_embed"), _shape(shapes, f"{VISION}patch_embed.proj.weight")
    return InstructBlipVisionConfig(
        hidden_size=positions[2],
        intermediate_size=_shape(shapes, f"{VISION}blocks.0.mlp.fc1.weight")[0],
        num_hidden_layers=_count(shapes, rf"{re.escape(VISION)}blocks\.(\d+)\..+"),
        num_attention_heads=architecture.num_vision_heads,
        image_size=isqrt(positions[1] - 1) * patch[2],
        patch_size=patch[2],
        initializer_range=0.02,
    )


def _text_decoder(shapes: Mapping[str, Shape], architecture: Architecture) -> InstructBlipQFormerConfig:
    words = _shape(shapes, f"{TEXT_DECODER}embeddings.word_embeddings.weight")
    return InstructBlipQFormerConfig(
        vocab_size=words[0],
        hidden_size=words[1],
        num_hidden_layers=_count(shapes, rf"{re.escape(TEXT_DECODER)}encoder\.layer\.(\d+)\..+"),
        num_attention_heads=architecture.num_text_decoder_heads,
        intermediate_size=_shape(shapes, f"{TEXT_DECODER}encoder.layer.0.intermediate.dense.weight")[0],
        max_position_embeddings=_shape(shapes, f"{TEXT_DECODER}embeddings.position_embeddings.weight")[0],
        encoder_hidden_size=_shape(shapes, f"{TEXT_DECODER}encoder.layer.0.crossattention.self.key.weight")[1],
    )


def _shape(shapes: Mapping[str, Shape], name: str) -> Shape:
    if name not in shapes:
        raise CheckpointError(f"the checkpoint has no tensor {name}", hint="some of its files are missing")
    return shapes[name]


def _count(shapes: Mapping[str, Shape], pattern: str) -> int:
    numbers = [int(found.group(1)) for name in shapes if (found := re.fullmatch(pattern, name))]
    return max(numbers, default=-1) + 1
