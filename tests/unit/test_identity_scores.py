"""Identity scores against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from movieqa.eval.identity import (
    bcubed,
    cross_gap_recall,
    idf1,
    named_score,
    search_precision,
    weighted_purity,
)

TRUTH = np.array([0, 0, 0, 0, 1, 1])


@pytest.mark.parametrize(
    ("predicted", "precision", "recall", "f1", "purity"),
    [
        ([1, 1, 2, 2, 2, 2], 2 / 3, 2 / 3, 8 / 12, 4 / 6),
        ([0, 1, 2, 3, 4, 5], 1.0, (4 * 0.25 + 2 * 0.5) / 6, 4 / 12, 1.0),
        ([7, 7, 7, 7, 7, 7], (4 * 4 / 6 + 2 * 2 / 6) / 6, 1.0, 8 / 12, 4 / 6),
        ([5, 5, 5, 5, 3, 3], 1.0, 1.0, 1.0, 1.0),
        ([-1, -1, -1, -1, -1, -1], 1.0, (4 * 0.25 + 2 * 0.5) / 6, 0.0, 1.0),
    ],
)
def test_scores_by_hand(predicted: list[int], precision: float, recall: float, f1: float, purity: float) -> None:
    groups = np.array(predicted)
    scores = bcubed(TRUTH, groups)
    assert scores.precision == pytest.approx(precision)
    assert scores.recall == pytest.approx(recall)
    assert idf1(TRUTH, groups) == pytest.approx(f1)
    assert weighted_purity(TRUTH, groups) == pytest.approx(purity)


def test_bcubed_f_is_the_harmonic_mean() -> None:
    assert bcubed(TRUTH, np.array([1, 1, 2, 2, 2, 2])).f_score == pytest.approx(2 / 3)
    assert bcubed(TRUTH, np.arange(6)).f_score == pytest.approx(0.5)


def test_false_detections_and_faces_left_out_both_cost_idf1() -> None:
    truth = np.array([0, 0, -1, 1])
    predicted = np.array([4, -1, 4, 5])  # IDTP 2; 3 faces in the truth, 3 predicted
    assert idf1(truth, predicted) == pytest.approx(2 * 2 / (3 + 3))
    assert idf1(np.array([-1]), np.array([-1])) == 1.0


def test_names_count_only_where_they_are_given_or_owed() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    named = np.array([0, 0, -1, 0, 1, -1])
    score = named_score(truth, named, np.array([0, 1]))
    assert score.precision == pytest.approx(3 / 4)
    assert score.recall == pytest.approx(3 / 5)
    nothing = named_score(truth, np.full(6, -1), np.array([0]))
    assert (nothing.precision, nothing.recall) == (1.0, 0.0)


def test_search_ranks_faces_for_each_query() -> None:
    truth = np.array([0, 1, 0, 1])
    scores = np.array([[0.9, 0.8, 0.7, 0.1], [0.9, 0.8, 0.7, 0.6]])
    # query 0: hits at ranks 1 and 3 -> (1 + 2/3) / 2; query 1: at ranks 2 and 4 -> (1/2 + 2/4) / 2
    assert search_precision(scores, truth, np.array([0, 1])) == pytest.approx((5 / 6 + 1 / 2) / 2)
    with pytest.raises(ValueError, match="no query"):
        search_precision(scores[:1], truth, np.array([9]))


def test_cross_gap_recall_counts_only_far_pairs() -> None:
    truth = np.array([0, 0, 0, 1, 1])
    times = np.array([0.0, 10.0, 700.0, 0.0, 100.0])
    # far pairs of person 0: (0, 700) and (10, 700); person 1 has none; the first face has another identity
    assert cross_gap_recall(truth, np.array([3, 4, 4, 5, 5]), times) == pytest.approx(1 / 2)
    with pytest.raises(ValueError, match="again"):
        cross_gap_recall(truth[3:], truth[3:], times[3:])


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="one label a face"):
        idf1(TRUTH, TRUTH[:3])
    with pytest.raises(ValueError, match="no face"):
        bcubed(np.array([-1]), np.array([0]))
