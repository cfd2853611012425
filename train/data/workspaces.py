"""Workspaces as training media: a film's frames, its lines between them, and features where a model's are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import MovieQAError
from movieqa.features import FACTS_FILE, FOLDER, FeatureFacts, FrameFeatures
from movieqa.frames import open_frames
from movieqa.model import MovieConfig
from movieqa.prompt import FRAME_MARK, write_film
from movieqa.storage import read_bounded
from movieqa.workspace import Workspace

from .sample import SampleError

_MAX_FACTS_BYTES = 1 << 16
ReadTower = Callable[[], str]
"""Returns the fingerprint of the vision tower of the model that is trained; it is asked once, and only if needed."""
_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkspaceFilm:
    """A workspace, opened for training.

    Attributes:
        workspace: The film.
        features: Stored features of this model's vision tower, if there are any; else its pictures are used.
    """

    workspace: Workspace
    features: FrameFeatures | None

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds of the sampled frames, [T]."""
        return self.workspace.frames.times

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.workspace.duration

    def texts(self, *, forbidden: Iterable[str] = ()) -> tuple[str, ...]:
        """Return what is said after each frame, without strings that mean something to a tokenizer."""
        written = write_film(self.times, self.workspace.subtitles, tokens_per_frame=1, forbidden=forbidden)
        return tuple(written.split(FRAME_MARK)[1:])

    def pictures(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
        """Yield chosen frames, UInt8[H, W, 3] in RGB.

        Raises:
            SampleError: If the workspace is damaged.
        """
        try:
            with open_frames(self.workspace) as reader:
                for start in range(0, len(rows), _AT_ONCE):
                    yield from reader.read(rows[start : start + _AT_ONCE].tolist())
        except MovieQAError as error:
            raise SampleError(error.message) from None


def open_workspace_film(
    path: Path, config: MovieConfig, model: str | None, *, read_tower: ReadTower | None = None
) -> WorkspaceFilm:
    """Open a workspace for training.

    Args:
        path: Its folder.
        config: The model that reads it.
        model: Name under which features are stored; needed only where those of several models fit.
        read_tower: Tells whose features fit; without it their shape does.

    Raises:
        SampleError: If it is damaged, it is not clear which features are meant, or another vision tower made them.
    """
    try:
        workspace = Workspace.open(path)
        folders = sorted(folder for folder in (path / FOLDER).glob("*") if f"features-{folder.name}" in workspace.steps)
        shaped = {folder.name: facts for folder in folders if (facts := _read_facts(folder, config)) is not None}
        if model is not None and model not in shaped:
            raise SampleError(f"{path.name}: no features of {model} that fit this model")
        tower = read_tower() if shaped and read_tower is not None else None
        fitting = {name: facts for name, facts in shaped.items() if tower in (None, facts.tower)}
        if shaped and (model not in fitting if model is not None else not fitting):
            raise SampleError(
                f"{path.name}: another vision tower than this model's made the features of "
                f"{model or ', '.join(shaped)}; make this model's with: movieqa preprocess FILM --model MODEL"
            )
        if model is None and len(fitting) > 1:
            raise SampleError(f"{path.name}: features of {', '.join(fitting)}: say which with data.features")
        name = model or next(iter(fitting), None)
        if name is None:
            workspace.check_pictures()
            return WorkspaceFilm(workspace=workspace, features=None)
        return WorkspaceFilm(
            workspace=workspace, features=FrameFeatures.open(workspace, name, tower=fitting[name].tower)
        )
    except SampleError:
        raise
    except MovieQAError as error:
        raise SampleError(error.message) from None


def _read_facts(folder: Path, config: MovieConfig) -> FeatureFacts | None:
    """Return what is stored in a folder of features, if it has the shape of this model's."""
    try:
        facts = FeatureFacts.load(read_bounded(folder / FACTS_FILE, limit=_MAX_FACTS_BYTES))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SampleError(f"{folder.name}: features that cannot be read ({error})") from None
    fits = (facts.num_rows, facts.width) == (1 + config.num_patches, int(config.vision.hidden_size))
    return facts if fits else None
