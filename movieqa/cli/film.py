"""Verbs that make a workspace and show what is in it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import Debug, Device, Features, Json, Model, Place, ShotFormat
from .output import print_json, say, say_exported


class PeopleFormat(StrEnum):
    """Formats `export --people` writes."""

    csv = "csv"
    json = "json"
    vtt = "vtt"


def preprocess(
    film: Annotated[Path, typer.Argument(help="The film file.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The workspace's folder; by default FILM's name with .movieqa, here."),
    ] = None,
    fps: Annotated[float, typer.Option("--fps", help="Frames sampled a second; every shot gets at least one.")] = 1.0,
    max_frames: Annotated[
        int | None, typer.Option("--max-frames", help="The most frames to sample, spread evenly.")
    ] = None,
    detector: Annotated[
        str,
        typer.Option(
            "--detector",
            help="How cuts are found: transitions (measured best), content, adaptive, histogram, hash, threshold "
            "(PySceneDetect's), or transnet.",
        ),
    ] = "transitions",
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
    people: Annotated[
        str | None,
        typer.Option(
            "--people", help="What recognises people (classical, sface, model); nobody is looked for by default."
        ),
    ] = None,
    cast: Annotated[
        Path | None, typer.Option("--cast", help="A folder with one picture or folder per name; implies --people.")
    ] = None,
    model: Model = None,
    features: Features = "float16",
    device: Device = "auto",
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
        people=people,  # type: ignore[arg-type]  # checked where it is used
        cast=cast,
        model=model,
        features=features,  # type: ignore[arg-type]  # checked where it is used
        device=device,
        force=force,
        progress=not quiet,
    )
    if as_json:
        print_json(api.info(workspace).to_dict())
    else:
        say(f"{workspace.path}  ({len(workspace.shots)} shots, {len(workspace.frames)} frames)")


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
    print_json(summary.to_dict()) if as_json else say(render_summary(summary))


def report(
    workspace: Place = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page; by default beside the workspace.")
    ] = None,
    question: Annotated[
        list[str] | None, typer.Option("--question", help="Put this question's answer on the page.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="The answers use nothing from this time on; the page shows all."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the film's storyboard as one HTML page: pictures, times, people, subtitles, search. It works offline."""
    from movieqa import api

    path = api.report(workspace, output=output, question=question or (), until=until)
    print_json({"report": str(path)}) if as_json else say(str(path))


def export(
    workspace: Place = None,
    shots: Annotated[
        ShotFormat, typer.Option("--shots", help="Format: CSV, CMX 3600 EDL, OpenTimelineIO or WebVTT chapters.")
    ] = ShotFormat.csv,
    people: Annotated[
        PeopleFormat | None, typer.Option("--people", help="Instead of shots who is when: CSV, JSON or WebVTT.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; by default standard output.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the film's shots, or its people, for other programs: spreadsheet, editing system, player."""
    from movieqa import api

    format_ = shots.value if people is None else people.value
    text = api.export(workspace, shots=shots.value, people=None if people is None else people.value, output=output)
    say_exported(text, format_, output, as_json)
