"""Verbs that make what models are trained on."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .group import VerbGroup
from .options import Debug, Json, Model
from .output import print_json, say


class Split(StrEnum):
    """Which names, faces, places, plots and wordings may be used."""

    all = "all"
    train = "train"
    test = "test"


class Times(StrEnum):
    """How symbolic times are written."""

    relative = "relative"
    absolute = "absolute"


class IdentitySource(StrEnum):
    """Whose annotations of people and things."""

    vcr = "vcr"
    refcoco = "refcoco"
    flickr30k = "flickr30k"
    movienet = "movienet"


synthesize = typer.Typer(
    name="synthesize", cls=VerbGroup, no_args_is_help=True, help="Make films whose every detail is known."
)

data = typer.Typer(name="data", cls=VerbGroup, no_args_is_help=True, help="Make and check training data.")


@data.command()
def build(
    films: Annotated[list[Path], typer.Argument(help="Folders that synthesize made.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="align, instruct, long_video, identity, boundary or text; all by default."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Turn synthesised films into the training formats of LLaMA-VID, IDA-VLM and VTimeLLM."""
    from movieqa import api

    built = api.data_build(films, out=out, formats=formats, progress=not quiet and sys.stderr.isatty())
    print_json(json.loads(json.dumps(asdict(built), default=str))) if as_json else say(str(out))


@data.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="JSON or JSON lines, of any format.")],
    model: Model = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="Recipe that is to be run (see train); its settings are used.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe, as for train. Repeatable."),
    ] = None,
    media: Annotated[
        list[Path] | None,
        typer.Option("--media", help="Folders of what records name; by default the folder of each file."),
    ] = None,
    features: Annotated[
        str | None, typer.Option("--features", help="Model whose stored features are used, where there are several.")
    ] = None,
    template: Annotated[
        str | None, typer.Option("--template", help="Chat template; the recipe's or the model's own by default.")
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option("--max-length", help="Tokens of the longest sample; as the recipe or the model by default."),
    ] = None,
    fps: Annotated[float | None, typer.Option("--fps", help="Frames a second of a video; 1 by default.")] = None,
    max_frames: Annotated[int | None, typer.Option("--max-frames", help="Most frames of a video.")] = None,
    times: Annotated[
        Times | None, typer.Option("--times", help="How symbolic times are written; relative by default.")
    ] = None,
    reference_compatible: Annotated[
        bool | None, typer.Option("--reference-compatible", help="Take what the published code takes.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every picture, video and feature to its end.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell what a training run would see: formats, lengths, frames, what is cut, what is bad and why.

    The exit code is 1 where a sample is bad.
    """
    from movieqa import api

    found = api.data_check(
        files,
        model=model,
        recipe=recipe,
        settings=settings or (),
        media=media or (),
        features=features,
        template=template,
        max_length=max_length,
        fps=fps,
        max_frames=max_frames,
        times=None if times is None else times.value,
        reference_compatible=reference_compatible,
        deep=deep,
        progress=not quiet and sys.stderr.isatty(),
    )
    print_json(asdict(found)) if as_json else say(found.describe())
    if found.bad:
        raise typer.Exit(1)


@data.command()
def build_identity(
    source: Annotated[IdentitySource, typer.Argument(help="Whose annotations: vcr, refcoco, flickr30k or movienet.")],
    annotations: Annotated[Path, typer.Argument(help="The published file or folder.")],
    images: Annotated[Path, typer.Option("--images", help="Folder of the pictures it names.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    seed: Annotated[int, typer.Option("--seed", help="Of names and choices.")] = 42,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Turn annotations of people and things into records with references, for the ID-Former."""
    from movieqa import api

    built = api.data_build_identity(source.value, annotations, images=images, out=out, seed=seed)
    print_json(json.loads(json.dumps(asdict(built), default=str))) if as_json else say(built.describe())


@data.command()
def build_boundary(
    annotations: Annotated[Path, typer.Argument(help="ActivityNet Captions' JSON, or records of videos with events.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    seed: Annotated[int, typer.Option("--seed", help="Of wordings and order.")] = 42,
    longest: Annotated[float, typer.Option("--longest", help="Seconds of the longest video that is used.")] = 120.0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Turn lists of events into dialogues about what happens when."""
    from movieqa import api

    built = api.data_build_boundary(annotations, out=out, seed=seed, longest=longest)
    print_json(json.loads(json.dumps(asdict(built), default=str))) if as_json else say(built.describe())


@synthesize.command()
def film_world(
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first film; the others follow it.")],
    minutes: Annotated[float, typer.Option("--minutes", help="About how long each film is.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    count: Annotated[int, typer.Option("--count", help="How many films.")] = 1,
    jobs: Annotated[int, typer.Option("--jobs", help="How many processes draw at once.")] = 1,
    split: Annotated[
        Split, typer.Option("--split", help="train keeps away from what is kept for test; all uses everything.")
    ] = Split.all,
    people: Annotated[
        int | None, typer.Option("--people", help="People in a film; by default its length decides.")
    ] = None,
    width: Annotated[int, typer.Option("--width", help="Of the picture, in pixels.")] = 640,
    height: Annotated[int, typer.Option("--height", help="Of the picture, in pixels.")] = 360,
    fps: Annotated[int, typer.Option("--fps", help="Frames a second.")] = 24,
    speaks: Annotated[
        bool, typer.Option("--speech/--no-speech", help="Speak the lines where a speech synthesiser is installed.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make whole films from a seed: film.mp4, film.srt, cast/, truth.json and questions with answers, qa.jsonl.

    Interrupted, the same command goes on where it stopped. The same seed gives the same pixels and the same truth.
    """
    from movieqa import api

    films = api.synthesize_film_world(
        seed=seed,
        minutes=minutes,
        out=out,
        count=count,
        jobs=jobs,
        split=split.value,
        people=people,
        width=width,
        height=height,
        fps=fps,
        speaks=speaks,
        progress=not quiet and sys.stderr.isatty(),
    )
    if as_json:
        print_json([asdict(film) | {"folder": str(film.folder)} for film in films])
        return
    for film in films:
        say(
            f"{film.folder}  ({film.duration:.0f} s, {film.num_shots} shots, {film.num_people} people, "
            f"{film.num_questions} questions)"
        )
