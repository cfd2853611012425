"""The two Java programs behind caption metrics, METEOR and Stanford's tokenizer: in children that always end."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from movieqa.errors import EvaluationError, MissingDependencyError

_METEOR = Path("meteor", "meteor-1.5.jar")
_TOKENIZER = Path("tokenizer", "stanford-corenlp-3.4.1.jar")
_TIMEOUT = 180.0
"""Seconds for one exchange, the start of Java with METEOR's tables (5 s) included."""
_BATCH = 200
"""Lines asked at once: their answers fit into a pipe, so neither side ever waits for the other to read."""


class JavaLines:
    """A Java program that answers lines with lines; leave the `with` block and it is gone.

    Args:
        arguments: What follows `java`.
        folder: Where it runs.
        timeout: Seconds one exchange may take.

    Raises:
        MissingDependencyError: Java is not installed.
    """

    def __init__(self, arguments: Sequence[str], *, folder: Path, timeout: float = _TIMEOUT) -> None:
        self._command = [find_java(), *arguments]
        self._folder, self._timeout = folder, timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None

    def __enter__(self) -> JavaLines:
        """Start the program."""
        self._complaints = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the program, whatever state it is in."""
        assert self._process is not None and self._complaints is not None
        self._process.kill()
        self._process.communicate()
        self._complaints.close()

    def ask(self, lines: Sequence[str], *, answers: int) -> list[str]:
        """Send lines and return as many answers as are named.

        Raises:
            EvaluationError: The program ended, or did not answer in time.
        """
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        watchdog = threading.Timer(self._timeout, process.kill)
        watchdog.start()
        try:
            process.stdin.write("".join(f"{line}\n" for line in lines).encode())
            process.stdin.flush()
            replies = [process.stdout.readline() for _ in range(answers)]
        except OSError:
            replies = [b""]
        finally:
            watchdog.cancel()
        if not all(replies):
            raise EvaluationError(
                f"METEOR gave no answer ({self._reason()})",
                hint="see that Java has 2 GB of memory, or score without it",
            )
        return [reply.decode("utf-8", "replace").strip() for reply in replies]

    def _reason(self) -> str:
        """Return the last line the program complained with."""
        assert self._complaints is not None
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:200] if lines else f"within {self._timeout:g} s"


def meteor_program() -> JavaLines:
    """Return METEOR 1.5 for English, as the papers' scripts call it.

    Raises:
        MissingDependencyError: Java or pycocoevalcap is not installed.
    """
    jar = _find_jar(_METEOR)
    return JavaLines(["-jar", "-Xmx2G", jar.name, "-", "-", "-stdio", "-l", "en", "-norm"], folder=jar.parent)


def ask_in_batches(program: JavaLines, lines: Sequence[str]) -> list[str]:
    """Ask for one answer a line, however many lines there are."""
    replies: list[str] = []
    for start in range(0, len(lines), _BATCH):
        batch = lines[start : start + _BATCH]
        replies += program.ask(batch, answers=len(batch))
    return replies


def tokenize_lines(lines: Sequence[str]) -> list[str]:
    """Return lines cut into tokens by Stanford's PTB tokenizer, in small letters, punctuation still there.

    Raises:
        MissingDependencyError: Java or pycocoevalcap is not installed.
        EvaluationError: The tokenizer failed.
    """
    jar = _find_jar(_TOKENIZER)
    command = [find_java(), "-cp", jar.name, "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    text = "".join(f"{line}\n" for line in lines)
    try:
        done = subprocess.run(
            command, cwd=jar.parent, input=text.encode(), capture_output=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise EvaluationError(f"the tokenizer found no end in {_TIMEOUT:g} s", hint="score fewer captions") from None
    found = done.stdout.decode("utf-8", "replace").removesuffix("\n").split("\n")
    if done.returncode != 0 or len(found) != len(lines):
        complaint = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no complaint"]
        raise EvaluationError(
            f"the tokenizer gave {len(found)} lines for {len(lines)} ({complaint[-1][:200]})",
            hint="see that Java works",
        )
    return found


def find_java() -> str:
    """Return the path of Java.

    Raises:
        MissingDependencyError: It is not installed.
    """
    java = shutil.which("java")
    if java is None:
        raise MissingDependencyError(
            "METEOR and its tokenizer need Java, which is not installed",
            hint="install a runtime, e.g. with: sudo apt install default-jre-headless",
        )
    return java


def _find_jar(name: Path) -> Path:
    found = importlib.util.find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError(
            "caption metrics need pycocoevalcap, which is not installed", hint='pip install "movieqa[eval]"'
        )
    return Path(found.submodule_search_locations[0], name)
