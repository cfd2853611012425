"""Tensors go to disk as safetensors, shard by shard, and every one is read back and compared."""

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

from movieqa.checkpoint.names import ConversionPlan, TensorPlan, join_names
from movieqa.checkpoint.weights import Weights, open_file
from movieqa.errors import CheckpointError
from movieqa.storage import write_atomic

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
    """`finished`, `stage 1`, or `start` of a training."""
    num_parameters: int
    dropped: tuple[str, ...]
    """Buffers that are computed anew."""
    unused: tuple[str, ...]
    """Tensors of the LAVIS files that belong to other models."""
    tensors: tuple[TensorRecord, ...]

    def describe(self, place: str | Path) -> str:
        """Write the report for people, in one line; `place` is where the new folder is."""
        num_equal = sum(tensor.is_equal for tensor in self.tensors)
        return (
            f"{place}  ({self.kind} release, {self.num_parameters:,} parameters, "
            f"{num_equal} of {len(self.tensors)} tensors read back equal)"
        )

    def save(self, path: str | Path) -> None:
        """Write the report as JSON."""
        write_atomic(Path(path), json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")


def write_weights(folder: Path, plan: ConversionPlan, weights: Weights) -> tuple[TensorRecord, ...]:
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


def dtype_of(plan: ConversionPlan, weights: Weights) -> torch.dtype:
    """Return the type of most of the tensors' numbers, which a model is loaded in by default."""
    counts: Counter[torch.dtype] = Counter()
    for tensor in plan.tensors:
        counts[weights[tensor.sources[0]].torch_dtype] += torch.Size(tensor.shape).numel()
    return counts.most_common(1)[0][0]
