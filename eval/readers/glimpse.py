"""A glimpse of a file: what its first record is made of, by which a benchmark is told without reading all of it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

from movieqa.errors import EvaluationError

from .files import LINES, parquet_columns, read_json

_HEAD = 1 << 20
"""Bytes of a file of lines that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """What a file begins with.

    Attributes:
        keys: Of the first record of a list, of lines or of a table.
        names: Of a JSON file that is one object.
        inner: Keys of the first value of such an object, where that is a record.
        line: The first line of a plain text.
    """

    keys: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    inner: frozenset[str] = frozenset()
    line: str = ""

    def has(self, *keys: str) -> bool:
        """Return whether the first record has all of these keys."""
        return self.keys.issuperset(keys)


def look_at(path: Path) -> Glimpse:
    """Look at a file.

    Raises:
        EvaluationError: It cannot be read, or is broken at its beginning.
        MissingDependencyError: It is a Parquet file and pyarrow is not installed.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return Glimpse(keys=frozenset(parquet_columns(path)))
    if suffix == ".json":
        return _look_at_json(path)
    first = _first_line(path)
    if not first:
        raise EvaluationError(f"{path.name}: nothing in it")
    if suffix == ".csv":
        return Glimpse(keys=frozenset(next(csv.reader(io.StringIO(first)), [])))
    if suffix in LINES:
        try:
            value = json.loads(first)
        except (ValueError, RecursionError):
            raise EvaluationError(f"{path.name}, line 1: no JSON", hint="each line must be one record") from None
        return Glimpse(keys=frozenset(value) if isinstance(value, dict) else frozenset())
    return Glimpse(line=first)


def _look_at_json(path: Path) -> Glimpse:
    content = read_json(path)
    if isinstance(content, list):
        first = content[0] if content else None
        return Glimpse(keys=frozenset(first) if isinstance(first, dict) else frozenset())
    if isinstance(content, dict):
        inner = next(iter(content.values()), None)
        return Glimpse(names=frozenset(content), inner=frozenset(inner) if isinstance(inner, dict) else frozenset())
    return Glimpse()


def _first_line(path: Path) -> str:
    """Return the first line that is not blank, of the first megabyte."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({error.strerror})") from None
    return next((line.strip() for line in head.split("\n") if line.strip()), "")
