"""Files of records, JSON or JSON lines, of any size: read once from end to end, then any record by its place."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movieqa.errors import ConfigError

from .sample import SampleError

_CHUNK = 1 << 18
_MAX_RECORD = 16 << 20
"""Bytes; the longest published record, a film's text, is below one megabyte. As objects it may take 20 times that."""
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_SPACES = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, kw_only=True)
class RecordPlace:
    """Where a record stands in its file, in bytes."""

    start: int
    length: int


class RecordFile:
    """A file of records; only the one that is asked for is in memory.

    Args:
        path: A JSON array of objects, or one object a line.

    Example:
        >>> [place.length for place, _ in RecordFile(Path("align.json")).scan()]  # doctest: +SKIP
        [214, 198]
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def scan(self) -> Iterator[tuple[RecordPlace, dict[str, Any] | SampleError]]:
        """Yield every record and its place; what is no object comes as the error it is.

        Raises:
            ConfigError: If the file cannot be read, or is damaged so that nothing after it can be found.
        """
        try:
            check_regular(self.path)
            with self.path.open("rb") as file:
                head = file.read(4096)
            if b"\0" in head or head.startswith(_COMPRESSED):
                raise ConfigError(
                    f"{self.path} holds no text", hint="give JSON or JSON lines; unpack what is compressed"
                )
            first = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
            yield from self._array() if first == b"[" else self._lines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path} cannot be read ({error})") from error

    def read(self, place: RecordPlace) -> dict[str, Any]:
        """Return the record at a place that `scan` gave.

        Raises:
            SampleError: If the file has changed since.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(place.start)
                record = json.loads(file.read(place.length))
        except (OSError, ValueError, RecursionError) as error:
            raise SampleError(f"{self.path} has changed since it was opened ({error})") from error
        return _checked(record)

    def _lines(self) -> Iterator[tuple[RecordPlace, dict[str, Any] | SampleError]]:
        start = 0
        with self.path.open("rb") as file:
            while line := file.readline(_MAX_RECORD):
                place = RecordPlace(start=start, length=len(line))
                start += len(line)
                if not line.endswith(b"\n") and len(line) == _MAX_RECORD:
                    raise ConfigError(
                        f"{self.path}: a line of more than {_MAX_RECORD >> 20} MB",
                        hint="write one record a line, or an array of records",
                    )
                if not line.strip(b"\xef\xbb\xbf \t\r\n"):
                    continue
                try:
                    yield place, _checked(json.loads(line))
                except (ValueError, RecursionError) as error:
                    yield place, SampleError(f"no JSON ({error})")
                except SampleError as error:
                    yield place, error

    def _array(self) -> Iterator[tuple[RecordPlace, dict[str, Any] | SampleError]]:
        decoder = json.JSONDecoder()
        window = _Window(self.path)
        try:
            window.skip("[")
            while window.skip_spaces() != "]":
                value, text = window.value(decoder)
                length = len(text.encode())
                place = RecordPlace(start=window.place, length=length)
                window.drop(len(text), length)
                try:
                    yield place, _checked(value)
                except SampleError as error:
                    yield place, error
                if window.skip_spaces() == ",":
                    window.skip(",")
        finally:
            window.close()


def check_regular(path: Path) -> None:
    """Refuse what is there and no file: a pipe would be waited for, a device read without end.

    Raises:
        ConfigError: If it is a folder, a pipe or a device.
    """
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} cannot be read (it is no file)", hint="name a file of records")


class _Window:
    """A stretch of text that moves over a file; `place` is the byte at which it begins."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at = "", 0
        self.place = 3 if self._file.read(3) == b"\xef\xbb\xbf" else 0
        self._file.seek(self.place)

    def close(self) -> None:
        self._file.close()

    def skip(self, character: str) -> None:
        if self.skip_spaces() != character:
            raise ConfigError(f"{self._path}: damaged at byte {self.place}: no {character!r}")
        self.drop(1, 1)

    def skip_spaces(self) -> str:
        """Move to the next character that says something, and return it."""
        while True:
            found = _SPACES.match(self._text, self._at)
            spaces = 0 if found is None else found.end() - self._at
            self.drop(spaces, spaces)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow(_CHUNK):
                raise ConfigError(f"{self._path}: it breaks off at byte {self.place}", hint="fetch the file again")

    def value(self, decoder: json.JSONDecoder) -> tuple[Any, str]:
        """Return the next value and its text."""
        size = _CHUNK
        while True:
            try:
                value, end = decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise ConfigError(f"{self._path}: nested too deeply at byte {self.place}") from None
            except json.JSONDecodeError as error:
                room = _MAX_RECORD - len(self._text) + self._at
                if room <= 0:
                    raise ConfigError(
                        f"{self._path}: damaged, or a record of more than {_MAX_RECORD >> 20} MB, at byte {self.place}"
                    ) from None
                size = min(2 * size, room)
                if not self._grow(size):
                    raise ConfigError(f"{self._path}: damaged at byte {self.place} ({error.msg})") from None
                continue
            except ValueError as error:  # a number of thousands of digits
                raise ConfigError(f"{self._path}: damaged at byte {self.place} ({error})") from None
            if end < len(self._text) or not self._grow(_CHUNK):  # else a number could go on
                return value, self._text[self._at : end]

    def drop(self, characters: int, num_bytes: int) -> None:
        self._at += characters
        self.place += num_bytes

    def _grow(self, size: int) -> bool:
        data = self._file.read(size)
        self._text = self._text[self._at :] + self._decoder.decode(data, final=not data)
        self._at = 0
        return bool(data)


def _checked(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise SampleError(f"a record must be an object, not {type(record).__name__}")
    return record
