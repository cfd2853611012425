"""How published tensor names become ours, and the plan that says where every tensor of a model comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from movieqa.errors import CheckpointError

Shape = tuple[int, ...]

VISION = "model.vision_tower.vision_tower."
"""What published checkpoints put before the vision tower's names."""
TEXT_DECODER = "model.vlm_att_encoder.bert."
"""What they put before the text decoder's."""

_DROPPED = (
    re.compile(r".*\.rotary_emb\.inv_freq"),  # holds unscaled frequencies even where positions are stretched
    re.compile(r".*\.embeddings\.position_ids"),  # counts from 0
)
_RULES = (
    (r"model\.vlm_att_query", "query_tokens"),
    (r"model\.vlm_att_ln\.(\w+)", r"image_norm.\1"),
    (r"model\.vlm_att_projector\.(\w+)", r"context_attention.query_projector.\1"),
    (r"model\.vlm_att_key_projector\.(\w+)", r"context_attention.key_projector.\1"),
    (r"model\.vlm_att_val_projector\.(\w+)", r"context_attention.value_projector.\1"),
    (r"model\.mm_projector\.(.+)", r"content_projector.\1"),
    (r"model\.((?:embed_tokens|layers|norm)\..+)", r"language_model.model.\1"),
    (r"lm_head\.(\w+)", r"language_model.lm_head.\1"),
    (re.escape(VISION) + r"cls_token", "vision_tower.embeddings.class_embedding"),
    (re.escape(VISION) + r"pos_embed", "vision_tower.embeddings.position_embedding"),
    (re.escape(VISION) + r"patch_embed\.proj\.(\w+)", r"vision_tower.embeddings.patch_embedding.\1"),
    (re.escape(VISION) + r"blocks\.(\d+)\.norm([12])\.(\w+)", r"vision_tower.encoder.layers.\1.layer_norm\2.\3"),
    (re.escape(VISION) + r"blocks\.(\d+)\.attn\.qkv\.weight", r"vision_tower.encoder.layers.\1.self_attn.qkv.weight"),
    (re.escape(VISION) + r"blocks\.(\d+)\.attn\.[qv]_bias", r"vision_tower.encoder.layers.\1.self_attn.qkv.bias"),
    (
        re.escape(VISION) + r"blocks\.(\d+)\.attn\.proj\.(\w+)",
        r"vision_tower.encoder.layers.\1.self_attn.projection.\2",
    ),
    (re.escape(VISION) + r"blocks\.(\d+)\.mlp\.(fc[12])\.(\w+)", r"vision_tower.encoder.layers.\1.mlp.\2.\3"),
    (re.escape(TEXT_DECODER) + r"embeddings\.LayerNorm\.(\w+)", r"text_decoder.embeddings.layernorm.\1"),
    (re.escape(TEXT_DECODER) + r"(.+\.(?:cross)?attention)\.self\.(.+)", r"text_decoder.\1.attention.\2"),
    (re.escape(TEXT_DECODER) + r"((?:embeddings|encoder)\..+)", r"text_decoder.\1"),
)
_PATTERNS = tuple((re.compile(pattern), ours) for pattern, ours in _RULES)


@dataclass(frozen=True, kw_only=True)
class TensorPlan:
    """Where one tensor of a model comes from.

    Attributes:
        name: The tensor in our model.
        shape: Its shape.
        sources: Published tensors it is made of: itself, or query and value bias of a fused bias.
    """

    name: str
    shape: Shape
    sources: tuple[str, ...]

    @property
    def is_fused_bias(self) -> bool:
        """Whether it is query bias, zeros, value bias: the published tower learns no key bias."""
        return len(self.sources) == 2


@dataclass(frozen=True, kw_only=True)
class ConversionPlan:
    """A source for every tensor of a model, and the published buffers that no model needs."""

    tensors: tuple[TensorPlan, ...]
    dropped: tuple[str, ...]


def is_dropped(name: str) -> bool:
    """Say whether a published tensor is a buffer that is computed anew.

    Example:
        >>> is_dropped("model.layers.0.self_attn.rotary_emb.inv_freq")
        True
    """
    return any(pattern.fullmatch(name) for pattern in _DROPPED)


def translate_name(name: str) -> str | None:
    """Return our name of a published tensor, None if it has none.

    Example:
        >>> translate_name("model.vision_tower.vision_tower.blocks.3.attn.q_bias")
        'vision_tower.encoder.layers.3.self_attn.qkv.bias'
    """
    for pattern, ours in _PATTERNS:
        if pattern.fullmatch(name):
            return pattern.sub(ours, name)
    return None


def plan_conversion(
    published: Mapping[str, Shape],
    wanted: Mapping[str, Shape],
    *,
    where: str,
    translate: Callable[[str], str | None] = translate_name,
    hint: str = "give the folder of a complete LLaMA-VID release, with all its files",
) -> ConversionPlan:
    """Find the source of every tensor of a model; nothing may be missing, left over or misshapen.

    Args:
        published: Shapes by published name.
        wanted: Shapes by our name, all the tensors of the model.
        where: The checkpoint, for the error.
        translate: Returns our name of a published tensor, None if it has none.
        hint: The way out, for the error.

    Returns:
        The plan, in the order of `wanted`.

    Raises:
        CheckpointError: Naming every tensor that is missing, surplus or misshapen.
    """
    sources: dict[str, list[str]] = {}
    surplus, dropped = [], []
    for name in published:
        ours = translate(name)
        if is_dropped(name):
            dropped.append(name)
        elif ours is None or ours not in wanted:
            surplus.append(name)
        else:
            sources.setdefault(ours, []).append(name)
    plans, missing, misshapen = [], [], []
    for name, shape in wanted.items():
        found = sorted(sources.get(name, []))  # q_bias before v_bias
        plan = TensorPlan(name=name, shape=shape, sources=tuple(found))
        if not found or (name.endswith("qkv.bias") and len(found) != 2):
            missing.append(name)
        elif (is_shape := _shape_of(plan, published)) != shape:
            misshapen.append(f"{name} is {list(is_shape)} instead of {list(shape)}")
        plans.append(plan)
    problems = []
    if missing:
        problems.append(f"{len(missing)} missing ({join_names(missing)})")
    if surplus:
        problems.append(f"{len(surplus)} surplus ({join_names(surplus)})")
    if misshapen:
        problems.append(f"{len(misshapen)} misshapen ({', '.join(misshapen)})")
    if problems:
        raise CheckpointError(f"{where}: its tensors are not those of the model: {'; '.join(problems)}", hint=hint)
    return ConversionPlan(tensors=tuple(plans), dropped=tuple(dropped))


def _shape_of(plan: TensorPlan, published: Mapping[str, Shape]) -> Shape:
    """Return the shape that a plan's sources give."""
    shape = published[plan.sources[0]]
    if not plan.is_fused_bias:
        return shape
    return (3 * shape[0],) if shape == published[plan.sources[1]] and len(shape) == 1 else ()


def join_names(names: Iterable[str]) -> str:
    """Write names in one line, those that differ in one number only as one.

    Example:
        >>> join_names(["blocks.0.norm", "blocks.1.norm", "blocks.3.norm", "head"])
        'blocks.{0-1,3}.norm, head'
    """
    groups: dict[str, list[int]] = {}
    for name in names:
        number = re.search(r"(?<=\.)\d+(?=\.)", name)
        pattern = f"{name[: number.start()]}{{}}{name[number.end() :]}" if number else name
        groups.setdefault(pattern, []).extend([int(number.group())] if number else [])
    return ", ".join(
        pattern.replace("{}", f"{{{_ranges(numbers)}}}" if len(numbers) > 1 else str(numbers[0]) if numbers else "")
        for pattern, numbers in groups.items()
    )


def _ranges(numbers: list[int]) -> str:
    """Write 0, 1, 3 as `0-1,3`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if first != last else str(first) for first, last in runs)
