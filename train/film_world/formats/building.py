"""Building: writes all training formats of a set of films into one folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from movieqa.errors import ConfigError
from movieqa.storage import write_atomic

from .boundaries import boundary_records
from .dialogues import caption_records, clip_records, film_records, text_records
from .folder import FilmFolder, find_film_folders, read_film_folder, read_stills, write_still
from .glances import picture_records, place_records
from .identities import identity_records

FORMATS = ("align", "instruct", "long_video", "identity", "boundary", "text")


@dataclass(frozen=True, kw_only=True)
class BuiltData:
    """What was written."""

    folder: Path
    num_films: int
    counts: dict[str, int]
    """Records by format."""
    num_pictures: int


def build_training_data(
    films: Sequence[Path], out: Path, *, formats: Sequence[str] = FORMATS, progress: bool = False
) -> BuiltData:
    """Turn film world into training data: one JSON file a format, with pictures beside them.

    `align.json`, `instruct.json` and `long_video.json` are the records of LLaMA-VID's three stages, `identity.json`
    IDA-VLM's, `boundary.json` VTimeLLM's, `text.json` long text without pictures. Pictures are named from `out`, videos
    from the folder that holds the film folders; `long_video.json` names workspaces, `FILM/film.movieqa`, which
    `movieqa preprocess` makes with the features of the model that is trained.

    Args:
        films: Film folders, or folders of film folders.
        out: Folder to write into; made when missing.
        formats: Which of `FORMATS`.
        progress: Show a bar on standard error.

    Raises:
        ConfigError: No films, a damaged film, an unknown format, or a folder that cannot be written.

    Example:
        >>> build_training_data([Path("films")], Path("data")).counts  # doctest: +SKIP
        {'align': 200, 'instruct': 10, ...}
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ConfigError(f"no format {unknown[0] if unknown else '(none)'!r}", hint=f"choose of {', '.join(FORMATS)}")
    folders = find_film_folders(films)
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in formats}
    pictures = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path in tqdm(folders, desc="data", unit="film", disable=not progress):
            folder = read_film_folder(path)
            wanted: dict[float, str] = {}
            for name in formats:
                records[name] += list(_records(name, folder, wanted))
            for time, picture in read_stills(folder, list(wanted)):
                write_still(out / wanted[time], picture)
            pictures += len(wanted)
        for number, item in enumerate(records.get("identity", [])):
            item["id"] = number  # IDA-VLM counts its records from 0
        for name, items in records.items():
            write_atomic(out / f"{name}.json", json.dumps(items, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise ConfigError(
            f"{out}: cannot write there ({error.strerror or error})", hint="choose another folder"
        ) from error
    counts = {name: len(items) for name, items in records.items()}
    return BuiltData(folder=out, num_films=len(folders), counts=counts, num_pictures=pictures)


def _records(name: str, folder: FilmFolder, wanted: dict[float, str]) -> Iterator[dict[str, Any]]:
    """Yield a format's records; the pictures they need are noted in `wanted`, by time."""
    if name == "align":
        yield from caption_records(folder, wanted)
    elif name == "instruct":
        yield from clip_records(folder)
        yield from picture_records(folder, wanted)
    elif name == "long_video":
        yield from film_records(folder)
        yield from place_records(folder)
    elif name == "identity":
        yield from identity_records(folder, wanted)
    elif name == "boundary":
        yield from boundary_records(folder)
    else:
        yield from text_records(folder)
