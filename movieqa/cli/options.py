"""Flags that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Place = Annotated[
    Path | None,
    typer.Argument(help="The workspace; by default the newest in the current folder."),
]
Json = Annotated[bool, typer.Option("--json", help="Write the result as JSON.", allow_from_autoenv=False)]
Debug = Annotated[bool, typer.Option("--debug", help="Show the whole trace of an error.", allow_from_autoenv=False)]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Use and show nothing from this time on (00:41:00, 41:00, 90s)."),
]
MaxSpans = Annotated[int, typer.Option("--max-spans", min=1, max=5, help="The most moments an answer cites.")]
