"""A published checkpoint becomes a complete, offline movieqa folder, every tensor accounted for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

from movieqa.checkpoint.describe import Architecture, check_is_llama_vid, describe, read_json
from movieqa.checkpoint.folders import new_folder
from movieqa.checkpoint.lavis import open_text_decoder, open_vision_tower
from movieqa.checkpoint.names import ConversionPlan, TensorPlan, join_names, plan_conversion
from movieqa.checkpoint.weights import STAGE_1_FILE, Weights, first_line, open_file, open_folder
from movieqa.errors import CheckpointError
from movieqa.model.config import MovieConfig
from movieqa.model.modeling import MovieModel
from movieqa.model.processor import MovieProcessor
from movieqa.storage import write_atomic

GUIDANCE_TOKENIZER = "bert-base-uncased"
MAX_SHARD_BYTES = 4 * 1024**3


@dataclass(frozen=True, kw_only=True)
class TensorRecord:
    """One converted tensor, as the report lists it."""

    name: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    sha256: str
    """Of the tensor's bytes in the new folder."""
    is_equal: bool
    """Whether the bytes read back from the new folder are those of the source."""


@dataclass(frozen=True, kw_only=True)
class ConversionReport:
    """What a conversion did, tensor by tensor."""

    source: str
    target: str
    kind: str
    """`finished` or `stage 1`."""
    num_parameters: int
    dropped: tuple[str, ...]
    """Buffers that are computed anew."""
    unused: tuple[str, ...]
    """Tensors of the LAVIS files that belong to other models."""
    tensors: tuple[TensorRecord, ...]

    def save(self, path: str | Path) -> None:
        """Write the report as JSON."""
        write_atomic(Path(path), json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")


def convert_checkpoint(
    source: str | Path,
    target: str | Path,
    *,
    vision_tower: str | Path | None = None,
    text_decoder: str | Path | None = None,
    language_model: str | Path | None = None,
    guidance_tokenizer: str | Path = GUIDANCE_TOKENIZER,
    architecture: Architecture | None = None,
    report: str | Path | None = None,
) -> ConversionReport:
    """Convert a LLaMA-VID release to a movieqa folder: safetensors, both tokenizers, configuration.

    Nothing is executed that a file holds, nothing is guessed from a name, and no number is changed. A finished release
    is complete but for the text decoder's tokenizer. A stage-1 release (`mm_projector.bin`) also needs the vision
    tower and the language model it was trained with.

    Args:
        source: Folder of the release.
        target: New folder; must not exist yet.
        vision_tower: LAVIS `eva_vit_g.pth`, for a release without its vision tower.
        text_decoder: Trimmed InstructBLIP Q-Former, for a release without its text decoder.
        language_model: Folder of the language model (Vicuna), for a stage-1 release.
        guidance_tokenizer: Folder or hub name of the text decoder's tokenizer.
        architecture: Facts no file holds; those of the published models by default.
        report: JSON file to write the report to.

    Returns:
        What was converted, with a digest of each tensor and whether it reads back equal.

    Raises:
        CheckpointError: If a file is missing, damaged or would run code; if a tensor is missing, surplus, misshapen or
            not finite; or if the target exists.

    Example:
        >>> convert_checkpoint("llama-vid-7b-full-224-long-video", "llama-vid-7b-film")  # doctest: +SKIP
    """
    source, target = Path(source), Path(target)
    architecture = architecture or Architecture()
    if target.exists():
        raise CheckpointError(f"{target} exists already", hint="give a new folder")
    published = read_json(source / "config.json")
    check_is_llama_vid(published, source / "config.json")
    is_stage_1 = (source / STAGE_1_FILE).is_file()
    weights = open_file(source / STAGE_1_FILE) if is_stage_1 else open_folder(source)
    unused: tuple[str, ...] = ()
    if vision_tower is not None:
        added, left = open_vision_tower(Path(vision_tower), architecture)
        weights, unused = weights.merged(added), unused + left
    if text_decoder is not None:
        added, left = open_text_decoder(Path(text_decoder))
        weights, unused = weights.merged(added), unused + left
    if language_model is not None:
        weights = weights.merged(open_folder(Path(language_model)))
    elif is_stage_1:
        raise CheckpointError(
            f"{source} is a stage-1 release: it holds no language model and no vision tower",
            hint="give the language model's folder and eva_vit_g.pth too",
        )
    config = describe(source, weights.shapes, architecture)
    plan = plan_conversion(weights.shapes, _shapes_of_model(config), where=str(source))
    tokenizer = _load_tokenizer(language_model if language_model is not None else source)
    guidance = _load_guidance(guidance_tokenizer, config)
    with new_folder(target) as folder:
        records = _write_weights(folder, plan, weights)
        config.dtype = _dtype_of(plan, weights)
        config.architectures = [MovieModel.__name__]
        MovieProcessor(config, tokenizer, guidance).save_pretrained(folder)
        GenerationConfig.from_model_config(config).save_pretrained(folder)
    result = ConversionReport(
        source=source.name,
        target=target.name,
        kind="stage 1" if is_stage_1 else "finished",
        num_parameters=sum(torch.Size(tensor.shape).numel() for tensor in plan.tensors),
        dropped=plan.dropped,
        unused=unused,
        tensors=records,
    )
    if report is not None:
        result.save(report)
    return result


def _shapes_of_model(config: MovieConfig) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of all tensors of a model without making them."""
    with torch.device("meta"):
        model = MovieModel(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _write_weights(folder: Path, plan: ConversionPlan, weights: Weights) -> tuple[TensorRecord, ...]:
    """Write the shards and their index; only one shard is in memory at a time."""
    shards = _split(plan.tensors, weights)
    records: list[TensorRecord] = []
    file_of_name = {}
    for index, shard in enumerate(shards):
        file = "model.safetensors" if len(shards) == 1 else f"model-{index + 1:05d}-of-{len(shards):05d}.safetensors"
        tensors = {tensor.name: _build(tensor, weights) for tensor in shard}
        save_file(tensors, folder / file, metadata={"format": "pt"})
        written = open_file(folder / file)
        for tensor in shard:
            digest = _digest(written[tensor.name].read())
            records.append(
                TensorRecord(
                    **asdict(tensor),
                    dtype=written[tensor.name].dtype,
                    sha256=digest,
                    is_equal=digest == _digest(tensors[tensor.name]),
                )
            )
            file_of_name[tensor.name] = file
    if different := [record.name for record in records if not record.is_equal]:
        raise CheckpointError(f"{folder} does not read back as written: {join_names(different)}")
    if len(shards) > 1:
        index_file = folder / "model.safetensors.index.json"
        index_file.write_text(json.dumps({"metadata": {}, "weight_map": file_of_name}, indent=1, sort_keys=True))
    return tuple(records)


def _split(tensors: Sequence[TensorPlan], weights: Weights) -> list[list[TensorPlan]]:
    """Split tensors in shards of at most `MAX_SHARD_BYTES`, in order."""
    shards: list[list[TensorPlan]] = [[]]
    size = 0
    for tensor in tensors:
        num_bytes = torch.Size(tensor.shape).numel() * weights[tensor.sources[0]].num_item_bytes
        if shards[-1] and size + num_bytes > MAX_SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += num_bytes
    return shards


def _build(plan: TensorPlan, weights: Weights) -> Tensor:
    """Read one tensor of the model from its sources."""
    parts = [weights[name].read() for name in plan.sources]
    for name, part in zip(plan.sources, parts, strict=True):
        if not torch.isfinite(part).all():
            raise CheckpointError(f"{weights[name].file}: {name} holds numbers that are not finite")
    if plan.is_fused_bias:
        return torch.cat([parts[0], torch.zeros_like(parts[0]), parts[1]])
    return parts[0].contiguous().clone()


def _digest(tensor: Tensor) -> str:
    return sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data).hexdigest()


def _dtype_of(plan: ConversionPlan, weights: Weights) -> torch.dtype:
    """Return the type of most of the tensors' numbers, which a model is loaded in by default."""
    counts: Counter[torch.dtype] = Counter()
    for tensor in plan.tensors:
        counts[weights[tensor.sources[0]].torch_dtype] += torch.Size(tensor.shape).numel()
    return counts.most_common(1)[0][0]


def _load_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    try:
        return AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder} holds no tokenizer that can be read ({first_line(error)})") from error


def _load_guidance(name_or_path: str | Path, config: MovieConfig) -> PreTrainedTokenizerBase:
    """Load the text decoder's tokenizer and add the one token that its vocabulary has more than BERT's."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(name_or_path)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"the text decoder's tokenizer {name_or_path} cannot be read ({first_line(error)})",
            hint=f"releases do not hold it: give a folder with the vocab.txt of {GUIDANCE_TOKENIZER}",
        ) from error
    tokenizer.add_special_tokens({"bos_token": "[DEC]"})
    if len(tokenizer) != config.qformer.vocab_size:
        raise CheckpointError(
            f"the tokenizer {name_or_path} has {len(tokenizer)} tokens, the text decoder {config.qformer.vocab_size}",
            hint=f"give the tokenizer of {GUIDANCE_TOKENIZER}",
        )
    return tokenizer
