"""Places: what kinds there are, how people call them, and what stands in them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlaceKind:
    """A kind of place.

    Example:
        >>> PLACE_KINDS["boathouse"].phrase
        'in the boathouse'
    """

    name: str
    preposition: str
    is_outside: bool
    furniture: tuple[str, ...]
    """What stands there, from left to right; each is drawn by a function of this name."""
    colors: tuple[str, str]
    """Wall (or far background) and floor (or ground), as `rrggbb`."""
    has_crowd: bool = False
    """Strangers pass in the background."""
    traffic: tuple[str, ...] = ()
    """What drives past behind the people, by day and by night."""

    @property
    def phrase(self) -> str:
        """Where: `in the boathouse`."""
        return f"{self.preposition} the {self.name}"


def _kind(name: str, where: str, colors: str, furniture: str, *, crowd: bool = False, traffic: str = "") -> PlaceKind:
    wall, floor = colors.split()
    preposition, _, side = where.partition(" ")
    return PlaceKind(
        name=name,
        preposition=preposition,
        is_outside=side == "out",
        furniture=tuple(furniture.split()),
        colors=(wall, floor),
        has_crowd=crowd,
        traffic=tuple(traffic.split()),
    )


PLACE_KINDS: dict[str, PlaceKind] = {
    kind.name: kind
    for kind in (
        _kind("kitchen", "in", "d9c9a3 a8754f", "stove window table cupboard hanging_pots"),
        _kind("library", "in", "7d5a45 5b3a29", "bookcase bookcase desk window bookcase"),
        _kind("boathouse", "in", "6f7f86 4f5a58", "boat window barrel rope_coil crate"),
        _kind(
            "harbour", "at out", "9cc3d5 7d7468", "ship crate barrel street_lamp rope_coil", crowd=True, traffic="boat"
        ),
        _kind("market", "at out", "a9cbe0 b7a27f", "stall stall barrel crate stall", crowd=True),
        _kind(
            "railway station",
            "at",
            "b9b2a0 77716a",
            "clock_wall bench train_side board bench",
            crowd=True,
            traffic="train",
        ),
        _kind("church", "in", "a8a29a 6d655e", "stained_window pew altar stained_window candles"),
        _kind("attic", "in", "8a6d52 6b4c33", "round_window crate chest cupboard dress_form"),
        _kind("cellar", "in", "5c5a60 44424a", "barrel barrel wine_rack crate bare_bulb"),
        _kind("garden", "in out", "a4d2e8 6fa052", "tree flower_bed bench fence tree"),
        _kind("forest", "in out", "8fb59a 4f6b3a", "tree pine tree pine stump"),
        _kind("beach", "on out", "9fd4ea e0cd9c", "sea rowing_boat rock umbrella rock"),
        _kind("hospital room", "in", "d5e4e4 a9bdbd", "bed monitor window curtain cupboard"),
        _kind("office", "in", "b8bdc9 6e7280", "desk computer window board cupboard"),
        _kind("theatre", "in", "6b2737 3d2430", "stage_curtain spotlight piano stage_curtain dress_form"),
        _kind("bakery", "in", "e6d3b1 b98b5e", "oven counter shelf_bread window shelf_bread"),
        _kind("workshop", "in", "8f8672 5f574a", "workbench tool_wall machine window crate"),
        _kind("bar", "in", "4b3a4d 33262e", "counter bottle_shelf neon table stool"),
        _kind("hotel lobby", "in", "c7a97b 7a3d36", "counter key_board sofa plant painting", crowd=True),
        _kind("bedroom", "in", "b7a5c4 7d6253", "bed window wardrobe mirror lamp"),
        _kind("living room", "in", "c4b58e 7b5a45", "sofa television window plant painting"),
        _kind("school", "in", "c9d3a8 8b7a56", "blackboard desk window globe bookcase"),
        _kind("museum", "in", "cfcabf 8d867b", "painting statue vitrine painting statue", crowd=True),
        _kind("greenhouse", "in", "b7dcc0 7f8a63", "glass_wall plant flower_bed plant workbench"),
        _kind("roof", "on out", "8fb0d8 6d6a70", "chimney skyline antenna laundry skyline"),
        _kind(
            "bridge",
            "on out",
            "a7bfd6 77726c",
            "railing street_lamp river railing street_lamp",
            crowd=True,
            traffic="car bicycle",
        ),
        _kind("park", "in out", "9fd0ea 7cb05a", "tree bench fountain tree street_lamp", crowd=True, traffic="bicycle"),
        _kind("train compartment", "in", "7f9a8c 55493f", "train_window bench train_window bench luggage_rack"),
        _kind("laundry", "in", "c3d6e3 8b9aa6", "machine machine laundry window shelf_bread"),
        _kind("farmyard", "in out", "a9d3ea a98a5b", "barn well fence haystack tree", traffic="tractor"),
        _kind("mill", "in", "a08c6d 6f5a40", "millstone sack sack window crate"),
        _kind(
            "street",
            "in out",
            "9cc0dc 6f7076",
            "shop_front street_lamp house shop_front house",
            crowd=True,
            traffic="car bus bicycle",
        ),
        _kind("garage", "in", "8a8f93 5f6164", "parked_car tool_wall tyres workbench window"),
        _kind("coffee house", "in", "d8b48c 7a5238", "counter window small_table shelf_bread small_table"),
        _kind("lighthouse", "in", "cdd6dc 7b6f66", "round_window lantern chest rope_coil desk"),
    )
}

SPOTS: dict[str, str] = {
    "rug": "under the rug",
    "flower_pot": "in the big flower pot",
    "picture": "behind the small picture",
    "box": "in the striped box",
    "loose_stone": "behind the loose stone",
    "basket": "in the wicker basket",
    "bucket": "in the tin bucket",
    "floorboard": "under the loose board",
}
"""Where a thing can be hidden: each is a piece of furniture that can stand in any place."""

INSIDE_SPOTS = ("rug", "flower_pot", "picture", "box", "basket", "floorboard")
OUTSIDE_SPOTS = ("flower_pot", "loose_stone", "box", "basket", "bucket")
