"""Model files that are not part of movieqa: given by path, or fetched when somebody asks for it, and checked."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from movieqa.errors import ConfigError, MissingDependencyError
from movieqa.storage import digest_file, sync_folder

_REVISION = "47534e27c9851bb1128ccc0102f1145e27f23f98"
_ZOO = f"https://media.githubusercontent.com/media/opencv/opencv_zoo/{_REVISION}/models"
_TIMEOUT = 30.0  # seconds without an answer
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A file that is published elsewhere, pinned to its content."""

    name: str
    url: str
    sha256: str
    num_bytes: int
    licence: str


YUNET = ModelFile(
    name="face_detection_yunet_2023mar.onnx",
    url=f"{_ZOO}/face_detection_yunet/face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    num_bytes=232_589,
    licence="MIT",
)
SFACE = ModelFile(
    name="face_recognition_sface_2021dec.onnx",
    url=f"{_ZOO}/face_recognition_sface/face_recognition_sface_2021dec.onnx",
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    num_bytes=38_696_353,
    licence="Apache-2.0",
)

OnBytes = Callable[[int, int], None]
"""Hears how many bytes of how many have come."""


def default_folder() -> Path:
    """Return where fetched files lie: the user's data folder for movieqa."""
    return platformdirs.user_data_path("movieqa") / "models"


def find_model(file: ModelFile, folder: Path | None) -> Path:
    """Return a model file's path, after checking that it is the pinned one.

    Args:
        file: Which file.
        folder: Where to look; the user's data folder when not given.

    Raises:
        MissingDependencyError: It is not there.
        ConfigError: It is another file under that name.
    """
    path = (folder or default_folder()) / file.name
    if not path.is_file():
        raise MissingDependencyError(
            f"{path}: no such model file",
            hint=f"get {file.url} ({file.num_bytes / 1e6:.1f} MB, {file.licence}), or let movieqa: movieqa cast fetch",
        )
    if digest_file(path) != f"sha256:{file.sha256}":
        raise ConfigError(f"{path}: not the pinned {file.name}", hint="remove it and fetch it again")
    return path


def fetch_model(file: ModelFile, folder: Path | None = None, *, on_bytes: OnBytes | None = None) -> Path:
    """Fetch a model file over the network, once; the only code of movieqa that does, and only when asked.

    Raises:
        MissingDependencyError: It cannot be fetched, or what came is not the pinned file; nothing is left behind.
    """
    folder = folder or default_folder()
    path = folder / file.name
    if path.is_file() and digest_file(path) == f"sha256:{file.sha256}":
        return path
    temporary = folder / f".{file.name}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _download(file, temporary, on_bytes)
        temporary.replace(path)
        sync_folder(folder)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise MissingDependencyError(
            f"{file.url}: cannot be fetched ({reason})", hint=f"fetch it by other means and put it at {path}"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _download(file: ModelFile, target: Path, on_bytes: OnBytes | None) -> None:
    digest = hashlib.sha256()
    received = 0
    with urllib.request.urlopen(file.url, timeout=_TIMEOUT) as answer, target.open("wb") as out:
        while block := answer.read(_BLOCK):
            received += len(block)
            if received > file.num_bytes:
                raise ValueError(f"it is longer than {file.num_bytes} bytes")
            digest.update(block)
            out.write(block)
            if on_bytes is not None:
                on_bytes(received, file.num_bytes)
    if received != file.num_bytes or digest.hexdigest() != file.sha256:
        raise ValueError("what came is not the pinned file")
