"""Comparing two runs: what is common is compared, intervals are right as often as they say, McNemar is McNemar."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from movieqa.errors import EvaluationError
from movieqa.eval.compare import bootstrap, compare_scores, group_sums, mcnemar
from movieqa.eval.prediction import Prediction
from movieqa.eval.rows import FilmRow, RunHeader
from movieqa.eval.run import Run
from movieqa.eval.sample import Sample
from movieqa.eval.score import SampleScore, Scores
from movieqa.eval.tables import make_tables


def make_run(samples: list[Sample], name: str = "a", *, durations: dict[str, float] | None = None) -> Run:
    header = RunHeader(settings={}, model={}, data={"samples": len(samples)}, prompt="", versions={})
    return Run(
        path=Path(f"{name}.jsonl"),
        header=header,
        films={film: FilmRow(film=film, duration=length) for film, length in (durations or {}).items()},
        predictions=tuple(Prediction(sample=sample) for sample in samples),
        sessions=(),
        content="",
        is_finished=True,
        is_intact=True,
    )


def make_samples(number: int, *, films: int = 4) -> list[Sample]:
    return [
        Sample(
            id=str(index),
            film=f"f{index % films}",
            question="?",
            tags=(f"level:{index % 3}", "odd" if index % 2 else "even"),
        )
        for index in range(number)
    ]


def make_scores(values: dict[str, float]) -> Scores:
    return Scores(
        scorer="s",
        values={},
        samples=tuple(SampleScore(id=name, values={"correct": value}) for name, value in values.items()),
    )


def test_only_what_both_runs_have_is_compared() -> None:
    samples = make_samples(10)
    a = make_run(samples[:8])
    b = make_run([*samples[2:7], replace(samples[7], question="!"), *samples[8:]], "b")
    scores_a = make_scores({str(index): 1.0 for index in range(8)})
    scores_b = make_scores({str(index): float(index == 3) for index in range(2, 10)})
    found = compare_scores(a, b, scores_a, scores_b)
    assert (found.num_common, found.num_only_a, found.num_only_b, found.num_changed) == (5, 2, 2, 1)
    (difference,) = found.differences
    assert (difference.samples, difference.a, difference.b) == (5, 1.0, 0.2)
    assert difference.difference == pytest.approx(-0.8)
    assert difference.interval.low == -1.0
    assert difference.interval.high <= 0
    assert difference.mcnemar is not None
    assert (difference.mcnemar.only_a, difference.mcnemar.only_b) == (4, 0)


def test_runs_with_nothing_in_common_are_refused() -> None:
    samples = make_samples(4)
    a, b = make_run(samples[:2]), make_run(samples[2:], "b")
    with pytest.raises(EvaluationError, match=r"a\.jsonl and b\.jsonl share no sample that s scores"):
        compare_scores(a, b, make_scores({"0": 1.0}), make_scores({"3": 1.0}))


def test_a_comparison_is_the_same_every_time_and_turns_around() -> None:
    dice = np.random.default_rng(5)
    samples = make_samples(60)
    a, b = make_run(samples), make_run(samples, "b")
    scores = [make_scores({str(index): float(dice.random()) for index in range(60)}) for _ in range(2)]
    first, again = (compare_scores(a, b, *scores).differences[0] for _ in range(2))
    assert first == again
    assert first.mcnemar is None
    back = compare_scores(b, a, *scores[::-1]).differences[0]
    assert (back.interval.low, back.interval.high) == pytest.approx(
        (-first.interval.high, -first.interval.low), abs=0.01
    )


def test_intervals_hold_as_often_as_they_say() -> None:
    dice = np.random.default_rng(3)
    ones = np.ones(80)
    held = 0
    for seed in range(200):
        found = bootstrap(dice.exponential(1.0, 80), ones, seed=seed, resamples=400)
        held += found.low <= 1.0 <= found.high
    assert 178 <= held <= 197  # 95 % of 200 is 190; the percentile interval is a little narrow


def test_intervals_by_films_are_wider_where_a_film_decides() -> None:
    films = np.repeat(np.arange(10), 20)
    values = (films % 2).astype(float)
    alone = bootstrap(values, np.ones_like(values))
    together = bootstrap(*group_sums(values, films))
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_equal_values_have_an_interval_of_no_width() -> None:
    found = bootstrap(np.full(9, 0.25), np.ones(9))
    assert (found.low, found.high) == (0.25, 0.25)
    assert found.excludes_zero
    assert not bootstrap(np.zeros(9), np.ones(9)).excludes_zero


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_mcnemar_is_the_binomial_test_or_its_approximation(only_a: int, only_b: int, both: int) -> None:
    a = np.array([1.0] * only_a + [0.0] * only_b + [1.0] * both)
    b = np.array([0.0] * only_a + [1.0] * only_b + [1.0] * both)
    found = mcnemar(a, b)
    assert (found.only_a, found.only_b) == (only_a, only_b)
    assert 0 <= found.p <= 1
    assert mcnemar(b, a).p == pytest.approx(found.p)
    total = only_a + only_b
    assert found.is_exact == (total < 25)
    exact = stats.binomtest(only_a, total).pvalue if total else 1.0
    assert found.p == pytest.approx(exact, abs=1e-9 if found.is_exact else 0.03)


def test_tables_hold_every_sample_by_tag_and_by_length() -> None:
    samples = make_samples(40, films=8)
    run = make_run(samples, durations={f"f{index}": 60.0 * 2**index for index in range(8)})
    scores = make_scores({str(index): float(index % 2) for index in range(40)})
    tables = make_tables(run, scores, num_worst=5)
    assert tables is not None
    assert (tables.whole.samples, tables.whole.mean) == (40, 0.5)
    assert [table.name for table in tables.tags] == ["level", "tags"]
    assert [(line.name, line.mean) for line in tables.tags[1].lines] == [("even", 0.0), ("odd", 1.0)]
    for table in tables.tags:
        assert sum(line.samples for line in table.lines) == 40
        assert all(line.interval.low <= line.mean <= line.interval.high for line in table.lines)
    assert sum(point.line.samples for point in tables.lengths) == 40
    lengths = [point.shortest for point in tables.lengths]
    assert lengths == sorted(lengths) and len(lengths) == 8
    assert [case.value for case in tables.worst] == [0.0] * 5


def test_numbers_stand_in_their_order_in_tables() -> None:
    samples = [Sample(id=str(n), film="f", question="?", tags=(f"level:{n}",)) for n in (10, 9, 1)]
    run = make_run([*samples, Sample(id="x", film="f", question="?", tags=("level:hard",))])
    tables = make_tables(run, make_scores({one.sample.id: 1.0 for one in run.predictions}))
    assert tables is not None
    assert [line.name for line in tables.tags[0].lines] == ["1", "9", "10", "hard"]
    assert tables.lengths == ()
    assert make_tables(run, make_scores({})) is None
