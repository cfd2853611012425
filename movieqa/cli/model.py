"""Verbs about models: what a film takes with one, and conversion of published weights."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from movieqa.errors import ConfigError

from .options import (
    AnswerTokens,
    Cache,
    CacheChoice,
    Debug,
    Device,
    Features,
    Json,
    Model,
    Quantisation,
    QuantisationChoice,
    Until,
)
from .output import print_json, say


def plan(
    film: Annotated[Path, typer.Argument(help="A film, or its workspace.")],
    model: Model = None,
    fps: Annotated[float, typer.Option("--fps", help="Frames sampled a second, for a film without workspace.")] = 1.0,
    max_frames: Annotated[
        int | None, typer.Option("--max-frames", help="The most frames in the context; by default as many as fit.")
    ] = None,
    answer_tokens: AnswerTokens = 512,
    features: Features = "float16",
    quantisation: QuantisationChoice = Quantisation.none,
    cache: CacheChoice = Cache.dynamic,
    device: Device = "auto",
    until: Until = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell what a film takes with a model before anything runs: tokens, memory, disk, time.

    What cannot be done is refused (exit code 2), with what would fit instead.
    """
    from movieqa import api
    from movieqa.plan import render_plan

    if model is None:
        raise ConfigError("plan needs a model", hint="name it with --model or MOVIEQA_MODEL")
    planned = api.plan(
        film,
        model=model,
        fps=fps,
        max_frames=max_frames,
        answer_tokens=answer_tokens,
        features=features,  # type: ignore[arg-type]  # checked where it is used
        quantisation=quantisation.value,
        cache=cache.value,
        device=device,
        until=until,
    )
    print_json(planned.to_dict()) if as_json else say(render_plan(planned))
    planned.check()


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="A release's folder (LLaMA-VID, IDA-VLM), a film's .pkl of features, or a language model's folder."
        ),
    ],
    target: Annotated[Path, typer.Argument(help="A new folder.")],
    vision_tower: Annotated[
        Path | None, typer.Option("--vision-tower", help="LAVIS eva_vit_g.pth, where SOURCE has no vision tower.")
    ] = None,
    text_decoder: Annotated[
        Path | None, typer.Option("--text-decoder", help="A trimmed Q-Former, where SOURCE has no text decoder.")
    ] = None,
    language_model: Annotated[
        Path | None, typer.Option("--language-model", help="The language model's folder, for a stage-1 release.")
    ] = None,
    guidance_tokenizer: Annotated[
        str, typer.Option("--guidance-tokenizer", help="The text decoder's tokenizer, a folder or hub name.")
    ] = "bert-base-uncased",
    model: Model = None,
    fps: Annotated[float, typer.Option("--fps", help="For a film: its frames a second.")] = 1.0,
    subtitles: Annotated[
        list[Path] | None,
        typer.Option("--subtitles", help="For a film: a subtitle file; by default the lines among its features."),
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Where to write the parity report.")] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Convert published weights, or a film's published features; every tensor is accounted for.

    A LLaMA-VID release becomes a model to ask, an IDA-VLM release its ID-Former and visual tower, a film's .pkl a
    workspace for --model; a language model with the two LAVIS files becomes the model that training starts from.
    """
    from movieqa import api

    converted = api.convert(
        source,
        target,
        vision_tower=vision_tower,
        text_decoder=text_decoder,
        language_model=language_model,
        guidance_tokenizer=guidance_tokenizer,
        model=model,
        fps=fps,
        subtitles=subtitles or (),
        report=report,
    )
    print_json(asdict(converted)) if as_json else say(converted.describe(target))
