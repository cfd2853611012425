"""A film of MovieNet as published: its key frames by the shot table, its lines by the subtitle file.

LLaMA-VID's third stage was trained on such films after a tool had joined them to one pickle. Here the files are read
as they are: `shot/<imdb>.txt`, `meta/<imdb>.json`, `subtitle/<imdb>.srt`, and features of the key frames.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysubs2
from numpy.typing import NDArray

from movieqa.movie import Subtitle
from movieqa.prompt import FRAME_MARK, write_film
from movieqa.storage import read_bounded

from .sample import SampleError

_MAX_BYTES = 64 << 20
_FILM = re.compile(r"tt\d{5,10}")


@dataclass(frozen=True, kw_only=True, eq=False)
class MovieNetFilm:
    """What MovieNet tells of a film.

    Attributes:
        times: Float64[T], seconds of its key frames.
        texts: For each key frame what is said after it.
        files: The tables that were read.
    """

    times: NDArray[np.float64]
    texts: tuple[str, ...]
    files: tuple[Path, ...]


def is_movienet_id(name: str) -> bool:
    """Tell whether a name is an IMDb id, as MovieNet names films.

    Example:
        >>> is_movienet_id("tt0000001"), is_movienet_id("tt1")
        (True, False)
    """
    return _FILM.fullmatch(name) is not None


def find_movienet_film(stem: str, folders: Sequence[Path], *, forbidden: Iterable[str] = ()) -> MovieNetFilm | None:
    """Read a film by its IMDb id from the first media folder that holds its shot table; None where there is none.

    Frame times are index over rate as in the published tool, where the rate follows from the last shot's end and the
    runtime in minutes: MovieNet tells no other times.

    Args:
        stem: Name of the features without ending; only an IMDb id is looked for.
        folders: Media folders.
        forbidden: Strings that mean something to a tokenizer and are taken out of the lines.

    Raises:
        SampleError: If a table is damaged, or a link that leads out of the folder.
    """
    if not is_movienet_id(stem):
        return None
    folder = next((one for one in folders if (one / "shot" / f"{stem}.txt").is_file()), None)
    if folder is None:
        return None
    shots, meta = folder / "shot" / f"{stem}.txt", folder / "meta" / f"{stem}.json"
    subtitles = folder / "subtitle" / f"{stem}.srt"
    files = (shots, meta, subtitles) if subtitles.is_file() else (shots, meta)
    if any(not file.resolve().is_relative_to(folder.resolve()) for file in files):
        raise SampleError(f"{stem}: MovieNet's files of it lead out of the media folders")
    try:
        indices, count = _read_shots(_read(shots))
        runtime = json.loads(_read(meta))["version"][0]["runtime"]
        minutes = re.search(r"\d+", str(runtime))
        if minutes is None or not int(minutes[0]) or not count:
            raise ValueError("no runtime")
        times = np.asarray(indices, dtype=np.float64) * (int(minutes[0]) * 60 / count)
        lines = _read_lines(subtitles) if subtitles in files else []
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError, pysubs2.Pysubs2Error) as error:
        raise SampleError(f"{stem}: MovieNet's files of it cannot be read ({str(error).splitlines()[0]})") from None
    texts = write_film(times, lines, tokens_per_frame=1, forbidden=forbidden).split(FRAME_MARK)[1:]
    return MovieNetFilm(times=times, texts=tuple(texts), files=files)


def _read(path: Path) -> str:
    return read_bounded(path, limit=_MAX_BYTES).decode("utf-8", "replace")


def _read_shots(text: str) -> tuple[list[int], int]:
    """Return the indices of all key frames, in order, and the number of frames of the film."""
    indices: list[int] = []
    count = 0
    for line in text.splitlines():
        numbers = [int(part) for part in line.split()]
        if len(numbers) < 3:
            continue
        count = numbers[1]
        indices += numbers[2:]
    if indices != sorted(indices) or not indices:
        raise ValueError("key frames that are not in order")
    return indices, count


def _read_lines(path: Path) -> list[Subtitle]:
    """Return a film's lines, their dots left out as the published tool does."""
    lines = []
    for event in pysubs2.SSAFile.from_string(_read(path).replace("\0", ""), format_="srt"):
        said = event.plaintext.replace("...", "").strip()
        if said and 0 <= event.start < event.end:
            lines.append(Subtitle(start=event.start / 1000, end=event.end / 1000, text=said))
    return sorted(lines, key=lambda line: (line.start, line.end))
