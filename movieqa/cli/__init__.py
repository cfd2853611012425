"""The command line. What must hold before anything heavy is loaded stands here; `app.py` holds the table of verbs."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

__all__ = ["main"]

_EXIT_INTERRUPTED = 3


def main() -> None:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _prepare_streams()
        if not sys.stderr.isatty():  # before anything loads transformers, and for all child processes
            os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        from .app import run

        run()
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            os.write(2, b"movieqa: interrupted; run the same command again to go on\n")
        sys.exit(_EXIT_INTERRUPTED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _prepare_streams() -> None:
    """See to it that writing a result never fails for want of a stream or of a letter.

    A standard stream that is closed would hand its number to the next file that is opened, and whatever a library
    or a child process writes there would go into that file.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115  # lives as long as the process
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115
    # A file's name may be no text: its bytes go out as they are. A terminal may lack a letter: its code stands for it.
    is_unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    sys.stdout.reconfigure(errors="surrogateescape" if is_unicode else "backslashreplace")  # type: ignore[union-attr]
