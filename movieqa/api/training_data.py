"""Looks at the data of a training run, and makes some of what others annotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from movieqa.errors import ConfigError

from .film import PathLike

if TYPE_CHECKING:
    from movieqa.model.processor import MovieProcessor
    from movieqa.train.data.builders.building import BuiltRecords
    from movieqa.train.data.builders.identity import IdentitySource
    from movieqa.train.data.checking import DataReport
    from movieqa.train.data.config import DataConfig


def data_check(
    files: Sequence[PathLike],
    *,
    model: PathLike | None = None,
    recipe: str | None = None,
    settings: Sequence[str] = (),
    media: Sequence[PathLike] = (),
    features: str | None = None,
    template: str | None = None,
    max_length: int | None = None,
    fps: float | None = None,
    max_frames: int | None = None,
    times: Literal["relative", "absolute"] | None = None,
    reference_compatible: bool | None = None,
    deep: bool = False,
    progress: bool = False,
) -> DataReport:
    """Tell what a training run would see of files of records, of any format and mixed.

    Args:
        files: JSON or JSON lines.
        model: Folder or hub name of the model that is to be trained; only its settings and tokenizers are read.
        recipe: Recipe that is to be run: what is not given here is as it says.
        settings: Changed fields of the recipe, each `section.field=value`, as `train_model` takes them.
        media: Folders that hold what records name; by default the folder of each file.
        features: Name of the model whose stored features are used, where a workspace holds several.
        template: Chat template; without a recipe the model's own, `plain` for stage 1.
        max_length: Tokens of the longest sample; without a recipe the model's context.
        fps: Frames a second of a video; 1 by default.
        max_frames: Most frames of a video.
        times: How symbolic times are written; `relative` by default.
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
    if settings and recipe is None:
        raise ConfigError("which recipe's fields are changed is not said", hint="name it with --recipe")
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.loaded import read_tower
    from movieqa.train.data.checking import check_data

    processor, config = _processor_and_config(str(model), recipe, settings)
    given = {
        "media": tuple(Path(folder) for folder in media) or None,
        "features": features,
        "template": template,
        "max_length": max_length,
        "fps": fps,
        "max_frames": max_frames,
        "times": times,
        "reference_compatible": reference_compatible,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    config = replace(config, files=tuple(Path(file) for file in files), **changes)
    return check_data(
        config,
        processor,
        processor.config,
        read_tower=lambda: read_tower(str(model)).fingerprint,
        is_deep=deep,
        progress=progress,
    )


def _processor_and_config(model: str, recipe: str | None, settings: Sequence[str]) -> tuple[MovieProcessor, DataConfig]:
    """Return the processor with which a run reads its data, and how it reads them."""
    if recipe is not None:
        from movieqa.train.fields import override
        from movieqa.train.opening import trained_processor
        from movieqa.train.recipes import find_recipe

        run = override(find_recipe(recipe), settings)
        return trained_processor(replace(run, model=replace(run.model, folder=model))), run.data
    from movieqa.loaded import find_folder
    from movieqa.model.processor import MovieProcessor
    from movieqa.train.data.config import DataConfig

    processor = MovieProcessor.from_pretrained(find_folder(model))
    return processor, DataConfig(max_length=processor.config.max_context)


def data_build_identity(
    source: IdentitySource, annotations: PathLike, *, images: PathLike, out: PathLike, seed: int = 42
) -> BuiltRecords:
    """Turn annotations of people and things into records with references, IDA-VLM's training data.

    Args:
        source: `vcr` (JSON lines), `refcoco` (Parquet, a folder of it, JSON or JSON lines), `flickr30k` (the folder of
            `Sentences` and `Annotations`) or `movienet` (the folder of `annotation` and `meta`).
        annotations: The published file or folder.
        images: Folder of the pictures it names; MovieNet's may be in one `.tar` a film.
        out: Folder to write `identity-<source>.json` and references into.
        seed: Of names and choices.

    Raises:
        ConfigError: The annotations cannot be read or give no sample, or the folder cannot be written.
        MissingDependencyError: The packages of models are not installed, or pyarrow where they are Parquet.
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
