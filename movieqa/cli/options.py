"""Flags that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Guidance(StrEnum):
    """What guides a model's context tokens."""

    question = "question"
    film = "film"


class CastForm(StrEnum):
    """How a model is told of people."""

    words = "words"
    slots = "slots"


class Quantisation(StrEnum):
    """Bits of the language model's weights."""

    none = "none"
    eight = "8bit"
    four = "4bit"


class Cache(StrEnum):
    """How a model keeps what it has read."""

    dynamic = "dynamic"
    static = "static"
    quantized = "quantized"
    offloaded = "offloaded"
    offloaded_static = "offloaded_static"


class ShotFormat(StrEnum):
    """Formats of shots and moments."""

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
Model = Annotated[
    str | None,
    typer.Option("--model", envvar="MOVIEQA_MODEL", help="A model's folder (see convert) or hub name."),
]
GuidanceChoice = Annotated[
    Guidance,
    typer.Option("--guidance", help="What guides a model's context tokens: every question, or one text a film."),
]
Device = Annotated[str, typer.Option("--device", help="Where a model runs; auto takes the first GPU.")]
QuantisationChoice = Annotated[
    Quantisation, typer.Option("--quantisation", help="Bits of a model's weights; 8bit and 4bit need bitsandbytes.")
]
AnswerTokens = Annotated[int, typer.Option("--answer-tokens", min=1, help="The longest answer a model writes.")]
JudgeUrl = Annotated[
    str | None, typer.Option("--judge", metavar="URL", help="A judge's address; it speaks the OpenAI protocol.")
]
JudgeModel = Annotated[
    str | None, typer.Option("--judge-model", help="Its name; without --judge only kept replies are used.")
]
JudgeKey = Annotated[
    str, typer.Option("--judge-key", metavar="VARIABLE", help="Environment variable with the judge's key.")
]
MaxJudgeCalls = Annotated[
    int | None, typer.Option("--max-judge-calls", min=0, help="The most questions put to the judge.")
]
IdFormer = Annotated[
    bool,
    typer.Option("--id-former", help="Read every frame with its people in mind; for models trained with an ID-Former."),
]
CastFormChoice = Annotated[
    CastForm,
    typer.Option("--cast-form", help="How a model is told of people: words (names), or slots it was trained with."),
]
CacheChoice = Annotated[
    Cache,
    typer.Option("--cache", help="How a model keeps what it has read: quantized to 4 bits, or offloaded from the GPU."),
]
Features = Annotated[str, typer.Option("--features", help="How a model's features are stored: float16 or int8.")]
