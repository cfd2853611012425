"""The command `movieqa`: a table of verbs, each one function of `movieqa.api` with the same names."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from movieqa import __version__
from movieqa.errors import MovieQAError

from . import evaluation, film, judging, machine, model, people, question, train, training
from .group import VerbGroup
from .output import UnwritableError, complain

EXIT_DONE, EXIT_USER = 0, 2
_TYPER_INTERRUPTED = 130
VERBS = (
    film.preprocess,
    question.ask,
    question.chat,
    people.find,
    film.report,
    film.export,
    film.info,
    model.plan,
    model.convert,
    train.train,
    evaluation.eval_,
    evaluation.score,
    evaluation.compare,
    evaluation.eval_report,
    judging.judge,
    judging.lmms_task,
    machine.doctor,
)


class _Verbs(VerbGroup):
    """All verbs, with one place where what went wrong becomes a line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except MovieQAError as error:
            if "--debug" in sys.argv:
                traceback.print_exc()
            complain(error)
            raise typer.Exit(EXIT_USER) from None
        except BrokenPipeError:
            _close_output()  # the reader left: nothing more to say
            raise typer.Exit(EXIT_DONE) from None
        except UnwritableError as error:
            _close_output()
            complain(error)
            raise typer.Exit(EXIT_USER) from None


app = typer.Typer(
    name="movieqa",
    cls=_Verbs,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "MOVIEQA", "help_option_names": ["-h", "--help"]},
    help="Understands whole films: preprocess once, ask many times, see the moment that proves each answer.",
    epilog="Every flag can be set as MOVIEQA_VERB_FLAG or in movieqa.toml, under [verb]. "
    "Exit codes: 0 done, 1 some samples have no answer, 2 something to change, 3 interrupted (run it again to go on).",
)
for _verb in VERBS:
    app.command(_verb.__name__.rstrip("_").replace("_", "-"))(_verb)
for _group in (people.cast, training.synthesize, training.data):
    app.add_typer(_group)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"movieqa {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and leave.",
            allow_from_autoenv=False,
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
    local_rank: Annotated[
        int | None,
        typer.Option(
            "--local_rank",
            help="Which process of a machine; deepspeed's launcher says so, and sets LOCAL_RANK too.",
            allow_from_autoenv=False,
            hidden=True,
        ),
    ] = None,
) -> None:
    from movieqa.settings import load_settings

    options = _options(context)
    settings = load_settings({verb: frozenset(known) for verb, known in options.items()})
    context.default_map = {
        verb: {
            options[verb][flag].name: [value] if options[verb][flag].multiple and isinstance(value, str) else value
            for flag, value in chosen.items()
        }
        for verb, chosen in settings.items()
    }


def run() -> None:
    """Run a verb and leave with its exit code."""
    try:
        app()
    except SystemExit as end:
        if end.code == _TYPER_INTERRUPTED:
            raise KeyboardInterrupt from None
        raise


def _close_output() -> None:
    """Send what is still to be flushed to standard output nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _options(context: typer.Context) -> dict[str, dict[str, Any]]:
    """Return every verb's options by what settings files call them: the flag, with `_` for `-`."""
    assert isinstance(context.command, TyperGroup)
    return {
        verb: {
            max(option.opts, key=len).lstrip("-").replace("-", "_"): option
            for option in command.params
            if option.name and option.name != "debug"
        }
        for verb, command in context.command.commands.items()
    }
