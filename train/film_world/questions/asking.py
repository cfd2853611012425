"""Asking: all questions of a film, of every kind about equally many."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.records import Film

from . import event_kinds, open_kinds, people_kinds, story_kinds
from .building import time_between
from .facts import Facts
from .sample import Sample

_FROM_TRUTH: tuple[Callable[[Facts, Dice], Iterator[Sample | None]], ...] = (
    event_kinds.who,
    event_kinds.whom,
    event_kinds.what,
    event_kinds.where,
    event_kinds.when,
    event_kinds.why,
    story_kinds.count,
    story_kinds.order,
    story_kinds.first_last,
    story_kinds.how_long,
    story_kinds.never,
    story_kinds.what_if,
    story_kinds.lie,
    people_kinds.relation,
    people_kinds.holder,
    people_kinds.knower,
    open_kinds.summary,
    open_kinds.part,
    open_kinds.moment,
    open_kinds.dense,
    open_kinds.plot,
)
_FROM_PICTURES = (
    people_kinds.match,
    people_kinds.locate,
    people_kinds.who_acts,
    people_kinds.caption,
    people_kinds.wearing,
)
_AS_OF = ("who", "what", "where", "why", "first and last", "order")
_TRIES = 6
"""How many candidates are looked at for every question wanted."""


def ask(film: Film) -> list[Sample]:
    """Return the questions of a film, always the same for the same film.

    Example:
        >>> from movieqa.train.film_world.making import make_film
        >>> samples = ask(make_film(seed=3, minutes=4))
        >>> len(samples) > 40 and all(sample.spans for sample in samples)
        True
    """
    dice = Dice("film-world", film.seed, film.split, "questions")
    facts = Facts(film, dice)
    wanted = max(2, min(14, round(1.5 + film.duration / 60 * 0.6)))
    frames = people_kinds.frames_of(facts)
    makers: list[tuple[str, Iterator[Sample | None]]] = [
        (make.__name__, make(facts, dice.fork(make.__name__))) for make in _FROM_TRUTH
    ]
    makers += [(make.__name__, make(facts, dice.fork(make.__name__), frames)) for make in _FROM_PICTURES]
    samples: list[Sample] = []
    name = f"film-world-{film.split}-{film.seed}"
    for kind, candidates in makers:
        found = [
            sample
            for sample in islice(candidates, wanted * _TRIES)
            if sample is not None and _can_be_asked(facts, sample)
        ]
        kept = list({sample.question: sample for sample in found}.values())[:wanted]
        samples += [replace(sample, id=f"{name}-{kind}-{number}", film=name) for number, sample in enumerate(kept)]
    return [_as_of(facts, sample) for sample in samples]


def _can_be_asked(facts: Facts, sample: Sample) -> bool:
    """Tell whether everybody whom question and answer name has been named by then, by the film or beside a picture."""
    given = {reference.name for reference in sample.references}
    people = [person for person, name in facts.names.items() if name not in given]
    text = f"{sample.question} {sample.short_answer}"
    mentioned = [person for person in people if re.search(rf"\b{facts.names[person]}\b", text)]
    return "open" in sample.tags or facts.is_named(*mentioned, before=sample.until)


def _as_of(facts: Facts, sample: Sample) -> Sample:
    """Ask some questions as of a time: late enough for the proof and for everybody to have been named."""
    dice = facts.dice.fork("as of", sample.id)
    earliest = max([sample.spans[-1][1], *facts.named_at.values()])
    if (
        sample.until is not None
        or sample.tags[0] not in _AS_OF
        or not dice.chance(0.2)
        or earliest >= facts.film.duration - 1.0
    ):
        return sample
    return replace(sample, until=time_between(dice, earliest, facts.film.duration), tags=(*sample.tags, "as of"))


def questions_jsonl(film: Film) -> str:
    """Return `qa.jsonl`."""
    return "".join(sample.as_line() for sample in ask(film))
