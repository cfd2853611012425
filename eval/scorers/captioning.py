"""Dense captions by overlap: METEOR and CIDEr of predicted captions against the right ones at the same time."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from movieqa.errors import MissingDependencyError
from movieqa.eval.prediction import Prediction
from movieqa.eval.score import Scores

from .dense import DenseCaptions, collect
from .meteor import NOTHING, Pair, meteor
from .soda import overlaps
from .tally import PERCENT, Mark, make_scores, mean

THRESHOLDS = (0.3, 0.5, 0.7, 0.9)
_BLEU = ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4")


@dataclass(frozen=True, kw_only=True)
class _Film:
    """One film at one threshold."""

    pairs: tuple[Pair, ...]
    """Every predicted caption with every right one it overlaps enough; one that overlaps none with nothing."""
    precision: float
    recall: float


class Captioning:
    """METEOR, CIDEr, ROUGE-L, BLEU, precision and recall at IoU 0.3, 0.5, 0.7, 0.9 and their mean, in percent.

    Captions whose moments overlap enough are compared; a predicted caption that overlaps none is worth nothing. Of a
    sample, its mean over the thresholds: `METEOR`, `precision` and `recall`, and `CIDEr`, which goes up to 10.

    Args:
        is_reference_compatible: Read replies and count as VTimeLLM's script does. Its CIDEr takes document frequencies
            from one film alone, so that a film with one pair gets 0; the default takes them from all films.
    """

    name = "captioning"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score dense captions.

        Raises:
            ConfigError: No sample has captioned moments.
            MissingDependencyError: Java or pycocoevalcap is not installed.
        """
        captions = collect(predictions, is_reference_compatible=self._is_reference, scorer=self.name)
        films = [[self._pair(item, threshold) for item in captions] for threshold in THRESHOLDS]
        meteors = iter(meteor([film.pairs for row in films for film in row]))
        rows = [self._language(row, [next(meteors).total for _ in row]) for row in films]
        by_film = [_mean_by_metric(scores) for scores in zip(*rows, strict=True)]
        marks = [
            Mark(
                prediction=item.prediction,
                values={metric: scores[metric] for metric in ("METEOR", "CIDEr", "precision", "recall")},
                parsed=f"{len(item.said)} events" if item.said else None,
            )
            for item, scores in zip(captions, by_film, strict=True)
        ]
        values = {
            metric: PERCENT * mean(scores[metric] for scores in by_film)
            for metric in (by_film[0] if by_film else ())
            if metric not in ("precision", "recall")
        }
        values |= self._spans(films)
        values["outputs_per_film"] = mean(float(len(item.said)) for item in captions)
        return make_scores(self.name, predictions, marks, values)

    def _pair(self, item: DenseCaptions, threshold: float) -> _Film:
        """Pair the captions of a film at a threshold."""
        table = overlaps(item.right, item.said, is_reference_compatible=self._is_reference).T
        pairs = []
        for row, said in zip(table, item.said_tokens, strict=True):
            reached = [right for iou, right in zip(row, item.right_tokens, strict=True) if iou >= threshold]
            pairs += [Pair(hypothesis=said, reference=right) for right in reached or [NOTHING]]
        hit = table > threshold if self._is_reference else table >= threshold
        return _Film(
            pairs=tuple(pairs),
            precision=float(hit.any(axis=1).mean()) if item.said else 0.0,
            recall=float(hit.any(axis=0).mean()) if item.said else 0.0,
        )

    def _language(self, films: Sequence[_Film], meteors: Sequence[float]) -> list[dict[str, float]]:
        """Return all metrics of every film at one threshold, as parts of one (CIDEr of ten)."""
        pairs = [film.pairs for film in films]
        if self._is_reference:
            ciders = [film_ciders([own])[0] for own in pairs]
        else:
            ciders = film_ciders(pairs, only_matched=True)
        return [
            {"METEOR": total, "CIDEr": cider, **_rouge_and_bleu(film.pairs)}
            | {"precision": film.precision, "recall": film.recall}
            for film, total, cider in zip(films, meteors, ciders, strict=True)
        ]

    def _spans(self, films: Sequence[Sequence[_Film]]) -> dict[str, float]:
        """Return precision, recall and F1 of moments, over all films, by threshold and as means."""
        values = {}
        for threshold, row in zip(THRESHOLDS, films, strict=True):
            values[f"Recall@{threshold}"] = PERCENT * mean(film.recall for film in row)
            values[f"Precision@{threshold}"] = PERCENT * mean(film.precision for film in row)
            values[f"F1@{threshold}"] = _harmonic(values[f"Precision@{threshold}"], values[f"Recall@{threshold}"])
        values["Recall"] = mean(values[f"Recall@{threshold}"] for threshold in THRESHOLDS)
        values["Precision"] = mean(values[f"Precision@{threshold}"] for threshold in THRESHOLDS)
        return values | {"F1": mean(values[f"F1@{threshold}"] for threshold in THRESHOLDS)}


def _mean_by_metric(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    return {metric: mean(score[metric] for score in scores) for metric in scores[0]}


def film_ciders(films: Sequence[Sequence[Pair]], *, only_matched: bool = False) -> list[float]:
    """Return CIDEr of each film, the mean over its pairs, with document frequencies from the pairs of all these films.

    Args:
        films: The pairs of each film.
        only_matched: Give pairs with nothing 0 at once, so that they are no documents either.

    Returns:
        0 to 10 each.

    Raises:
        MissingDependencyError: pycocoevalcap is not installed.
    """
    scorer = _import("cider.cider_scorer", "CiderScorer")()
    asked = [[not only_matched or pair.reference != NOTHING for pair in pairs] for pairs in films]
    for pairs, is_asked in zip(films, asked, strict=True):
        for pair in compress(pairs, is_asked):
            scorer += (pair.hypothesis, [pair.reference])
    if not any(map(any, asked)):
        return [0.0] * len(films)
    scorer.compute_doc_freq()
    found = iter(scorer.compute_cider())
    return [mean(float(next(found)) if is_one else 0.0 for is_one in is_asked) for is_asked in asked]


def _rouge_and_bleu(pairs: Sequence[Pair]) -> dict[str, float]:
    if not pairs:
        return dict.fromkeys(("Rouge-L", *_BLEU), 0.0)
    right = {index: [pair.reference] for index, pair in enumerate(pairs)}
    said = {index: [pair.hypothesis or NOTHING[::-1]] for index, pair in enumerate(pairs)}
    rouge, _ = _import("rouge.rouge", "Rouge")().compute_score(right, said)
    bleu, _ = _import("bleu.bleu", "Bleu")(4).compute_score(right, said, verbose=0)
    return {"Rouge-L": float(rouge), **dict(zip(_BLEU, map(float, bleu), strict=True))}


def _import(module: str, name: str) -> Any:
    """Return a class of pycocoevalcap, whose modules are slow to import and not everybody's.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        return getattr(importlib.import_module(f"pycocoevalcap.{module}"), name)
    except ImportError:
        raise MissingDependencyError(
            "caption metrics need pycocoevalcap, which is not installed", hint='pip install "movieqa[eval]"'
        ) from None


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
