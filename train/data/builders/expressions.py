"""RefCOCO's expressions in the forms in which they are published: Parquet, JSON and JSON lines."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from movieqa.errors import ConfigError

from .building import Work, read_records
from .crops import Box
from .parquet_rows import read_parquet_rows

_COLUMNS = ("ref_id", "split", "image_path", "file_name", "bbox", "raw_anns", "raw_image_info")
_PICKLES = (".p", ".pkl", ".pickle")
_OF_AN_OBJECT = re.compile(r"^(COCO_\w+_\d{12})_\d+(\.\w+)$")
_MOST_FILES = 1000


@dataclass(frozen=True, kw_only=True)
class Expression:
    """Words for one object of one picture.

    Attributes:
        id: Its number, as the file tells it.
        split: Which split it belongs to; empty where none is told.
        picture: The picture's name without folders: what tells pictures apart.
        names: Where the picture may lie, the longest path first.
        box: The object, in pixels.
    """

    id: str
    split: str
    picture: str
    names: tuple[str, ...]
    box: Box


def expression_files(path: Path) -> tuple[Path, ...]:
    """Return the files of expressions that a path means: itself, or all Parquet files in a folder.

    Raises:
        ConfigError: If there is none, or it is the pickle of the `refer` tools.
    """
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))[:_MOST_FILES]
        if not found:
            raise ConfigError(f"{path} holds no Parquet files of RefCOCO", hint="name a file of expressions")
        return tuple(found)
    if path.suffix in _PICKLES:
        raise ConfigError(
            f"{path} is a pickle, and reading one can run any program",
            hint="give RefCOCO as Parquet, or as JSON lines with file_name, bbox and split",
        )
    return (path,)


def read_expressions(path: Path, work: Work) -> Iterator[Expression]:
    """Yield the expressions of a file; what is none is counted.

    Published Parquet names the picture in `image_path`, gives its box as corners in `bbox`, and COCO's own annotation,
    with width and height, in `raw_anns`: the latter is taken where it is there. Its `file_name` is not the picture's
    name: the number of an object is added to it. Other records have `file_name` and `bbox` with width and height.

    Args:
        path: Parquet by its ending, else JSON or JSON lines.
        work: Counts what is none.

    Raises:
        ConfigError: If the file cannot be read.
        MissingDependencyError: If it is Parquet and pyarrow is not installed.
    """
    rows = read_parquet_rows(path, _COLUMNS) if path.suffix == ".parquet" else read_records(path, work)
    for number, row in enumerate(rows):
        try:
            yield _expression(row, number)
        except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
            work.skip("no expression of RefCOCO")


def _expression(row: dict[str, Any], number: int) -> Expression:
    paths = [str(row[name]) for name in ("image_path", "file_name") if row.get(name)]
    paths = [_OF_AN_OBJECT.sub(r"\1\2", path) if "/" not in path else path for path in paths]
    if not paths:
        raise ValueError("no picture")
    parts = PurePosixPath(paths[0]).parts
    names = [*("/".join(parts[start:]) for start in range(len(parts))), *paths[1:]]
    sides = [float(side) for side in (_annotated(row) or row["bbox"])]
    if len(sides) != 4 or not all(map(math.isfinite, sides)):
        raise ValueError("no box")
    left, top, right, bottom = sides
    if _annotated(row) is not None or "image_path" not in row:  # with width and height
        right, bottom = left + right, top + bottom
    return Expression(
        id=str(row.get("id", row.get("ref_id", number)))[:80],
        split=str(row.get("split") or ""),
        picture=parts[-1],
        names=tuple(dict.fromkeys(names)),
        box=Box(left=left, top=top, right=right, bottom=bottom),
    )


def _annotated(row: dict[str, Any]) -> list[Any] | None:
    """Return the box of COCO's own annotation, with width and height."""
    told = row.get("raw_anns")
    if not isinstance(told, str):
        return None
    found = json.loads(told)["bbox"]
    return found if isinstance(found, list) else None
