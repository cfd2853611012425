"""Writes a workspace step by step, so that killing it anywhere loses at most the step under way."""

from __future__ import annotations

import errno
import glob
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock

from movieqa.errors import WorkspaceError
from movieqa.manifest import FILE_NAME, FileEntry, Manifest, StepEntry
from movieqa.storage import digest_json, sync_file, sync_folder

_LOCK = ".lock"
_LOG = "log.jsonl"
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


class StepOutput:
    """Where a step puts its files, and what it says of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """A temporary folder; everything in it moves into the workspace when the step ends well."""
        self.notes: list[str] = []


class WorkspaceBuilder:
    """The one writer of a workspace, holding its lock.

    Where nothing can be written, such as on a read-only disk, a workspace that is there can be gone through all the
    same: what is done is found done, and only a step that would write is refused.

    Args:
        path: The workspace's folder; made if it is not there.
        source: Facts of the film: name, digest, bytes and library versions, as a manifest without steps.
        force: Do every step again; readers keep what was done before until it is replaced.

    Raises:
        WorkspaceError: Another process is writing here, the folder is of another film or cannot be written, or it
            holds something that is no workspace.
    """

    def __init__(self, path: Path, source: Manifest, *, force: bool = False) -> None:
        self.path = path
        self._is_forced = force
        self._made_folder = not path.exists()
        self._obstacle: OSError | None = None
        try:
            if not self._made_folder:
                self._check_is_ours()  # before even the lock is put into a stranger's folder
            path.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(path / _LOCK)
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise WorkspaceError(
                f"{path}: another movieqa is writing this workspace", hint="wait for it, or use another --output"
            ) from None
        except OSError as error:
            if error.errno not in _UNWRITABLE or not (path / FILE_NAME).is_file():
                raise cannot_write(path, error) from None
            self._obstacle = error
        try:
            self._stale: set[str] = set()
            self.manifest = self._adopt(source, force=force)
        except BaseException:
            self.close()
            raise

    def _adopt(self, source: Manifest, *, force: bool) -> Manifest:
        self._check_is_ours()
        if not (self.path / FILE_NAME).exists():
            return source
        try:
            earlier = Manifest.read(self.path)
        except WorkspaceError as error:
            if force and "damaged" in error.message:
                return source
            raise
        if earlier.source_digest != source.source_digest:
            raise WorkspaceError(
                f"{self.path}: made from another film ({earlier.source_name})", hint="choose another --output"
            )
        if force:
            self._stale = set(earlier.steps)
        return replace(source, steps=earlier.steps)

    def _check_is_ours(self) -> None:
        """Refuse a folder with a stranger's files; hidden ones do not count."""
        entries = {entry.name for entry in self.path.iterdir()} - {_LOG}
        if FILE_NAME not in entries and any(not name.startswith(".") for name in entries):
            raise WorkspaceError(f"{self.path}: this folder is not a workspace", hint="choose another --output")

    def check_writable(self) -> None:
        """Refuse to go on where the workspace cannot be written.

        Raises:
            WorkspaceError: It cannot.
        """
        if self._obstacle is not None:
            raise cannot_write(self.path, self._obstacle) from None

    def is_done(self, step: str, depends_on: Mapping[str, Any]) -> bool:
        """Return whether a step is finished for these settings and inputs, with all its files in place."""
        entry = self.manifest.steps.get(step)
        return (
            entry is not None
            and step not in self._stale
            and entry.fingerprint == digest_json(dict(depends_on))
            and all(
                (self.path / name).is_file() and (self.path / name).stat().st_size == file.num_bytes
                for name, file in entry.files.items()
            )
        )

    @contextmanager
    def step(self, name: str, depends_on: Mapping[str, Any], *, is_resumable: bool = False) -> Iterator[StepOutput]:
        """Run one step: files written into the output's folder appear in the workspace together, or not at all.

        Args:
            name: The step.
            depends_on: Settings and inputs.
            is_resumable: Keep the output's folder when the step breaks off, and hand it out again the next time the
                step runs for the same settings and inputs. Such a step puts a file in place only when it is whole.

        Raises:
            WorkspaceError: The disk is full or the folder cannot be written.
        """
        self.check_writable()
        fingerprint = digest_json(dict(depends_on))
        kept = self.path / f".{name}.{fingerprint.removeprefix('sha256:')[:16]}.part"
        folder = kept if is_resumable else self.path / f".{name}.tmp"
        started = time.monotonic()
        try:
            for stale in self.path.glob(f".{glob.escape(name)}.{'?' * 16}.part"):
                if stale != folder or self._is_forced:
                    shutil.rmtree(stale, ignore_errors=True)
            if not is_resumable:
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(exist_ok=is_resumable)
            output = StepOutput(folder)
            yield output
            self._publish(name, output, fingerprint=fingerprint)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        finally:
            if not is_resumable:
                shutil.rmtree(folder, ignore_errors=True)
        self.log(step=name, seconds=round(time.monotonic() - started, 3), notes=output.notes)

    def _publish(self, step: str, output: StepOutput, *, fingerprint: str) -> None:
        made = sorted(path for path in output.folder.rglob("*") if path.is_file())
        files = {path.relative_to(output.folder).as_posix(): FileEntry.of(path) for path in made}
        for path in made:
            sync_file(path)
        self._forget(step)
        for name in files:
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (output.folder / name).replace(target)
        for folder in {self.path, *((self.path / name).parent for name in files)}:
            sync_folder(folder)
        entry = StepEntry(fingerprint=fingerprint, files=files, notes=tuple(output.notes))
        self.manifest = replace(self.manifest, steps={**self.manifest.steps, step: entry})
        self.manifest.write(self.path)
        self._stale.discard(step)

    def _forget(self, step: str) -> None:
        """Take a stale step out of the manifest before its files change, so that no reader trusts a mixture.

        The very first step writes a manifest of no steps: files without one would be taken for somebody else's.
        """
        stale = self.manifest.steps.get(step)
        self.manifest = replace(
            self.manifest, steps={name: entry for name, entry in self.manifest.steps.items() if name != step}
        )
        self.manifest.write(self.path)
        for name in stale.files if stale else ():
            (self.path / name).unlink(missing_ok=True)

    def log(self, **event: Any) -> None:
        """Append one line to the workspace's log."""
        line = json.dumps({"time": round(time.time(), 3), **event}, ensure_ascii=False)
        with (self.path / _LOG).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def discard(self) -> None:
        """Remove the folder again, with all that is in it, if this builder made it."""
        if self._made_folder:
            shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """Let others write here."""
        self._lock.release()

    def __enter__(self) -> WorkspaceBuilder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, KeyboardInterrupt) and not self.manifest.steps:
            self.discard()
        self.close()


def cannot_write(path: Path, error: OSError) -> WorkspaceError:
    """Say why a workspace cannot be written, and the way out."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkspaceError(f"{path}: the disk is full", hint="make room and run the same command again")
    if error.errno == errno.EFBIG:
        return WorkspaceError(f"{path}: the disk takes no file this large", hint="raise the limit (ulimit -f) or move")
    if error.errno in _UNWRITABLE:
        return WorkspaceError(f"{path}: this folder cannot be written", hint="choose another with --output")
    return WorkspaceError(f"{path}: {error.strerror or error}", hint="choose another folder with --output")


def check_file(path: Path) -> None:
    """Refuse a place where no file can be written.

    Raises:
        WorkspaceError: It is a folder, or no name at all.
    """
    if path.is_dir():
        raise WorkspaceError(f"{path}: this is a folder", hint="name a file in it with --output")
