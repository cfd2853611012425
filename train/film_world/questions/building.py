"""Building: puts a sample together; right and wrong options are drawn alike, so that guessing has no hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.grammar import capitalised
from movieqa.train.film_world.records import Event

from .facts import Facts
from .sample import LETTERS, Reference, Sample

Span = tuple[float, float]


def build(
    facts: Facts,
    dice: Dice,
    *,
    tag: str,
    question: str,
    right: str,
    wrong: Sequence[str] = (),
    long: str,
    proof: Sequence[Event | Span],
    needs: Sequence[str],
    query: dict[str, Any],
    until: float | None = None,
    references: tuple[Reference, ...] = (),
    time: float | None = None,
    extra_tags: Sequence[str] = (),
) -> Sample | None:
    """Return a sample, or None when there are not four different wrong options."""
    options: tuple[str, ...] = ()
    answer = right
    if wrong:
        others = [option for option in dict.fromkeys(wrong) if option != right][: len(LETTERS) - 1]
        if len(others) < len(LETTERS) - 1:
            return None
        options = tuple(dice.shuffled([right, *others]))
        answer = LETTERS[options.index(right)]
    spans = sorted({(item.start, item.end) if isinstance(item, Event) else item for item in proof})
    all_needs = [*needs, *(["several moments"] if len(spans) > 1 else [])]
    tags = [tag, *extra_tags, *(["as of"] if until is not None else []), *([] if options else ["open"])]
    return Sample(
        id="",
        film="",
        question=question,
        answer=answer,
        short_answer=right,
        long_answer=capitalised(long),
        spans=tuple(spans),
        tags=tuple(tags),
        needs=tuple(dict.fromkeys(all_needs)),
        distance=round(spans[-1][0] - spans[0][0], 3),
        options=options,
        until=until,
        references=references,
        time=time,
        query=query,
    )


def needs_of(event: Event) -> list[str]:
    """Return what it takes to see or hear an event and know its people."""
    return ["subtitle", "identity"] if event.action == "say" else ["picture", "identity"]


def time_between(dice: Dice, earliest: float, latest: float) -> float:
    """Return a time for `until` with two decimals at most, never before the earliest."""
    return max(earliest, round(dice.number(earliest, latest), 2))


def numbers_around(dice: Dice, right: float, *, step: float) -> list[float]:
    """Return four other numbers in even steps; the right one is equally likely to have any rank.

    The steps only go where they stay above zero, so `right` must be at least four steps.
    """
    rank = dice.whole(0, 4)
    return [right + (index - rank) * step for index in range(5) if index != rank]
