"""Reads published files into rows: JSON, lines of JSON, CSV, Parquet and plain text, in bounded memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from movieqa.errors import EvaluationError, MissingDependencyError
from movieqa.storage import read_bounded

from .rows import Row

MOST_BYTES = 128 << 20
"""Of one file, and of what is unpacked from it."""
MOST_FILES = 20_000
"""In one folder of samples."""
LINES = (".jsonl", ".ndjson")
TABLES = (".csv", ".parquet")
ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm")
"""Tried in this order for a film that the data names without its ending."""
_AT_ONCE = 256  # rows of a Parquet file in memory before they are counted


def find_files(source: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    """Return a benchmark's files: the source itself, or what fits the first pattern that fits anything in it.

    Args:
        source: A file or a folder.
        patterns: Names as `Path.glob` reads them, tried in order.

    Raises:
        EvaluationError: There is nothing, or far too much.
    """
    if source.is_file():
        return (source,)
    if not source.is_dir():
        raise EvaluationError(f"{source}: no such file or folder", hint="name the file with the questions")
    found = match_files(source, patterns)
    if not found:
        raise EvaluationError(
            f"{source}: no file of this benchmark ({', '.join(patterns)})", hint="name the file with the questions"
        )
    return found


def match_files(folder: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    """Return what fits the first pattern that fits any file in a folder, in order; empty where none does.

    Raises:
        EvaluationError: Far too many do.
    """
    for pattern in patterns:
        found = []
        for path in folder.glob(pattern):
            if path.is_file():
                found.append(path)
            if len(found) > MOST_FILES:
                raise EvaluationError(f"{folder}: more than {MOST_FILES} files fit {pattern}", hint="name one file")
        if found:
            return tuple(sorted(found))
    return ()


def place_file(base: Path, name: str, folders: Sequence[str]) -> str | None:
    """Return the path of a file from the samples' folder, where it is there or in one of some folders; else None.

    Args:
        base: The samples' folder.
        name: As the data names it, with or without a film's ending.
        folders: Names of folders, such as `videos`, in which the data is published.
    """
    if leads_out(name):
        return None
    for folder in ("", *folders):
        for ending in ("", *ENDINGS):
            path = base / folder / f"{name}{ending}"
            if is_there(path):
                return path.relative_to(base).as_posix()
    return None


def leads_out(name: str) -> bool:
    """Return whether a path that data names does not stay in its folder, or names no file.

    Example:
        >>> leads_out("videos/k1.mp4"), leads_out("../k1.mp4"), leads_out("/k1.mp4"), leads_out(".")
        (False, True, True, True)
    """
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or not path.name


def is_there(path: Path) -> bool:
    """Return whether a path is that of a file; one that no file can have is not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_rows(path: Path, columns: Iterable[str] = ()) -> Iterator[Row]:
    """Yield the records of a file: lines of JSON, a JSON list, or rows of a CSV or Parquet file, told by its ending.

    Args:
        path: The file.
        columns: Those to take from a Parquet file, where there; none for all of them.

    Raises:
        EvaluationError: The file cannot be read, is too large, or a record is no object.
        MissingDependencyError: It is a Parquet file and pyarrow is not installed.
    """
    suffix = path.suffix.lower()
    if suffix in LINES:
        for where, line in read_lines(path):
            yield _record(_parse(line, where), where)
    elif suffix == ".csv":
        yield from _csv_rows(path)
    elif suffix == ".parquet":
        yield from _parquet_rows(path, tuple(columns))
    else:
        content = read_json(path)
        if not isinstance(content, list):
            raise EvaluationError(f"{path.name}: a JSON list is expected, not {type(content).__name__}")
        for number, value in enumerate(content, start=1):
            where = f"{path.name}, item {number}"
            yield _record(value, where)


def read_named(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield name and record of a JSON object of records, such as one a video.

    Raises:
        EvaluationError: The file cannot be read or is something else.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise EvaluationError(f"{path.name}: a JSON object is expected, not {type(content).__name__}")
    for name, value in content.items():
        where = f"{path.name}, {name[:80]!r}"
        named = Row(where=where, values={"name": name}).name("name")
        yield named, _record(value, where)


def read_record(path: Path) -> Row:
    """Return a JSON file that is one record.

    Raises:
        EvaluationError: The file cannot be read or is something else.
    """
    return _record(read_json(path), path.name)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        EvaluationError: It cannot be read, is too large or too deep, repeats a key, or holds NaN.
    """
    return _parse(read_text(path), path.name)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    r"""Yield place and text of each line that is not blank; only "\n" ends a line.

    Raises:
        EvaluationError: The file cannot be read or is too large.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield f"{path.name}, line {number}", line.rstrip("\r")


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        EvaluationError: It cannot be read, is too large, or is no UTF-8.
    """
    try:
        return read_bounded(path, limit=MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise EvaluationError(f"{path.name}, line {line}: not UTF-8", hint="save the file as UTF-8") from None
    except ValueError as error:
        raise EvaluationError(str(error), hint="split it") from None
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({error.strerror})") from None


def parquet_columns(path: Path) -> tuple[str, ...]:
    """Return the names of a Parquet file's columns.

    Raises:
        EvaluationError: It is none, or cannot be read.
        MissingDependencyError: pyarrow is not installed.
    """
    with _open_parquet(path) as file:
        return tuple(file.schema_arrow.names)


def _record(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise EvaluationError(f"{where}: a record is expected, not {type(value).__name__}")
    return Row(where=where, values=value)


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise EvaluationError(f"{where}: lists or records nested too deep") from None
    except json.JSONDecodeError as error:
        place = f"{where} line {error.lineno}" if error.lineno > 1 else where
        raise EvaluationError(f"{place}: no JSON ({error.msg}, column {error.colno})") from None
    except ValueError as error:
        raise EvaluationError(f"{where}: {error}") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice[:80]!r} stands there twice")
    return values


def _csv_rows(path: Path) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        for values in reader:
            where = f"{path.name}, line {reader.line_num}"
            if None in values or None in values.values():
                raise EvaluationError(f"{where}: {len(reader.fieldnames or ())} columns are expected")
            yield Row(where=where, values=values)
    except csv.Error as error:
        raise EvaluationError(f"{path.name}, line {reader.line_num}: no CSV ({error})") from None


def _parquet_rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    import pyarrow

    with _open_parquet(path) as file:
        wanted = [name for name in file.schema_arrow.names if not columns or name in columns]
        number = taken = 0
        try:
            for batch in file.iter_batches(batch_size=_AT_ONCE, columns=wanted, use_threads=False):
                taken += batch.nbytes
                if taken > MOST_BYTES:
                    raise EvaluationError(f"{path.name} unpacks to more than {MOST_BYTES} bytes", hint="split it")
                for values in batch.to_pylist():
                    number += 1
                    yield Row(where=f"{path.name}, row {number}", values=values)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise EvaluationError(f"{path.name}: damaged after row {number} ({_first_line(error)})") from None


def _open_parquet(path: Path) -> Any:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingDependencyError(
            f"{path.name} is a Parquet file, and pyarrow is not installed", hint='pip install "movieqa[eval]"'
        ) from None
    try:
        return parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise EvaluationError(f"{path.name}: no Parquet file ({_first_line(error)})") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
