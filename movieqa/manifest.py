"""The workspace's table of contents: which film it is of, which steps are done, and every file's digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from movieqa.errors import WorkspaceError
from movieqa.storage import digest_file, read_bounded, write_atomic

SCHEMA = 1
FILE_NAME = "manifest.json"
_MAX_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of a finished step."""

    num_bytes: int
    digest: str

    @classmethod
    def of(cls, path: Path) -> FileEntry:
        """Measure a finished file."""
        return cls(num_bytes=path.stat().st_size, digest=digest_file(path))


@dataclass(frozen=True, kw_only=True)
class StepEntry:
    """One finished step."""

    fingerprint: str
    """Digest of the settings and inputs the step depended on; another one makes the step stale."""
    files: Mapping[str, FileEntry]
    """By path inside the workspace, with forward slashes."""
    notes: tuple[str, ...] = ()
    """What the user should know of the result: losses, guesses, defaults."""

    def __post_init__(self) -> None:
        """Refuse paths that lead out of the workspace."""
        for name in self.files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
                raise ValueError(f"a step's file must lie inside the workspace, got {name!r}")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What `manifest.json` holds; it is written last, so a step it names is complete."""

    source_name: str
    source_digest: str
    source_bytes: int
    versions: Mapping[str, str]
    """Of movieqa and the libraries whose version can change a result."""
    steps: Mapping[str, StepEntry] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Replace the workspace's manifest, atomically."""
        content = {"schema": SCHEMA, **asdict(self)}
        write_atomic(folder / FILE_NAME, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read and check a workspace's manifest.

        Raises:
            WorkspaceError: There is none, it is damaged, or a newer movieqa wrote it.
        """
        path = folder / FILE_NAME
        try:
            content = json.loads(read_bounded(path, limit=_MAX_BYTES))
        except FileNotFoundError:
            raise WorkspaceError(
                f"{folder}: not a workspace (no {FILE_NAME})", hint="make one with: movieqa preprocess FILM"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(path, error) from None
        schema = content.get("schema") if isinstance(content, dict) else None
        if isinstance(schema, int) and schema > SCHEMA:
            raise WorkspaceError(
                f"{folder}: made by a newer movieqa (schema {schema}, this one reads {SCHEMA})", hint="update movieqa"
            )
        try:
            return _from_json(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(path, error) from None


def _from_json(content: dict[str, Any]) -> Manifest:
    if content["schema"] != SCHEMA:
        raise ValueError(f"unknown schema {content['schema']!r}")
    steps = {
        str(name): StepEntry(
            fingerprint=str(step["fingerprint"]),
            files={
                str(file): FileEntry(num_bytes=int(entry["num_bytes"]), digest=str(entry["digest"]))
                for file, entry in step["files"].items()
            },
            notes=tuple(str(note) for note in step["notes"]),
        )
        for name, step in content["steps"].items()
    }
    return Manifest(
        source_name=str(content["source_name"]),
        source_digest=str(content["source_digest"]),
        source_bytes=int(content["source_bytes"]),
        versions={str(key): str(value) for key, value in content["versions"].items()},
        steps=steps,
    )


def _damaged(path: Path, error: Exception) -> WorkspaceError:
    reason = f"no {error}" if isinstance(error, KeyError) else str(error)
    return WorkspaceError(f"{path}: damaged ({reason})", hint="rebuild it with: movieqa preprocess FILM --force")
