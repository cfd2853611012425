"""Checkpoints of a run: written under another name, renamed when whole, the oldest removed."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from movieqa.errors import TrainingError
from movieqa.storage import sync_file, sync_folder, write_atomic

from .engine import Engine

SCHEMA = "movieqa.checkpoint/1"
FOLDER = "checkpoints"
_MANIFEST = "manifest.json"
_PREFIX = "step-"
_STATE = "state"


@dataclass(frozen=True, kw_only=True)
class CheckpointFacts:
    """What a checkpoint is of.

    Attributes:
        step: Updates that were made.
        tokens: Positions that were read.
        config: Digest of the run.
        data: Digest of its data.
        world_size: Processes that wrote it.
        zero_stage: How the optimizer is split among them.
    """

    step: int
    tokens: int
    config: str
    data: str
    world_size: int
    zero_stage: int


def save_checkpoint(engine: Engine, facts: CheckpointFacts, out: Path, *, keep: int) -> None:
    """Write a checkpoint; it exists when its manifest does, and its folder gets its name last.

    Args:
        engine: What is saved.
        facts: Of this moment.
        out: The run's folder.
        keep: Checkpoints that stay.

    Raises:
        TrainingError: If the disk refuses.
    """
    processes, folder = engine.processes, out / FOLDER
    name = f"{_PREFIX}{facts.step:08d}"
    partial = folder / f".{name}.partial"
    try:
        if processes.is_first:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(".*.partial"):
                shutil.rmtree(left)
        processes.wait()
        engine.save(str(partial), _STATE)
        processes.wait()
        if processes.is_first:
            for script in partial.glob("*.py"):
                script.unlink()  # DeepSpeed's tools, which would run what the files hold
            files = sorted(path for path in partial.rglob("*") if path.is_file())
            for file in files:
                sync_file(file)
            sizes = {file.relative_to(partial).as_posix(): file.stat().st_size for file in files}
            content = {"schema": SCHEMA, **asdict(facts), "files": sizes}
            write_atomic(partial / _MANIFEST, json.dumps(content, indent=1) + "\n")
            shutil.rmtree(folder / name, ignore_errors=True)
            partial.rename(folder / name)
            sync_folder(folder)
            for old in _finished(folder)[:-keep]:
                shutil.rmtree(old)
        processes.wait()
    except OSError as error:
        raise TrainingError(f"{partial} cannot be written ({error.strerror or error})", hint="make room") from error


def find_checkpoint(out: Path) -> tuple[Path, CheckpointFacts] | None:
    """Return the newest whole checkpoint of a run, or None where there is none yet.

    Raises:
        TrainingError: If its manifest or a file of it is damaged.
    """
    found = _finished(out / FOLDER)
    if not found:
        return None
    newest = found[-1]
    try:
        content = json.loads((newest / _MANIFEST).read_text(encoding="utf-8"))
        if content.pop("schema") != SCHEMA:
            raise ValueError("of another version")
        for name, size in content.pop("files").items():
            if (newest / name).stat().st_size != size:
                raise ValueError(f"{name} is not whole")
        return newest, CheckpointFacts(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{newest} is damaged ({error})", hint="remove it; the run goes on from the one before, or anew"
        ) from error


def load_checkpoint(engine: Engine, path: Path, facts: CheckpointFacts, expected: CheckpointFacts) -> None:
    """Bring a run back to a checkpoint.

    Args:
        engine: What is brought back.
        path: The checkpoint.
        facts: What it is of.
        expected: What this run is.

    Raises:
        TrainingError: If the run, its data or the number of processes is another.
    """
    differences = {
        "other settings": facts.config != expected.config,
        "other data": facts.data != expected.data,
    }
    for what, is_other in differences.items():
        if is_other:
            raise TrainingError(f"{path} is of a run with {what}", hint="use the same, or another --out")
    shape = (facts.world_size, facts.zero_stage)
    if shape != (expected.world_size, expected.zero_stage):
        raise TrainingError(
            f"{path} was written by {facts.world_size} processes with ZeRO stage {facts.zero_stage}, "
            f"and this run has {expected.world_size} with stage {expected.zero_stage}",
            hint="start it as it was, or begin another run with --model set to an export",
        )
    try:
        engine.load(str(path), _STATE)
    except (OSError, RuntimeError, ValueError, KeyError, AssertionError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"{path} cannot be read ({reason})", hint="remove it") from error


def _finished(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"{_PREFIX}*/{_MANIFEST}"))
