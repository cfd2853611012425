"""Truth: everything that is known about a film, as JSON; `docs/film-world.md` describes every field."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from .drawing.framing import Framing, Seen
from .records import Film, ShotPlan

SAMPLES_A_SECOND = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    """Who is in the picture at a moment."""

    time: float
    shot: int
    people: tuple[Seen, ...]


def sample_film(film: Film, *, width: int, height: int) -> Iterator[Sample]:
    """Yield who is in the picture at every whole second, but for moments inside a dissolve or fade."""
    framing = Framing(film)
    for shot, time in sample_times(film):
        view = framing.view(shot, time)
        yield Sample(time=time, shot=shot.index, people=tuple(framing.seen(view, width / height)))


def sample_times(film: Film) -> Iterator[tuple[ShotPlan, float]]:
    """Yield every sampled moment with its shot."""
    number = 0
    for second in range(int(film.duration * SAMPLES_A_SECOND)):
        time = second / SAMPLES_A_SECOND
        while film.shots[number].end <= time:
            number += 1
        shot = film.shots[number]
        following = film.shots[number + 1] if number + 1 < len(film.shots) else None
        in_transition = time < shot.start + shot.transition / 2 or (
            following is not None and time >= following.start - following.transition / 2
        )
        if not in_transition:
            yield shot, time


def truth_json(film: Film, *, width: int, height: int) -> str:
    """Return `truth.json`: the same text for the same film, whatever the machine."""
    value: dict[str, Any] = dataclasses.asdict(film)
    value["schema"] = "movieqa.film-world/1"
    value["width"], value["height"] = width, height
    value["samples"] = [dataclasses.asdict(sample) for sample in sample_film(film, width=width, height=height)]
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def film_srt(film: Film) -> str:
    """Return the film's subtitles; speakers are not told, as in a cinema."""
    lines = [event for event in film.events if event.text is not None]
    return "".join(
        f"{number}\n{_clock(line.start)} --> {_clock(line.end)}\n{line.text}\n\n"
        for number, line in enumerate(lines, start=1)
    )


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d},{milliseconds % 1000:03d}"
