"""What the command line writes: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
from typing import Any

import typer


def print_json(value: Any) -> None:
    """Write a result as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_json_line(value: Any) -> None:
    """Write one of several results as one line of JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def complain(error: Exception | str) -> None:
    """Write what went wrong on one line, whatever a file's name holds."""
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(error))
    typer.echo(f"movieqa: {text}", err=True)
