"""The verb that trains models."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .options import Debug, Json
from .output import print_json, say

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe: optimizer.lr=1e-5. Repeatable."),
]


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            help="align, instruct, long_video, identity_associate, identity_recognize, boundary_align, "
            "boundary_perceive, boundary_instruct or generated_films."
        ),
    ],
    model: Annotated[str, typer.Option("--model", help="Folder of the model to train (see convert).")],
    data: Annotated[list[Path], typer.Option("--data", help="File of records (see data check). Repeatable.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; the trained model is written to model/ in it.")
    ] = None,
    settings: Settings = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be trained, needed and taken.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume/--no-resume", help="Go on where the folder holds this run.")] = True,
    max_bad: Annotated[int | None, typer.Option("--max-bad", min=0, help="Samples that may be bad.")] = None,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Processes on this machine; for more machines use a launcher.")
    ] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a stage of LLaMA-VID, IDA-VLM, VTimeLLM or MovieLLM, with the published settings.

    Interrupted, the same command goes on at the newest checkpoint. On several machines start it with torchrun or
    `deepspeed --hostfile`, with `-m movieqa train ...`.
    """
    from movieqa import api

    progress = not quiet and sys.stderr.isatty()
    chosen = settings or []
    if dry_run:
        plan = api.plan_training(
            recipe, model=model, data=data, settings=chosen, max_bad=max_bad, processes=processes, progress=progress
        )
        print_json(asdict(plan)) if as_json else say(str(plan))
        return
    if out is None:
        raise typer.BadParameter("say where with --out, or ask for --dry-run", param_hint="--out")
    result = api.train_model(
        recipe,
        model=model,
        data=data,
        out=out,
        settings=chosen,
        max_bad=max_bad,
        resume=resume,
        processes=processes,
        progress=progress,
    )
    if os.environ.get("RANK", "0") == "0":
        print_json({**asdict(result), "model": str(result.model)}) if as_json else say(str(result.model))
