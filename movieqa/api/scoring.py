"""Scores runs from their logs, compares them, and shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .film import PathLike

if TYPE_CHECKING:
    from movieqa.eval.compare import Comparison
    from movieqa.eval.judging.panel import Panel
    from movieqa.eval.score import Scorer, Scores
    from movieqa.eval.scoring import MakeScorer, ScoredRun


def score(
    run: PathLike,
    *,
    scorer: Sequence[str] = (),
    reference_compatible: bool = False,
    export: PathLike | None = None,
    judge: str | None = None,
    judge_model: str | None = None,
    judge_key: str = "OPENAI_API_KEY",
    max_judge_calls: int | None = None,
    progress: bool = False,
) -> ScoredRun:
    """Score a run's log; nothing is asked again.

    Args:
        run: The log.
        scorer: Names of scorers; by default those of the run's benchmarks.
        reference_compatible: Count as the original scripts do, known errors included.
        export: Where to write the scored samples, as `.json` (what lmms-eval writes) or `.parquet`; nowhere by default.
        judge: The address of a judge that speaks the OpenAI protocol, for scorers that need one.
        judge_model: Its name there. With it and without `judge`, only replies that were kept are used.
        judge_key: Environment variable with the judge's key.
        max_judge_calls: The most questions put to the judge; what is over stays unjudged and is counted.
        progress: Show a bar on standard error while the judge is asked.

    Returns:
        The run with its scores.

    Raises:
        EvaluationError: The log cannot be used, or a scorer finds nothing to score.
        ConfigError: There is no such scorer, or the samples lack what it needs.
        JudgeError: The judge cannot be used.
        MissingDependencyError: A scorer needs what is not installed.

    Example:
        >>> score("run.jsonl").scores[0].values  # doctest: +SKIP
        {'accuracy': 61.5}
    """
    from movieqa.eval.export import check_export, export_run
    from movieqa.eval.run import read_run
    from movieqa.eval.scoring import score_run

    if export is not None:
        check_export(Path(export))
    with open_panel(Path(run), judge, judge_model, judge_key, max_judge_calls, progress=progress) as panel:
        scored = score_run(read_run(Path(run)), _scorer_maker(reference_compatible, panel), names=scorer)
    if export is not None:
        export_run(scored, Path(export))
    return scored


def score_vtimellm(log: PathLike, *, annotations: PathLike) -> tuple[Scores, ...]:
    """Score a log that VTimeLLM's own `eval.py` wrote, to the numbers that its `metric.py` prints.

    Args:
        log: The log.
        annotations: The right answers, `{video: {duration, timestamps, sentences}}`.

    Raises:
        EvaluationError: A file cannot be read, or a captioned video has no annotation.
        MissingDependencyError: There are captions, and Java or pycocoevalcap is not installed.
    """
    from movieqa.eval.scorers.vtimellm_log import score_vtimellm_log

    return score_vtimellm_log(Path(log), Path(annotations))


def compare(
    a: PathLike,
    b: PathLike,
    *,
    scorer: Sequence[str] = (),
    reference_compatible: bool = False,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Compare two runs on the samples that both have: paired differences with intervals, and McNemar's test.

    Args:
        a: A log.
        b: Another one.
        scorer: Names of scorers; by default those that fit both runs.
        reference_compatible: Count as the original scripts do.
        seed: Of the resampling.

    Returns:
        A comparison for each scorer.

    Raises:
        EvaluationError: A log cannot be used, or the runs share no scored sample.

    Example:
        >>> compare("a.jsonl", "b.jsonl")[0].differences[0].interval.low  # doctest: +SKIP
        1.5
    """
    from movieqa.errors import EvaluationError
    from movieqa.eval.compare import compare_scores
    from movieqa.eval.run import read_run
    from movieqa.eval.scoring import score_run

    make = _scorer_maker(reference_compatible, None)
    one, other = (score_run(read_run(Path(run)), make, names=scorer) for run in (a, b))
    of_other = {scores.scorer: scores for scores in other.scores}
    pairs = [(scores, of_other[scores.scorer]) for scores in one.scores if scores.scorer in of_other]
    if not pairs:
        raise EvaluationError(f"no scorer scores both {a} and {b}", hint="compare runs of one data set")
    return tuple(compare_scores(one.run, other.run, *pair, seed=seed) for pair in pairs)


def eval_report(
    run: PathLike,
    *,
    output: PathLike | None = None,
    films: PathLike | None = None,
    workspaces: PathLike | None = None,
    scorer: Sequence[str] = (),
    reference_compatible: bool = False,
    worst: int = 20,
) -> Path:
    """Write a run's report as one HTML page that needs nothing else.

    Args:
        run: The log.
        output: The page; by default beside the log, with its name and `.html`.
        films: The folder of films or workspaces, for the pictures of the worst cases; by default the log's.
        workspaces: Where the workspaces are; by default beside the films.
        scorer: Names of scorers; by default those of the run's benchmarks.
        reference_compatible: Count as the original scripts do.
        worst: The most worst cases of each scorer.

    Returns:
        The page's path.

    Raises:
        EvaluationError: The log cannot be used, or the page cannot be written.
    """
    from movieqa.eval.report import write_report
    from movieqa.eval.run import read_run
    from movieqa.eval.scoring import score_run

    log = Path(run)
    scored = score_run(read_run(log), _scorer_maker(reference_compatible, None), names=scorer)
    told = scored.run.sessions[-1] if scored.run.sessions else {}
    folder = log.parent / str(told.get("films", "")) if films is None else Path(films)
    if workspaces is None and films is None:
        workspaces = log.parent / str(told.get("workspaces", ""))
    return write_report(
        scored,
        log.with_suffix(".html") if output is None else Path(output),
        films=folder,
        workspaces=folder if workspaces is None else Path(workspaces),
        num_worst=worst,
    )


def _scorer_maker(reference_compatible: bool, panel: Panel | None) -> MakeScorer:
    from movieqa.errors import ConfigError
    from movieqa.eval.judging.scorers import JudgedAnswers, MLVUGeneration, MultimodalIdentity, VideoChatGPT
    from movieqa.eval.scorers.registry import make_scorer

    judged = {one.name: one for one in (JudgedAnswers, VideoChatGPT, MLVUGeneration, MultimodalIdentity)}

    def make(name: str) -> Scorer:
        if name == "pairwise":
            raise ConfigError("a judge compares the answers of two runs", hint="movieqa judge A B")
        if name not in judged:
            return make_scorer(name, is_reference_compatible=reference_compatible)
        if panel is None:
            raise ConfigError(f"{name} needs a judge", hint="name one with --judge URL --judge-model NAME")
        return judged[name](panel, is_reference_compatible=reference_compatible)

    return make


@contextmanager
def open_panel(
    run: Path, url: str | None, model: str | None, key: str, max_calls: int | None, *, progress: bool
) -> Iterator[Panel | None]:
    """Open a judge, its replies kept beside the log; None where no judge is named."""
    from movieqa.errors import ConfigError

    if model is None:
        if url is not None:
            raise ConfigError("the judge's model has no name", hint="say which with --judge-model")
        yield None
        return
    from movieqa.eval.judging.cache import ReplyCache
    from movieqa.eval.judging.client import Judge, JudgeConfig
    from movieqa.eval.judging.panel import Panel

    judge = None if url is None else Judge(JudgeConfig(model=model, url=url, key_variable=key))
    with ReplyCache(run.with_name(f"{run.stem}.judge.jsonl")) as cache:
        yield Panel(judge, model, cache, max_calls=max_calls, progress=progress)
