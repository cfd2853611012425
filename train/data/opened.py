"""Opened media: pictures, videos, stored features, workspaces and key frames, each of which reads its own frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from movieqa.model import MovieProcessor

from .archives import ARCHIVE_ENDING
from .pictures import read_picture
from .stored import StoredFilm, check_numbers
from .videos import VideoDecoder
from .workspaces import WorkspaceFilm


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """Frames as the model takes them: pixels or features, never both."""

    pixels: Float[Tensor, "T 3 H W"] | None = None
    features: Float[Tensor, "T R C"] | None = None


class Medium(Protocol):
    """An opened picture, video or film."""

    @property
    def source(self) -> str:
        """Where it lies: what has the same source shows the same."""

    @property
    def num_frames(self) -> int:
        """Frames that a sample gets of it, before it is cut."""

    @property
    def texts(self) -> tuple[str, ...] | None:
        """For each frame the text that follows it; None where it is no film."""

    def read(self, frames: NDArray[np.int64]) -> Frames:
        """Read chosen frames, numbered from 0 to `num_frames`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedPicture:
    """One picture, or one of an archive."""

    path: Path
    member: str | None
    processor: MovieProcessor
    pads: bool
    num_frames: int = 1
    texts: tuple[str, ...] | None = None

    @property
    def source(self) -> str:
        """The file, and the picture in it."""
        return str(self.path) if self.member is None else str(self.path / self.member)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        """Read it; padded to a square where the model was trained so."""
        return Frames(pixels=self.processor.preprocess([read_picture(self.path, self.member)], pad=self.pads))


@dataclass(frozen=True, kw_only=True, eq=False)
class _AtPath:
    """What is one file or folder."""

    path: Path

    @property
    def source(self) -> str:
        """The file or folder."""
        return str(self.path)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedKeyFrames(_AtPath):
    """A film's key frames: pictures of a folder or an archive, in the order of the film."""

    names: tuple[str, ...]
    texts: tuple[str, ...] | None
    processor: MovieProcessor

    @property
    def num_frames(self) -> int:
        """Key frames."""
        return len(self.names)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        """Read chosen key frames."""
        is_packed = self.path.name.endswith(ARCHIVE_ENDING)
        pictures = (
            read_picture(self.path, name) if is_packed else read_picture(self.path / name)
            for name in (self.names[index] for index in frames)
        )
        return _look(self.processor, pictures)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedVideo(_AtPath):
    """A video, and when its frames are on screen."""

    times: NDArray[np.float64]
    texts: tuple[str, ...] | None
    processor: MovieProcessor
    open_decoder: Callable[[], VideoDecoder]

    @property
    def num_frames(self) -> int:
        """Times at which it is looked at."""
        return len(self.times)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        """Decode chosen frames."""
        pictures = self.open_decoder().pictures(self.path, self.times[frames].tolist())
        return _look(self.processor, pictures)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedFeatures(_AtPath):
    """Stored features, and which of their rows are used."""

    film: StoredFilm
    rows: NDArray[np.int64]
    texts: tuple[str, ...] | None

    @property
    def num_frames(self) -> int:
        """Rows that are used."""
        return len(self.rows)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        """Read chosen rows; all of a film are not copied."""
        chosen = self.rows[frames]
        is_whole = np.array_equal(chosen, np.arange(len(self.film.features)))
        features = self.film.features if is_whole else self.film.features[torch.from_numpy(chosen)]
        check_numbers(features, self.path.name)
        return Frames(features=features)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedWorkspace(_AtPath):
    """A workspace, and which of its frames are used."""

    film: WorkspaceFilm
    rows: NDArray[np.int64]
    texts: tuple[str, ...] | None
    processor: MovieProcessor

    @property
    def num_frames(self) -> int:
        """Frames that are used."""
        return len(self.rows)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        """Read features of chosen frames where there are any, else their pictures."""
        if self.film.features is None:
            pictures = self.film.pictures(self.rows[frames])
            return _look(self.processor, pictures)
        features = self.film.features.read(self.rows[frames])
        check_numbers(features, self.path.name)
        return Frames(features=features)


def _look(processor: MovieProcessor, pictures: Iterable[Image.Image | NDArray[np.uint8]]) -> Frames:
    """Return pictures as pixels, one in memory at a time."""
    return Frames(pixels=torch.cat([processor.preprocess([picture]) for picture in pictures]))
