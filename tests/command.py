"""Runs the real command line in a subprocess."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result, read as JSON."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line a user error gives; fails where there are more."""
        assert self.code == 2, self
        lines = [line for line in self.err.splitlines() if line.startswith("movieqa: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err, self.err
        return lines[0]


def command_line(*arguments: str | Path) -> list[str]:
    """Return the command with this Python."""
    return [sys.executable, "-m", "movieqa", *map(str, arguments)]


def movieqa(
    *arguments: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 120,
    before: Callable[[], None] | None = None,
) -> Outcome:
    """Run `movieqa` with arguments in a folder.

    Args:
        *arguments: The verb and its flags.
        cwd: Where.
        env: Variables on top of this process's.
        stdin: What is typed.
        timeout: Seconds.
        before: Called in the child before the command starts, to limit it.
    """
    done = subprocess.run(
        command_line(*arguments),
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        preexec_fn=before,
    )
    return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)


def movieqa_inside(
    *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> Outcome:
    """Run the same command line in this process, which saves starting another one and loading all it needs.

    For what does not depend on being a process: not for signals, limits, standard streams or exit.

    Args:
        *arguments: The verb and its flags.
        cwd: Where; by default here.
        env: Variables on top of this process's.
        stdin: What is typed.
    """
    from movieqa.cli.app import app

    with contextlib.chdir(cwd or Path()):
        done = CliRunner().invoke(
            app, [str(argument) for argument in arguments], input=stdin, env={"COLUMNS": "100", **(env or {})}
        )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Outcome(code=done.exit_code, out=done.stdout, err=done.stderr)


def content(workspace: Path) -> dict[str, bytes]:
    """Return every file of a workspace but its lock and its log, which tells clock times."""
    return {
        path.relative_to(workspace).as_posix(): path.read_bytes()
        for path in sorted(workspace.rglob("*"))
        if path.is_file() and path.name not in (".lock", "log.jsonl")
    }
