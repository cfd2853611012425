"""The files of a checkpoint: every trained weight and its moments in safetensors, however many processes there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from movieqa.manifest import FileEntry
from movieqa.storage import digest_file, sync_file

from .optimizer_spread import KINDS, Kind
from .optimizer_state import OptimizerState
from .processes import Processes

SHARD_BYTES = 1 << 30
"""A file is larger only where a single weight is."""
_NAME = re.compile(rf"({'|'.join(KINDS)})-\d{{5}}\.safetensors")
_REASON_BYTES = 400


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file to write.

    Attributes:
        file: Its name.
        kind: What it holds of its weights.
        names: The weights.
    """

    file: str
    kind: Kind
    names: Sequence[str]


def plan_shards(shapes: Mapping[str, tuple[int, ...]], *, limit: int) -> list[Shard]:
    """Divide weights of some shapes into files of at most so many bytes, or of one weight.

    Example:
        >>> [shard.file for shard in plan_shards({"a": (2, 2), "b": (3,)}, limit=28)]
        ['weight-00000.safetensors', 'exp_avg-00000.safetensors', 'exp_avg_sq-00000.safetensors']
    """
    parts: list[list[str]] = []
    room = 0
    for name, shape in shapes.items():
        size = 4 * prod(shape)
        if not parts or size > room:
            parts.append([])
            room = limit
        parts[-1].append(name)
        room -= size
    return [
        Shard(file=f"{kind}-{index:05d}.safetensors", kind=kind, names=names)
        for kind in KINDS
        for index, names in enumerate(parts)
    ]


def write_numbers(state: OptimizerState, folder: Path, processes: Processes) -> dict[str, FileEntry]:
    """Write all numbers of an optimizer; the processes write side by side, each a file at a time.

    Args:
        state: The optimizer.
        folder: An existing folder that all processes see.
        processes: All of them call this.

    Returns:
        The files by name.

    Raises:
        OSError: If the disk refuses any of them; all processes raise it.
    """
    shards = plan_shards(state.shapes, limit=SHARD_BYTES)
    written = torch.zeros(len(shards), 1 + 32, dtype=torch.int64)
    for start in range(0, len(shards), processes.world_size):
        own: dict[str, Tensor] = {}
        for place, shard in enumerate(shards[start : start + processes.world_size]):
            for name in shard.names:
                numbers = state.read(name, shard.kind)  # all processes take part
                if place == processes.rank:
                    own[name] = numbers.to("cpu", torch.float32, copy=True)
        with sharing_faults(processes):
            if own:
                index = start + processes.rank
                written[index] = _write(own, folder / shards[index].file)
    return {
        shard.file: FileEntry(num_bytes=row[0], digest=f"sha256:{bytes(row[1:]).hex()}")
        for shard, row in zip(shards, processes.sum(written).tolist(), strict=True)
    }


def read_numbers(state: OptimizerState, folder: Path, files: Mapping[str, FileEntry], processes: Processes) -> None:
    """Set all numbers of an optimizer that was begun; nothing is set before every file was found to be whole.

    Args:
        state: The optimizer, of any number of processes and any ZeRO stage.
        folder: Of the files.
        files: What was written.
        processes: All of them call this.

    Raises:
        OSError: If a file is not what was written, or not of this optimizer; all processes raise it.
    """
    with sharing_faults(processes):
        for index, (name, entry) in enumerate(files.items()):
            if index % processes.world_size == processes.rank and digest_file(folder / name) != entry.digest:
                raise ValueError(f"{name} is not what was written")
        _check_contents(folder, files, state.shapes)
    with sharing_faults(processes):
        for file in files:
            with safe_open(folder / file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                    state.set(name, _kind(file), opened.get_tensor(name))  # mapped: only what is kept is read


@contextmanager
def sharing_faults(processes: Processes) -> Iterator[None]:
    """Let a fault of one process be raised by all of them, which wait for each other at the end.

    Raises:
        OSError: With the reason of the first process that had one.
    """
    fault: Exception | None = None
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        fault = error
    reasons = torch.zeros(processes.world_size, _REASON_BYTES, dtype=torch.int64)
    if fault is not None:
        reason = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
        text = reason.splitlines()[0].encode()[:_REASON_BYTES]
        reasons[processes.rank, : len(text)] = torch.tensor(list(text))
    for row in processes.sum(reasons).tolist():
        if any(row):
            raise OSError(bytes(row).rstrip(b"\0").decode(errors="replace")) from fault


def check_file_name(name: str) -> None:
    """Refuse what is no name of a checkpoint's file.

    Raises:
        ValueError: If it is none; it may lead elsewhere.

    Example:
        >>> check_file_name("weight-00000.safetensors")
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is no file of a checkpoint")


def _write(numbers: Mapping[str, Tensor], path: Path) -> Tensor:
    """Write a file to disk, and return its size and the bytes of its digest."""
    save_file(dict(numbers), path)
    sync_file(path)
    entry = FileEntry.of(path)
    return torch.tensor([entry.num_bytes, *bytes.fromhex(entry.digest.removeprefix("sha256:"))])


def _kind(file: str) -> Kind:
    return next(kind for kind in KINDS if file.startswith(f"{kind}-"))


def _check_contents(folder: Path, files: Mapping[str, FileEntry], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Compare names and shapes with those that are needed; only headers are read."""
    missing: dict[Kind, set[str]] = {kind: set(shapes) for kind in KINDS}
    for file in files:
        kind = _kind(file)
        with safe_open(folder / file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                if name not in missing[kind]:
                    raise ValueError(f"{file} holds {name[:80]}, which is not trained or was there before")
                part = opened.get_slice(name)
                found = (part.get_dtype(), tuple(part.get_shape()))
                if found != ("F32", shapes[name]):
                    raise ValueError(f"{name} in {file} is {found[0]} {found[1]}, and F32 {shapes[name]} is needed")
                missing[kind].remove(name)
    for kind, names in missing.items():
        if names:
            raise ValueError(f"{kind} of {min(names)} is missing")
