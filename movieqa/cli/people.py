"""Verbs about who is on screen."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movieqa.errors import ConfigError

from .group import VerbGroup
from .options import Debug, Device, Json, Model, Place, ShotFormat, Until
from .output import print_json, say, say_exported

if TYPE_CHECKING:
    from movieqa.identity import Cast

cast = typer.Typer(
    name="cast",
    cls=VerbGroup,
    no_args_is_help=True,
    help="The film's people: find, list, similar, name, merge, split, not, forget, purge, undo, history.",
)


class Provider(StrEnum):
    """What recognises people."""

    classical = "classical"
    sface = "sface"
    onnx = "onnx"
    model = "model"


In = Annotated[
    Path | None, typer.Option("--in", metavar="WORKSPACE", help="The workspace; by default the newest here.")
]
Who = Annotated[
    str, typer.Argument(help="A number, a name, or a place and moment: 'the person on the left at 00:12:30'.")
]


@cast.command("find")
def find_people(
    workspace: Place = None,
    provider: Annotated[
        Provider,
        typer.Option("--provider", help="What recognises people; classical needs no model files, model needs --model."),
    ] = Provider.classical,
    detector: Annotated[Path | None, typer.Option("--detector", help="The detector's ONNX file.")] = None,
    recogniser: Annotated[Path | None, typer.Option("--recogniser", help="The recogniser's ONNX file.")] = None,
    licence: Annotated[str, typer.Option("--licence", help="Of the onnx files; kept with the result.")] = "",
    cast_folder: Annotated[
        Path | None, typer.Option("--cast", help="A folder with one picture or folder per name.")
    ] = None,
    model: Model = None,
    device: Device = "auto",
    force: Annotated[bool, typer.Option("--force", help="Look at every frame again.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find who is on screen when; names come from --cast, or later from `cast name`. The film is not needed."""
    from tqdm import tqdm

    from movieqa import api

    with tqdm(desc="people", unit="frame", leave=False, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = api.cast_find(
            workspace,
            provider=provider.value,
            detector=detector,
            recogniser=recogniser,
            licence=licence,
            cast=cast_folder,
            model=model,
            device=device,
            force=force,
            on_progress=show,
        )
    _show(found, as_json=as_json)


@cast.command()
def fetch(
    folder: Annotated[Path | None, typer.Argument(help="Where to keep them; by default the user's cache.")] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Fetch the sface recogniser's model files over the network, checked against pinned digests."""
    from movieqa import api

    place = api.cast_fetch(folder)
    print_json({"folder": str(place)}) if as_json else say(str(place))


@cast.command("list")
def list_people(workspace: Place = None, as_json: Json = False, debug: Debug = False) -> None:
    """Tell who is in the film: first and last appearance, screen time, with whom."""
    from movieqa import api

    _show(api.cast_list(workspace), as_json=as_json)


@cast.command()
def name(
    who: Who,
    name: Annotated[str, typer.Argument(help="The name.")],
    workspace: In = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Give a person a name; two who get one name become one person."""
    from movieqa import api

    _show(api.cast_name(who, name, workspace=workspace), as_json=as_json)


@cast.command()
def merge(who: Who, other: Who, workspace: In = None, as_json: Json = False, debug: Debug = False) -> None:
    """Say that two are one person."""
    from movieqa import api

    _show(api.cast_merge(who, other, workspace=workspace), as_json=as_json)


@cast.command()
def split(
    who: Who,
    start: Annotated[str, typer.Argument(help="Where the stretch begins, such as 00:12:30.")],
    end: Annotated[str, typer.Argument(help="Where it ends.")],
    workspace: In = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Take a person's appearances in a stretch of the film out, as somebody else."""
    from movieqa import api

    _show(api.cast_split(who, start, end, workspace=workspace), as_json=as_json)


@cast.command("not")
def not_(who: Who, other: Who, workspace: In = None, as_json: Json = False, debug: Debug = False) -> None:
    """Say that somebody is not somebody, or has not a name."""
    from movieqa import api

    _show(api.cast_not(who, other, workspace=workspace), as_json=as_json)


@cast.command()
def similar(
    who: Who,
    workspace: In = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many to show.")] = 5,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell who looks most like somebody, and when, to see whether two are one person."""
    from movieqa import api
    from movieqa.times import format_time

    found = api.cast_similar(who, workspace=workspace, most=most)
    if as_json:
        print_json([{**asdict(one), "identity": one.identity.id, "label": one.identity.label} for one in found])
        return
    for one in found:
        together = "  seen together" if one.is_together else ""
        moments = f"{format_time(one.time)} and {format_time(one.other_time)}"
        say(f"{one.identity.id:>3}  {one.identity.label}  {one.score:.3f}  most alike at {moments}{together}")
    if not found:
        say("nobody else was found")


@cast.command()
def forget(who: Who, workspace: In = None, as_json: Json = False, debug: Debug = False) -> None:
    """Remove a person and all biometric data about them, for good."""
    from movieqa import api

    _show(api.cast_forget(who, workspace=workspace), as_json=as_json)


@cast.command()
def purge(workspace: Place = None, as_json: Json = False, debug: Debug = False) -> None:
    """Remove everything known about people from the workspace, for good."""
    from movieqa import api

    opened = api.cast_purge(workspace)
    print_json({"purged": str(opened.path)}) if as_json else say(f"{opened.path}  (no people)")


@cast.command()
def undo(
    number: Annotated[int | None, typer.Argument(help="Which edit; by default the last one that holds.")] = None,
    workspace: In = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Undo an edit; undoing an undo brings it back."""
    from movieqa import api

    _show(api.cast_undo(number, workspace=workspace), as_json=as_json)


@cast.command()
def history(workspace: Place = None, as_json: Json = False, debug: Debug = False) -> None:
    """Tell everything that was said about the cast, oldest first."""
    from movieqa import api

    lines = api.cast_history(workspace)
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    for line in lines:
        state = f"  (not applied: {line.conflict})" if line.conflict else "" if line.is_active else "  (undone)"
        say(f"{line.number:>4}  {line.text}{state}")


def find(
    workspace: Place = None,
    having: Annotated[
        list[str] | None, typer.Option("--with", help="Who must be on screen; give it again for several.")
    ] = None,
    without: Annotated[list[str] | None, typer.Option("--without", help="Who must not be.")] = None,
    first: Annotated[bool, typer.Option("--first", help="Only the first moment.")] = False,
    min_seconds: Annotated[float, typer.Option("--min-seconds", help="Leave out shorter moments.")] = 0.0,
    until: Until = None,
    export: Annotated[
        ShotFormat | None,
        typer.Option(
            "--export", help="Write the moments for other programs: CSV, CMX 3600 EDL, OpenTimelineIO, WebVTT."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write what is exported; by default standard output.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find when people are on screen together: --with A --with B --without C."""
    from movieqa import api
    from movieqa.times import format_time

    if output is not None and export is None:
        raise ConfigError("--output needs a format", hint="say which with --export csv, edl, otio or vtt")
    opened = api.open_workspace(workspace)
    moments = api.find(
        opened,
        having=having or (),
        without=without or (),
        min_seconds=min_seconds,
        first=first,
        until=until,
    )
    if export is not None:
        say_exported(api.export(opened, shots=export.value, moments=moments, output=output), export, output, as_json)
        return
    if as_json:
        print_json([asdict(moment) for moment in moments])
        return
    for moment in moments:
        say(f"{format_time(moment.start)}-{format_time(moment.end)}  {moment.end - moment.start:.1f} s")
    if not moments:
        say("never")


def _show(people: Cast, *, as_json: bool) -> None:
    from movieqa.cast_table import render_cast
    from movieqa.people_export import export_people

    say(export_people(people, "json") if as_json else render_cast(people))
