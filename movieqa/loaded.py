"""A model ready to answer: weights, processor, name, and which vision tower its features come from."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import transformers
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import Tensor

from movieqa.checkpoint.weights import open_folder
from movieqa.errors import CheckpointError, ConfigError
from movieqa.model.config import MovieConfig
from movieqa.model.loading import Attention, Quantisation, load_model
from movieqa.model.modeling import MovieModel
from movieqa.model.processor import MovieProcessor

Precision = Literal["auto", "float32", "float16", "bfloat16"]
_PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_TOWER = "vision_tower."
_SAMPLE = 4096  # numbers of every tensor that go into a tower's fingerprint
_MODEL_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A model with what it needs to read and write.

    Attributes:
        name: The last part of its folder's or hub name; answers carry it, and features are filed under it.
        model: The weights, on their device.
        processor: Pictures and texts in and out.
        tower: Fingerprint of the vision tower; features of another tower mean nothing to this model.
    """

    name: str
    model: MovieModel
    processor: MovieProcessor
    tower: str

    def __post_init__(self) -> None:
        """Check that the name can be a folder's name."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,100}", self.name):
            raise ConfigError(
                f"{self.name!r} cannot be a model's name", hint="letters, digits, dots, hyphens and underscores can"
            )

    @classmethod
    def of(cls, model: MovieModel, processor: MovieProcessor, *, name: str) -> LoadedModel:
        """Take a model that is in memory already."""
        tower = {
            key.removeprefix(_TOWER): (lambda tensor=tensor: tensor)
            for key, tensor in model.state_dict().items()
            if key.startswith(_TOWER)
        }
        return cls(name=name, model=model, processor=processor, tower=fingerprint_tower(model.config, tower))


@dataclass(frozen=True, kw_only=True)
class TowerFacts:
    """What binds stored features to a model, known without loading it.

    Attributes:
        name: The model's; features are filed under it.
        fingerprint: Of its vision tower.
        num_rows: Rows 1 + P of a frame's features.
        width: Width C of a row.
        image_size: Side of a frame, in pixels.
    """

    name: str
    fingerprint: str
    num_rows: int
    width: int
    image_size: int


def read_tower(name_or_path: str | Path) -> TowerFacts:
    """Read what a model's features look like and which vision tower makes them; its weights stay on disk.

    Raises:
        CheckpointError: It is no complete model.
    """
    folder = find_folder(name_or_path)
    config = read_config(folder)
    return TowerFacts(
        name=name_of(name_or_path),
        fingerprint=_fingerprint_stored(folder, config),
        num_rows=1 + config.num_patches,
        width=int(config.vision.hidden_size),
        image_size=config.image_size,
    )


def open_model(
    name_or_path: str | Path,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    attention: Attention = "auto",
    quantisation: Quantisation = "none",
) -> LoadedModel:
    """Open a model's folder, or a hub name that is then kept in the local cache.

    Args:
        name_or_path: A folder made by `movieqa convert`, or a hub name.
        device: `auto` takes the first GPU, else the processor.
        precision: Of the numbers; `auto` takes them as stored, but bfloat16 for float16 without a GPU, where float16
            is slow.
        attention: Of the language model.
        quantisation: Of the language model's weights.

    Raises:
        CheckpointError: It is no complete model.
        ConfigError: An option is not offered, or memory is not enough.
        MissingDependencyError: An option needs a package that is not installed.

    Example:
        >>> loaded = open_model("llama-vid-7b-film")  # doctest: +SKIP
        >>> loaded.name  # doctest: +SKIP
        'llama-vid-7b-film'
    """
    folder = find_folder(name_or_path)
    config = read_config(folder)
    chosen = choose_device(device)
    dtype = choose_dtype(config, device=chosen, precision=precision)
    if not sys.stderr.isatty():
        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return LoadedModel(
        name=name_of(name_or_path),
        model=load_model(folder, device=chosen, dtype=dtype, attention=attention, quantisation=quantisation),
        processor=MovieProcessor.from_pretrained(folder),
        tower=_fingerprint_stored(folder, config),
    )


def chosen_model(name: str | None) -> str | None:
    """Return the model that was asked for, else the one that `MOVIEQA_MODEL` names, else None."""
    return name or os.environ.get("MOVIEQA_MODEL") or None


def name_of(name_or_path: str | Path) -> str:
    """Return the name a model goes by: the last part of its folder's or hub name."""
    return Path(name_or_path).resolve().name if Path(name_or_path).is_dir() else Path(name_or_path).name


def find_folder(name_or_path: str | Path) -> Path:
    """Return a model's folder; a hub name is fetched into the local cache unless it is there.

    Raises:
        CheckpointError: There is no such folder, and no such model on the hub or no way to it.
    """
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise CheckpointError(f"{folder} is a file", hint="give the model's folder, made with `movieqa convert`")
    try:
        return Path(snapshot_download(str(name_or_path), allow_patterns=_MODEL_FILES))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"no model {str(name_or_path)!r}: no such folder, and the hub cannot give it",
            hint="give a folder made with `movieqa convert`, or a hub name while online",
        ) from error


def read_config(folder: Path) -> MovieConfig:
    """Read a model's configuration.

    Raises:
        CheckpointError: The folder holds none, or one of another kind of model.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} holds no model: it has no config.json", hint="make one with `movieqa convert`")
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if content.get("model_type") != MovieConfig.model_type:
            raise CheckpointError(
                f"{folder} is a model of type {content.get('model_type')!r}, not a movieqa model",
                hint="convert a LLaMA-VID release with `movieqa convert`",
            )
        return MovieConfig.from_pretrained(folder)
    except (OSError, ValueError, TypeError, AttributeError, ConfigError) as error:
        raise CheckpointError(f"{folder}/config.json cannot be read ({str(error).splitlines()[0]})") from error


def choose_device(device: str) -> str:
    """Return the device that `auto` means here.

    Raises:
        ConfigError: The device is not there.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"no device {device!r} here ({str(error).splitlines()[0]})", hint="use auto or cpu") from None
    return device


def choose_dtype(config: MovieConfig, *, device: str, precision: Precision = "auto") -> torch.dtype:
    """Return the type of the numbers a model is opened with.

    Raises:
        ConfigError: The precision is not offered.
    """
    if precision != "auto" and precision not in _PRECISIONS:
        raise ConfigError(f"precision {precision!r} is not one of auto, {', '.join(_PRECISIONS)}")
    if precision != "auto":
        return _PRECISIONS[precision]
    stored = config.dtype if isinstance(config.dtype, torch.dtype) else torch.float32
    return torch.bfloat16 if stored == torch.float16 and device == "cpu" else stored


def _fingerprint_stored(folder: Path, config: MovieConfig) -> str:
    weights = open_folder(folder)
    tower = {name.removeprefix(_TOWER): weights[name].read for name in weights if name.startswith(_TOWER)}
    return fingerprint_tower(config, tower)


def fingerprint_tower(config: MovieConfig, tensors: Mapping[str, Callable[[], Tensor]]) -> str:
    """Return the digest of a vision tower: its shape, and the beginning of every tensor as it is stored.

    It takes a moment where a digest of two gigabytes would take seconds at every question, and it does not depend on
    the precision or quantisation a model is opened with.
    """
    digest = hashlib.sha256(
        json.dumps([config.image_size, config.patch_size, config.vision.num_attention_heads]).encode()
    )
    for name in sorted(tensors):
        tensor = tensors[name]()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        beginning = tensor.flatten()[:_SAMPLE].detach().cpu().contiguous()
        digest.update(beginning.view(torch.uint8).numpy().tobytes())
    return f"sha256:{digest.hexdigest()}"
