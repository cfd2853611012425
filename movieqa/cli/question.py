"""Verbs that answer questions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from movieqa.errors import ConfigError, MovieQAError

from .options import Debug, Json, MaxSpans, Place, Until
from .output import complain, print_json


def ask(
    workspace: Place = None,
    question: Annotated[
        list[str] | None, typer.Option("--question", "-q", help="The question; give it again for several.")
    ] = None,
    until: Until = None,
    max_spans: MaxSpans = 5,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Answer a question about a film, with the moments that prove the answer."""
    from movieqa import api
    from movieqa.answer_text import render_answer

    if not question:
        raise ConfigError("ask needs a question", hint="movieqa ask --question 'Who takes the key?'")
    opened = api.open_workspace(workspace)
    if workspace is None:
        typer.echo(f"asking {opened.path}", err=True)
    answers = api.ask(opened, question, until=until, max_spans=max_spans)
    if as_json:
        print_json(answers[0].to_dict() if len(answers) == 1 else [answer.to_dict() for answer in answers])
    else:
        typer.echo("\n\n".join(render_answer(answer) for answer in answers))


def chat(
    workspace: Place = None,
    until: Until = None,
    max_spans: MaxSpans = 5,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask question after question about one film; the film is opened once.

    One question a line. /until TIME sets how much of the film counts, /until alone lifts it, /quit leaves.
    """
    from movieqa import api
    from movieqa.answer_text import render_answer

    session = api.chat(workspace, until=until, max_spans=max_spans)
    show: Callable[[Any], str] = (
        (lambda answer: json.dumps(answer.to_dict(), ensure_ascii=False)) if as_json else render_answer
    )
    for line in _lines("? " if sys.stdin.isatty() else ""):
        try:
            command, _, rest = line.partition(" ")
            if command == "/quit":
                break
            if command == "/until":
                session.until = api.seconds(rest.strip() or None)
            elif command.startswith("/"):
                typer.echo("commands: /until TIME, /until, /quit", err=True)
            elif line:
                typer.echo(show(session.ask(line)) + ("" if as_json else "\n"))
        except MovieQAError as error:
            complain(error)


def _lines(prompt: str) -> Iterator[str]:
    while True:
        try:
            yield input(prompt).strip()
        except EOFError:
            return
