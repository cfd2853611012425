"""Compares two runs on the samples that both have: paired differences with intervals, and McNemar's test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from movieqa.errors import EvaluationError

from .run import Run
from .sample import Sample
from .score import Scores

RESAMPLES = 9999
CONFIDENCE = 0.95
_EXACT_BELOW = 25  # discordant pairs, below which the chi-squared approximation is not trusted
_CHUNK = 500  # resamples at a time


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where a difference lies, with a confidence of 95 %: `low <= difference <= high`."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the difference is told from none."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """McNemar's test of two runs that are right or wrong, on the samples on which they differ.

    Attributes:
        only_a: Samples that A has right and B has not.
        only_b: Samples that B has right and A has not.
        p: Two-sided; how likely so uneven a split is where neither is better.
        is_exact: Whether the binomial distribution gave it, or chi-squared with Edwards' correction.
    """

    only_a: int
    only_b: int
    p: float
    is_exact: bool


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of two runs, over the samples that both have; values are those of single samples.

    Attributes:
        metric: Its name.
        samples: How many samples have it in both runs.
        a: Mean of A.
        b: Mean of B.
        interval: Of `b - a`, samples drawn again and again.
        film_interval: The same with whole films drawn, as questions about one film go together; None with one film.
        mcnemar: Where every value is 0 or 1; None elsewhere.
    """

    metric: str
    samples: int
    a: float
    b: float
    interval: Interval
    film_interval: Interval | None = None
    mcnemar: McNemar | None = None

    @property
    def difference(self) -> float:
        """B less A."""
        return self.b - self.a


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two runs, scored alike.

    Attributes:
        scorer: Which scorer.
        differences: By metric.
        num_common: Samples that both runs have, word for word.
        num_only_a: Samples of A that B lacks.
        num_only_b: Samples of B that A lacks.
        num_changed: Samples with one id that are not the same in both; they are not compared.
        notes: What the reader must know.
    """

    scorer: str
    differences: tuple[Difference, ...]
    num_common: int
    num_only_a: int
    num_only_b: int
    num_changed: int
    notes: tuple[str, ...] = ()


def compare_scores(a: Run, b: Run, scores_a: Scores, scores_b: Scores, *, seed: int = 0) -> Comparison:
    """Compare two runs by one scorer.

    Args:
        a: A run.
        b: Another one over the same samples, or some of them.
        scores_a: What the scorer makes of A.
        scores_b: The same of B.
        seed: Of the resampling.

    Raises:
        EvaluationError: The runs share no sample that the scorer gives values to.

    Example:
        >>> scores = [scorer.score(run.predictions) for run in (a, b)]  # doctest: +SKIP
        >>> compare_scores(a, b, *scores).differences[0].interval.excludes_zero  # doctest: +SKIP
        True
    """
    samples_a, samples_b = ({one.sample.id: one.sample for one in run.predictions} for run in (a, b))
    both = [name for name in samples_a if name in samples_b]
    common = [name for name in both if samples_a[name] == samples_b[name]]
    values_a, values_b = ({one.id: one.values for one in scores.samples} for scores in (scores_a, scores_b))
    differences = []
    for metric in dict.fromkeys(name for score in scores_a.samples for name in score.values):
        ids = [name for name in common if metric in values_a.get(name, {}) and metric in values_b.get(name, {})]
        if ids:
            one, other = (np.array([values[name][metric] for name in ids]) for values in (values_a, values_b))
            differences.append(
                _difference(metric, one, other, number_films(samples_a[name] for name in ids), seed=seed)
            )
    if not differences:
        raise EvaluationError(
            f"{a.path} and {b.path} share no sample that {scores_a.scorer} scores", hint="compare runs of one data set"
        )
    return Comparison(
        scorer=scores_a.scorer,
        differences=tuple(differences),
        num_common=len(common),
        num_only_a=len(samples_a) - len(both),
        num_only_b=len(samples_b) - len(both),
        num_changed=len(both) - len(common),
        notes=(*a.notes, *b.notes),
    )


def _difference(
    metric: str, a: NDArray[np.float64], b: NDArray[np.float64], films: NDArray[np.int64], *, seed: int
) -> Difference:
    gain = b - a
    num_films = int(films.max()) + 1
    sums, sizes = group_sums(gain, films)
    return Difference(
        metric=metric,
        samples=len(gain),
        a=float(a.mean()),
        b=float(b.mean()),
        interval=bootstrap(gain, np.ones_like(gain), seed=seed),
        film_interval=bootstrap(sums, sizes, seed=seed) if num_films > 1 else None,
        mcnemar=mcnemar(a, b) if np.isin([a, b], (0.0, 1.0)).all() else None,
    )


def bootstrap(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Return the percentile bootstrap interval of a mean whose terms come in groups.

    Groups are drawn with replacement (Efron, 1979), here with `scipy.stats.bootstrap`; a group of one sample each is
    the usual bootstrap.

    Args:
        sums: Float64[N], the sum of each group.
        sizes: Float64[N], how many terms each group has.
        seed: Of the draws.
        resamples: How many.
    """
    if len(sums) == 1 or np.ptp(sums / sizes) == 0:
        mean = float(sums.sum() / sizes.sum())
        return Interval(low=mean, high=mean)

    def mean_of(sums: NDArray[np.float64], sizes: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        return np.asarray(sums.sum(axis=axis) / sizes.sum(axis=axis))

    found = stats.bootstrap(
        (sums, sizes),
        mean_of,
        n_resamples=resamples,
        batch=_CHUNK,
        vectorized=True,
        paired=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(low=float(found.low), high=float(found.high))


def mcnemar(a: NDArray[np.float64], b: NDArray[np.float64]) -> McNemar:
    """Test whether two runs that are right (1) or wrong (0) differ (McNemar, 1947).

    Args:
        a: Float64[N].
        b: Float64[N], of the same samples.

    Example:
        >>> mcnemar(np.array([1.0, 1, 1, 0]), np.array([1.0, 0, 0, 1])).only_a
        2
    """
    only_a, only_b = int(np.sum(a > b)), int(np.sum(b > a))
    total = only_a + only_b
    if total < _EXACT_BELOW:
        p = stats.binomtest(only_a, total).pvalue if total else 1.0
        return McNemar(only_a=only_a, only_b=only_b, p=float(p), is_exact=True)
    statistic = max(abs(only_a - only_b) - 1, 0) ** 2 / total
    return McNemar(only_a=only_a, only_b=only_b, p=float(stats.chi2.sf(statistic, df=1)), is_exact=False)


def number_films(samples: Iterable[Sample]) -> NDArray[np.int64]:
    """Return the number of each sample's film, counted from 0 as they come up, Int64[N]."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(sample.film, len(numbers)) for sample in samples], dtype=np.int64)


def group_sums(
    values: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum of the values of each group and how many they are, Float64[G] each."""
    sums = np.bincount(groups, weights=values).astype(np.float64)
    return sums, np.bincount(groups).astype(np.float64)
