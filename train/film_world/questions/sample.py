"""Samples: one question about a film, in the form the evaluation reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

LETTERS = "ABCDE"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A picture of somebody that goes with a question."""

    name: str
    image: str
    """Path inside the film's folder."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A question, its answer and what proves it. Times are seconds of the film."""

    id: str
    film: str
    question: str
    answer: str
    """Letter of the right option, or the short answer where there are no options."""
    short_answer: str
    long_answer: str
    spans: tuple[tuple[float, float], ...]
    """What proves the answer, in order."""
    tags: tuple[str, ...]
    needs: tuple[str, ...]
    """`picture`, `subtitle`, `identity`, `several moments`."""
    distance: float
    """Seconds from the first proof to the last."""
    options: tuple[str, ...] = ()
    until: float | None = None
    """Nothing after this may be used; the answer is the one at that time."""
    references: tuple[Reference, ...] = ()
    time: float | None = None
    """Moment the question is about, where it is about one picture."""
    query: dict[str, Any] = field(default_factory=dict)
    """What was asked, for machines: an independent checker recomputes the answer from it."""

    def __post_init__(self) -> None:
        """Check that the letter is the right option and that nothing is asked of the future."""
        if self.options and (
            len(set(self.options)) != len(LETTERS) or self.options[LETTERS.index(self.answer)] != self.short_answer
        ):
            raise ValueError(f"{self.id}: the options do not fit the answer")
        if any(not 0 <= start < end for start, end in self.spans) or not self.spans:
            raise ValueError(f"{self.id}: the proof has no proper spans")
        if self.until is not None and self.spans[-1][1] > self.until:
            raise ValueError(f"{self.id}: proved by what comes after {self.until}")

    def as_line(self) -> str:
        """Return the sample as one line of JSON; what is empty is left out."""
        value = {key: item for key, item in asdict(self).items() if item not in ((), None)}
        return json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n"
