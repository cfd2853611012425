"""The original film files: features and an interleaved text in one pickle, read safely and written as safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from movieqa.checkpoint.folders import new_folder
from movieqa.checkpoint.pickles import read_pickle
from movieqa.errors import CheckpointError
from movieqa.prompt import FRAME_MARK

FRAMES_PER_SHARD = 512


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


def convert_film_features(source: str | Path, target: str | Path) -> tuple[Path, ...]:
    """Write the features of an original film file as safetensors shards of 512 frames, bit for bit.

    Args:
        source: The pickle.
        target: New folder for the shards, `00000.safetensors` and on, each with one tensor `features`.

    Returns:
        The shards, in film order.

    Raises:
        CheckpointError: If the source is no film file, holds numbers that are not finite, or the target exists.
    """
    features = read_film_pickle(source).features
    files = []
    with new_folder(Path(target)) as folder:
        for index, start in enumerate(range(0, len(features), FRAMES_PER_SHARD)):
            block = np.ascontiguousarray(features[start : start + FRAMES_PER_SHARD])
            if not np.isfinite(block).all():
                raise CheckpointError(f"{source}: features of frames {start} and on hold numbers that are not finite")
            files.append(f"{index:05d}.safetensors")
            save_file({"features": block}, folder / files[-1])
    return tuple(Path(target) / file for file in files)
