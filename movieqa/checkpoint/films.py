"""The original film files: features and an interleaved text in one pickle, read safely and written as safetensors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from movieqa.checkpoint.pickles import read_pickle
from movieqa.errors import CheckpointError
from movieqa.features import shard_name
from movieqa.prompt import FRAME_MARK
from movieqa.storage import write_atomic

FRAMES_PER_SHARD = 512
"""As the features step writes them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmPickle:
    """What an original film file holds.

    Attributes:
        features: Float16[T, 1+P, C], the class token first.
        texts: For each frame the subtitle text that follows it, empty where there is none.
    """

    features: NDArray[np.float16]
    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that every frame has its text and its features.

        Raises:
            CheckpointError: If the two do not agree, or the features cannot be a vision tower's.
        """
        if self.features.ndim != 3 or self.features.dtype != np.float16 or not len(self.features):
            raise CheckpointError(
                f"film features must be Float16[T, 1+P, C], not {self.features.dtype}{list(self.features.shape)}"
            )
        if len(self.texts) != len(self.features):
            raise CheckpointError(
                f"the film has features of {len(self.features)} frames and text for {len(self.texts)}"
            )


@dataclass(frozen=True, kw_only=True)
class FilmReport:
    """What the conversion of a film file made: a workspace for one model."""

    source: str
    model: str
    num_frames: int
    num_subtitles: int
    num_bytes: int
    """Of all the workspace's files."""
    notes: tuple[str, ...]
    """What the file does not tell, and what was assumed instead."""

    def describe(self, place: str | Path) -> str:
        """Write the report for people; `place` is where the workspace is."""
        size = f"{self.num_bytes / 1e6:.1f} MB"
        lines = [f"{place}  ({self.num_frames} frames, {self.num_subtitles} lines, {size}; for model {self.model})"]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)])

    def save(self, path: str | Path) -> None:
        """Write the report as JSON."""
        write_atomic(Path(path), json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")


def read_film_pickle(path: str | Path) -> FilmPickle:
    """Read an original film file (`feats` and `inputs`) without running anything in it.

    Raises:
        CheckpointError: If it is anything else.
    """
    content = read_pickle(path)
    features, text = content.get("feats"), content.get("inputs")
    if not isinstance(features, np.ndarray) or not isinstance(text, str):
        raise CheckpointError(f"{path} holds no film: it needs the array `feats` and the text `inputs`")
    before, *texts = text.split(FRAME_MARK)
    if before.strip():
        raise CheckpointError(f"{path}: the film's text does not begin with a frame")
    return FilmPickle(features=features, texts=tuple(texts))


def write_features(features: NDArray[np.float16], folder: Path, *, source: str | Path) -> None:
    """Write a film's features as safetensors shards of 512 frames, bit for bit.

    Args:
        features: Float16[T, 1+P, C], read a shard at a time; a view of a mapped file is never in memory whole.
        folder: Existing folder for the shards, `00000.safetensors` and on, each with one tensor `features`.
        source: Where they come from, for the error.

    Raises:
        CheckpointError: If they hold numbers that are not finite.
    """
    for index, start in enumerate(range(0, len(features), FRAMES_PER_SHARD)):
        block = np.ascontiguousarray(features[start : start + FRAMES_PER_SHARD])
        if not np.isfinite(block).all():
            raise CheckpointError(f"{source}: features of frames {start} and on hold numbers that are not finite")
        save_file({"features": block}, folder / shard_name(index))
