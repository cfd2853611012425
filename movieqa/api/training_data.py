"""Looks at the data of a training run, and makes some of what others annotated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from movieqa.errors import ConfigError

from .film import PathLike

if TYPE_CHECKING:
    from movieqa.train.data.builders.building import BuiltRecords
    from movieqa.train.data.builders.identity import IdentitySource
    from movieqa.train.data.checking import DataReport


def data_check(
    files: Sequence[PathLike],
    *,
    model: PathLike | None = None,
    media: Sequence[PathLike] = (),
    features: str | None = None,
    template: str | None = None,
    max_length: int | None = None,
    fps: float = 1.0,
    max_frames: int | None = None,
    times: Literal["relative", "absolute"] = "relative",
    reference_compatible: bool = False,
    deep: bool = False,
    progress: bool = False,
) -> DataReport:
    """Tell what a training run would see of files of records, of any format and mixed.

    Args:
        files: JSON or JSON lines.
        model: Folder or hub name of the model that is to be trained; only its settings and tokenizers are read.
        media: Folders that hold what records name; by default the folder of each file.
        features: Name of the model whose stored features are used, where a workspace holds several.
        template: Chat template; the model's own by default, `plain` for stage 1.
        max_length: Tokens of the longest sample; the model's context by default.
        fps: Frames a second of a video.
        max_frames: Most frames of a video.
        times: How symbolic times are written.
        reference_compatible: Take what the published code takes.
        deep: Read every picture, video and feature to its end.
        progress: Show a bar on standard error.

    Raises:
        ConfigError: A file cannot be read, or a setting cannot work.
        CheckpointError: The model is not complete.
        MissingDependencyError: The packages of models are not installed.

    Example:
        >>> data_check(["align.json"], model="llama-vid-7b").num_samples  # doctest: +SKIP
        40
    """
    if model is None:
        raise ConfigError("whose tokens are counted is not said", hint="name the model to be trained with --model")
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.loaded import find_folder
    from movieqa.model.processor import MovieProcessor
    from movieqa.train.data.checking import check_data
    from movieqa.train.data.config import DataConfig

    processor = MovieProcessor.from_pretrained(find_folder(str(model)))
    config = DataConfig(
        files=tuple(Path(file) for file in files),
        media=tuple(Path(folder) for folder in media),
        features=features,
        template=template,
        max_length=processor.config.max_context if max_length is None else max_length,
        fps=fps,
        max_frames=max_frames,
        times=times,
        reference_compatible=reference_compatible,
    )
    return check_data(config, processor, processor.config, is_deep=deep, progress=progress)


def data_build_identity(
    source: IdentitySource, annotations: PathLike, *, images: PathLike, out: PathLike, seed: int = 42
) -> BuiltRecords:
    """Turn annotations of people and things into records with references, IDA-VLM's training data.

    Args:
        source: `vcr` (JSON lines), `refcoco` (JSON or JSON lines), `flickr30k` (the folder of `Sentences` and
            `Annotations`) or `movienet` (the folder of `annotation` and `meta`).
        annotations: The published file or folder.
        images: Folder of the pictures it names.
        out: Folder to write `identity-<source>.json` and references into.
        seed: Of names and choices.

    Raises:
        ConfigError: The annotations cannot be read or give no sample, or the folder cannot be written.
        MissingDependencyError: The packages of models are not installed.
    """
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.train.data.builders.identity import build_identity

    return build_identity(source, Path(annotations), images=Path(images), out=Path(out), seed=seed)


def data_build_boundary(
    annotations: PathLike, *, out: PathLike, seed: int = 42, longest: float = 120.0
) -> BuiltRecords:
    """Turn lists of events into dialogues about what happens when, VTimeLLM's training data.

    Args:
        annotations: ActivityNet Captions' JSON, or records of videos with their events.
        out: Folder to write `boundary.json` into.
        seed: Of wordings and order.
        longest: Seconds of the longest video that is used.

    Raises:
        ConfigError: The annotations cannot be read or give no sample, or the folder cannot be written.
    """
    from movieqa.train.data.builders.boundary import build_boundary

    return build_boundary(Path(annotations), out=Path(out), seed=seed, longest=longest)
