"""The features step: every sampled frame through the vision tower, onto disk shard by shard."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from movieqa.builder import StepOutput, WorkspaceBuilder
from movieqa.errors import CheckpointError, ConfigError, WorkspaceError
from movieqa.features import (
    FACTS_FILE,
    FEATURE_KINDS,
    FOLDER,
    FeatureFacts,
    FeatureKind,
    bytes_per_frame,
    shard_name,
    step_name,
)
from movieqa.frames import FrameReader, open_frames
from movieqa.loaded import LoadedModel
from movieqa.manifest import Manifest
from movieqa.model.shortage import explain_memory
from movieqa.storage import sync_folder, write_atomic
from movieqa.workspace import Workspace

FEATURES_VERSION = 1
_SPARE_BYTES = 64 << 20  # for what else is written meanwhile
_MOST_WORKERS = 8
_STORED_AT_ONCE = 8  # frames; what is lost by storing is measured on copies
_HEADER_BYTES = 512  # of a shard, filled up with spaces: the sums in it are known last, and it stands first
_INPUTS = ("proxy.mp4", "frames.npy")

Announce = Callable[[str], None]
OnProgress = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig:
    """Settings of the features step.

    Attributes:
        kind: `float16`, or `int8` with one scale a row: half the disk, and a loss that is measured and told.
        frames_per_shard: Frames in one file; an interrupted run goes on after the last whole file.
        batch_size: Frames in the vision tower at once; by default 64 on a GPU and 8 without. It bounds memory and
            changes nothing but the last bit.
    """

    kind: FeatureKind = "float16"
    frames_per_shard: int = 512
    batch_size: int | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: One cannot work.
        """
        if self.kind not in FEATURE_KINDS:
            raise ConfigError(f"features {self.kind!r} are not one of {', '.join(FEATURE_KINDS)}")
        if self.frames_per_shard < 1 or (self.batch_size is not None and self.batch_size < 1):
            raise ConfigError("frames_per_shard and batch_size must be at least 1")


class FeaturesStep:
    """Makes one model's features of one film.

    Args:
        loaded: The model.
        config: Settings.

    Example:
        >>> step = FeaturesStep(open_model("llama-vid-7b-film"))  # doctest: +SKIP
        >>> step.run(builder, announce=print)  # doctest: +SKIP
    """

    def __init__(self, loaded: LoadedModel, config: FeaturesConfig | None = None) -> None:
        self.loaded = loaded
        self.config = config or FeaturesConfig()

    @property
    def name(self) -> str:
        """The step's name in the manifest."""
        return step_name(self.loaded.name)

    def depends_on(self, manifest: Manifest) -> dict[str, Any]:
        """Return what makes the features stale: other frames, another vision tower, other settings."""
        files = manifest.steps["scan"].files
        return {
            "version": FEATURES_VERSION,
            "tower": self.loaded.tower,
            "kind": self.config.kind,
            "frames_per_shard": self.config.frames_per_shard,
            **{name: files[name].digest for name in _INPUTS},
        }

    def run(
        self, builder: WorkspaceBuilder, *, announce: Announce | None = None, on_progress: OnProgress | None = None
    ) -> FeatureFacts | None:
        """Make the features unless they are there.

        Args:
            builder: The workspace's writer; its scan is done.
            announce: Hears, before anything is computed, how much disk the features take.
            on_progress: Hears how far the step has come, 0 to 1.

        Returns:
            What was made; None when it was there already.

        Raises:
            WorkspaceError: The disk has no room for the features, the proxy is damaged, or there are no pictures.
            CheckpointError: The vision tower gives numbers that are none.
        """
        workspace = Workspace(builder.path, builder.manifest)
        workspace.check_pictures()
        depends_on = self.depends_on(builder.manifest)
        if builder.is_done(self.name, depends_on):
            return None
        with builder.step(self.name, depends_on, is_resumable=True) as output, open_frames(workspace) as frames:
            return self.write(output, frames, announce=announce, on_progress=on_progress)

    def write(
        self,
        output: StepOutput,
        frames: FrameReader,
        *,
        announce: Announce | None = None,
        on_progress: OnProgress | None = None,
    ) -> FeatureFacts:
        """Write all shards that the step's folder does not hold yet, then the facts; arguments are those of `run`."""
        folder = output.folder / FOLDER / self.loaded.name
        folder.mkdir(parents=True, exist_ok=True)
        shards = _plan_shards(frames.num_frames, self.config.frames_per_shard)
        kept = {index: _read_error(folder / shard_name(index)) for index in range(len(shards))}
        missing = sum(len(shard) for index, shard in enumerate(shards) if kept[index] is None)
        line = self._check_room(folder, missing, frames.num_frames)
        if announce is not None:
            announce(line)
        writer = _ShardWriter(folder, self.config.kind, num_rows=self._num_rows, width=self._width)
        errors: list[_Error] = []
        num_done = frames.num_frames - missing
        # left before the frames are closed, whatever happens: a thread must not read on then
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(min(_MOST_WORKERS, os.cpu_count() or 1)) as preparers:

            def prepare(batch: range) -> Float[Tensor, "T 3 H W"]:
                preprocess = self.loaded.processor.preprocess
                return torch.cat(list(preparers.map(lambda picture: preprocess([picture]), frames.read(batch))))

            for index, shard in enumerate(shards):
                known = kept[index]
                if known is None:
                    first = num_done

                    def tell(num_frames: int, first: int = first) -> None:
                        if on_progress is not None:
                            on_progress((first + num_frames) / frames.num_frames)

                    batches = self._encode(shard, lambda batch: reader.submit(prepare, batch))
                    known = writer.write(index, len(shard), batches, tell)
                    num_done += len(shard)
                errors.append(known)
        facts = FeatureFacts(
            tower=self.loaded.tower,
            kind=self.config.kind,
            num_frames=frames.num_frames,
            num_rows=self._num_rows,
            width=self._width,
            frames_per_shard=self.config.frames_per_shard,
            loss=_loss(errors),
        )
        write_atomic(folder / FACTS_FILE, facts.dump())
        if self.config.kind == "int8":
            output.notes.append(f"stored in 8 bits with a relative error of {facts.loss:.2%}")
        return facts

    def num_bytes(self, num_frames: int) -> int:
        """Return what so many frames take on disk."""
        return num_frames * bytes_per_frame(self.config.kind, self._num_rows, self._width)

    @property
    def _num_rows(self) -> int:
        return 1 + self.loaded.model.config.num_patches

    @property
    def _width(self) -> int:
        return int(self.loaded.model.config.vision.hidden_size)

    def _check_room(self, folder: Path, num_missing: int, num_frames: int) -> str:
        """Return the line that says what the features take on disk, or refuse."""
        need = self.num_bytes(num_missing)
        free = shutil.disk_usage(folder).free
        if need + _SPARE_BYTES > free:
            smaller = num_missing * bytes_per_frame("int8", self._num_rows, self._width)
            way = f"keep them in 8 bits ({_size(smaller)}), " if self.config.kind != "int8" else ""
            raise WorkspaceError(
                f"{folder}: the features of {num_missing:,} frames take {_size(need)}, "
                f"and the disk has {_size(free)} left",
                hint=f"make room, {way}or sample fewer frames",
            )
        done = f", {num_frames - num_missing:,} of them are there" if num_missing < num_frames else ""
        return f"{num_frames:,} frames{done}; {_size(need)} to write, {_size(free)} free"

    def _encode(
        self, shard: range, prepare: Callable[[range], Future[Float[Tensor, "T 3 H W"]]]
    ) -> Iterator[Float[Tensor, "T R C"]]:
        """Yield the features of a shard's frames in batches, as the tower gives them; the next batch is read meanwhile.

        Batches begin anew with every shard, so a run that was interrupted gives the bytes of one that was not.
        """
        device = self.loaded.model.device
        size = self.config.batch_size or (64 if device.type == "cuda" else 8)
        batches = [shard[start : start + size] for start in range(0, len(shard), size)]
        following = prepare(batches[0])
        for index, batch in enumerate(batches):
            pixels = following.result()
            if index + 1 < len(batches):
                following = prepare(batches[index + 1])
            with torch.inference_mode(), explain_memory("the vision tower (a smaller batch_size takes less)"):
                features = self.loaded.model.encode_frames(pixels.to(device)).float()
            if not bool(torch.isfinite(features.half()).all()):
                raise CheckpointError(
                    f"model {self.loaded.name}: its vision tower gives numbers that are not finite "
                    f"(frames {batch[0]} to {batch[-1]})",
                    hint="convert or train it again",
                )
            yield features.cpu()


def add_features(
    workspace: Workspace,
    loaded: LoadedModel,
    config: FeaturesConfig | None = None,
    *,
    announce: Announce | None = None,
    on_progress: OnProgress | None = None,
) -> Workspace:
    """Add a model's features to a finished workspace; the film itself is not needed.

    Args:
        workspace: The film.
        loaded: The model.
        config: Settings.
        announce: Hears how much disk the features take before anything is computed.
        on_progress: Hears how far the step has come, 0 to 1.

    Returns:
        The workspace, opened again.

    Raises:
        WorkspaceError: The workspace is busy or damaged, or the disk has no room.
        CheckpointError: The vision tower gives numbers that are none.

    Example:
        >>> add_features(workspace, open_model("llama-vid-7b-film"))  # doctest: +SKIP
    """
    with WorkspaceBuilder(workspace.path, workspace.manifest) as builder:
        FeaturesStep(loaded, config).run(builder, announce=announce, on_progress=on_progress)
    return Workspace.open(workspace.path)


@dataclass(frozen=True, kw_only=True)
class _Error:
    """What storing lost in some frames."""

    num_frames: int
    squared_error: float
    squared_norm: float


class _ShardWriter:
    """Writes shards batch by batch: never more than a batch in memory, and a file under its name only when whole.

    The bytes are those of the safetensors format (eight bytes of length, a JSON header, the tensors); written here
    because the library's own writer wants all of a file's tensors in memory, twice.
    """

    def __init__(self, folder: Path, kind: FeatureKind, *, num_rows: int, width: int) -> None:
        self._folder = folder
        self._kind = kind
        self._num_rows = num_rows
        self._width = width

    def write(
        self, index: int, num_frames: int, batches: Iterator[Float[Tensor, "T R C"]], tell: Callable[[int], None]
    ) -> _Error:
        """Write one shard, telling after every batch how many of its frames are done."""
        path = self._folder / shard_name(index)
        temporary = path.with_name(f".{path.name}.tmp")
        total = _Error(num_frames=0, squared_error=0.0, squared_norm=0.0)
        scales: list[bytes] = []
        with temporary.open("wb") as file:
            file.seek(8 + _HEADER_BYTES)
            for part in (part for batch in batches for part in torch.split(batch, _STORED_AT_ONCE)):
                if self._kind == "int8":
                    values, scale = quantise_rows(part)
                    scales.append(scale.numpy().tobytes())
                    stored = values.float() * scale[..., None]
                else:
                    values = part.half()
                    stored = values.float()
                file.write(values.numpy().data)
                total = _Error(
                    num_frames=total.num_frames + len(part),
                    squared_error=total.squared_error + float((stored - part).square().sum(dtype=torch.float64)),
                    squared_norm=total.squared_norm + float(part.square().sum(dtype=torch.float64)),
                )
                tell(total.num_frames)
            file.write(b"".join(scales))
            file.seek(0)
            file.write(self._header(num_frames, total))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(self._folder)
        return total

    def _header(self, num_frames: int, error: _Error) -> bytes:
        shape = [num_frames, self._num_rows, self._width]
        size = math.prod(shape) * (1 if self._kind == "int8" else 2)
        header: dict[str, Any] = {
            "__metadata__": {
                "squared_error": f"{error.squared_error:.17e}",
                "squared_norm": f"{error.squared_norm:.17e}",
            },
            "features": {"dtype": "I8" if self._kind == "int8" else "F16", "shape": shape, "data_offsets": [0, size]},
        }
        if self._kind == "int8":
            end = size + math.prod(shape[:2]) * 4
            header["scale"] = {"dtype": "F32", "shape": shape[:2], "data_offsets": [size, end]}
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (_HEADER_BYTES - len(text))
        return len(text).to_bytes(8, "little") + text


def quantise_rows(features: Float[Tensor, "T R C"]) -> tuple[Tensor, Float[Tensor, "T R"]]:
    """Return features as Int8[T, R, C] and the scale of every row; a row of zeros has scale 1."""
    largest = features.abs().amax(dim=-1)
    scale = torch.where(largest > 0, largest / 127, torch.ones_like(largest))
    return (features / scale[..., None]).round().clamp(-127, 127).to(torch.int8), scale


def _read_error(path: Path) -> _Error | None:
    """Return what storing lost in a shard that is in place; None where there is none, or one that is not whole."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            return _Error(
                num_frames=int(file.get_slice("features").get_shape()[0]),
                squared_error=float(metadata["squared_error"]),
                squared_norm=float(metadata["squared_norm"]),
            )
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, KeyError, ValueError):
        path.unlink(missing_ok=True)
        return None


def _plan_shards(num_frames: int, frames_per_shard: int) -> Sequence[range]:
    return [range(start, min(start + frames_per_shard, num_frames)) for start in range(0, num_frames, frames_per_shard)]


def _loss(errors: Sequence[_Error]) -> float:
    norm = math.fsum(error.squared_norm for error in errors)
    return float(np.sqrt(math.fsum(error.squared_error for error in errors) / norm)) if norm else 0.0


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e8 else f"{num_bytes / 1e6:.1f} MB"
