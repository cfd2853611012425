"""What the command line writes: results on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import typer

from movieqa.errors import MovieQAError


class UnwritableError(MovieQAError):
    """Standard output takes no more."""


def say(text: str, *, is_line: bool = True) -> None:
    """Write a result.

    Raises:
        BrokenPipeError: Nobody reads any more.
        UnwritableError: The disk it goes to is full, or something like it.
    """
    try:
        typer.echo(text, nl=is_line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwritableError(
            f"the result cannot be written ({error.strerror})", hint="see where standard output goes"
        ) from None


def print_json(value: Any) -> None:
    """Write a result as JSON."""
    say(_to_json(value, indent=2))


def print_json_line(value: Any) -> None:
    """Write one of several results as one line of JSON."""
    say(_to_json(value, indent=None))


def say_exported(text: str, format_: str, output: Path | None, as_json: bool) -> None:
    """Write what was exported, or where it was written."""
    if as_json:
        print_json({"format": format_, "output": str(output)} if output else {"format": format_, "text": text})
    elif output is not None:
        say(str(output))
    else:
        say(text, is_line=not text.endswith("\n"))


def _to_json(value: Any, *, indent: int | None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def complain(error: Exception | str) -> None:
    """Write what went wrong on one line, whatever a file's name holds."""
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(error))
    remark(f"movieqa: {text}")


def remark(text: str) -> None:
    """Write a line beside the result, where anybody listens."""
    with contextlib.suppress(OSError):
        typer.echo(text, err=True)
