"""A film folder: what synthesis has written, read back for building training data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from movieqa.errors import ConfigError
from movieqa.storage import read_bounded, write_atomic
from movieqa.workspace import SUFFIX

_MOST_BYTES = 1 << 30
WORKSPACE = f"film{SUFFIX}"
"""Where a film's workspace is expected: beside `film.mp4`."""
SCHEMA = "movieqa.film-world/1"


@dataclass(frozen=True, kw_only=True)
class FilmFolder:
    """One film of film world on disk."""

    path: Path
    truth: dict[str, Any]
    questions: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        """Name of the film, the same in the questions."""
        return f"film-world-{self.truth['split']}-{self.truth['seed']}"

    @property
    def names(self) -> dict[str, str]:
        """People's names by their ids."""
        return {person["id"]: person["name"] for person in self.truth["people"]}


def read_film_folder(path: Path) -> FilmFolder:
    """Read a finished film.

    Raises:
        ConfigError: The folder holds no finished film of this kind.
    """
    if not (path / "film.mp4").is_file():
        raise ConfigError(f"{path} holds no finished film", hint="make one: movieqa synthesize film-world")
    try:
        truth = json.loads(read_bounded(path / "truth.json", limit=_MOST_BYTES))
        lines = read_bounded(path / "qa.jsonl", limit=_MOST_BYTES).decode().splitlines()
        questions = tuple(json.loads(line) for line in lines)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: damaged ({error})", hint="make the film again in another folder") from error
    if not isinstance(truth, dict) or truth.get("schema") != SCHEMA:
        raise ConfigError(f"{path}: truth.json is not {SCHEMA}", hint="make the film again with this version")
    return FilmFolder(path=path, truth=truth, questions=questions)


def find_film_folders(paths: Sequence[Path]) -> list[Path]:
    """Return the film folders among these paths and right inside them, in order.

    Raises:
        ConfigError: There is none.
    """
    found = []
    for path in paths:
        if (path / "recipe.json").is_file():
            found.append(path)
        elif path.is_dir():
            found += sorted(child for child in path.iterdir() if (child / "recipe.json").is_file())
    if not found:
        raise ConfigError(
            f"no films in {', '.join(map(str, paths)) or 'nothing'}", hint="make some: movieqa synthesize film-world"
        )
    return found


def read_stills(folder: FilmFolder, times: Sequence[float]) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield the pictures at some times in one pass over the film, in order; UInt8[H, W, 3], blue first."""
    waiting = sorted(set(times))
    with av.open(str(folder.path / "film.mp4")) as container:
        rate = folder.truth["fps"]
        for number, frame in enumerate(container.decode(video=0)):
            while waiting and number >= int(waiting[0] * rate):
                yield waiting.pop(0), np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
            if not waiting:
                return


def write_still(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture as a JPEG.

    Raises:
        OSError: The file cannot be written.
    """
    encoded, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not encoded:
        raise OSError(f"{path.name}: the picture could not be encoded")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data.tobytes())
