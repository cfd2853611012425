"""A thread: one plot line, with its roles, its places and its things."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.props import COLORS, PROP_KINDS
from movieqa.train.film_world.records import Place, Prop
from movieqa.train.film_world.splits import allowed_items

from .speech import MOTIVES
from .stage import Call, Stage
from .world import World

Plot = Generator[Call, Stage, None]
CHANNELS = ("told", "overheard", "read", "saw")
"""How somebody can come to know what another did in secret; all are equally common."""
RELATIONS = ("friends", "siblings", "couple", "colleagues", "rivals")


@dataclass(kw_only=True)
class Thread:
    """One plot line."""

    id: str
    family: str
    world: World
    cast: list[str]
    """Persons in the order in which the plot may use them."""
    dice: Dice
    is_brief: bool = False
    """Leaves out what the plot can do without."""
    used: list[str] = field(default_factory=list)

    def people(self, count: int) -> list[str]:
        """Return the persons of the plot's roles."""
        self.used = self.cast[:count]
        for rank, first in enumerate(self.used):
            for second in self.used[rank + 1 :]:
                if self.world.relation(first, second) == "strangers" and self.dice.chance(0.6):
                    self.world.relate(first, second, self.dice.pick([kind for kind in RELATIONS if kind != "siblings"]))
        return self.used

    def place(self, *, inside: bool | None = None, hiding: bool = False) -> Place:
        """Return a place for a scene, seldom the same twice in a row."""
        last = self.world.scenes[-1].place if self.world.scenes else None
        fitting = [
            place
            for place in self.world.places.values()
            if (inside is None or place.is_outside != inside) and (not hiding or place.spots)
        ]
        others = [place for place in fitting if place.id != last]
        return self.dice.pick(others or fitting or list(self.world.places.values()))

    def prop(
        self,
        *uses: str,
        holder: str | None = None,
        place: Place | None = None,
        spot: str | None = None,
        kinds: tuple[str, ...] = (),
    ) -> Prop:
        """Bring a new thing into the story; no other thing of the film has its name."""
        taken = {prop.name for prop in self.world.props.values()}
        allowed = set(allowed_items(self.world.split, "prop", sorted(PROP_KINDS)))
        fitting = [
            kind.name
            for kind in PROP_KINDS.values()
            if set(uses) <= kind.uses and (kind.name in kinds if kinds else kind.name in allowed)
        ]
        while True:
            kind, color = self.dice.pick(fitting), self.dice.pick(sorted(COLORS))
            name = f"the {color} {kind}"
            if name not in taken or len(taken) >= len(fitting) * len(COLORS):
                break
        prop = Prop(id=f"o{len(self.world.props)}", kind=kind, color=color, name=name)
        self.world.introduce(prop, holder=holder, place=place.id if place else None, spot=spot)
        return prop

    def motive(self, person: str) -> tuple[str, str]:
        """Return a reason for doing something because of a person: its clause and its kind."""
        kind = self.dice.pick(sorted(MOTIVES))
        return MOTIVES[kind].format(b=self.world.name(person)), kind

    def extra(self, rank: int, otherwise: str) -> str:
        """Return a person beyond the roles, or one of them where the film has nobody else."""
        return self.cast[rank] if len(self.cast) > rank else otherwise

    def name(self, person: str) -> str:
        """Return a person's name."""
        return self.world.name(person)
