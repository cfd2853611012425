"""Media: what records name becomes pixels or features, checked when it is opened, read when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from movieqa.model import MovieConfig, MovieProcessor
from movieqa.prompt import FRAME_MARK
from movieqa.workspace import SUFFIX

from .config import DataConfig
from .measures import signature_of
from .movienet_film import MovieNetFilm, find_movienet_film
from .places import FEATURE_ENDINGS, find_medium
from .sample import MediumRef, SampleError
from .stored import StoredFilm, check_numbers, open_stored
from .videos import VideoDecoder, VideoFacts, spread_indices, spread_times, steady_times
from .workspaces import WorkspaceFilm, open_workspace_film

_MAX_PIXELS = 64_000_000
_PICTURES = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_OPEN_FILES = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """Frames as the model takes them: pixels or features, never both."""

    pixels: Float[Tensor, "T 3 H W"] | None = None
    features: Float[Tensor, "T R C"] | None = None


class Medium(Protocol):
    """An opened picture, video or film."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def num_frames(self) -> int:
        """Frames that a sample gets of it, before it is cut."""

    @property
    def texts(self) -> tuple[str, ...] | None:
        """For each frame the text that follows it; None where it is no film."""

    def read(self, frames: NDArray[np.int64]) -> Frames:
        """Read chosen frames, numbered from 0 to `num_frames`."""


class MediaReader:
    """Opens what records name.

    Args:
        processor: Brings pictures to the vision tower's size and scale.
        model_config: The model that reads stored features.
        config: Folders, rates and limits.
        folders: Media folders.

    Attributes:
        signatures: Size and date of every medium that was opened.
    """

    def __init__(
        self, processor: MovieProcessor, model_config: MovieConfig, config: DataConfig, folders: Sequence[Path]
    ) -> None:
        self._processor = processor
        self._model_config = model_config
        self._config = config
        self._folders = tuple(folders)
        self._threads = threading.local()  # a decoder answers one thread at a time
        self._facts: dict[Path, VideoFacts] = {}
        self.signatures: dict[Path, str] = {}
        self._stored = lru_cache(_OPEN_FILES)(lambda path: open_stored(path, model_config))
        self._movienet = lru_cache(_OPEN_FILES)(lambda stem: find_movienet_film(stem, self._folders))
        self._workspaces = lru_cache(_OPEN_FILES)(lambda path: open_workspace_film(path, model_config, config.features))

    def open(self, ref: MediumRef) -> Medium:
        """Find a medium and what of it a sample gets.

        Raises:
            SampleError: If it is missing, or cannot be what the record says.
        """
        path = find_medium(ref, self._folders)
        medium = self._open(path, ref)
        if path not in self.signatures:
            self.signatures[path] = _signature(path)
        return medium

    def _open(self, path: Path, ref: MediumRef) -> Medium:
        if ref.kind == "picture":
            pads = self._config.pad_pictures
            return _Picture(
                path=path,
                processor=self._processor,
                pads=bool(self._model_config.pad_pictures) if pads is None else pads,
            )
        if path.name.endswith(SUFFIX):
            return _of_workspace(path, self._workspaces(path), ref, self._processor, self._config)
        if path.name.endswith(FEATURE_ENDINGS):
            return _of_stored(path, self._stored(path), ref, self._config, self._movienet)
        return self._video(path, ref)

    def _video(self, path: Path, ref: MediumRef) -> Medium:
        if path not in self._facts:
            self._facts[path] = self._decoder().facts(path)
        facts, texts = self._facts[path], None
        if ref.kind == "film":
            texts = film_texts(ref)
            times = np.arange(len(texts)) / self._config.fps
            if times[-1] >= facts.duration + 1:
                raise SampleError(
                    f"{ref.name}: its text has {len(texts)} frames, at {self._config.fps:g} a second, and the film "
                    f"{facts.duration:.1f} s"
                )
        elif ref.num_frames is not None:
            times = spread_times(facts, ref.num_frames, ref.stretch)
        else:
            times = steady_times(facts, fps=self._config.fps, most=self._config.max_frames, stretch=ref.stretch)
        return _Video(path=path, times=times, texts=texts, processor=self._processor, open_decoder=self._decoder)

    def _decoder(self) -> VideoDecoder:
        """Return this thread's decoder."""
        if not hasattr(self._threads, "decoder"):
            self._threads.decoder = VideoDecoder(stall_seconds=self._config.stall_seconds)
        decoder: VideoDecoder = self._threads.decoder
        return decoder


def _signature(path: Path) -> str:
    try:
        return signature_of(path)
    except OSError as error:
        raise SampleError(f"{path.name} cannot be looked at ({error.strerror})") from None


def film_texts(ref: MediumRef) -> tuple[str, ...]:
    """Return what follows each frame in the text that a record brings.

    Raises:
        SampleError: If it brings none.
    """
    if ref.text is None:
        raise SampleError(f"{ref.name}: neither the record nor a file tells the text of the film (`inputs`)")
    return tuple(ref.text.split(FRAME_MARK)[1:])


def read_picture(path: Path) -> Image.Image:
    """Read a picture whole, in RGB.

    Raises:
        SampleError: If it is damaged, too large, or no picture.
    """
    try:
        with Image.open(path, formats=_PICTURES) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise SampleError(f"{path.name}: a picture of {image.width}x{image.height} pixels is too large")
            return image.convert("RGB")
    except Image.DecompressionBombError:
        raise SampleError(f"{path.name}: the picture is too large") from None
    except UnidentifiedImageError:
        raise SampleError(f"{path.name}: no picture that can be read") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError) as error:  # broken data in Pillow
        raise SampleError(f"{path.name}: the picture is damaged ({error})") from None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Picture:
    path: Path
    processor: MovieProcessor
    pads: bool
    num_frames: int = 1
    texts: tuple[str, ...] | None = None

    def read(self, frames: NDArray[np.int64]) -> Frames:
        return Frames(pixels=self.processor.preprocess([read_picture(self.path)], pad=self.pads))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Video:
    path: Path
    times: NDArray[np.float64]
    texts: tuple[str, ...] | None
    processor: MovieProcessor
    open_decoder: Callable[[], VideoDecoder]

    @property
    def num_frames(self) -> int:
        return len(self.times)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        pictures = self.open_decoder().pictures(self.path, self.times[frames].tolist())
        return Frames(pixels=torch.cat([self.processor.preprocess([picture]) for picture in pictures]))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stored:
    path: Path
    film: StoredFilm
    rows: NDArray[np.int64]
    texts: tuple[str, ...] | None

    @property
    def num_frames(self) -> int:
        return len(self.rows)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        chosen = self.rows[frames]
        is_whole = np.array_equal(chosen, np.arange(len(self.film.features)))
        features = self.film.features if is_whole else self.film.features[torch.from_numpy(chosen)]
        check_numbers(features, self.path.name)
        return Frames(features=features)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Workspace:
    path: Path
    film: WorkspaceFilm
    rows: NDArray[np.int64]
    texts: tuple[str, ...] | None
    processor: MovieProcessor

    @property
    def num_frames(self) -> int:
        return len(self.rows)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        if self.film.features is None:
            pictures = self.film.pictures(self.rows[frames])
            return Frames(pixels=torch.cat([self.processor.preprocess([picture]) for picture in pictures]))
        features = self.film.features.read(self.rows[frames])
        check_numbers(features, self.path.name)
        return Frames(features=features)


def _of_stored(
    path: Path,
    film: StoredFilm,
    ref: MediumRef,
    config: DataConfig,
    find_film: Callable[[str], MovieNetFilm | None],
) -> Medium:
    count = len(film.features)
    if ref.kind == "film":
        texts = film.texts if ref.text is None else None
        if texts is None and ref.text is None and (found := find_film(path.stem)) is not None:
            texts = found.texts
        texts = film_texts(ref) if texts is None else texts
        if len(texts) != count:
            raise SampleError(f"{ref.name}: features of {count} frames and text for {len(texts)}")
        return _Stored(path=path, film=film, rows=np.arange(count), texts=texts)
    wanted = ref.num_frames or min(count, config.max_frames or count)
    return _Stored(path=path, film=film, rows=spread_indices(count, 1.0, wanted, None), texts=None)


def _of_workspace(
    path: Path, film: WorkspaceFilm, ref: MediumRef, processor: MovieProcessor, config: DataConfig
) -> Medium:
    times = film.times
    if ref.kind == "film":
        rows = np.arange(len(times))
        texts = film.texts(forbidden=[str(token) for token in processor.tokenizer.all_special_tokens])
        return _Workspace(path=path, film=film, rows=rows, texts=texts, processor=processor)
    facts = VideoFacts(rate=1.0, duration=film.duration, num_frames=len(times))
    if ref.num_frames is not None:
        start, end = (0.0, film.duration) if ref.stretch is None else (ref.stretch.start, ref.stretch.end)
        steady_times(facts, fps=1.0, most=None, stretch=ref.stretch)  # the stretch must lie in the film
        wanted = np.linspace(start, min(end, film.duration), ref.num_frames)
    else:
        wanted = steady_times(facts, fps=config.fps, most=config.max_frames, stretch=ref.stretch)
    rows = np.maximum(0, np.searchsorted(times, wanted + 1e-6, side="right") - 1)
    return _Workspace(path=path, film=film, rows=rows.astype(np.int64), texts=None, processor=processor)
