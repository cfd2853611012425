"""Synthesis: makes film files from seeds; kill it anywhere and call it again."""

from __future__ import annotations

import functools
import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from movieqa.errors import ConfigError
from movieqa.storage import read_bounded, write_atomic

from .encoding import Part, check_encoder, encode_part, join_parts, split_film
from .making import FILM_WORLD_VERSION, make_film
from .portraits import write_cast
from .questions.asking import questions_jsonl
from .records import Film
from .sound import SoundTrack
from .splits import Split
from .truth import film_srt, truth_json

_RECIPE = "recipe.json"
_PARTS = ".parts"
_MOST_FILMS = 100_000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a film depends on."""

    seed: int
    minutes: float
    split: Split
    people: int | None
    width: int
    height: int
    fps: int
    speaks: bool

    def film(self) -> Film:
        """Make the film on paper."""
        return _film_of(self)

    def as_json(self) -> str:
        """Return the recipe as it is kept beside the film, to know it again."""
        value: dict[str, Any] = {**self.__dict__, "version": FILM_WORLD_VERSION}
        return json.dumps(value, sort_keys=True) + "\n"


@functools.lru_cache(maxsize=2)
def _film_of(recipe: Recipe) -> Film:
    return make_film(seed=recipe.seed, minutes=recipe.minutes, split=recipe.split, people=recipe.people, fps=recipe.fps)


@dataclass(frozen=True, kw_only=True)
class MadeFilm:
    """A film that lies on disk."""

    folder: Path
    seed: int
    duration: float
    """Seconds."""
    num_shots: int
    num_people: int
    num_questions: int
    was_there: bool
    """Whether an earlier run had made it."""


def synthesize_film_world(
    *,
    seed: int,
    minutes: float,
    out: Path,
    count: int = 1,
    jobs: int = 1,
    split: Split = "all",
    people: int | None = None,
    size: tuple[int, int] = (640, 360),
    fps: int = 24,
    speaks: bool = True,
    progress: bool = False,
) -> tuple[MadeFilm, ...]:
    """Make whole films from a seed, with everything about them known.

    A film is a folder with `film.mp4`, `film.srt`, `cast/`, `truth.json`, `qa.jsonl` and `recipe.json`. One film is
    written into `out` itself, several into `out/00000007` and so on, named by their seeds. What is already there is
    kept; a run that was cut off goes on where it stopped. The same arguments give the same pixels and the same bytes
    of truth.

    Args:
        seed: Seed of the first film; the others follow it.
        minutes: About how long each film shall be.
        out: Folder to write into; made when missing.
        count: How many films.
        jobs: How many processes draw at the same time.
        split: `train` keeps away from what is kept for `test`; `all` uses everything.
        people: How many people a film has; None chooses by its length.
        size: Width and height in pixels, both even.
        fps: Frames a second.
        speaks: Use a speech synthesiser where one is installed; else lines are hummed.
        progress: Show a bar on standard error.

    Raises:
        ConfigError: An argument cannot work, or the folder cannot be written or holds something else.
        MissingDependencyError: There is no H.264 encoder.

    Example:
        >>> films = synthesize_film_world(seed=7, minutes=120, out=Path("films"), jobs=2)  # doctest: +SKIP
    """
    _check(count=count, jobs=jobs, size=size, seed=seed)
    check_encoder()
    recipes = [
        Recipe(
            seed=seed + number,
            minutes=minutes,
            split=split,
            people=people,
            width=size[0],
            height=size[1],
            fps=fps,
            speaks=speaks,
        )
        for number in range(count)
    ]
    recipes[0].film()
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
        folders = [out if count == 1 else out / f"{recipe.seed:08d}" for recipe in recipes]
        for folder, recipe in zip(folders, recipes, strict=True):
            _claim(folder, recipe)
        total = sum(recipe.minutes for recipe in recipes) * 60
        with tqdm(total=round(total), unit="s", desc="film world", disable=not progress) as bar:
            return _make_all(recipes, folders, jobs, lambda seconds: bar.update(round(seconds)))


def _check(*, count: int, jobs: int, size: tuple[int, int], seed: int) -> None:
    if not 1 <= count <= _MOST_FILMS:
        raise ConfigError(f"count must be 1 to {_MOST_FILMS}, got {count}")
    if not 1 <= jobs <= 256:
        raise ConfigError(f"jobs must be 1 to 256, got {jobs}")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed must be 0 or more, got {seed}")
    width, height = size
    if not (64 <= width <= 3840 and 64 <= height <= 2160) or width % 2 or height % 2:
        raise ConfigError(f"a film cannot be {width}x{height}", hint="choose even numbers from 64x64 to 3840x2160")
    if not 1.2 <= width / height <= 2.6:
        raise ConfigError(
            f"a film of {width}x{height} is too narrow or too wide", hint="choose a shape from 6:5 to 13:5"
        )


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{out}: cannot write there ({error.strerror or error})", hint="choose another folder or make room"
        ) from error


def _claim(folder: Path, recipe: Recipe) -> None:
    """Take a folder for a film: a new one, an empty one, or one that was begun for the same film."""
    path = folder / _RECIPE
    if path.is_file():
        if read_bounded(path, limit=65_536).decode(errors="replace") != recipe.as_json():
            raise ConfigError(
                f"{folder} holds another film", hint="choose another folder, or the same settings to go on with it"
            )
        return
    if folder.exists() and (
        not folder.is_dir() or any(child.name not in (".parts",) for child in folder.iterdir() if not child.is_dir())
    ):
        raise ConfigError(f"{folder} holds something else", hint="choose a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(path, recipe.as_json())


def _make_all(
    recipes: list[Recipe], folders: list[Path], jobs: int, advance: Callable[[float], object]
) -> tuple[MadeFilm, ...]:
    if jobs == 1:
        return tuple(_make(recipe, folder, advance) for recipe, folder in zip(recipes, folders, strict=True))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        try:
            drawn = {
                pool.submit(_encode, recipe, folder, part): (number, part.num_frames / recipe.fps)
                for number, (recipe, folder) in enumerate(zip(recipes, folders, strict=True))
                if not (folder / "film.mp4").is_file()
                for part in split_film(recipe.film())
            }
            waiting = [sum(1 for number, _ in drawn.values() if number == film) for film in range(len(recipes))]
            finished: dict[Future[MadeFilm], int] = {
                pool.submit(_finish, recipes[film], folders[film]): film
                for film, left in enumerate(waiting)
                if left == 0
            }
            for future in as_completed(drawn):
                future.result()
                film, seconds = drawn[future]
                advance(seconds)
                waiting[film] -= 1
                if waiting[film] == 0:
                    finished[pool.submit(_finish, recipes[film], folders[film])] = film
            made = {film: future.result() for future, film in finished.items()}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return tuple(made[film] for film in range(len(recipes)))


def _make(recipe: Recipe, folder: Path, advance: Callable[[float], object]) -> MadeFilm:
    if not (folder / "film.mp4").is_file():
        for part in split_film(recipe.film()):
            _encode(recipe, folder, part)
            advance(part.num_frames / recipe.fps)
    return _finish(recipe, folder)


def _encode(recipe: Recipe, folder: Path, part: Part) -> None:
    """Draw one part, unless an earlier run has."""
    cv2.setNumThreads(1)
    parts = folder / _PARTS
    parts.mkdir(exist_ok=True)
    path = parts / f"{part.index:05d}.mkv"
    if not path.is_file():
        encode_part(recipe.film(), part, path, width=recipe.width, height=recipe.height)


def _finish(recipe: Recipe, folder: Path) -> MadeFilm:
    """Write what is not pictures, then join the parts; `film.mp4` comes last and says that all is there."""
    film = recipe.film()
    was_there = (folder / "film.mp4").is_file()
    questions = questions_jsonl(film)
    if not was_there:
        write_atomic(folder / "film.srt", film_srt(film))
        write_atomic(folder / "truth.json", truth_json(film, width=recipe.width, height=recipe.height))
        write_atomic(folder / "qa.jsonl", questions)
        write_cast(film, folder / "cast")
        parts = [folder / _PARTS / f"{part.index:05d}.mkv" for part in split_film(film)]
        join_parts(film, parts, SoundTrack(film, speaks=recipe.speaks), folder / "film.mp4")
    shutil.rmtree(folder / _PARTS, ignore_errors=True)
    return MadeFilm(
        folder=folder,
        seed=recipe.seed,
        duration=film.duration,
        num_shots=len(film.shots),
        num_people=len(film.people),
        num_questions=questions.count("\n"),
        was_there=was_there,
    )
