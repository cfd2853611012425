"""Tells a person how preprocessing goes: a bar while a step runs, a line when it is done."""

from __future__ import annotations

import sys
from typing import Protocol, TextIO, runtime_checkable

from tqdm import tqdm


@runtime_checkable
class Progress(Protocol):
    """Hears of every step, in order."""

    def start(self, step: str) -> None:
        """A step begins."""

    def advance(self, fraction: float) -> None:
        """The step under way has come this far, 0 to 1."""

    def say(self, line: str) -> None:
        """Something to know while the step runs."""

    def finish(self, step: str, result: str, notes: tuple[str, ...]) -> None:
        """The step is done, with one line of result and what the user should know of it."""

    def close(self) -> None:
        """Nothing more comes, whatever happened."""


class Silence:
    """A `Progress` that says nothing."""

    def start(self, step: str) -> None:
        """Say nothing."""

    def advance(self, fraction: float) -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def finish(self, step: str, result: str, notes: tuple[str, ...]) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


class TerminalProgress:
    """A `Progress` on standard error: a tqdm bar a step where that is a terminal, and a line of result always."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: tqdm[None] | None = None

    def start(self, step: str) -> None:
        """Open the step's bar."""
        self._bar = tqdm(
            total=100,
            desc=step,
            file=self._stream,
            leave=False,
            disable=not self._stream.isatty(),
            bar_format="{desc:<10} {bar} {n:3.0f}% [{elapsed}<{remaining}]",
        )

    def advance(self, fraction: float) -> None:
        """Move the step's bar."""
        if self._bar is not None:
            self._bar.update(100 * min(max(fraction, 0.0), 1.0) - self._bar.n)

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        tqdm.write(f"{'':<10} {line}", file=self._stream)

    def finish(self, step: str, result: str, notes: tuple[str, ...]) -> None:
        """Close the bar and write the step's line, then its notes."""
        self.close()
        for line in (f"{step:<10} {result}", *(f"{'':<10} note: {note}" for note in notes)):
            self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Take an open bar off the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
