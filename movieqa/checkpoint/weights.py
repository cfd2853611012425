"""Weight files of others, opened without running anything in them and read one tensor at a time."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from movieqa.checkpoint.names import Shape, join_names
from movieqa.errors import CheckpointError

SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
STAGE_1_FILE = "mm_projector.bin"
_DTYPES = {
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "I64": torch.int64,
    "I32": torch.int32,
}
_DTYPE_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """One tensor in a file: its shape, and a function that reads it."""

    file: Path
    shape: Shape
    dtype: str
    """As safetensors writes it: `F16`, `BF16`, `F32`, ..."""
    read: Callable[[], Tensor]

    @property
    def torch_dtype(self) -> torch.dtype:
        """The type in torch.

        Raises:
            CheckpointError: If no model has numbers of this type.
        """
        if self.dtype not in _DTYPES:
            raise CheckpointError(f"{self.file} holds tensors of type {self.dtype}, which no release has")
        return _DTYPES[self.dtype]

    @property
    def num_item_bytes(self) -> int:
        """Bytes of one number."""
        return self.torch_dtype.itemsize


class Weights(Mapping[str, StoredTensor]):
    """Tensors by name, from one or several files. Names found twice are an error, never a choice.

    Example:
        >>> merged = Weights({}).merged(Weights({}))
        >>> len(merged)
        0
    """

    def __init__(self, tensors: Mapping[str, StoredTensor]) -> None:
        self._tensors = dict(tensors)

    def __getitem__(self, name: str) -> StoredTensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    @property
    def shapes(self) -> dict[str, Shape]:
        """Shapes by name."""
        return {name: tensor.shape for name, tensor in self.items()}

    def merged(self, other: Weights) -> Weights:
        """Return the tensors of both.

        Raises:
            CheckpointError: If a name is in both.
        """
        if twice := sorted(self.keys() & other.keys()):
            raise CheckpointError(
                f"{self[twice[0]].file} and {other[twice[0]].file} both hold {join_names(twice)}",
                hint="leave one of the two files out",
            )
        return Weights({**self, **other})


def open_folder(folder: Path) -> Weights:
    """Open the weights of a Hugging Face folder: safetensors or .bin, one file or shards with an index.

    Raises:
        CheckpointError: If there are none, a shard is missing, or index and shards disagree.
    """
    for name in INDEX_FILES:
        if (folder / name).is_file():
            return _open_index(folder / name)
    for name in SINGLE_FILES:
        if (folder / name).is_file():
            return open_file(folder / name)
    found = ", ".join(sorted(path.name for path in folder.glob("*"))) if folder.is_dir() else "no such folder"
    raise CheckpointError(
        f"{folder} holds no weights ({found or 'it is empty'})",
        hint=f"one of {', '.join((*INDEX_FILES, *SINGLE_FILES))} is needed",
    )


def open_file(path: Path) -> Weights:
    """Open one weight file: safetensors, or a torch file with nothing but tensors in it.

    Raises:
        CheckpointError: If it is missing, damaged, or would run code.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist")
    return _open_safetensors(path) if path.suffix == ".safetensors" else _open_torch(path)


def _open_index(index: Path) -> Weights:
    try:
        file_of_name = json.loads(index.read_text())["weight_map"]
        files = sorted({str(file) for file in file_of_name.values()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index} is not an index of shards ({error})") from error
    folder = index.parent
    if outside := [file for file in files if Path(file).name != file]:
        raise CheckpointError(f"{index} names files outside its folder: {', '.join(outside)}")
    if missing := [file for file in files if not (folder / file).is_file()]:
        raise CheckpointError(f"{folder}: shards are missing: {', '.join(missing)}", hint="download them again")
    weights = Weights({})
    for file in files:
        weights = weights.merged(open_file(folder / file))
    if absent := sorted(file_of_name.keys() - weights.keys()):
        raise CheckpointError(f"{index} promises tensors that no shard holds: {join_names(absent)}")
    return weights


def _open_safetensors(path: Path) -> Weights:
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            return Weights(
                {
                    name: StoredTensor(
                        file=path,
                        shape=tuple(part.get_shape()),
                        dtype=part.get_dtype(),
                        read=lambda name=name: _read_safetensor(path, name),  # type: ignore[misc]
                    )
                    for name, part in slices.items()
                }
            )
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({error})", hint="download it again") from error


def _read_safetensor(path: Path, name: str) -> Tensor:
    with safe_open(path, framework="pt") as file:
        return file.get_tensor(name)  # type: ignore[no-any-return]


def _open_torch(path: Path) -> Weights:
    content = load_torch(path)
    tensors = content.get("model") if isinstance(content.get("model"), dict) else content
    if not isinstance(tensors, dict) or not tensors:
        raise CheckpointError(f"{path} holds no tensors")
    if other := [name for name, tensor in tensors.items() if not isinstance(tensor, Tensor)]:
        raise CheckpointError(f"{path} holds more than tensors: {', '.join(map(str, other[:5]))}")
    return Weights(
        {
            str(name): StoredTensor(
                file=path,
                shape=tuple(tensor.shape),
                dtype=_DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype)),
                read=lambda tensor=tensor: tensor,  # type: ignore[misc]
            )
            for name, tensor in tensors.items()
        }
    )


def load_torch(path: Path) -> dict[str, Any]:
    """Read a torch file without running code in it; tensors stay on disk until they are used.

    Raises:
        CheckpointError: If it is damaged, would run code, or holds no dictionary.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "unknown content"
        raise CheckpointError(
            f"{path} holds more than tensors and was not opened ({reason})", hint="such a file can run code"
        ) from error
    except (RuntimeError, ValueError, OSError, EOFError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged ({first_line(error)})", hint="download it again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a dictionary of tensors")
    return content


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
