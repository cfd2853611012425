"""Scenery: places from either side, by day and by night."""

from __future__ import annotations

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.places import PLACE_KINDS
from movieqa.train.film_world.records import Place, Scene

from .acting import SPOT_X
from .furniture_shapes import DRESSING_SHAPES, FURNITURE_SHAPES
from .pen import Pen, Tint, mix, shade
from .prop_shapes import SPOT_SHAPES
from .shapes import draw_shape

_LIT = "ffdf94"
"""Windows of houses at night, seen from outside."""
HORIZON = 400.0
"""Where the wall meets the floor, in stage units from the top."""
_LEFT, _RIGHT = -320.0, 1320.0
_BACK_ROW, _SPOT_ROW = 420.0, 474.0
_SKY = {
    "morning": ("f6d9b8", "bfe0ee"),
    "day": ("8fc6ea", "cfe8f4"),
    "evening": ("e98f5a", "f6c98a"),
    "night": ("111a38", "2b3763"),
}
_TINTS: dict[tuple[str, bool], Tint] = {
    ("morning", True): (1.0, 0.97, 0.9),
    ("day", True): (1.0, 1.0, 1.0),
    ("evening", True): (1.0, 0.8, 0.66),
    ("night", True): (0.6, 0.65, 0.86),
    ("morning", False): (1.0, 0.98, 0.94),
    ("day", False): (1.0, 1.0, 0.98),
    ("evening", False): (0.98, 0.87, 0.72),
    ("night", False): (0.8, 0.71, 0.58),
}


def light_of(scene: Scene, place: Place) -> Tint:
    """Return the light of a scene."""
    red, green, blue = _TINTS[scene.day_part, place.is_outside]
    if scene.weather == "rain" and place.is_outside:
        return red * 0.8, green * 0.84, blue * 0.92
    return red, green, blue


def sky_of(scene: Scene) -> str:
    """Return the colour a window shows."""
    upper, lower = _SKY[scene.day_part]
    color = mix(upper, lower, 0.5)
    return mix(color, "7d8790", 0.6) if scene.weather == "rain" else color


def draw_scenery(pen: Pen, place: Place, scene: Scene, *, side: int, seed: int) -> None:
    """Draw a place without people."""
    kind = PLACE_KINDS[place.kind]
    dice = Dice("place", seed, place.id, side)
    if place.is_outside:
        _open_air(pen, scene, kind.colors, dice)
    else:
        _room(pen, kind.colors, side)
    is_night = scene.day_part == "night"
    sky = _LIT if place.is_outside and is_night else sky_of(scene)
    if not place.is_outside:
        for rank, name in enumerate(dice.sample(sorted(DRESSING_SHAPES), 4)):
            x = 175.0 + 220.0 * rank + dice.number(-20, 20)
            _place_shape(pen, DRESSING_SHAPES[name], x, _BACK_ROW - 8.0, 1.0, sky=sky_of(scene))
    furniture = list(kind.furniture)
    if side == 1:
        furniture = [furniture[index] for index in (3, 4, 1, 0, 2)]
    for rank, name in enumerate(furniture):
        x = 60.0 + 220.0 * rank + dice.number(-26, 26)
        _place_shape(
            pen, FURNITURE_SHAPES[name], x, _BACK_ROW + dice.number(-6, 4), 1.0 + dice.number(-0.06, 0.08), sky=sky
        )
        if name == "street_lamp" and is_night:
            pen.glow(x, _BACK_ROW - 316.0, 190.0, 190.0, "ffe9a8", 0.75)
    if side == 0:
        for spot, x in zip(place.spots, SPOT_X, strict=False):
            _place_shape(pen, SPOT_SHAPES[spot], x, _SPOT_ROW, 1.0, sky=sky)


def _room(pen: Pen, colors: tuple[str, str], side: int) -> None:
    wall, floor = colors
    if side == 1:
        wall, floor = shade(wall, 0.86), shade(floor, 0.94)
    _gradient(pen, (_LEFT, -200, _RIGHT, HORIZON), shade(wall, 1.12), shade(wall, 0.88))
    _gradient(pen, (_LEFT, HORIZON, _RIGHT, 900), shade(floor, 0.8), shade(floor, 1.08))
    pen.rect(_LEFT, HORIZON - 12, _RIGHT - _LEFT, 13, shade(floor, 0.62))
    for index in range(9):
        x = -300 + index * 200
        pen.line((500 + (x - 500) * 1.0, HORIZON + 2, 500 + (x - 500) * 2.1, 900), 1.6, shade(floor, 0.72))
    if side == 1:
        for index in range(14):
            pen.line((_LEFT + index * 120, -200, _LEFT + index * 120, HORIZON - 12), 2.0, shade(wall, 0.93))


def _open_air(pen: Pen, scene: Scene, colors: tuple[str, str], dice: Dice) -> None:
    upper, lower = _SKY[scene.day_part]
    if scene.weather == "rain":
        upper, lower = mix(upper, "6b747c", 0.65), mix(lower, "8a939a", 0.6)
    back = pen.tint
    pen.tint = (1.0, 1.0, 1.0)
    _gradient(pen, (_LEFT, -200, _RIGHT, HORIZON), upper, lower)
    if scene.day_part == "night":
        for _ in range(26):
            pen.oval(_LEFT + dice.number(0, 1640), dice.number(-60, 260), 1.6, 1.6, "e8ecff")
        pen.oval(800, 110, 30, 30, "f1efd8")
    elif scene.weather == "clear":
        pen.oval(820, 120 if scene.day_part == "day" else 260, 36, 36, "fff2c0")
    for _ in range(3 if scene.weather == "clear" else 6):
        x, y = _LEFT + dice.number(0, 1640), dice.number(30, 190)
        cloud = mix(lower, "ffffff", 0.55 if scene.weather == "clear" else 0.1)
        for dx, dy, size in ((-44, 6, 30), (0, -6, 42), (46, 6, 32)):
            pen.oval(x + dx, y + dy, size * 1.4, size * 0.7, cloud)
    pen.tint = back
    hill = mix(colors[1], lower, 0.45)
    pen.blob(
        (
            _LEFT,
            HORIZON + 60,
            _LEFT + 200,
            HORIZON - 80,
            240,
            HORIZON - 20,
            520,
            HORIZON - 110,
            860,
            HORIZON - 10,
            _RIGHT - 100,
            HORIZON - 90,
            _RIGHT,
            HORIZON + 60,
        ),
        hill,
    )
    _gradient(pen, (_LEFT, HORIZON, _RIGHT, 900), shade(colors[1], 0.88), shade(colors[1], 1.1))
    for _ in range(60):
        x, y = _LEFT + dice.number(0, 1640), HORIZON + 14 + dice.number(0, 180)
        pen.line((x, y, x + dice.number(6, 20), y), 2.0, shade(colors[1], 0.8))


def _gradient(pen: Pen, box: tuple[float, float, float, float], upper: str, lower: str) -> None:
    bands = 14
    height = (box[3] - box[1]) / bands
    for band in range(bands):
        pen.rect(box[0], box[1] + band * height, box[2] - box[0], height + 1, mix(upper, lower, band / (bands - 1)))


def _place_shape(pen: Pen, shape: str, x: float, y: float, scale: float, *, sky: str) -> None:
    pen.canvas.save()
    pen.canvas.translate(x, y)
    pen.canvas.scale(scale, scale)
    draw_shape(pen, shape, sky=sky)
    pen.canvas.restore()
