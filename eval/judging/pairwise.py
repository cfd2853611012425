"""Which of two runs answers better: judged in both orders, with ties, agreement and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np
from scipy.stats import bootstrap  # type: ignore[import-untyped]

from movieqa.errors import EvaluationError
from movieqa.eval.prediction import Prediction

from .panel import Judgement, Panel
from .rubric import JudgeQuestion, Part
from .rubrics import BETTER_ANSWER

Verdict = Literal["win", "tie", "loss"]

_RESAMPLES = 2_000
_WORTH: Mapping[Verdict, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two answers to one question. `first` is the run that wins or loses."""

    id: str
    category: str
    question: str
    reference: str
    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class JudgedPair:
    """What came of one pair.

    Attributes:
        pair: The pair.
        verdict: For the first run; a tie where the two orders contradict each other; None where it is unjudged.
        first: Mean grade of the first run's answer over both orders, 0 to 5.
        second: Of the second run's.
        agrees: Whether both orders gave the same verdict; None where only one order was judged.
        reason: Why it is unjudged.
    """

    pair: Pair
    verdict: Verdict | None
    first: float = 0.0
    second: float = 0.0
    agrees: bool | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class PairTable:
    """Sums over the pairs of one category, or of all.

    Attributes:
        wins: Of the first run.
        win_rate: Wins, with half of every tie, over what was judged.
        low: Lower end of the 95 % bootstrap interval of `win_rate`.
        high: Its upper end.
        agreement: Part of the pairs whose verdict did not change with the order; None where one order was judged.
        first: Mean grade of the first run's answers, 0 to 5.
        second: Of the second run's.
        unjudged: Pairs without a verdict; they are in no other number.
    """

    category: str
    wins: int
    ties: int
    losses: int
    unjudged: int
    win_rate: float
    low: float
    high: float
    agreement: float | None
    first: float
    second: float


def pair_predictions(first: Sequence[Prediction], second: Sequence[Prediction]) -> tuple[Pair, ...]:
    """Pair the open answers of two runs by their samples' ids; a sample that one run lacks is left out.

    What a run could not answer stands as an empty answer, which the judge sees as such.
    """
    of_second = {prediction.sample.id: prediction for prediction in second}
    pairs = []
    for one in first:
        sample, other = one.sample, of_second.get(one.sample.id)
        if other is None or sample.task != "open" or sample.answer is None:
            continue
        if other.sample.question != sample.question:
            raise EvaluationError(f"{sample.id} is another question in the second run", hint="compare like with like")
        category = next((tag for tag in sample.tags if tag.startswith("category:")), "category:open")
        pairs.append(
            Pair(
                id=sample.id,
                category=category.removeprefix("category:"),
                question=sample.question,
                reference=sample.answer,
                first=one.text,
                second=other.text,
            )
        )
    return tuple(pairs)


def judge_pairs(pairs: Sequence[Pair], panel: Panel) -> tuple[JudgedPair, ...]:
    """Put every pair to the judge twice, once in each order.

    Raises:
        JudgeError: The judge cannot be used at all.
        EvaluationError: Replies cannot be kept.
    """
    questions = [question for pair in pairs for question in (_question(pair), _question(pair, is_swapped=True))]
    judgements = panel.judge(questions)
    return tuple(
        _judged(pair, forward, backward)
        for pair, forward, backward in zip(pairs, judgements[::2], judgements[1::2], strict=True)
    )


def summarise_pairs(judged: Sequence[JudgedPair], *, seed: int = 0) -> tuple[PairTable, ...]:
    """Return a table a category, in the order in which they come, and last one of `all`.

    Raises:
        EvaluationError: There are no pairs.

    Example:
        >>> pair = Pair(id="1", category="plot", question="?", reference="r", first="a", second="b")
        >>> table = summarise_pairs([JudgedPair(pair=pair, verdict="win", first=4, second=2, agrees=True)])[-1]
        >>> table.win_rate, table.wins
        (1.0, 1)
    """
    if not judged:
        raise EvaluationError("there are no pairs to compare", hint="the two runs have no question in common")
    categories = list(dict.fromkeys(item.pair.category for item in judged))
    tables = [
        _table(category, [item for item in judged if item.pair.category == category], seed) for category in categories
    ]
    return (*tables, _table("all", judged, seed))


def _question(pair: Pair, *, is_swapped: bool = False) -> JudgeQuestion:
    first, second = (pair.second, pair.first) if is_swapped else (pair.first, pair.second)
    parts = (
        Part(label="Question", text=pair.question),
        Part(label="Reference answer", text=pair.reference),
        Part(label="First answer", text=first),
        Part(label="Second answer", text=second),
    )
    return JudgeQuestion(rubric=BETTER_ANSWER, parts=parts)


def _judged(pair: Pair, forward: Judgement, backward: Judgement) -> JudgedPair:
    unjudged = next((judgement.reason for judgement in (forward, backward) if not judgement.is_judged), None)
    if unjudged is not None:
        return JudgedPair(pair=pair, verdict=None, reason=unjudged)
    one: Verdict = {"first": "win", "second": "loss"}.get(str(forward.values["better"]), "tie")  # type: ignore[assignment]
    other: Verdict = {"first": "loss", "second": "win"}.get(str(backward.values["better"]), "tie")  # type: ignore[assignment]
    return JudgedPair(
        pair=pair,
        verdict=one if one == other else _between(one, other),
        first=(float(forward.values["first"]) + float(backward.values["second"])) / 2,
        second=(float(forward.values["second"]) + float(backward.values["first"])) / 2,
        agrees=one == other,
    )


def _between(one: Verdict, other: Verdict) -> Verdict:
    """Return the verdict of two orders that differ: a tie and a win make a win, a win and a loss a tie."""
    worth = _WORTH[one] + _WORTH[other]
    return "win" if worth > 1 else "loss" if worth < 1 else "tie"


def _table(category: str, judged: Sequence[JudgedPair], seed: int) -> PairTable:
    known = [item for item in judged if item.verdict is not None]
    worths = [_WORTH[item.verdict] for item in known if item.verdict is not None]
    both = [item.agrees for item in known if item.agrees is not None]
    low, high = _interval(worths, seed)
    return PairTable(
        category=category,
        wins=worths.count(1.0),
        ties=worths.count(0.5),
        losses=worths.count(0.0),
        unjudged=len(judged) - len(known),
        win_rate=fmean(worths) if worths else 0.0,
        low=low,
        high=high,
        agreement=fmean(both) if both else None,
        first=fmean(item.first for item in known) if known else 0.0,
        second=fmean(item.second for item in known) if known else 0.0,
    )


def _interval(worths: Sequence[float], seed: int) -> tuple[float, float]:
    if len(set(worths)) < 2:  # resampling equal values says nothing
        return (worths[0], worths[0]) if worths else (0.0, 0.0)
    drawn = bootstrap(
        (np.asarray(worths),), np.mean, n_resamples=_RESAMPLES, method="percentile", rng=np.random.default_rng(seed)
    )
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)
