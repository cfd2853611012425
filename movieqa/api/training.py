"""Makes what models are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .film import PathLike

if TYPE_CHECKING:
    from movieqa.train.film_world.formats.building import BuiltData
    from movieqa.train.film_world.synthesis import MadeFilm


def synthesize_film_world(
    *,
    seed: int,
    minutes: float,
    out: PathLike,
    count: int = 1,
    jobs: int = 1,
    split: Literal["all", "train", "test"] = "all",
    people: int | None = None,
    width: int = 640,
    height: int = 360,
    fps: int = 24,
    speaks: bool = True,
    progress: bool = False,
) -> tuple[MadeFilm, ...]:
    """Make whole films from a seed, with everything about them known: pictures, lines, truth and questions.

    Args:
        seed: Seed of the first film; the others follow it.
        minutes: About how long each film is.
        out: Folder to write into; several films get a folder each in it.
        count: How many films.
        jobs: How many processes draw at once.
        split: `train` keeps away from what is kept for `test`; `all` uses everything.
        people: How many people a film has; by default its length decides.
        width: Of the picture, in pixels, even.
        height: Of the picture, in pixels, even.
        fps: Frames a second.
        speaks: Use a speech synthesiser where one is installed; else lines are hummed.
        progress: Show a bar on standard error.

    Raises:
        ConfigError: An argument cannot work, or the folder cannot be written or holds something else.
        MissingDependencyError: The drawing library or the encoder is not installed.
    """
    from movieqa.train.film_world.synthesis import synthesize_film_world as synthesize

    return synthesize(
        seed=seed,
        minutes=minutes,
        out=Path(out),
        count=count,
        jobs=jobs,
        split=split,
        people=people,
        size=(width, height),
        fps=fps,
        speaks=speaks,
        progress=progress,
    )


def data_build(
    films: Sequence[PathLike], *, out: PathLike, formats: Sequence[str] | None = None, progress: bool = False
) -> BuiltData:
    """Turn synthesised films into the training formats of the four systems.

    Args:
        films: Folders that `synthesize_film_world` made.
        out: Folder to write into.
        formats: Which of `align`, `instruct`, `long_video`, `identity`, `boundary`, `text`; all by default.
        progress: Show a bar on standard error.

    Raises:
        ConfigError: A folder is no such film, a format is unknown, or the output cannot be written.
    """
    from movieqa.train.film_world.formats.building import FORMATS, build_training_data

    chosen = FORMATS if formats is None else tuple(formats)
    return build_training_data([Path(film) for film in films], Path(out), formats=chosen, progress=progress)
