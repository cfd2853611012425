"""Trains models."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .film import PathLike

if TYPE_CHECKING:
    from movieqa.model import MovieConfig
    from movieqa.train.config import TrainConfig
    from movieqa.train.plan import TrainingPlan
    from movieqa.train.results import TrainResult


def train_model(
    recipe: str,
    *,
    model: PathLike,
    data: Sequence[PathLike],
    out: PathLike,
    settings: Sequence[str] = (),
    max_bad: int | None = None,
    resume: bool = True,
    processes: int = 1,
    progress: bool = False,
) -> TrainResult:
    """Train a model by a recipe, from data to a complete model folder.

    Interrupted, the same call goes on at the newest checkpoint, to the same weights.

    Args:
        recipe: Name of a recipe: `align`, `instruct`, `long_video`, ...
        model: The model's folder or hub name.
        data: Files of records, of any format that `data_check` knows.
        out: Folder of the run: settings, metrics, checkpoints; the model in `model/`.
        settings: Changed fields, each `section.field=value`.
        max_bad: Samples that may be bad.
        resume: Whether to go on where the folder holds this run already.
        processes: Processes on this machine; on more machines use torchrun or deepspeed.
        progress: Show a bar on standard error.

    Raises:
        ConfigError: If the recipe or a field is unknown, or settings cannot work.
        TrainingError: If data is bad, a loss is no number, or the folder holds another run.
        CheckpointError: If the model cannot be loaded or written.
        MissingDependencyError: If deepspeed, or what the settings ask for, is not installed.

    Example:
        >>> train_model("align", model="vicuna-start", data=["align.json"], out="runs/align")  # doctest: +SKIP
    """
    from movieqa.errors import ConfigError
    from movieqa.train.dependencies import import_deepspeed
    from movieqa.train.processes import has_launcher

    config = _config(recipe, model, data, settings, max_bad)
    if processes < 1:
        raise ConfigError(f"--processes {processes} must be at least 1")
    import_deepspeed()
    if processes == 1 or has_launcher():
        return run(config, Path(out), resume=resume, progress=progress)
    return _run_local(config, Path(out), resume=resume, processes=processes, progress=progress)


def plan_training(
    recipe: str,
    *,
    model: PathLike,
    data: Sequence[PathLike],
    settings: Sequence[str] = (),
    max_bad: int | None = None,
    processes: int = 1,
    progress: bool = False,
) -> TrainingPlan:
    """Say what a run would train, read, need and take, without training; the arguments are those of `train_model`.

    Raises:
        ConfigError: If the recipe or a field is unknown, or settings cannot work.
        TrainingError: If more samples are bad than allowed.
        CheckpointError: If the folder holds no model.

    Example:
        >>> print(plan_training("long_video", model="stage-2", data=["films.json"]))  # doctest: +SKIP
    """
    from movieqa.train.plan import plan_run

    config = _config(recipe, model, data, settings, max_bad)
    return plan_run(
        config,
        processes=processes,
        make_id_former=make_id_former,
        make_identity_tokens=make_identity_tokens,
        progress=progress,
    )


def run(config: TrainConfig, out: Path, *, resume: bool, progress: bool) -> TrainResult:
    """Train in this process, alone or among those that a launcher started."""
    from movieqa.accelerator import choose_accelerator

    choose_accelerator()  # before anything below loads what it keeps quiet
    from transformers.utils.logging import disable_progress_bar

    from movieqa.train.loop import run_training

    if not progress:
        disable_progress_bar()  # type: ignore[no-untyped-call]
    return run_training(
        config,
        out,
        resume=resume,
        make_id_former=make_id_former,
        make_identity_tokens=make_identity_tokens,
        progress=progress,
    )


def make_id_former(config: MovieConfig, folder: str | None) -> Any:
    """Return the ID-Former for a model: a stored one, or a new one that changes nothing yet."""
    from movieqa.memory.id_former_film import FilmIdFormer, film_id_former

    if folder is not None:
        return FilmIdFormer.load(folder)
    return FilmIdFormer(film_id_former(config.vision.hidden_size))


def make_identity_tokens(config: MovieConfig, folder: str | None, num_tokens: int) -> Any:
    """Return what makes so many identity tokens of each person for a model: stored, or new.

    Raises:
        ConfigError: If what is stored makes another number, or is made for another model.
        CheckpointError: If it is damaged.
    """
    from movieqa.errors import ConfigError
    from movieqa.memory.identity_tokens import IdentityTokens, IdentityTokensConfig

    wanted = IdentityTokensConfig(
        vision_width=config.vision.hidden_size, language_width=config.language.hidden_size, num_tokens=num_tokens
    )
    if folder is None:
        return IdentityTokens(wanted)
    stored = IdentityTokens.load(folder)
    if stored.config != wanted:
        raise ConfigError(
            f"{folder} makes {stored.config.num_tokens} identity tokens of width {stored.config.language_width}, "
            f"and the run wants {num_tokens} of width {wanted.language_width}",
            hint=f"set data.identity_tokens={stored.config.num_tokens}, or name those of this model",
        )
    return stored


def _config(
    recipe: str, model: PathLike, data: Sequence[PathLike], settings: Sequence[str], max_bad: int | None
) -> TrainConfig:
    from dataclasses import replace

    from movieqa.train.fields import override
    from movieqa.train.recipes import find_recipe

    config = override(find_recipe(recipe), settings)
    allowed = config.data.max_bad if max_bad is None else max_bad
    files = tuple(Path(file) for file in data) or config.data.files
    return replace(
        config,
        model=replace(config.model, folder=str(model)),
        data=replace(config.data, files=files, max_bad=allowed),
    )


def _run_local(config: TrainConfig, out: Path, *, resume: bool, processes: int, progress: bool) -> TrainResult:
    from movieqa.storage import write_atomic
    from movieqa.train.launch import run_processes
    from movieqa.train.results import read_result

    with tempfile.TemporaryDirectory(prefix="movieqa-train-") as name:
        folder = Path(name)
        write_atomic(folder / "config.json", config.to_json())
        flags = [str(int(resume)), str(int(progress and sys.stderr.isatty()))]
        run_processes(
            "movieqa.api.train_worker", [name, os.fspath(out.resolve()), *flags], count=processes, folder=folder
        )
        return read_result(folder)
