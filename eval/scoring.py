"""Scores a run: which scorers go with its samples, what each makes of them, and what could not be scored and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from movieqa.errors import EvaluationError, JudgeError, MovieQAError

from .benchmarks import find_benchmark
from .prediction import Prediction
from .run import Run
from .sample import Task
from .score import Scorer, Scores

MakeScorer = Callable[[str], Scorer]
"""Makes a scorer by its name."""

TASKS: Mapping[str, tuple[Task, ...]] = {
    "choice": ("choice",),
    "exact": ("open",),
    "token_f1": ("open",),
    "yes_no": ("yes_no",),
    "grounding": ("moments",),
    "soda": ("captions",),
    "captioning": ("captions",),
    "box": ("box",),
    "matching": ("choice",),
    "mlvu": ("choice",),
    "mlvu_judge": ("open",),
    "mmid_judge": ("open",),
    "judge_qa": ("open",),
}
"""What scorers of one kind of task are given; the scorers of single benchmarks are given all its samples."""


@dataclass(frozen=True, kw_only=True)
class ScoredRun:
    """A run with its scores.

    Attributes:
        run: The run.
        scores: What each scorer makes of it.
        notes: What the reader must know: what is missing, and what could not be scored.
    """

    run: Run
    scores: tuple[Scores, ...]
    notes: tuple[str, ...] = ()


def score_run(run: Run, make: MakeScorer, *, names: Sequence[str] = ()) -> ScoredRun:
    """Score a run's predictions without asking anything again.

    Without names each benchmark's own scorers are taken; where one of them cannot work, a note says why.

    Args:
        run: The run.
        make: Makes a scorer by its name.
        names: Scorers; the usual ones of the run's benchmarks by default.

    Raises:
        EvaluationError: A named scorer has no sample to score, or the samples are not fit for it.
        ConfigError: There is no such scorer.
        MissingDependencyError: A named scorer needs what is not installed.
        JudgeError: A judge cannot be used.

    Example:
        >>> scored = score_run(read_run(Path("run.jsonl")), make_scorer)  # doctest: +SKIP
        >>> scored.scores[0].values  # doctest: +SKIP
        {'accuracy': 61.5}
    """
    scores: list[Scores] = []
    notes = list(run.notes)
    for name in names:
        fitting = [prediction for prediction in run.predictions if _fits(name, prediction)]
        scorer = make(name)
        if not fitting:
            raise EvaluationError(
                f"{run.path} holds nothing that {name} scores",
                hint=f"it scores samples of task {' or '.join(TASKS[name])}" if name in TASKS else "",
            )
        scores.append(scorer.score(fitting))
    for name, fitting in {} if names else _usual(run.predictions).items():
        try:
            scores.append(make(name).score(fitting))
        except JudgeError:
            raise  # a judge was asked for
        except MovieQAError as error:
            notes.append(f"{name}: {error}")
    return ScoredRun(run=run, scores=tuple(scores), notes=tuple(notes))


def _usual(predictions: Sequence[Prediction]) -> dict[str, list[Prediction]]:
    """Return what each benchmark's own scorers are given."""
    given: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        for name in find_benchmark(prediction.sample.benchmark).scorers:
            if _fits(name, prediction):
                given.setdefault(name, []).append(prediction)
    return given


def _fits(name: str, prediction: Prediction) -> bool:
    return prediction.sample.task in TASKS.get(name, (prediction.sample.task,))
