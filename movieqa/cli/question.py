"""Verbs that answer questions."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from movieqa.errors import ConfigError, MovieQAError

from .options import (
    AnswerTokens,
    Cache,
    CacheChoice,
    CastForm,
    CastFormChoice,
    Debug,
    Device,
    Guidance,
    GuidanceChoice,
    IdFormer,
    Json,
    MaxSpans,
    Model,
    Place,
    Quantisation,
    QuantisationChoice,
    Until,
)
from .output import complain, print_json, print_json_line, remark, say

if TYPE_CHECKING:
    from movieqa.api import Answer


def ask(
    workspace: Place = None,
    question: Annotated[
        list[str] | None, typer.Option("--question", "-q", help="The question; give it again for several.")
    ] = None,
    until: Until = None,
    max_spans: MaxSpans = 5,
    model: Model = None,
    guidance: GuidanceChoice = Guidance.question,
    device: Device = "auto",
    quantisation: QuantisationChoice = Quantisation.none,
    answer_tokens: AnswerTokens = 512,
    id_former: IdFormer = False,
    cast_form: CastFormChoice = CastForm.words,
    cache: CacheChoice = Cache.dynamic,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Answer a question about a film, with the moments that prove the answer.

    Without a model the answer is quoted from the film's own lines and shots.
    """
    from movieqa import api
    from movieqa.answer_text import render_answer, render_answers

    if not question:
        raise ConfigError("ask needs a question", hint="movieqa ask --question 'Who takes the key?'")
    opened = api.open_workspace(workspace)
    if workspace is None:
        remark(f"asking {opened.path}")
    answers = api.ask(
        opened,
        question,
        until=until,
        max_spans=max_spans,
        model=model,
        guidance=guidance.value,
        device=device,
        quantisation=quantisation.value,
        answer_tokens=answer_tokens,
        id_former=id_former,
        cast_form=cast_form.value,
        cache=cache.value,
    )
    if as_json:
        print_json(answers[0].to_dict() if len(answers) == 1 else [answer.to_dict() for answer in answers])
    else:
        say(render_answer(answers[0]) if len(answers) == 1 else render_answers(answers))


def chat(
    workspace: Place = None,
    until: Until = None,
    max_spans: MaxSpans = 5,
    model: Model = None,
    guidance: GuidanceChoice = Guidance.film,
    device: Device = "auto",
    quantisation: QuantisationChoice = Quantisation.none,
    answer_tokens: AnswerTokens = 512,
    id_former: IdFormer = False,
    cast_form: CastFormChoice = CastForm.words,
    cache: CacheChoice = Cache.dynamic,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask question after question about one film; film and model are opened once.

    One question a line. /until TIME sets how much of the film counts, /until alone lifts it, /quit leaves.
    """
    from movieqa import api

    session = api.chat(
        workspace,
        until=until,
        max_spans=max_spans,
        model=model,
        guidance=guidance.value,
        device=device,
        quantisation=quantisation.value,
        answer_tokens=answer_tokens,
        id_former=id_former,
        cast_form=cast_form.value,
        cache=cache.value,
    )
    for line in _lines("? " if sys.stdin.isatty() else ""):
        try:
            command, _, rest = line.partition(" ")
            if command == "/quit":
                break
            if command == "/until":
                session.until = api.seconds(rest.strip() or None)
            elif command.startswith("/"):
                remark("commands: /until TIME, /until, /quit")
            elif line and as_json:
                print_json_line(session.ask(line).to_dict())
            elif line:
                _show(session.stream(line))
        except MovieQAError as error:
            complain(error)


def _show(pieces: Generator[str, None, Answer]) -> None:
    """Write an answer's text as it comes, then its evidence."""
    from movieqa.answer_text import render_evidence, render_piece

    while True:
        try:
            say(render_piece(next(pieces)), is_line=False)
        except StopIteration as end:
            answer: Answer = end.value
            say(f"\n\n{render_evidence(answer)}\n")
            return


def _lines(prompt: str) -> Iterator[str]:
    while True:
        try:
            yield input(prompt).strip()
        except EOFError:
            return
