"""Writes a run's log: rows are only ever added, killing it loses at most the row under way, and one process writes."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock

from movieqa.errors import EvaluationError
from movieqa.storage import sync_folder

from .prediction import Prediction
from .rows import (
    MEASURED,
    FilmRow,
    RunHeader,
    content_of,
    digest_content,
    dump_row,
    load_film,
    load_header,
    load_row,
    prediction_row,
    sample_key,
)
from .sample import Sample

MAX_LINE = 64 << 20
_SYNC_SECONDS = 0.5  # a kill loses nothing that was written; only a power cut can lose what was not yet flushed


class RunLog:
    """The one writer of a log, holding its lock.

    Rows stand in the order of the samples: when an interrupted run goes on and when a run ends, the log is put into
    that order in one go, so that the way there leaves no trace outside `measured`.

    Args:
        path: The file; made if it is not there, gone on with if it is.
        header: What the run depends on.
        samples: All samples of the run, in order.
        session: When and where this run began, under `measured` of the first row.
        redo_failed: Forget the rows of samples that failed and of films that could not be opened.

    Raises:
        EvaluationError: Another process is writing, the log is of another run or is damaged, or it cannot be written.

    Example:
        >>> with RunLog(Path("run.jsonl"), header, samples) as log:  # doctest: +SKIP
        ...     log.add(predictions=[prediction])
        ...     log.finish()
    """

    def __init__(
        self,
        path: Path,
        header: RunHeader,
        samples: Sequence[Sample],
        *,
        session: dict[str, Any] | None = None,
        redo_failed: bool = False,
    ) -> None:
        if path.is_dir():
            raise EvaluationError(f"{path}: this is a folder", hint="name a file in it with --out")
        self.path = path
        self.header = header
        self.films: dict[str, FilmRow] = {}
        """Films that have a row."""
        self._order = {sample.id: (sample, sample_key(sample, header)) for sample in samples}
        self._places: dict[tuple[str, str], tuple[int, int]] = {}
        self._statuses: dict[str, str] = {}
        self._sessions: list[dict[str, Any]] = []
        self._started = self._synced = time.monotonic()
        self._file: FileIO | None = None
        self._lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise EvaluationError(
                f"{path}: another movieqa is writing this log", hint="wait for it, or use another --out"
            ) from None
        except OSError as error:
            raise cannot_write(path, error) from None
        try:
            with _explained(path):
                self.is_finished = self._adopt(redo_failed=redo_failed)
                if not self.is_finished:
                    self._sessions.append(session or {})
                    self._rewrite(end=None)
        except BaseException:
            self.close()
            raise

    @property
    def done(self) -> frozenset[str]:
        """Ids of the samples that have a row."""
        return frozenset(self._statuses)

    @property
    def num_done(self) -> int:
        """How many samples have a row."""
        return len(self._statuses)

    @property
    def num_failed(self) -> int:
        """How many samples failed or were refused."""
        return sum(status != "answered" for status in self._statuses.values())

    def add(self, *, film: FilmRow | None = None, predictions: Iterable[Prediction] = ()) -> None:
        """Add a film's row, samples' rows, or both.

        Raises:
            EvaluationError: The disk is full or the like; what was added so far is whole.
        """
        rows: list[tuple[tuple[str, str], bytes]] = []
        if film is not None:
            rows.append((("film", film.film), dump_row(film.as_row())))
        for prediction in predictions:
            name = prediction.sample.id
            rows.append((("sample", name), dump_row(prediction_row(prediction, self._order[name][1]))))
            self._statuses[name] = prediction.status
        if film is not None:
            self.films[film.film] = film
        with _explained(self.path):
            self._append(rows)

    def finish(self) -> None:
        """Put the rows in order and say that nothing is missing.

        Raises:
            EvaluationError: The disk is full or the like; the rows are whole, and the run can be finished later.
        """
        missing = self._order.keys() - self._statuses.keys()
        assert not missing, f"{len(missing)} samples have no row"
        counts = dict.fromkeys(("answered", "refused", "failed"), 0)
        for status in self._statuses.values():
            counts[status] += 1
        with _explained(self.path):
            self._rewrite(end=counts)
        self.is_finished = True

    def close(self) -> None:
        """Flush the rows to disk and let others write."""
        if self._file is not None:
            with _explained(self.path):
                os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
        self._lock.release()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- on disk ----------------------------------------------------------------------------------------------------

    def _append(self, rows: Sequence[tuple[tuple[str, str], bytes]]) -> None:
        assert self._file is not None, "the log is finished"
        place = whole = self._file.seek(0, os.SEEK_END)
        try:
            data = b"".join(line for _, line in rows)
            while data:  # a nearly full disk takes a part
                data = data[self._file.write(data) :]
        except OSError:
            self._file.truncate(whole)  # giving room back works on a full disk
            raise
        for name, line in rows:
            self._places[name] = (place, len(line))
            place += len(line)
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def _adopt(self, *, redo_failed: bool) -> bool:
        """Take over the rows that are there; return whether the run is finished."""
        if not self.path.exists():
            return False
        end: dict[str, Any] | None = None
        forgotten: set[str] = set()
        number = -1
        for number, (place, line, row) in enumerate(read_rows(self.path)):
            end = None
            if number == 0:
                earlier = read_header(self.path, row)
                if difference := earlier.difference(self.header):
                    raise EvaluationError(
                        f"{self.path}: made by another run ({difference})",
                        hint="run it as it was, or use another --out",
                    )
                self._sessions = list(row.get(MEASURED, {}).get("sessions", ()))
            elif row["kind"] == "film":
                film = load_film(row)
                if not (redo_failed and film.error):
                    self.films[film.film] = film
                    self._places["film", film.film] = (place, len(line))
            elif row["kind"] == "sample":
                name = row["sample"]["id"]
                if name not in self._order or row["key"] != self._order[name][1]:
                    raise damaged(self.path, number + 1, "its key is not that of its sample")
                forgotten.discard(name)
                if redo_failed and row["status"] == "failed":
                    forgotten.add(name)
                self._statuses[name] = row["status"]
                self._places["sample", name] = (place, len(line))
            else:
                end = row
        if number < 0 and self.path.stat().st_size:
            raise EvaluationError(f"{self.path}: this is no log of movieqa eval", hint="use another --out")
        for name in forgotten:
            del self._statuses[name], self._places["sample", name]
        return end is not None and not forgotten

    def _rewrite(self, *, end: dict[str, int] | None) -> None:
        """Write all rows in order under another name, and put it in the log's place."""
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        places: dict[tuple[str, str], tuple[int, int]] = {}
        header = self.header.as_row()
        contents = [digest_content(header)]
        try:
            with temporary.open("wb") as file:
                file.write(dump_row({**header, MEASURED: {"sessions": self._sessions}}))
                for name, line in self._in_order():
                    places[name] = (file.tell(), len(line))
                    file.write(line)
                    if end is not None:
                        contents.append(digest_content(content_of(load_row(line))))
                if end is not None:
                    seconds = round(time.monotonic() - self._started, 3)
                    row = {"kind": "end", "counts": end, "content": digest_content(contents)}
                    file.write(dump_row({**row, MEASURED: {"seconds": seconds}}))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(self.path.parent)
        if self._file is not None:
            self._file.close()
        self._file = None if end is not None else self.path.open("r+b", buffering=0)
        self._places = places

    def _in_order(self) -> Iterator[tuple[tuple[str, str], bytes]]:
        if not self._places:
            return
        films = dict.fromkeys(sample.film for sample, _ in self._order.values())
        with self.path.open("rb") as file:
            for name in (*(("film", film) for film in films), *(("sample", name) for name in self._order)):
                if name in self._places:
                    place, length = self._places[name]
                    file.seek(place)
                    yield name, file.read(length)


def read_rows(path: Path) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Read a log's rows with their places; a last line that was not written to its end is left out.

    Raises:
        EvaluationError: The file cannot be read, or holds something else.
    """
    place = 0
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise damaged(path, number, f"it is longer than {MAX_LINE >> 20} MiB")
                if not line.endswith(b"\n"):
                    return
                try:
                    row = load_row(line)
                except (ValueError, RecursionError) as error:
                    raise damaged(path, number, str(error)) from None
                yield place, line, row
                place += len(line)
    except OSError as error:
        reason = "there is no such log" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        raise EvaluationError(f"{path}: {reason}", hint="make one with: movieqa eval SAMPLES --out LOG") from None


def read_header(path: Path, row: dict[str, Any]) -> RunHeader:
    """Read a log's first row.

    Raises:
        EvaluationError: It is none, or of another schema.
    """
    try:
        return load_header(row)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise EvaluationError(f"{path}: this is no log of movieqa eval ({reason})", hint="use another file") from None


def damaged(path: Path, number: int, reason: str) -> EvaluationError:
    """Say which line of a log cannot be used."""
    return EvaluationError(f"{path}, line {number}: damaged ({reason})", hint="take the line out, or start a new log")


def cannot_write(path: Path, error: OSError, *, flag: str = "--out") -> EvaluationError:
    """Say why a file cannot be written, and the way out."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EvaluationError(f"{path}: the disk is full", hint="make room and run the same command again")
    if error.errno == errno.EFBIG:
        return EvaluationError(f"{path}: the disk takes no file this large", hint="raise the limit (ulimit -f) or move")
    return EvaluationError(f"{path}: it cannot be written ({error.strerror or error})", hint=f"choose another {flag}")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error
