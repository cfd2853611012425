"""Props: the things people give, hide, lose and find."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PropKind:
    """A kind of thing; drawn by a function of its name."""

    name: str
    uses: frozenset[str]
    """What can be done with it besides giving and hiding: `read`, `break`, `drink`, `burn`, `play`, `eat`."""


def _kinds(text: str) -> dict[str, PropKind]:
    kinds = {}
    for line in text.strip().splitlines():
        name, _, uses = line.partition(":")
        kinds[name.strip()] = PropKind(name=name.strip(), uses=frozenset(uses.split()))
    return kinds


PROP_KINDS: dict[str, PropKind] = _kinds("""
    key:
    letter: read burn
    notebook: read burn
    book: read
    map: read burn
    newspaper: read burn
    postcard: read burn
    ticket: read burn
    photograph: burn
    envelope: burn
    scroll: read burn
    cup: drink break
    bottle: drink break
    glass: drink break
    teapot: break
    vase: break
    plate: break
    mirror: break
    lamp: break
    clock: break
    figurine: break
    snow globe: break
    jar: break
    violin: play break
    guitar: play break
    flute: play
    drum: play
    music box: play break
    ring:
    necklace:
    medal:
    watch:
    coin:
    crown:
    purse:
    suitcase:
    box:
    hat:
    scarf:
    glove:
    umbrella:
    doll:
    teddy bear:
    ball:
    toy boat:
    candle:
    telephone: break
    camera: break
    hammer:
    knife:
    rope:
    compass:
    telescope:
    apple: eat
    cake: eat
    loaf: eat
    flower:
    seashell:
    feather:
    mask:
""")

COLORS: dict[str, str] = {
    "red": "c8362f",
    "blue": "2f62b5",
    "green": "3f8f4a",
    "yellow": "e8bf34",
    "white": "f1eee6",
    "black": "2d2b2f",
    "brown": "7d5233",
    "orange": "e2812c",
    "purple": "7c4aa0",
    "pink": "e48fae",
    "grey": "8b8f96",
    "silver": "b9c3cc",
    "golden": "d6a837",
    "turquoise": "35a9a6",
}
"""The colours things and clothes can have, by the word people use for them."""
