"""Verbs that ask many questions over many films, score the answers, and compare runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from movieqa.errors import ConfigError

from .options import (
    AnswerTokens,
    Debug,
    Device,
    Features,
    Guidance,
    GuidanceChoice,
    Json,
    JudgeKey,
    JudgeModel,
    JudgeUrl,
    MaxJudgeCalls,
    MaxSpans,
    Model,
    Quantisation,
    QuantisationChoice,
)
from .output import print_json, remark, say

if TYPE_CHECKING:
    from movieqa.eval.compare import Comparison, Difference
    from movieqa.eval.run import Run
    from movieqa.eval.score import Scores
    from movieqa.eval.scoring import ScoredRun

EXIT_SOME_FAILED = 1


class Blind(StrEnum):
    """What a model that does not see the film is given."""

    text = "text"
    subtitles = "subtitles"


class People(StrEnum):
    """What recognises people."""

    classical = "classical"
    sface = "sface"


class Times(StrEnum):
    """How moments are asked for."""

    seconds = "seconds"
    hundredths = "hundredths"


class Task(StrEnum):
    """What a sample asks for."""

    choice = "choice"
    open = "open"
    yes_no = "yes_no"
    moments = "moments"
    captions = "captions"
    box = "box"


Log = Annotated[Path, typer.Argument(metavar="LOG", help="A log that eval wrote.")]
Scorers = Annotated[
    list[str] | None,
    typer.Option("--scorer", help="A scorer's name; give it again for several. By default those of the benchmark."),
]
ReferenceCompatible = Annotated[
    bool, typer.Option("--reference-compatible", help="Count as the original scripts do, known errors included.")
]
Films = Annotated[
    Path | None,
    typer.Option("--films", metavar="DIR", help="The films, or their workspaces; by default where the samples are."),
]
Workspaces = Annotated[
    Path | None,
    typer.Option("--workspaces", metavar="DIR", help="Where workspaces are, or are made; by default beside the films."),
]


def eval_(
    samples: Annotated[Path | None, typer.Argument(help="A benchmark's file or folder, or samples of our own.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The log; an interrupted run goes on with it.")] = None,
    model: Model = None,
    films: Films = None,
    workspaces: Workspaces = None,
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", help="Whose format it is; by default the files tell.")
    ] = None,
    task: Annotated[
        list[Task] | None, typer.Option("--task", help="Only samples of this task; give it again for several.")
    ] = None,
    times: Annotated[
        Times, typer.Option("--times", help="Ask for moments in seconds, or in VTimeLLM's frames 00 to 99.")
    ] = Times.seconds,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many samples.")] = None,
    guidance: GuidanceChoice = Guidance.question,
    batch: Annotated[int, typer.Option("--batch", min=1, help="The most questions put together.")] = 16,
    until_free: Annotated[
        bool, typer.Option("--until-free", help="Let every question use the whole film, whatever its sample says.")
    ] = False,
    blind: Annotated[
        Blind | None,
        typer.Option("--blind", help="Keep the film from the model: the bare question, or with the lines."),
    ] = None,
    people: Annotated[
        People | None,
        typer.Option("--people", help="Find people where nobody has; names come from `cast` by the film."),
    ] = None,
    fps: Annotated[float, typer.Option("--fps", help="Frames sampled a second, of films without a workspace.")] = 1.0,
    max_frames: Annotated[int | None, typer.Option("--max-frames", min=1, help="At most so many frames.")] = None,
    features: Features = "float16",
    device: Device = "auto",
    quantisation: QuantisationChoice = Quantisation.none,
    answer_tokens: AnswerTokens = 512,
    max_spans: MaxSpans = 5,
    redo_failed: Annotated[bool, typer.Option("--redo-failed", help="Ask samples that failed again.")] = False,
    ray: Annotated[bool, typer.Option("--ray", help="Run on a Ray cluster, one film a task.")] = False,
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", help="Of a running cluster; by default one is started here.")
    ] = None,
    ray_cpus: Annotated[float, typer.Option("--ray-cpus", help="Processors a film gets.")] = 1.0,
    ray_gpus: Annotated[
        float | None, typer.Option("--ray-gpus", help="GPUs a film gets; by default one where there are any.")
    ] = None,
    is_list: Annotated[
        bool, typer.Option("--list", help="List the benchmarks that can be read.", allow_from_autoenv=False)
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask samples over many films; what comes back goes into a log, faults and refusals too.

    Interrupted, the same command goes on where it stopped. Exit code 1 says that some samples have no answer.
    """
    from tqdm import tqdm

    from movieqa import api

    if is_list:
        _show_benchmarks(as_json=as_json)
        return
    if samples is None or out is None:
        raise ConfigError("eval needs samples and --out", hint="movieqa eval qa.jsonl --films DIR --out run.jsonl")
    with tqdm(desc="samples", unit="", leave=False, disable=quiet or not sys.stderr.isatty()) as bar:

        def show(done: int, total: int, film: str) -> None:
            bar.total = total
            bar.set_postfix_str(film, refresh=False)
            bar.update(done - bar.n)

        run = api.evaluate(
            samples,
            out=out,
            films=films,
            workspaces=workspaces,
            benchmark=benchmark,
            task=[one.value for one in task or ()],
            times=times.value,
            limit=limit,
            model=model,
            guidance=guidance.value,
            device=device,
            quantisation=quantisation.value,
            answer_tokens=answer_tokens,
            max_spans=max_spans,
            batch=batch,
            until_free=until_free,
            blind=None if blind is None else blind.value,
            people=None if people is None else people.value,
            fps=fps,
            max_frames=max_frames,
            features=features,  # type: ignore[arg-type]  # the step says which there are
            redo_failed=redo_failed,
            ray=ray,
            ray_address=ray_address,
            ray_cpus=ray_cpus,
            ray_gpus=ray_gpus,
            on_progress=show,
        )
    _show_run(run, as_json=as_json)
    if run.counts["refused"] or run.counts["failed"]:
        raise typer.Exit(EXIT_SOME_FAILED)


def score(
    run: Log,
    scorer: Scorers = None,
    reference_compatible: ReferenceCompatible = False,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the scored samples, as .json (lmms-eval's) or .parquet.")
    ] = None,
    judge: JudgeUrl = None,
    judge_model: JudgeModel = None,
    judge_key: JudgeKey = "OPENAI_API_KEY",
    max_judge_calls: MaxJudgeCalls = None,
    annotations: Annotated[
        Path | None,
        typer.Option("--annotations", help="The log is one of VTimeLLM's eval.py; these are its right answers."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Score a run from its log; nothing is asked again."""
    from movieqa import api

    if annotations is not None:
        _tell_scores(api.score_vtimellm(run, annotations=annotations), as_json=as_json)
        return
    scored = api.score(
        run,
        scorer=scorer or (),
        reference_compatible=reference_compatible,
        export=export,
        judge=judge,
        judge_model=judge_model,
        judge_key=judge_key,
        max_judge_calls=max_judge_calls,
        progress=sys.stderr.isatty(),
    )
    _show_scores(scored, as_json=as_json)


def compare(
    a: Log,
    b: Log,
    scorer: Scorers = None,
    reference_compatible: ReferenceCompatible = False,
    seed: Annotated[int, typer.Option("--seed", help="Of the resampling.")] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare two runs on the samples that both have: differences with intervals, and McNemar's test."""
    from movieqa import api

    comparisons = api.compare(a, b, scorer=scorer or (), reference_compatible=reference_compatible, seed=seed)
    if as_json:
        print_json([asdict(comparison) for comparison in comparisons])
        return
    for comparison in comparisons:
        _show_comparison(comparison)


def eval_report(
    run: Log,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The page; by default beside the log.")] = None,
    films: Films = None,
    workspaces: Workspaces = None,
    scorer: Scorers = None,
    reference_compatible: ReferenceCompatible = False,
    worst: Annotated[int, typer.Option("--worst", min=0, help="The most worst cases of each scorer.")] = 20,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a run's report as one HTML page: tables by tag, the curve by length, the worst cases with pictures."""
    from movieqa import api

    page = api.eval_report(
        run,
        output=output,
        films=films,
        workspaces=workspaces,
        scorer=scorer or (),
        reference_compatible=reference_compatible,
        worst=worst,
    )
    print_json({"page": str(page)}) if as_json else say(str(page))


def _show_benchmarks(*, as_json: bool) -> None:
    from movieqa import api

    found = api.benchmarks()
    if as_json:
        print_json(
            [
                {name: getattr(one, name) for name in ("name", "title", "summary", "licence", "homepage", "scorers")}
                for one in found
            ]
        )
        return
    for one in found:
        say(f"{one.name:<22} {one.title}: {one.summary}")
        say(f"{'':<22} {one.licence}; {one.homepage}")


def _show_run(run: Run, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {"log": str(run.path), "counts": run.counts, "content": run.content, "model": dict(run.header.model)}
        )
        return
    counts = ", ".join(f"{number} {name}" for name, number in run.counts.items() if number)
    say(f"{run.path}  ({counts})")
    for film in run.films.values():
        if film.error is not None:
            remark(f"{film.film}: {film.error}")


def _show_scores(scored: ScoredRun, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "log": str(scored.run.path),
                "content": scored.run.content,
                "counts": scored.run.counts,
                "scores": [asdict(scores) for scores in scored.scores],
                "notes": scored.notes,
            }
        )
        return
    _tell_scores(scored.scores)
    for note in scored.notes:
        remark(f"note: {note}")


def _tell_scores(found: Sequence[Scores], *, as_json: bool = False) -> None:
    if as_json:
        print_json({"scores": [asdict(scores) for scores in found]})
        return
    for scores in found:
        counts = ", ".join(f"{number} {name}" for name, number in scores.counts.items() if number)
        say(f"{scores.scorer}  ({counts})")
        for metric, value in scores.values.items():
            say(f"  {metric:<28} {value:10.3f}")
        for note in scores.notes:
            remark(f"  note: {note}")


def _show_comparison(comparison: Comparison) -> None:
    rest = {
        "only in A": comparison.num_only_a,
        "only in B": comparison.num_only_b,
        "not the same in both": comparison.num_changed,
    }
    told = "".join(f", {number} {what}" for what, number in rest.items() if number)
    say(f"{comparison.scorer}  ({comparison.num_common} samples in both{told})")
    for difference in comparison.differences:
        say(f"  {difference.metric:<16} {_tell(difference)}")
    for note in comparison.notes:
        remark(f"  note: {note}")


def _tell(difference: Difference) -> str:
    interval = difference.interval
    text = f"{difference.a:.4f} -> {difference.b:.4f}  {difference.b - difference.a:+.4f}"
    text += f" [{interval.low:+.4f}, {interval.high:+.4f}]"
    if (films := difference.film_interval) is not None:
        text += f", by films [{films.low:+.4f}, {films.high:+.4f}]"
    if (test := difference.mcnemar) is not None:
        kind: Any = "exact" if test.is_exact else "chi-squared"
        text += f"; McNemar {test.only_a}:{test.only_b}, p = {test.p:.4g} ({kind})"
    return text
