"""Checkpoints of a run: written under another name, renamed when whole, the oldest removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from movieqa.errors import TrainingError
from movieqa.manifest import FileEntry
from movieqa.storage import read_bounded, sync_folder, write_atomic

from .checkpoint_files import check_file_name, read_numbers, sharing_faults, write_numbers
from .engine import Engine
from .optimizer_state import Progress

SCHEMA = "movieqa.checkpoint/2"
FOLDER = "checkpoints"
_MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 64 << 20
_PREFIX = "step-"


@dataclass(frozen=True, kw_only=True)
class CheckpointFacts:
    """What a checkpoint is of.

    Attributes:
        step: Updates that were made.
        tokens: Positions that were read.
        config: Digest of the run.
        data: Digest of its data.
        world_size: Processes that wrote it; any number can read it.
        zero_stage: How the optimizer was split among them; it can be split otherwise.
    """

    step: int
    tokens: int
    config: str
    data: str
    world_size: int
    zero_stage: int

    def __post_init__(self) -> None:
        """Check the types of what a file may hold otherwise.

        Raises:
            ValueError: If a count is none, or a digest is no text.
        """
        for name, value in asdict(self).items():
            is_good = type(value) is str if name in ("config", "data") else type(value) is int and value >= 0
            if not is_good:
                raise ValueError(f"{name} is {str(value)[:80]}")


@dataclass(frozen=True, kw_only=True)
class _Manifest:
    """What a checkpoint says of itself."""

    facts: CheckpointFacts
    progress: Progress
    files: Mapping[str, FileEntry]

    def to_json(self) -> str:
        content = {"schema": SCHEMA, **asdict(self.facts), **asdict(self.progress)}
        return json.dumps({**content, "files": {name: asdict(entry) for name, entry in self.files.items()}}, indent=1)

    @classmethod
    def read(cls, folder: Path) -> _Manifest:
        content: Any = json.loads(read_bounded(folder / _MANIFEST, limit=_MAX_MANIFEST_BYTES))
        if content.pop("schema") != SCHEMA:
            raise ValueError("another version of movieqa wrote it")
        files = {}
        for name, entry in content.pop("files").items():
            check_file_name(name)
            files[name] = FileEntry(**entry)
        progress = Progress(**{field.name: content.pop(field.name) for field in fields(Progress)})
        return cls(facts=CheckpointFacts(**content), progress=progress, files=files)


def save_checkpoint(engine: Engine, facts: CheckpointFacts, out: Path, *, keep: int) -> None:
    """Write a checkpoint; it exists when its manifest does, and its folder gets its name last.

    Args:
        engine: What is saved; all processes call this.
        facts: Of this moment.
        out: The run's folder, which all processes see.
        keep: Checkpoints that stay.

    Raises:
        TrainingError: If the disk refuses; what was written of this checkpoint is removed.
    """
    processes, folder = engine.processes, out / FOLDER
    name = f"{_PREFIX}{facts.step:08d}"
    partial = folder / f".{name}.partial"
    state = engine.state()
    try:
        with sharing_faults(processes):
            if processes.is_first:
                for left in folder.glob(".*.partial"):
                    shutil.rmtree(left)
                partial.mkdir(parents=True)
        files = write_numbers(state, partial, processes)
        with sharing_faults(processes):
            if processes.is_first:
                manifest = _Manifest(facts=facts, progress=state.progress, files=files)
                write_atomic(partial / _MANIFEST, manifest.to_json() + "\n")
                _publish(partial, folder / name, keep=keep)
    except OSError as error:
        if processes.is_first:
            shutil.rmtree(partial, ignore_errors=True)
        raise TrainingError(f"{partial} cannot be written ({error})", hint="make room") from error


def find_checkpoint(out: Path) -> tuple[Path, CheckpointFacts] | None:
    """Return the newest whole checkpoint of a run, or None where there is none yet.

    Raises:
        TrainingError: If its manifest or a file of it is damaged.
    """
    found = _finished(out / FOLDER)
    if not found:
        return None
    newest = found[-1]
    manifest = _read_manifest(newest)
    for name, entry in manifest.files.items():
        path = newest / name
        if not path.is_file() or path.stat().st_size != entry.num_bytes:
            raise _damaged(newest, f"{name} is not whole")
    return newest, manifest.facts


def load_checkpoint(engine: Engine, path: Path, facts: CheckpointFacts, expected: CheckpointFacts) -> None:
    """Bring a run back to a checkpoint, whatever its number of processes and ZeRO stage were.

    Args:
        engine: What is brought back; all processes call this.
        path: The checkpoint.
        facts: What it is of.
        expected: What this run is.

    Raises:
        TrainingError: If the run or its data is another, or the checkpoint is damaged.
    """
    differences = {
        "other settings": facts.config != expected.config,
        "other data": facts.data != expected.data,
    }
    for what, is_other in differences.items():
        if is_other:
            raise TrainingError(f"{path} is of a run with {what}", hint="use the same, or another --out")
    manifest = _read_manifest(path)
    state = engine.state()
    try:
        state.begin(manifest.progress)
        read_numbers(state, path, manifest.files, engine.processes)
    except OSError as error:
        raise _damaged(path, str(error)) from error
    state.finish()


def _publish(partial: Path, path: Path, *, keep: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    partial.rename(path)
    sync_folder(path.parent)
    for old in _finished(path.parent)[:-keep]:
        shutil.rmtree(old)


def _read_manifest(path: Path) -> _Manifest:
    try:
        return _Manifest.read(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"no {error}" if isinstance(error, KeyError) else str(error)) from error


def _damaged(path: Path, reason: str) -> TrainingError:
    return TrainingError(
        f"{path} is damaged ({reason})", hint="remove it; the run goes on from the one before, or anew"
    )


def _finished(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"{_PREFIX}*/{_MANIFEST}"))
