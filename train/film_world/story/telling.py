"""Telling: winds plot lines around each other until the film is as long as was asked."""

from __future__ import annotations

from dataclasses import dataclass

from movieqa.train.film_world.casting import draw_cast, draw_places
from movieqa.train.film_world.dice import Dice, is_reserved
from movieqa.train.film_world.records import Person
from movieqa.train.film_world.splits import Split

from . import more_plots, plots
from .more_plots import everyday
from .stage import Call, Stage
from .thread import Plot, Thread
from .world import World

FAMILIES = {**plots.FAMILIES, **more_plots.FAMILIES}
_ENDING = 3.0
"""Seconds kept for the last, empty shot."""


@dataclass
class _Active:
    thread: Thread
    plot: Plot
    call: Call | None
    left: int
    """Scenes it may still take, about."""


def number_of_people(minutes: float) -> int:
    """Return how many people a film of a length has when nobody says."""
    return max(3, min(40, round(3 + 2.2 * float(minutes**0.62))))


def tell_story(
    *, seed: int, seconds: float, split: Split, fps: int, people: int | None = None
) -> tuple[World, list[tuple[str, str]]]:
    """Tell a story of about `seconds`, always the same for the same arguments.

    Returns:
        The world after the last scene, and the id and family of every plot line.

    Raises:
        ConfigError: There are more people than names.
    """
    dice = Dice("film-world", seed, split)
    count = people if people is not None else number_of_people(seconds / 60)
    cast = draw_cast(dice.fork("cast"), split, count=count)
    world = World(
        dice=dice.fork("world"),
        split=split,
        fps=fps,
        people={person.id: person for person in cast},
        places=draw_places(dice.fork("places"), split, count=max(3, min(24, 3 + round(seconds / 150)))),
    )
    _relate_siblings(world, cast)
    teller = _Teller(world, dice.fork("telling"), seconds - _ENDING)
    teller.tell()
    return world, teller.threads


def _relate_siblings(world: World, cast: tuple[Person, ...]) -> None:
    for person in cast:
        if person.looks_like is not None and person.is_sibling:
            world.relate(person.id, person.looks_like, "siblings")


class _Teller:
    def __init__(self, world: World, dice: Dice, seconds: float) -> None:
        self._world = world
        self._dice = dice
        self._seconds = seconds
        self._active: list[_Active] = []
        self._families: list[str] = []
        self._cast_turn: list[str] = []
        self.threads: list[tuple[str, str]] = []

    def tell(self) -> None:
        """Write scenes until the time is used up and every plot line has come to its end."""
        last = ""
        while True:
            remaining = self._seconds - self._world.clock
            average = self._average()
            free = remaining - average * sum(active.left for active in self._active)
            most = 2 + int(self._seconds / 300)
            family = self._next_family()
            if len(self._active) < most and free > average * FAMILIES[family][2] * 1.05:
                self._start(family)
            elif (not self._active and remaining > min(average, 9.0)) or (
                self._active and free > average * 1.1 and self._dice.chance(0.3)
            ):
                self._play_everyday(remaining)
                continue
            if not self._active:
                return
            others = [active for active in self._active if active.thread.id != last] or self._active
            chosen = self._dice.pick(others)
            last = chosen.thread.id
            self._advance(chosen)

    def _average(self) -> float:
        count = len(self._world.scenes)
        return (self._world.clock + 4 * 17.0) / (count + 4)

    def _next_family(self) -> str:
        if not self._families:
            split = self._world.split
            names = [name for name in sorted(FAMILIES) if FAMILIES[name][1] <= len(self._world.people)]
            allowed = [name for name in names if split != "train" or not is_reserved("plot", name)]
            self._families = self._dice.shuffled(allowed)
        fitting = [name for name in self._families if FAMILIES[name][1] <= len(self._world.people)]
        return fitting[-1]

    def _start(self, family: str) -> None:
        self._families.remove(family)
        plot, roles, scenes = FAMILIES[family]
        thread = self._thread(family, roles + 2)
        running = plot(thread)
        self._active.append(_Active(thread, running, next(running), scenes))

    def _thread(self, family: str, count: int) -> Thread:
        if len(self._cast_turn) < count:
            everybody = [person for person in self._world.people if person not in self._cast_turn]
            self._cast_turn += self._dice.shuffled(everybody)
        cast, self._cast_turn = self._cast_turn[:count], self._cast_turn[count:]
        cast += [person for person in self._dice.shuffled(list(self._world.people)) if person not in cast]
        identity = f"t{len(self.threads)}"
        self.threads.append((identity, family))
        is_brief = self._seconds < 150
        return Thread(
            id=identity, family=family, world=self._world, cast=cast, dice=self._dice.fork(identity), is_brief=is_brief
        )

    def _advance(self, active: _Active) -> None:
        if active.call is None:
            raise AssertionError("a plot line that has ended goes on")
        stage = Stage(self._world, active.call, thread=active.thread.id)
        active.left = max(1, active.left - 1)
        try:
            active.call = active.plot.send(stage)
        except StopIteration:
            self._active.remove(active)
        stage.close()

    def _play_everyday(self, remaining: float) -> None:
        thread = self._thread("everyday", 3)
        if remaining < 10:
            thread.cast = thread.cast[:1]
        plot = everyday(thread)
        active = _Active(thread, plot, next(plot), 1)
        self._active.append(active)
        self._advance(active)
