"""Stretches of a film as other programs get them: its shots, or the moments of a search."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from movieqa.movie import CutKind, Subtitle
from movieqa.people_search import PeopleMoment
from movieqa.workspace import Workspace

Noun = Literal["shot", "moment"]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """The half-open interval `[start, end)` of a film, in seconds; clips follow each other and never overlap."""

    noun: Noun
    number: int
    """From 1, as keyframes count."""
    start: float
    end: float
    kind: CutKind
    transition: float
    """Seconds of a fade or dissolve at its beginning."""
    keyframe: str | None
    """Of the shot it begins in, as a path inside the workspace; None where there are no pictures."""
    people: tuple[str, ...] = ()
    """Who was searched for and found in it."""

    @property
    def title(self) -> str:
        """What it is called: `Shot 3 (dissolve)`, `Moment 1: Julia, Jack`."""
        name = f"{self.noun.capitalize()} {self.number}"
        if self.people:
            return f"{name}: {', '.join(' '.join(person.split()) for person in self.people)}"
        return name + (f" ({self.kind})" if self.kind in ("fade", "dissolve") else "")


def clips_of_film(workspace: Workspace) -> tuple[Clip, ...]:
    """Return a film's shots."""
    return tuple(
        Clip(
            noun="shot",
            number=shot.index + 1,
            start=shot.start,
            end=shot.end,
            kind=shot.kind,
            transition=shot.transition,
            keyframe=workspace.keyframe(shot),
        )
        for shot in workspace.shots
    )


def clips_of_moments(workspace: Workspace, moments: Sequence[PeopleMoment]) -> tuple[Clip, ...]:
    """Return what a search for people found, in film order; between two moments there is a cut."""
    return tuple(
        Clip(
            noun="moment",
            number=number,
            start=moment.start,
            end=moment.end,
            kind="cut" if number > 1 else "start",
            transition=0.0,
            keyframe=workspace.keyframe(workspace.shot_at(moment.start)),
            people=moment.people,
        )
        for number, moment in enumerate(moments, start=1)
    )


def heard_in(clips: Sequence[Clip], lines: Sequence[Subtitle]) -> list[list[Subtitle]]:
    """Return for each clip the lines heard in it; one that runs over a cut is heard in both clips."""
    ends = [clip.end for clip in clips]
    heard: list[list[Subtitle]] = [[] for _ in clips]
    for line in lines:
        for index in range(bisect_right(ends, line.start), len(clips)):
            if clips[index].start >= line.end:
                break
            heard[index].append(line)
    return heard
