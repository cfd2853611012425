"""Predictions: what came back for a sample. An error or a refusal is one too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .sample import Moment, Sample

Status = Literal["answered", "refused", "failed"]
"""`refused`: the engine said why it cannot answer this; `failed`: something broke."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What came back for one sample.

    Attributes:
        sample: What was asked, so that a log can be scored by itself.
        status: Whether there is an answer.
        text: The raw reply; empty where there is none.
        spans: The moments that the answer cites, best first.
        names: Characters that the answer names.
        error: One line saying why there is no answer.
        prompt_tokens: Read by the model for this answer; 0 without a model.
        answer_tokens: Written by the model.
        frames_used: Sampled frames that were in the context.
        frames_dropped: Sampled frames that did not fit.
        seconds: Wall time of this answer; not part of what makes two runs equal.
        peak_bytes: Most memory of the device, or of the process on a CPU, up to this answer.
    """

    sample: Sample
    status: Status = "answered"
    text: str = ""
    spans: tuple[Moment, ...] = ()
    names: tuple[str, ...] = ()
    error: str | None = None
    prompt_tokens: int = 0
    answer_tokens: int = 0
    frames_used: int = 0
    frames_dropped: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0

    def __post_init__(self) -> None:
        """Check that what is not answered says why."""
        if (self.status == "answered") != (self.error is None):
            raise ValueError(f"{self.sample.id}: an error goes with what is not answered, and only with that")
