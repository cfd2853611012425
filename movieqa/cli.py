"""The command line: each verb is one function of `movieqa.api`, with the same names."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup, TyperOption

from movieqa import __version__
from movieqa.errors import ConfigError, MovieQAError

EXIT_DONE, EXIT_USER, EXIT_INTERRUPTED = 0, 2, 3


class _Verbs(TyperGroup):
    """All verbs, with one place where what went wrong becomes a line and an exit code."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a verb; its help leaves out the variables, which follow one rule told in the epilogue."""
        command = super().get_command(ctx, cmd_name)
        for param in command.params if command else ():
            if isinstance(param, TyperOption):
                param.show_envvar = False
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except MovieQAError as error:
            if "--debug" in sys.argv:
                traceback.print_exc()
            _complain(_one_line(error))
            raise typer.Exit(EXIT_USER) from None
        except KeyboardInterrupt:
            _complain("interrupted; run the same command again to go on")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left: nothing more to say
            raise typer.Exit(EXIT_DONE) from None


app = typer.Typer(
    name="movieqa",
    cls=_Verbs,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "MOVIEQA", "help_option_names": ["-h", "--help"]},
    help="Understands whole films: preprocess once, ask many times, see the moment that proves each answer.",
    epilog="Every flag can be set as MOVIEQA_VERB_FLAG or in movieqa.toml, under [verb]. "
    "Exit codes: 0 done, 2 something to change, 3 interrupted (run it again to go on).",
)


class ShotFormat(StrEnum):
    """Formats `export` writes."""

    csv = "csv"
    edl = "edl"
    otio = "otio"
    vtt = "vtt"


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


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", allow_from_autoenv=False)
    ] = False,
) -> None:
    if version:
        typer.echo(f"movieqa {__version__}")
        raise typer.Exit
    from movieqa.settings import load_settings

    context.default_map = load_settings(_options_by_verb(context))


@app.command()
def preprocess(
    film: Annotated[Path, typer.Argument(help="The film file.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The workspace's folder; by default FILM's name with .movieqa, here."),
    ] = None,
    fps: Annotated[float, typer.Option("--fps", help="Frames sampled a second; every shot gets at least one.")] = 1.0,
    max_frames: Annotated[
        int | None, typer.Option("--max-frames", help="The most evenly spaced frames to sample.")
    ] = None,
    detector: Annotated[
        str | None, typer.Option("--detector", help="How cuts are found; by default the one that measures best.")
    ] = None,
    transnet: Annotated[
        Path | None, typer.Option("--transnet", help="A TransNetV2 ONNX file, for --detector transnet.")
    ] = None,
    subtitles: Annotated[
        list[Path] | None,
        typer.Option("--subtitles", help="A subtitle file; by default one beside FILM, then one inside it."),
    ] = None,
    subtitle_language: Annotated[
        str | None, typer.Option("--subtitle-language", help="The language to choose, such as en.")
    ] = None,
    transcribe: Annotated[
        str | None,
        typer.Option("--transcribe", help="A speech recognition model (name or folder), for films without subtitles."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Do every step again.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Turn a film into a workspace: shots, sampled frames, subtitles.

    The workspace no longer needs the film. Interrupted, the same command goes on where it stopped.
    """
    from movieqa import api

    workspace = api.preprocess_movie(
        film,
        output=output,
        fps=fps,
        max_frames=max_frames,
        detector=detector,
        transnet=transnet,
        subtitles=subtitles or (),
        subtitle_language=subtitle_language,
        transcribe=transcribe,
        force=force,
        progress=not quiet,
    )
    if as_json:
        _print_json(api.info(workspace).to_dict())
    else:
        typer.echo(f"{workspace.path}  ({len(workspace.shots)} shots, {len(workspace.frames)} frames)")


@app.command()
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
        _print_json(answers[0].to_dict() if len(answers) == 1 else [answer.to_dict() for answer in answers])
    else:
        typer.echo("\n\n".join(render_answer(answer) for answer in answers))


@app.command()
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
            typer.echo(f"movieqa: {_one_line(error)}", err=True)


@app.command()
def report(
    workspace: Place = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page; by default beside the workspace.")
    ] = None,
    question: Annotated[
        list[str] | None, typer.Option("--question", help="Put this question's answer on the page.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the film's storyboard as one HTML page: pictures, times, subtitles, search. It works offline."""
    from movieqa import api

    path = api.report(workspace, output=output, question=question or ())
    _print_json({"report": str(path)}) if as_json else typer.echo(str(path))


@app.command()
def export(
    workspace: Place = None,
    shots: Annotated[
        ShotFormat, typer.Option("--shots", help="Format: CSV, CMX 3600 EDL, OpenTimelineIO or WebVTT chapters.")
    ] = ShotFormat.csv,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; by default standard output.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the film's shots for other programs: spreadsheet, editing system, player."""
    from movieqa import api

    text = api.export(workspace, shots=shots.value, output=output)
    if as_json:
        _print_json({"format": shots.value, "output": str(output)} if output else {"format": shots.value, "text": text})
    elif output is not None:
        typer.echo(str(output))
    else:
        typer.echo(text, nl=not text.endswith("\n"))


@app.command()
def info(
    workspace: Place = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check every byte of the workspace.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell what a workspace holds and whether it is whole."""
    from movieqa import api
    from movieqa.summary import render_summary

    summary = api.info(workspace, verify=verify)
    _print_json(summary.to_dict()) if as_json else typer.echo(render_summary(summary))


@app.command()
def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Tell what is installed, what is missing and how to get it, and what movieqa will use."""
    from movieqa import api
    from movieqa.doctor import render_diagnosis

    diagnosis = api.doctor()
    _print_json(diagnosis.to_dict()) if as_json else typer.echo(render_diagnosis(diagnosis))
    if not diagnosis.ok:
        raise typer.Exit(EXIT_USER)


def main() -> None:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    app()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _complain(message: str) -> None:
    typer.echo(f"movieqa: {message}", err=True)


def _one_line(error: Exception) -> str:
    """Keep an error on one line, whatever a file's name holds."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(error))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _lines(prompt: str) -> Any:
    while True:
        try:
            yield input(prompt).strip()
        except EOFError:
            return


def _options_by_verb(context: typer.Context) -> dict[str, frozenset[str]]:
    assert isinstance(context.command, TyperGroup)
    return {
        verb: frozenset(option.name for option in command.params if option.name and option.name != "debug")
        for verb, command in context.command.commands.items()
    }


if __name__ == "__main__":
    main()
