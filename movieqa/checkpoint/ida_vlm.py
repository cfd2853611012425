"""IDA-VLM's published ID-Former: its shape, the names of its tensors, and their strict conversion."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from math import isqrt, prod
from pathlib import Path
from typing import Protocol, TypeVar

from movieqa.checkpoint.folders import new_folder
from movieqa.checkpoint.names import Shape, plan_conversion
from movieqa.checkpoint.weights import Weights, open_file, open_folder
from movieqa.checkpoint.write import ConversionReport, write_weights
from movieqa.errors import CheckpointError, ConfigError, MovieQAError
from movieqa.storage import read_bounded

KIND = "ida-vlm-id-former"
CONFIG_FILE = "config.json"
VISUAL = "transformer.visual."
"""What the release puts before the names of its visual part."""
NEEDS = (
    "the visual tower of the same release (convert_visual_tower), whose last block's output it reads",
    "Qwen-7B as tuned in the same release, which reads its tokens",
    "Qwen-VL's tokenizer, for prompts of the form `NAME is <img>...</img>`",
)
"""What a converted ID-Former needs besides itself; none of it is a part of its conversion."""

_WIDTH_OF_HEAD = 128
_MAX_CONFIG_BYTES = 1 << 16
_RULES = (
    (r"attn_pool\.query", "query"),
    (r"attn_pool\.pos_embed", "query_positions"),
    (r"attn_pool\.kv_proj\.weight", "patch_projector.weight"),
    (r"attn_pool\.ln_q\.(\w+)", r"query_norm.\1"),
    (r"attn_pool\.ln_kv\.(\w+)", r"patch_norm.\1"),
    (r"attn_pool\.attn\.(.+)", r"pooling.\1"),
    (r"attn_pool\.attn1\.(.+)", r"identity_attention.\1"),
    (r"ln_post\.(\w+)", r"output_norm.\1"),
    (r"proj", "output_projector"),
)
_PATTERNS = tuple((re.compile(re.escape(VISUAL) + pattern), ours) for pattern, ours in _RULES)


@dataclass(frozen=True, kw_only=True)
class IdFormerConfig:
    """The shape of IDA-VLM's ID-Former.

    Attributes:
        width: Width D of its queries and tokens.
        num_heads: Attention heads of both attentions.
        num_queries: Queries Q, a square number.
        patch_width: Width C of the patches it reads.
    """

    width: int = 4096
    num_heads: int = 32
    num_queries: int = 256
    patch_width: int = 1664

    def __post_init__(self) -> None:
        """Check what the arithmetic relies on.

        Raises:
            ConfigError: If a size cannot work.
        """
        if min(self.width, self.num_heads, self.num_queries, self.patch_width) < 1:
            raise ConfigError("sizes of an ID-Former must be at least 1")
        if self.width % self.num_heads or self.width % 4:
            raise ConfigError(f"a width of {self.width} must be a multiple of 4 and of its {self.num_heads} heads")
        if isqrt(self.num_queries) ** 2 != self.num_queries:
            raise ConfigError(f"{self.num_queries} queries are no square")

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every tensor, by our name."""
        wide = self.width
        shapes: dict[str, Shape] = {"query": (self.num_queries, wide), "query_positions": (self.num_queries, wide)}
        if self.patch_width != wide:
            shapes["patch_projector.weight"] = (wide, self.patch_width)
        for norm in ("query_norm", "patch_norm", "output_norm"):
            shapes |= {f"{norm}.weight": (wide,), f"{norm}.bias": (wide,)}
        for attention in ("pooling", "identity_attention"):
            shapes |= {
                f"{attention}.in_proj_weight": (3 * wide, wide),
                f"{attention}.in_proj_bias": (3 * wide,),
                f"{attention}.out_proj.weight": (wide, wide),
                f"{attention}.out_proj.bias": (wide,),
            }
        return shapes | {"output_projector": (wide, wide)}


@dataclass(frozen=True, kw_only=True)
class IdFormerReport(ConversionReport):
    """What a conversion of an ID-Former did, and what its weights need besides."""

    needs: tuple[str, ...] = NEEDS


def translate_id_former_name(name: str) -> str | None:
    """Return our name of a published tensor, None if it is no part of the ID-Former.

    Example:
        >>> translate_id_former_name("transformer.visual.attn_pool.attn1.out_proj.bias")
        'identity_attention.out_proj.bias'
    """
    for pattern, ours in _PATTERNS:
        if pattern.fullmatch(name):
            return pattern.sub(ours, name)
    return None


def convert_id_former(
    source: str | Path, target: str | Path, *, num_heads: int | None = None, report: str | Path | None = None
) -> IdFormerReport:
    """Convert the ID-Former of an IDA-VLM release; nothing is run that a file holds, and no number is changed.

    Args:
        source: Folder of the release (`model-idf`), or one file of weights.
        target: New folder; must not exist yet.
        num_heads: Attention heads, which no file of a release says; one for 128 channels by default.
        report: JSON file to write the report to.

    Returns:
        What was converted. Its `unused` are the release's other tensors, and its `needs` what has to come with them.

    Raises:
        CheckpointError: If a file is missing, damaged or would run code; if a tensor of the ID-Former is missing,
            surplus, misshapen or not finite; or if the target exists.

    Example:
        >>> print(*convert_id_former("model-idf", "id-former").needs, sep="\\n")  # doctest: +SKIP
    """
    result = convert_part(
        Path(source),
        Path(target),
        kind=KIND,
        is_own=_is_own,
        describe=lambda shapes: _describe(shapes, Path(source), num_heads),
        dump=dump_config,
        translate=translate_id_former_name,
    )
    told = IdFormerReport(**{field.name: getattr(result, field.name) for field in fields(result)})
    if report is not None:
        told.save(report)
    return told


class _Sized(Protocol):
    @property
    def shapes(self) -> dict[str, Shape]: ...


_Config = TypeVar("_Config", bound=_Sized)
_Loaded = TypeVar("_Loaded")


def convert_part(
    source: Path,
    target: Path,
    *,
    kind: str,
    is_own: Callable[[str], bool],
    describe: Callable[[Mapping[str, Shape]], _Config],
    dump: Callable[[_Config], str],
    translate: Callable[[str], str | None],
    report: str | Path | None = None,
) -> ConversionReport:
    """Convert one part of a release to a folder of its own; the other tensors are only listed."""
    weights = open_file(source) if source.is_file() else open_folder(source)
    own = Weights({name: tensor for name, tensor in weights.items() if is_own(name)})
    config = describe(own.shapes)
    plan = plan_conversion(
        own.shapes,
        config.shapes,
        where=str(source),
        translate=translate,
        hint="give a complete model-idf release of IDA-VLM",
    )
    with new_folder(target) as folder:
        records = write_weights(folder, plan, weights)
        (folder / CONFIG_FILE).write_text(dump(config), encoding="utf-8")
    result = ConversionReport(
        source=source.name,
        target=target.name,
        kind=kind,
        num_parameters=sum(prod(tensor.shape) for tensor in plan.tensors),
        dropped=plan.dropped,
        unused=tuple(name for name in weights if name not in own),
        tensors=records,
    )
    if report is not None:
        result.save(report)
    return result


def dump_config(config: IdFormerConfig) -> str:
    """Write the configuration of a converted ID-Former."""
    return json.dumps({"model_type": KIND, **asdict(config)}, indent=1, sort_keys=True) + "\n"


def load_config(data: bytes) -> IdFormerConfig:
    """Read what `dump_config` wrote.

    Raises:
        ValueError: Not such a file (also as TypeError, KeyError or ConfigError).
    """
    return IdFormerConfig(**load_sizes(data, KIND))


def load_sizes(data: bytes, kind: str) -> dict[str, int]:
    """Read the sizes in a configuration of one kind.

    Raises:
        ValueError: Not such a file (also as KeyError).
    """
    content = json.loads(data)
    if not isinstance(content, dict) or content.pop("model_type") != kind:
        raise ValueError(f"no configuration of kind {kind}")
    if not all(type(value) is int for value in content.values()):
        raise ValueError("its sizes are no whole numbers")
    return content


def read_config(folder: Path, load: Callable[[bytes], _Loaded]) -> _Loaded:
    """Read the configuration in a folder of converted weights.

    Raises:
        CheckpointError: If it is missing, damaged or of another kind.
    """
    path = folder / CONFIG_FILE
    try:
        return load(read_bounded(path, limit=_MAX_CONFIG_BYTES))
    except (OSError, ValueError, TypeError, KeyError, MovieQAError) as error:
        raise CheckpointError(f"{path} cannot be read ({error})", hint="convert or save it again") from error


def _is_own(name: str) -> bool:
    return name.startswith(f"{VISUAL}attn_pool.") or translate_id_former_name(name) is not None


def _describe(shapes: Mapping[str, Shape], source: Path, num_heads: int | None) -> IdFormerConfig:
    """Read the sizes from the shapes; what is inconsistent shows when the shapes are compared one by one."""
    pool = f"{VISUAL}attn_pool."
    if not any(name.startswith(pool) for name in shapes):
        raise CheckpointError(f"{source} holds no ID-Former", hint="give the model-idf release of IDA-VLM")
    if not any(name.startswith(f"{pool}attn1.") for name in shapes):
        raise CheckpointError(
            f"{source} holds Qwen-VL's plain resampler and no ID-Former: no tensor {pool}attn1.*",
            hint="of the two releases of IDA-VLM take model-idf, not model-base",
        )
    query, projector = shapes.get(f"{pool}query", ()), shapes.get(f"{pool}kv_proj.weight")
    if len(query) != 2 or (projector is not None and len(projector) != 2):
        raise CheckpointError(f"{source}: {pool}query or {pool}kv_proj.weight is missing or misshapen")
    try:
        return IdFormerConfig(
            width=query[1],
            num_heads=max(1, query[1] // _WIDTH_OF_HEAD) if num_heads is None else num_heads,
            num_queries=query[0],
            patch_width=query[1] if projector is None else projector[1],
        )
    except ConfigError as error:
        raise CheckpointError(f"{source} does not describe an ID-Former ({error.message})") from error
