"""Stored vision features of a film or video, mapped from disk: safetensors, `.npy`, and the published pickles."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from movieqa.checkpoint import read_film_pickle
from movieqa.errors import CheckpointError
from movieqa.model import MovieConfig

from .sample import SampleError

_FLOATS = (torch.float16, torch.bfloat16, torch.float32)
_BLOCK = 512
_WARNINGS = threading.Lock()
"""Filters of warnings belong to the whole process."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredFilm:
    """A file of features.

    Attributes:
        features: Of every stored frame, the class token first; mapped, read when touched.
        texts: For each frame the text that follows it; None where the file brings none.
    """

    features: Float[Tensor, "F R C"]
    texts: tuple[str, ...] | None = None


def open_stored(path: Path, config: MovieConfig) -> StoredFilm:
    """Open a file of features; nothing in it is run, and its numbers stay on disk.

    Args:
        path: `.safetensors` with one tensor `features`, `.npy`, or `.pkl` of `feats` and `inputs`.
        config: The model that reads them.

    Raises:
        SampleError: If it is none, or the features are not those of this model's vision tower.
    """
    try:
        if path.suffix == ".pkl":
            film = read_film_pickle(path)
            texts = tuple(text.replace("...", "") for text in film.texts)  # as the published training does
            return StoredFilm(features=_checked(_tensor(film.features), path, config), texts=texts)
        features = _open_safetensors(path) if path.suffix == ".safetensors" else _open_array(path)
    except (CheckpointError, SafetensorError, OSError, ValueError, EOFError) as error:
        raise SampleError(f"{path.name}: no readable features ({str(error).splitlines()[0]})") from None
    return StoredFilm(features=_checked(features, path, config))


def check_numbers(features: Float[Tensor, "T R C"], name: str) -> None:
    """Raise `SampleError` where features hold numbers that are not finite."""
    for start in range(0, len(features), _BLOCK):
        if not bool(torch.isfinite(features[start : start + _BLOCK]).all()):
            raise SampleError(f"{name}: features of frames {start} and on hold numbers that are not finite")


def _open_safetensors(path: Path) -> Tensor:
    with safe_open(path, framework="pt") as file:
        if list(file.keys()) != ["features"]:
            raise ValueError("it must hold one tensor, `features`")
        tensor: Tensor = file.get_tensor("features")
        return tensor


def _open_array(path: Path) -> Tensor:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        raise ValueError("it must hold one array of floats")
    return _tensor(array)


def _tensor(array: NDArray[np.floating]) -> Tensor:
    if array.dtype.byteorder == ">" or not array.flags.c_contiguous:
        raise ValueError("its numbers are in an order that cannot be mapped")
    if array.dtype.itemsize > 4:
        raise ValueError(f"its numbers are {array.dtype}, not float16 or float32")
    with _WARNINGS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given (NumPy array|buffer) is not writable")
        return torch.from_numpy(array)  # nothing here or in the model writes into features


def _checked(features: Tensor, path: Path, config: MovieConfig) -> Tensor:
    rows, width = 1 + config.num_patches, int(config.vision.hidden_size)
    shape = tuple(features.shape)
    if len(shape) < 3:  # VTimeLLM's: no rows of patches, from which every token of this model is made
        raise SampleError(
            f"{path.name}: features of shape {list(shape)} have one vector a frame, and this model reads {rows} rows "
            f"of {width}; leave them away and give the videos or pictures themselves"
        )
    if features.dtype not in _FLOATS or shape[1:] != (rows, width) or not shape[0]:
        raise SampleError(
            f"{path.name}: features of shape {list(shape)} are not this model's: its frames have {rows} rows of {width}"
        )
    return features
