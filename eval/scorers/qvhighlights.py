"""QVHighlights: all moments that fit a query, ranked, and the best clip of the video."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import ConfigError
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Moment, Sample
from movieqa.eval.score import Scores

from .grounding import read_sample_moments
from .letters import shorten
from .overlap import moment_iou
from .tally import Mark, fact, make_scores, percent, reply_of, with_reference

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
MOST_MOMENTS = 10
VERY_GOOD = 4
CLIP_SECONDS = 2.0


class QVHighlights:
    """mAP over IoU 0.5 to 0.95, mAP and R1 at single thresholds, and HIT@1, in percent; of a sample the same of it.

    Replies are moments in words, the surest first, or the benchmark's own JSON with `pred_relevant_windows` and
    `pred_saliency_scores`. HIT@1 is counted where the sample has the facts `relevant_clip_ids` and `saliency_scores`:
    whether the clip with the highest score, or without scores the one in the middle of the first moment, is very good
    to one of the raters.

    Args:
        is_reference_compatible: Leave out what is not answered, as the benchmark's script does with queries that are
            not in the file; it rounds to two decimals besides, which is left to the reader.
    """

    name = "qvhighlights"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score ranked moments.

        Raises:
            ConfigError: No sample has a right moment, or its saliency scores cannot be read.
        """
        known = with_reference(
            predictions, lambda sample: bool(sample.spans), scorer=self.name, what="the right moments (spans)"
        )
        marks = [_mark(prediction) for prediction in known]
        counted = [mark for mark in marks if mark.prediction.status == "answered"] if self._is_reference else marks
        metrics = dict.fromkeys(metric for mark in counted for metric in mark.values)
        values = {metric: percent(counted, metric) for metric in metrics}
        absent = len(marks) - len(counted)
        notes = [f"{absent} queries without an answer are left out"] if absent else []
        return make_scores(self.name, predictions, marks, values, notes=notes)


def average_precision(ranked: Sequence[Moment], right: Sequence[Moment], threshold: float) -> float:
    """Return the average precision of ranked moments, each right one found at most once, with precision interpolated.

    Example:
        >>> one, other = Moment(start=0, end=4), Moment(start=6, end=9)
        >>> average_precision([other, one], [one], 0.5)
        0.5
    """
    left = list(right)
    hits = []
    for moment in ranked:
        ious = [moment_iou(moment, other) for other in left]
        is_hit = bool(ious) and max(ious) >= threshold
        if is_hit:
            del left[int(np.argmax(ious))]
        hits.append(is_hit)
    found = np.flatnonzero(hits)
    precision = (np.arange(len(found)) + 1) / (found + 1)
    best_after = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_after.sum() / len(right))


def _mark(prediction: Prediction) -> Mark:
    sample = prediction.sample
    moments, saliency = _read(prediction)
    ranked = moments[:MOST_MOMENTS]
    by_threshold = [average_precision(ranked, sample.spans, threshold) for threshold in THRESHOLDS]
    best = max((moment_iou(ranked[0], span) for span in sample.spans), default=0.0) if ranked else 0.0
    values = {
        "mAP": float(np.mean(by_threshold)),
        "mAP@0.5": by_threshold[0],
        "mAP@0.75": by_threshold[5],
        "R1@0.5": float(best >= 0.5),
        "R1@0.7": float(best >= 0.7),
    }
    ratings = _ratings(sample)
    if ratings is not None:
        clip = _best_clip(saliency, ranked)
        values["HIT@1"] = float(clip is not None and bool((ratings.get(clip, np.zeros(1)) >= VERY_GOOD).any()))
    parsed = f"{ranked[0].start:g}-{ranked[0].end:g}" if ranked else None
    return Mark(prediction=prediction, values=values, parsed=parsed)


def _read(prediction: Prediction) -> tuple[tuple[Moment, ...], list[float]]:
    """Return moments and saliency scores of a reply, which may be the benchmark's JSON."""
    reply = shorten(reply_of(prediction))
    try:
        found = json.loads(reply[reply.index("{") : reply.rindex("}") + 1])
        windows = sorted(found["pred_relevant_windows"], key=lambda window: -float(window[2]))
        moments = tuple(Moment(start=float(window[0]), end=float(window[1])) for window in windows)
        return moments, [float(score) for score in found.get("pred_saliency_scores", [])]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        cited = prediction.spans if prediction.status == "answered" else ()
        return read_sample_moments(prediction) or cited, []


def _ratings(sample: Sample) -> dict[int, NDArray[np.float64]] | None:
    """Return the raters' scores of each relevant clip."""
    clips, scores = fact(sample, "relevant_clip_ids"), fact(sample, "saliency_scores")
    if clips is None or scores is None:
        return None
    try:
        rows = zip(json.loads(str(clips)), json.loads(str(scores)), strict=True)
        return {int(clip): np.array(row, dtype=np.float64) for clip, row in rows}
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"{sample.id}: its saliency_scores do not fit its relevant_clip_ids", hint="mend the samples"
        ) from error


def _best_clip(saliency: Sequence[float], ranked: Sequence[Moment]) -> int | None:
    if saliency:
        return int(np.argmax(saliency))
    return int((ranked[0].start + ranked[0].end) / 2 // CLIP_SECONDS) if ranked else None
