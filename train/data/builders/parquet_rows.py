"""Rows of Parquet files, a few at a time: a file of any size takes the memory of one group of its rows at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from movieqa.errors import ConfigError, MissingDependencyError

_AT_ONCE = 256
_MOST_BYTES = 256 << 20
"""Of one group of rows, and of what is unpacked from it at once."""
_LONGEST_TEXT = 1 << 20


def read_parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file as dictionaries.

    Args:
        path: The file.
        columns: Those that are read, where there; texts of more than a million letters come as None.

    Raises:
        ConfigError: If it is none, is damaged, or its groups of rows are too large.
        MissingDependencyError: If pyarrow is not installed.

    Example:
        >>> next(read_parquet_rows(Path("train.parquet"), ["split"]))  # doctest: +SKIP
        {'split': 'train'}
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingDependencyError(
            f"{path.name} is a Parquet file, and pyarrow is not installed", hint='pip install "movieqa[eval]"'
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            wanted = [field for field in file.schema_arrow if field.name in columns]
            texts = [field.name for field in wanted if pyarrow.types.is_string(field.type)]
        with parquet.ParquetFile(path, read_dictionary=texts) as file:  # one text in many rows is unpacked once
            for group in range(file.num_row_groups):
                if file.metadata.row_group(group).total_byte_size > _MOST_BYTES:
                    raise ConfigError(f"{path}: groups of rows of more than {_MOST_BYTES >> 20} MB", hint="split it")
                yield from _rows(file, group, [field.name for field in wanted], path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{path} is no Parquet file that can be read ({reason})", hint="fetch it again") from None


def _rows(file: Any, group: int, names: list[str], path: Path) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(batch_size=_AT_ONCE, row_groups=[group], columns=names, use_threads=False):
        if batch.nbytes > _MOST_BYTES:
            raise ConfigError(f"{path}: rows that unpack to more than {_MOST_BYTES >> 20} MB", hint="split it")
        for place in range(batch.num_rows):
            row = {name: batch.column(name)[place] for name in names}
            yield {name: None if _is_long(value) else value.as_py() for name, value in row.items()}


def _is_long(value: Any) -> bool:
    """Tell whether a text, or what a dictionary holds of it, is too long to be anything that was asked for."""
    held = value.value if hasattr(value, "dictionary") else value
    buffer = held.as_buffer() if hasattr(held, "as_buffer") else None
    return buffer is not None and buffer.size > _LONGEST_TEXT
