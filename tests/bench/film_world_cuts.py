"""Scores found shots against a film-world film's truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from movieqa.movie import Shot

_TOLERANCE = 1.01 / 24
"""Seconds a found cut may be away: one frame."""


@dataclass(frozen=True, kw_only=True)
class CutScore:
    """How well hard cuts and gradual changes were found."""

    precision: float
    recall: float
    num_gradual: int
    gradual_found: int

    @property
    def f_score(self) -> float:
        """Harmonic mean of precision and recall of hard cuts."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def score_cuts(found: Sequence[Shot], truth: dict[str, Any]) -> CutScore:
    """Compare shots with `truth.json`; a cut found inside a dissolve or fade is no false cut."""
    hard = [shot["start"] for shot in truth["shots"] if shot["cut"] == "cut"]
    soft = [(shot["start"], shot["transition"]) for shot in truth["shots"] if shot["transition"] > 0]
    told = [shot.start for shot in found if shot.kind == "cut"]
    told = [time for time in told if not any(abs(time - middle) <= length / 2 + 0.1 for middle, length in soft)]
    right = sum(any(abs(time - other) <= _TOLERANCE for other in told) for time in hard)
    gradual = [shot.start for shot in found if shot.kind in ("dissolve", "fade")]
    return CutScore(
        precision=right / max(1, len(told)),
        recall=right / max(1, len(hard)),
        num_gradual=len(soft),
        gradual_found=sum(any(abs(time - middle) <= length for time in gradual) for middle, length in soft),
    )
