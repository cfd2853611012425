"""Making: a seed becomes a whole film on paper; nothing is drawn yet."""

from __future__ import annotations

import math

from movieqa.errors import ConfigError

from .dice import Dice
from .direction import direct
from .records import Film
from .splits import SPLITS, Split
from .story.telling import tell_story

FILM_WORLD_VERSION = 2
"""Raised when the same seed would give another film."""
SHORTEST_MINUTES, LONGEST_MINUTES = 0.25, 600.0
MOST_PEOPLE = 40
_CLOSING = 3.0


def make_film(*, seed: int, minutes: float, split: Split = "all", people: int | None = None, fps: int = 24) -> Film:
    """Make a film on paper, always the same for the same arguments and `FILM_WORLD_VERSION`.

    Args:
        seed: Any whole number.
        minutes: About how long the film shall be; a plot line that has begun is told to its end.
        split: Which part of the vocabulary may be used.
        people: How many people; None chooses by the length.
        fps: Frames a second; all times are whole frames.

    Raises:
        ConfigError: A length or number that cannot work.

    Example:
        >>> film = make_film(seed=7, minutes=0.5)
        >>> film.shots[0].start, film.shots[-1].end == film.duration
        (0.0, True)
    """
    if not (math.isfinite(minutes) and SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES):
        raise ConfigError(
            f"a film cannot be {minutes:g} minutes long",
            hint=f"choose {SHORTEST_MINUTES:g} to {LONGEST_MINUTES:g} minutes",
        )
    if people is not None and not 3 <= people <= MOST_PEOPLE:
        raise ConfigError(
            f"a film cannot have {people} people", hint=f"choose 3 to {MOST_PEOPLE}; more would outrun the names"
        )
    if split not in SPLITS:
        raise ConfigError(f"no split {split!r}", hint=f"choose one of {', '.join(SPLITS)}")
    if not 12 <= fps <= 60 or fps % 12:
        raise ConfigError(f"fps must be 12, 24, 36, 48 or 60, got {fps}", hint="films have 24")
    world, threads = tell_story(seed=seed, seconds=minutes * 60, split=split, fps=fps, people=people)
    world.wait(_CLOSING)
    scenes = tuple(world.scenes)
    shots = direct(
        scenes, tuple(world.events), end=world.clock, fps=fps, dice=Dice("film-world", seed, split, "direction")
    )
    return Film(
        seed=seed,
        version=FILM_WORLD_VERSION,
        split=split,
        duration=world.clock,
        fps=fps,
        people=tuple(world.people.values()),
        places=tuple(world.places.values()),
        props=tuple(world.props.values()),
        scenes=scenes,
        shots=shots,
        events=tuple(world.events),
        facts=tuple(world.facts.values()),
        knowledge=tuple(world.knowledge),
        relations=tuple(world.relations),
        threads=tuple(threads),
        starts=tuple(world.starts),
    )
