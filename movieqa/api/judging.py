"""Compares two runs by a judge, and writes benchmarks as tasks of lmms-eval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .film import PathLike

if TYPE_CHECKING:
    from movieqa.eval.judging.moviellm import PublishedScores
    from movieqa.eval.judging.pairwise import JudgedPair, PairTable
    from movieqa.plugins.lmms_eval_task import WrittenTask


@dataclass(frozen=True, kw_only=True)
class JudgedComparison:
    """Which of two runs answers better.

    Attributes:
        tables: One a category, and last one of all.
        published: MovieLLM's numbers instead, where the published script's arithmetic was asked for.
        pairs: Every pair with its verdict.
        notes: Which judge, and what the reader must know.
    """

    tables: tuple[PairTable, ...] = ()
    published: tuple[PublishedScores, ...] = ()
    pairs: tuple[JudgedPair, ...] = ()
    notes: tuple[str, ...] = ()


def judge_pairs(
    a: PathLike,
    b: PathLike,
    *,
    judge_model: str,
    judge: str | None = None,
    truth: PathLike | None = None,
    judge_key: str = "OPENAI_API_KEY",
    max_judge_calls: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> JudgedComparison:
    """Let a judge say which of two runs answers better, every pair in both orders.

    Args:
        a: A log of `evaluate`, or a folder of answers as MovieLLM publishes them.
        b: Another one.
        judge_model: The judge's name at its endpoint.
        judge: The endpoint's address; without it only replies that were kept are used.
        truth: The folder of right answers, where `a` and `b` are folders.
        judge_key: Environment variable with the judge's key.
        max_judge_calls: The most questions put to the judge; what is over stays unjudged and is counted.
        seed: Of the intervals' resampling.
        progress: Show a bar on standard error.

    Raises:
        EvaluationError: A log or folder cannot be used, or they share no open question.
        JudgeError: The judge cannot be used.
        MissingDependencyError: The package `openai` is not installed.

    Example:
        >>> judge_pairs("a.jsonl", "b.jsonl", judge_model="judge").tables[-1].win_rate  # doctest: +SKIP
        0.61
    """
    from movieqa.errors import ConfigError
    from movieqa.eval.judging.moviellm import read_film_pairs
    from movieqa.eval.judging.pairwise import judge_pairs as judge_all
    from movieqa.eval.judging.pairwise import pair_predictions, summarise_pairs
    from movieqa.eval.run import read_run

    from .scoring import open_panel

    first, second = Path(a), Path(b)
    if truth is not None:
        pairs = read_film_pairs(Path(truth), first, second)
    elif first.is_dir() or second.is_dir():
        raise ConfigError("folders of answers need the right ones too", hint="say where they are with --truth")
    else:
        pairs = pair_predictions(read_run(first).predictions, read_run(second).predictions)
    beside = first.with_name(f"{first.stem}-{second.stem}")
    with open_panel(beside, judge, judge_model, judge_key, max_judge_calls, progress=progress) as panel:
        assert panel is not None
        judged = judge_all(pairs, panel)
        return JudgedComparison(tables=summarise_pairs(judged, seed=seed), pairs=judged, notes=panel.notes)


def score_judged(folder: PathLike, *, reference_compatible: bool = False, seed: int = 0) -> JudgedComparison:
    """Score a folder of MovieLLM's judged files again; nothing is asked.

    Args:
        folder: One JSON file a film, with the judge's replies as they came.
        reference_compatible: Divide by the whole set's counts, and take the word `first` anywhere for a win, as the
            published script does.
        seed: Of the intervals' resampling.

    Raises:
        EvaluationError: The folder holds no such files, or one at which the published script stops too.
    """
    from movieqa.eval.judging.moviellm import read_judged, score_as_published
    from movieqa.eval.judging.pairwise import summarise_pairs

    if reference_compatible:
        return JudgedComparison(published=score_as_published(Path(folder)))
    judged = read_judged(Path(folder))
    return JudgedComparison(tables=summarise_pairs(judged, seed=seed), pairs=judged)


def write_lmms_task(
    samples: PathLike,
    *,
    out: PathLike,
    films: PathLike | None = None,
    benchmark: str | None = None,
    name: str | None = None,
) -> WrittenTask:
    """Write a benchmark as a task of lmms-eval, scored there by movieqa's scorers.

    Args:
        samples: A benchmark's file or folder, as `evaluate` takes it.
        out: Folder to write into: what lmms-eval's `--include_path` takes.
        films: The folder that films and pictures are relative to; by default where the samples are.
        benchmark: Which benchmark it is, where that cannot be told.
        name: The task's name; by default the benchmark's, with `movieqa_` before it.

    Raises:
        EvaluationError: The samples cannot be read, a film is missing, or the folder cannot be written.
    """
    from movieqa.eval.benchmarks import read_samples
    from movieqa.plugins.lmms_eval_task import write_task

    source = Path(samples)
    found = read_samples(source, benchmark=benchmark)
    folder = Path(films) if films is not None else source if source.is_dir() else source.parent
    default = f"movieqa_{found[0].benchmark.replace('-', '_')}" if found else "movieqa"
    return write_task(found, name=name or default, films=folder, folder=Path(out))
