"""Verbs that let a judge compare two runs, and that hand benchmarks to lmms-eval."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movieqa.errors import ConfigError

from .options import Debug, Json, JudgeKey, JudgeModel, JudgeUrl, MaxJudgeCalls
from .output import print_json, remark, say

if TYPE_CHECKING:
    from movieqa.api.judging import JudgedComparison


def judge(
    a: Annotated[Path, typer.Argument(metavar="A", help="A log of eval, or a folder of MovieLLM's answers.")],
    b: Annotated[
        Path | None, typer.Argument(metavar="B", help="Another one; left out, A is a folder of judged files.")
    ] = None,
    judge_url: JudgeUrl = None,
    judge_model: JudgeModel = None,
    judge_key: JudgeKey = "OPENAI_API_KEY",
    max_judge_calls: MaxJudgeCalls = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Folder of right answers, where A and B are folders.")
    ] = None,
    reference_compatible: Annotated[
        bool, typer.Option("--reference-compatible", help="Score judged files as MovieLLM's script does.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of the intervals' resampling.")] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Let a judge say which of two runs answers better, every pair in both orders; or score judged files again."""
    from movieqa import api

    if b is None:
        result = api.score_judged(a, reference_compatible=reference_compatible, seed=seed)
    elif judge_model is None:
        raise ConfigError("the judge's model has no name", hint="say which with --judge-model")
    elif reference_compatible:
        raise ConfigError("--reference-compatible scores judged files", hint="give their folder alone")
    else:
        result = api.judge_pairs(
            a,
            b,
            judge_model=judge_model,
            judge=judge_url,
            truth=truth,
            judge_key=judge_key,
            max_judge_calls=max_judge_calls,
            seed=seed,
            progress=sys.stderr.isatty(),
        )
    print_json(json.loads(json.dumps(asdict(result)))) if as_json else _show(result)


def lmms_task(
    samples: Annotated[Path, typer.Argument(help="A benchmark's file or folder, as eval takes it.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into, for lmms-eval's --include_path.")],
    films: Annotated[
        Path | None, typer.Option("--films", help="Folder of films and pictures; by default where the samples are.")
    ] = None,
    benchmark: Annotated[str | None, typer.Option("--benchmark", help="Which one it is; see eval --list.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The task's name.")] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a benchmark as a task of lmms-eval, scored there by movieqa's scorers."""
    from movieqa import api

    task = api.write_lmms_task(samples, out=out, films=films, benchmark=benchmark, name=name)
    if as_json:
        print_json(asdict(task) | {"folder": str(task.folder)})
        return
    if task.num_left_out:
        remark(f"{task.num_left_out} samples cannot be in such a task and were left out")
    say(f"{task.num_samples} samples; lmms-eval --model movieqa --include_path {task.folder} --tasks {task.name}")


def _show(result: JudgedComparison) -> None:
    for scores in result.published:
        say(f"{scores.category:<10} first wins {scores.win_ratio:.4f}   scores {scores.first:.4f} {scores.second:.4f}")
    for table in result.tables:
        counts = f"wins {table.wins}, ties {table.ties}, losses {table.losses}, unjudged {table.unjudged}"
        rate = f"win rate {table.win_rate:.3f} [{table.low:.3f}, {table.high:.3f}]"
        agreement = "" if table.agreement is None else f"; both orders agree on {table.agreement:.2f}"
        say(f"{table.category:<10} {counts}; {rate}; scores {table.first:.2f} {table.second:.2f}{agreement}")
    for note in result.notes:
        remark(note)
