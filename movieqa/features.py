"""The vision tower's output for every sampled frame, read back from the workspace without loading it whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from movieqa.errors import ConfigError, WorkspaceError
from movieqa.storage import read_bounded
from movieqa.workspace import Workspace

FeatureKind = Literal["float16", "int8"]
FEATURE_KINDS: tuple[FeatureKind, ...] = ("float16", "int8")
FOLDER = "features"
FACTS_FILE = "features.json"
_SCHEMA = 1
_MAX_FACTS_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class FeatureFacts:
    """What `features.json` says of a folder of shards."""

    tower: str
    """Fingerprint of the vision tower that made them."""
    kind: FeatureKind
    num_frames: int
    num_rows: int
    """Rows a frame: the class token and the patches."""
    width: int
    frames_per_shard: int
    loss: float
    """Root of the mean squared error over the root of the mean square, of what is stored beside what the tower gave."""

    def __post_init__(self) -> None:
        """Check what reading relies on."""
        if self.kind not in FEATURE_KINDS:
            raise ValueError(f"unknown kind of features {self.kind!r}")
        if min(self.num_frames, self.num_rows, self.width, self.frames_per_shard) < 1:
            raise ValueError("sizes must be at least 1")

    @property
    def num_shards(self) -> int:
        """Files the features fill."""
        return -(-self.num_frames // self.frames_per_shard)

    def dump(self) -> str:
        """Write the facts as JSON."""
        return json.dumps({"schema": _SCHEMA, **asdict(self)}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def load(cls, data: bytes) -> FeatureFacts:
        """Read what `dump` wrote.

        Raises:
            ValueError: Not such a file (also as TypeError or KeyError).
        """
        content = json.loads(data)
        if content.pop("schema") != _SCHEMA:
            raise ValueError("unknown schema")
        return cls(**content)


def bytes_per_frame(kind: FeatureKind, num_rows: int, width: int) -> int:
    """Return what one frame takes on disk.

    Example:
        >>> bytes_per_frame("float16", 257, 1408), bytes_per_frame("int8", 257, 1408)
        (723712, 362884)
    """
    return num_rows * width * 2 if kind == "float16" else num_rows * (width + 4)


def shard_name(index: int) -> str:
    """Return a shard's file name."""
    return f"{index:05d}.safetensors"


def step_name(model: str) -> str:
    """Return the name of the step that makes a model's features."""
    return f"features-{model}"


class FrameFeatures:
    """Stored features of one film and one vision tower; a frame is read from disk when it is asked for.

    Args:
        folder: The folder of shards.
        facts: What they hold.

    Raises:
        WorkspaceError: A shard is missing or is not what the facts say.
    """

    def __init__(self, folder: Path, facts: FeatureFacts) -> None:
        self.facts = facts
        self._shards = [self._map(folder / shard_name(index), index) for index in range(facts.num_shards)]

    @classmethod
    def open(cls, workspace: Workspace, model: str, *, tower: str) -> FrameFeatures:
        """Open the features that a model finds in a workspace.

        Args:
            workspace: The film.
            model: The model's name.
            tower: Fingerprint of its vision tower.

        Raises:
            WorkspaceError: There are none, they are damaged, or another vision tower made them.

        Example:
            >>> features = FrameFeatures.open(workspace, loaded.name, tower=loaded.tower)  # doctest: +SKIP
            >>> features.read([0, 1]).shape  # doctest: +SKIP
            torch.Size([2, 257, 1408])
        """
        folder = workspace.path / FOLDER / model
        if step_name(model) not in workspace.steps:
            made = [name.removeprefix("features-") for name in workspace.steps if name.startswith("features-")]
            others = f" (there are some of {', '.join(made)})" if made else ""
            raise WorkspaceError(
                f"{workspace.path}: no features of model {model}{others}",
                hint=f"make them with: movieqa preprocess FILM --model {model}",
            )
        try:
            facts = FeatureFacts.load(read_bounded(folder / FACTS_FILE, limit=_MAX_FACTS_BYTES))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise _damaged(folder / FACTS_FILE, str(error)) from None
        if facts.tower != tower:
            raise WorkspaceError(
                f"{folder}: features of another model that is also called {model}",
                hint="make them again with: movieqa preprocess FILM --model " + model,
            )
        if facts.num_frames != len(workspace.frames):
            raise _damaged(folder, f"{facts.num_frames} frames, and the film has {len(workspace.frames)}")
        return cls(folder, facts)

    def __len__(self) -> int:
        return self.facts.num_frames

    @property
    def num_bytes(self) -> int:
        """Bytes of all frames."""
        return len(self) * bytes_per_frame(self.facts.kind, self.facts.num_rows, self.facts.width)

    def read(
        self, frames: Sequence[int] | NDArray[np.int64], *, device: torch.device | str = "cpu"
    ) -> Float[Tensor, "T R C"]:
        """Return chosen frames, in the order asked for, as float16.

        Ask for a block at a time: what is asked for is in memory at once.

        Raises:
            ConfigError: There is no such frame.
        """
        wanted = np.asarray(frames, dtype=np.int64)
        if len(wanted) and not 0 <= int(wanted.min()) <= int(wanted.max()) < len(self):
            raise ConfigError(f"features are of frames 0 to {len(self) - 1}, not of {wanted.min()} to {wanted.max()}")
        shard_of_frame = wanted // self.facts.frames_per_shard
        read = torch.empty(len(wanted), self.facts.num_rows, self.facts.width, dtype=torch.float16, device=device)
        for shard in np.unique(shard_of_frame):
            places = np.flatnonzero(shard_of_frame == shard)
            rows = torch.from_numpy(wanted[places] - shard * self.facts.frames_per_shard)
            values, scale = self._shards[shard]
            part = values[rows].to(device)
            if scale is not None:
                part = part.float() * scale[rows].to(device)[..., None]
            read[torch.from_numpy(places).to(device)] = part.to(torch.float16)
        return read

    def motion(self) -> NDArray[np.float64]:
        """Return how much each frame differs from the one before, [T]: 1 less the cosine of their class tokens."""
        tokens = torch.cat(
            [
                values[:, 0].float() if scale is None else values[:, 0].float() * scale[:, :1]
                for values, scale in self._shards
            ]
        )
        moves = 1 - torch.cosine_similarity(tokens[1:], tokens[:-1], dim=-1)
        return np.concatenate([[0.0], moves.clamp(0, 2).double().numpy()])

    def _map(self, path: Path, index: int) -> tuple[Tensor, Tensor | None]:
        """Map a shard into memory; pages are read when they are touched."""
        facts = self.facts
        count = min(facts.frames_per_shard, facts.num_frames - index * facts.frames_per_shard)
        expected: dict[str, tuple[tuple[int, ...], torch.dtype]] = {
            "features": ((count, facts.num_rows, facts.width), getattr(torch, facts.kind))
        }
        if facts.kind == "int8":
            expected["scale"] = ((count, facts.num_rows), torch.float32)
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        except (SafetensorError, OSError) as error:
            raise _damaged(path, str(error)) from None
        if {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()} != expected:
            raise _damaged(path, "its tensors are not those of this film's features")
        return tensors["features"], tensors.get("scale")


def _damaged(path: Path, reason: str) -> WorkspaceError:
    return WorkspaceError(
        f"{path}: damaged ({reason})",
        hint="make the features again with: movieqa preprocess FILM --model MODEL --force",
    )
