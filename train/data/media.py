"""Media: what records name becomes pixels or features, checked when it is opened, read when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from movieqa.model import MovieConfig, MovieProcessor
from movieqa.prompt import FRAME_MARK
from movieqa.workspace import SUFFIX

from .archives import ARCHIVE_ENDING
from .config import DataConfig
from .key_frames import key_frame_names
from .measures import signature_of
from .movienet_film import find_movienet_film
from .opened import Medium, OpenedFeatures, OpenedKeyFrames, OpenedPicture, OpenedVideo, OpenedWorkspace
from .places import FEATURE_ENDINGS, find_medium
from .sample import MediumRef, SampleError
from .stored import open_stored
from .videos import VideoDecoder, VideoFacts, spread_indices, spread_times, steady_times
from .workspaces import ReadTower, WorkspaceFilm, open_workspace_film

_OPEN_FILES = 256


class MediaReader:
    """Opens what records name.

    Args:
        processor: Brings pictures to the vision tower's size and scale.
        model_config: The model that reads stored features.
        config: Folders, rates and limits.
        folders: Media folders.
        read_tower: Returns the fingerprint of the model's vision tower; it is asked once, for films with features.

    Attributes:
        signatures: Size and date of every file that was opened.
    """

    def __init__(
        self,
        processor: MovieProcessor,
        model_config: MovieConfig,
        config: DataConfig,
        folders: Sequence[Path],
        *,
        read_tower: ReadTower | None = None,
    ) -> None:
        self._processor = processor
        self._model_config = model_config
        self._config = config
        self._folders = tuple(folders)
        self._threads = threading.local()  # a decoder answers one thread at a time
        self._facts: dict[Path, VideoFacts] = {}
        self.signatures: dict[Path, str] = {}
        self._stored = lru_cache(_OPEN_FILES)(lambda path: open_stored(path, model_config))
        specials = [str(token) for token in processor.tokenizer.all_special_tokens]
        self._movienet = lru_cache(_OPEN_FILES)(
            lambda stem: find_movienet_film(stem, self._folders, forbidden=specials)
        )
        tower = None if read_tower is None else cache(read_tower)
        self._workspaces = lru_cache(_OPEN_FILES)(
            lambda path: open_workspace_film(path, model_config, config.features, read_tower=tower)
        )

    def open(self, ref: MediumRef) -> Medium:
        """Find a medium and what of it a sample gets.

        Raises:
            SampleError: If it is missing, or cannot be what the record says.
        """
        path = find_medium(ref, self._folders)
        medium = self._open(path, ref)
        self._note(path)
        return medium

    def _open(self, path: Path, ref: MediumRef) -> Medium:
        is_archive = path.name.endswith(ARCHIVE_ENDING)
        if ref.kind == "picture":
            pads = self._config.pad_pictures
            return OpenedPicture(
                path=path,
                member=PurePosixPath(ref.name).name if is_archive else None,
                processor=self._processor,
                pads=bool(self._model_config.pad_pictures) if pads is None else pads,
            )
        if path.name.endswith(SUFFIX):
            return _of_workspace(path, self._workspaces(path), ref, self._processor, self._config)
        if path.name.endswith(FEATURE_ENDINGS):
            return self._features(path, ref)
        if is_archive or path.is_dir():
            names = key_frame_names(path)
            texts = self._texts(path, ref, None, f"{len(names)} key frames", len(names))
            return OpenedKeyFrames(path=path, names=names, texts=texts, processor=self._processor)
        return self._video(path, ref)

    def _features(self, path: Path, ref: MediumRef) -> Medium:
        film = self._stored(path)
        count = len(film.features)
        if ref.kind == "film":
            texts = self._texts(path, ref, film.texts, f"features of {count} frames", count)
            return OpenedFeatures(path=path, film=film, rows=np.arange(count), texts=texts)
        wanted = ref.num_frames or min(count, self._config.max_frames or count)
        return OpenedFeatures(path=path, film=film, rows=spread_indices(count, 1.0, wanted, None), texts=None)

    def _texts(
        self, path: Path, ref: MediumRef, stored: tuple[str, ...] | None, held: str, count: int
    ) -> tuple[str, ...]:
        """Return what follows each frame: what the record brings, else the file, else MovieNet's tables."""
        texts = stored if ref.text is None else None
        if texts is None and ref.text is None and (found := self._movienet(path.stem)) is not None:
            texts = found.texts
            for table in found.files:
                self._note(table)
        texts = film_texts(ref) if texts is None else texts
        if len(texts) != count:
            raise SampleError(f"{ref.name}: {held} and text for {len(texts)}")
        return texts

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
        return OpenedVideo(path=path, times=times, texts=texts, processor=self._processor, open_decoder=self._decoder)

    def _note(self, path: Path) -> None:
        """Remember the size and date of a file that measures follow from."""
        if path in self.signatures:
            return
        try:
            self.signatures[path] = signature_of(path)
        except OSError as error:
            raise SampleError(f"{path.name} cannot be looked at ({error.strerror})") from None

    def _decoder(self) -> VideoDecoder:
        """Return this thread's decoder."""
        if not hasattr(self._threads, "decoder"):
            self._threads.decoder = VideoDecoder(stall_seconds=self._config.stall_seconds)
        decoder: VideoDecoder = self._threads.decoder
        return decoder


def film_texts(ref: MediumRef) -> tuple[str, ...]:
    """Return what follows each frame in the text that a record brings.

    Raises:
        SampleError: If it brings none.
    """
    if ref.text is None:
        raise SampleError(f"{ref.name}: neither the record (`inputs`) nor a file tells the text of the film")
    return tuple(ref.text.split(FRAME_MARK)[1:])


def _of_workspace(
    path: Path, film: WorkspaceFilm, ref: MediumRef, processor: MovieProcessor, config: DataConfig
) -> Medium:
    times = film.times
    if ref.kind == "film":
        rows = np.arange(len(times))
        texts = film.texts(forbidden=[str(token) for token in processor.tokenizer.all_special_tokens])
        return OpenedWorkspace(path=path, film=film, rows=rows, texts=texts, processor=processor)
    facts = VideoFacts(rate=1.0, duration=film.duration, num_frames=len(times))
    if ref.num_frames is not None:
        start, end = (0.0, film.duration) if ref.stretch is None else (ref.stretch.start, ref.stretch.end)
        steady_times(facts, fps=1.0, most=None, stretch=ref.stretch)  # the stretch must lie in the film
        wanted = np.linspace(start, min(end, film.duration), ref.num_frames)
    else:
        wanted = steady_times(facts, fps=config.fps, most=config.max_frames, stretch=ref.stretch)
    rows = np.maximum(0, np.searchsorted(times, wanted + 1e-6, side="right") - 1)
    return OpenedWorkspace(path=path, film=film, rows=rows.astype(np.int64), texts=None, processor=processor)
