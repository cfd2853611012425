"""Replies that were paid for: kept by content, so that scoring again asks nothing twice."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from movieqa.errors import EvaluationError

from .rubric import JudgeQuestion

_MOST_BYTES = 2**30


class ReplyCache:
    """A file of judge's replies, one JSON line each, with the prompt that each answers.

    Lines are only ever added, each flushed to disk at once. A last line that a crash tore off is cut away.

    Args:
        path: The file; it need not exist.

    Raises:
        EvaluationError: Another run holds the file, or it cannot be read or written.

    Example:
        >>> with ReplyCache(Path("run.judge.jsonl")) as cache:  # doctest: +SKIP
        ...     cache.put(question, "judge", "{'score': 4}")
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._replies: dict[str, str] = {}
        self._thread_lock = threading.Lock()
        self._lock = FileLock(f"{path}.lock")

    def __enter__(self) -> ReplyCache:
        """Lock the file and read it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise EvaluationError(f"{self.path} is in use", hint="another run is judging; wait for it") from None
        except OSError as error:
            raise _unwritable(self.path, error) from None
        try:
            self._read()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock the file."""
        self._lock.release()

    def get(self, question: JudgeQuestion, model: str) -> str | None:
        """Return the reply to a question, or None."""
        return self._replies.get(question.digest(model))

    def put(self, question: JudgeQuestion, model: str, reply: str) -> None:
        """Keep a reply.

        Raises:
            EvaluationError: The file cannot be written; what it held stays whole.
        """
        key = question.digest(model)
        row = {"key": key, "model": model, "rubric": question.rubric.name, "prompt": question.prompt, "reply": reply}
        line = (json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8", "replace")
        with self._thread_lock:
            try:
                _append(self.path, line)
            except OSError as error:
                raise _unwritable(self.path, error) from None
            self._replies[key] = reply

    def __len__(self) -> int:
        """Return how many replies are kept."""
        return len(self._replies)

    def _read(self) -> None:
        if not self.path.exists():
            return
        try:
            if self.path.stat().st_size > _MOST_BYTES:
                raise EvaluationError(f"{self.path} is larger than {_MOST_BYTES} bytes", hint="move it away")
            whole = 0
            with self.path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    whole += len(line)
                    self._take(line)
            if whole < self.path.stat().st_size:
                os.truncate(self.path, whole)
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def _take(self, line: bytes) -> None:
        try:
            row = json.loads(line)
            key, reply = row["key"], row["reply"]
        except (ValueError, RecursionError, KeyError, TypeError):
            key = reply = None
        if not isinstance(key, str) or not isinstance(reply, str):
            raise EvaluationError(f"{self.path} holds a line that is no judge's reply", hint="move the file away")
        self._replies[key] = reply


def _append(path: Path, line: bytes) -> None:
    """Add a line; where the disk is full, take back the part of it that was written."""
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            if file.write(line) != len(line):
                raise OSError(28, "No space left on device")
            os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            raise


def _unwritable(path: Path, error: OSError) -> EvaluationError:
    return EvaluationError(f"{path} cannot be used: {error.strerror or error}", hint="choose another place with --out")
