"""What all builders share: JSON that is read with care, records that are written whole, and what was left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from movieqa.errors import ConfigError
from movieqa.storage import read_bounded, write_atomic
from movieqa.train.data.record_files import RecordFile
from movieqa.train.data.sample import SampleError

_MAX_BYTES = 128 << 20


@dataclass(frozen=True, kw_only=True)
class BuiltRecords:
    """What a builder wrote.

    Attributes:
        path: The file of records.
        num_records: Records in it.
        kinds: Records by kind.
        num_pictures: Pictures that were cut out for them.
        skipped: Annotations that make no good sample, by reason.
    """

    path: Path
    num_records: int
    kinds: dict[str, int]
    num_pictures: int
    skipped: dict[str, int]

    def describe(self) -> str:
        """Write the result for people."""
        lines = [f"{self.path}  ({self.num_records} records, {self.num_pictures} pictures)"]
        lines += [f"  {kind}: {count}" for kind, count in sorted(self.kinds.items())]
        lines += [f"  left out, {reason}: {count}" for reason, count in sorted(self.skipped.items())]
        return "\n".join(lines)


@dataclass(kw_only=True)
class Work:
    """What a builder has made so far."""

    records: list[dict[str, Any]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    pictures: set[str] = field(default_factory=set)

    def add(self, kind: str, name: str, turns: Iterable[tuple[str, str]], **more: Any) -> None:
        """Add a record; `turns` are questions with their answers."""
        said = [
            part
            for question, answer in turns
            for part in ({"from": "human", "value": question}, {"from": "gpt", "value": answer})
        ]
        self.records.append({"id": name, "type": kind, "conversations": said, **more})
        self.kinds[kind] += 1

    def skip(self, reason: str) -> None:
        """Count an annotation that makes no good sample."""
        self.skipped[reason] += 1

    def write(self, path: Path) -> BuiltRecords:
        """Write all records.

        Raises:
            ConfigError: If there are none, or the folder cannot be written.
        """
        if not self.records:
            reasons = "; ".join(f"{reason}: {count}" for reason, count in self.skipped.items())
            raise ConfigError(f"no sample could be made ({reasons or 'there are no annotations'})")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, json.dumps(self.records, ensure_ascii=False, indent=1) + "\n")
        except OSError as error:
            raise cannot_write(path, error) from error
        return BuiltRecords(
            path=path,
            num_records=len(self.records),
            kinds=dict(self.kinds),
            num_pictures=len(self.pictures),
            skipped=dict(self.skipped),
        )


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ConfigError: If it cannot be read, or holds something else.
    """
    try:
        return json.loads(read_bounded(path, limit=_MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read ({error})") from error


def read_records(path: Path, work: Work) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON array or of JSON lines; what is none is counted.

    Raises:
        ConfigError: If the file cannot be read.
    """
    for _, record in RecordFile(path).scan():
        if isinstance(record, SampleError):
            work.skip("no record")
        else:
            yield record


def cannot_write(path: Path, error: OSError) -> ConfigError:
    """Return the error of a file that cannot be written."""
    return ConfigError(f"{path}: cannot write there ({error.strerror or error})", hint="choose another folder")
