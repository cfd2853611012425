"""What moves or is put into a place for one scene: seats, pictures of people, traffic, passers-by and rain."""

from __future__ import annotations

import math

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.places import PLACE_KINDS
from movieqa.train.film_world.records import Look, Place, Scene, Stay

from .acting import FLOOR
from .framing import PICTURE_CENTER
from .pen import Pen, mix, shade
from .shapes import draw_shape, read_shapes

_SEAT_SHAPES = read_shapes("""
chair: R -34 -158 68 100 7d5236 6; R -26 -150 52 34 6b4429 4; R -40 -72 80 12 8a5c3c 4; R -38 -62 8 62 5f3c26; R 30
  -62 8 62 5f3c26; R -28 -60 6 50 4f3220; R 22 -60 6 50 4f3220
stool: R -34 -72 68 12 a63f22 5; R -30 -60 7 60 4a4d52; R 23 -60 7 60 4a4d52; R -28 -30 56 5 4a4d52
armchair: R -58 -150 116 130 46606b 18; R -66 -104 26 100 3b525c 10; R 40 -104 26 100 3b525c 10; R -42 -74 84 30
  547380 8; R -58 -22 116 16 3b525c 4; R -54 -8 12 8 2d2b2f; R 42 -8 12 8 2d2b2f
bench: R -96 -74 192 9 8a5a36 3; R -96 -112 192 9 8a5a36 3; R -96 -132 192 9 7a4e2e 3; R -84 -130 8 130 3a3d42; R 76
  -130 8 130 3a3d42
crate: R -42 -72 84 72 b08a55; R -42 -72 84 8 8a6a3c; R -42 -8 84 8 8a6a3c; L 8a6a3c 5 -40 -66 40 -6
""")
_TRAFFIC_SHAPES = read_shapes("""
car: P $ -118 -26 -112 -58 -66 -66 -40 -100 44 -100 74 -66 118 -56 122 -26; P # -56 -68 -34 -92 0 -92 0 -68; P # 8
  -68 8 -92 40 -92 62 -68; R -120 -34 242 10 $-; O -70 -22 23 23 26252a; O -70 -22 11 11 b4babf; O 72 -22 23 23
  26252a; O 72 -22 11 11 b4babf; O 116 -46 6 8 fff2c0; O -114 -46 5 7 c8362f
bus: R -190 -172 380 150 $ 14; R -178 -150 60 56 #; R -108 -150 60 56 #; R -38 -150 60 56 #; R 32 -150 60 56 #; R 104
  -150 78 70 #; R -190 -76 380 12 f1eee6; O -120 -22 26 26 26252a; O -120 -22 12 12 b4babf; O 112 -22 26 26 26252a; O
  112 -22 12 12 b4babf; O 184 -50 6 9 fff2c0
bicycle: C -40 -32 32 32 4 26252a; C 44 -32 32 32 4 26252a; L $ 6 -40 -32 -4 -36 24 -78 -20 -78 -40 -32; L $ 6 -4 -36
  -22 -84; L 26252a 5 44 -32 26 -92 40 -98; L 26252a 7 -34 -86 -10 -86; L 4a5568 14 -20 -92 6 -64 -2 -36; R -34 -158
  34 70 8b6f5a 14; L 8b6f5a 11 -10 -148 34 -98; O -12 -180 18 21 b98a68; O -14 -192 19 13 3a2a20
boat: P $ -150 -44 150 -44 110 0 -120 0; R -150 -52 300 9 f1eee6; L 6b4a2d 7 0 -50 0 -250; P f4efe2 8 -244 8 -70 104
  -70; P e6dccb -8 -230 -8 -70 -70 -70
train: R -330 -210 660 180 $ 16; R -330 -120 660 12 f1eee6; R -300 -190 84 56 #; R -196 -190 84 56 #; R -92 -190 84 56
  #; R 12 -190 84 56 #; R 116 -190 84 56 #; R 226 -196 90 66 #; O -240 -26 26 26 26252a; O -150 -26 26 26 26252a; O
  150 -26 26 26 26252a; O 240 -26 26 26 26252a
tractor: R -40 -96 120 50 $ 6; R -66 -170 70 80 $-; R -58 -162 54 44 #; L 3a3d42 8 56 -96 56 -150; O -34 -44 46 46
  26252a; O -34 -44 20 20 e8bf34; O 74 -26 28 28 26252a; O 74 -26 12 12 e8bf34
""")
_SPEEDS = {"car": 26.0, "bus": 17.0, "bicycle": 11.0, "boat": 4.0, "train": 34.0, "tractor": 7.0}
"""Stage units a drawing on twos' half: how fast each goes."""
_PAINTS = ("c8362f", "2f62b5", "3f8f4a", "e8bf34", "e9e6df", "4a5568", "35a9a6", "a8563f")


def draw_seats(pen: Pen, stays: tuple[Stay, ...], heights: dict[str, float], *, side: int) -> None:
    """Draw what people sit on; it stands there for the whole scene."""
    for stay in stays:
        if stay.seat:
            pen.canvas.save()
            pen.canvas.translate(stay.x if side == 0 else 1000.0 - stay.x, FLOOR - 2.0)
            pen.canvas.scale(heights[stay.person], heights[stay.person])
            pen.oval(0, 2, 56, 9, "00000033")
            draw_shape(pen, _SEAT_SHAPES[stay.seat])
            pen.canvas.restore()


def draw_traffic(pen: Pen, place: Place, scene: Scene, tick: int, *, sky: str) -> None:
    """Draw what drives past behind people, now and then."""
    kinds = PLACE_KINDS[place.kind].traffic
    for rank, kind in enumerate(kinds):
        dice = Dice("traffic", scene.crowd, rank)
        period = dice.whole(150, 320)
        number, moment = divmod(tick + dice.whole(0, period), period)
        own = dice.fork(number)
        direction = 1 if own.chance(0.5) else -1
        x = -700.0 + _SPEEDS[kind] * moment * own.number(0.9, 1.15)
        if x > 1700.0:
            continue
        pen.canvas.save()
        pen.canvas.translate(x if direction > 0 else 1000.0 - x, 414.0 + 10.0 * rank)
        pen.canvas.scale(0.9 * direction, 0.9)
        draw_shape(pen, _TRAFFIC_SHAPES[kind], own=own.pick(_PAINTS), sky=sky)
        pen.canvas.restore()


def draw_crowd(pen: Pen, scene: Scene, tick: int) -> None:
    """Draw the passers-by: strangers without faces at the far end of the place."""
    dice = Dice("crowd", scene.crowd)
    for index in range(5):
        own = dice.fork(index)
        speed = own.number(2.2, 5.0) * (1 if own.chance(0.5) else -1)
        x = (own.number(0, 1300) + speed * (tick // 2)) % 1300 - 150
        color = own.pick(("6a5a6e", "55606e", "6e6455", "5a6e60", "735a55"))
        swing = 9 * math.sin((tick // 2) * 0.9 + index)
        base = 446.0 + 4 * index
        pen.line((x - swing, base, x, base - 90, x + swing, base), 17, shade(color, 0.7))
        pen.rect(x - 26, base - 170, 52, 96, color, round_by=16)
        pen.oval(x, base - 192, 19, 23, mix(own.pick(("c9a184", "a87c5c", "7a563e")), color, 0.25))
        pen.oval(x, base - 203, 20, 15, shade(color, 0.5))


def draw_rain(pen: Pen, x: float, y: float, width: float, height: float, tick: int) -> None:
    """Draw falling rain over a part of the stage."""
    scale = width / 1000.0
    for index in range(44):
        across = (index * 0.3819 + 0.013 * (tick % 5)) % 1.0
        down = (index * 0.7548 + tick * 0.21) % 1.0
        left, top = x + across * width, y + down * height
        pen.line((left, top, left - 6 * scale, top + 32 * scale), 1.9 * scale, "e2edf4bb")


def draw_picture_frame(pen: Pen, shown_on: str) -> None:
    """Draw what a portrait hangs in: a frame, a television set on the wall, or a hoarding outside."""
    x, y = PICTURE_CENTER
    if shown_on == "television":
        pen.rect(x - 74, y - 58, 148, 112, "1f2126", round_by=8)
        pen.rect(x - 66, y - 50, 132, 92, "4d7fa6")
        pen.rect(x - 66, y + 2, 132, 40, "3b6485")
        pen.oval(x + 60, y + 48, 3, 3, "d9463a")
    elif shown_on == "poster":
        pen.rect(x - 60, y - 70, 8, 300, "5b4632")
        pen.rect(x + 52, y - 70, 8, 300, "5b4632")
        pen.rect(x - 66, y - 76, 132, 160, "e9dfc6", round_by=2)
        pen.rect(x - 44, y - 46, 88, 92, "c9b994")
        pen.rect(x - 54, y - 69, 108, 14, "a63f22")
        for row in (54, 64, 74):
            pen.rect(x - 46, y + row - 2, 92 - (row % 20), 4, "6b6357")
    else:
        pen.rect(x - 44, y - 54, 88, 108, "8a6a2e", round_by=3)
        pen.rect(x - 36, y - 46, 72, 92, "dfe6dc")


def draw_caption_bar(pen: Pen) -> None:
    """Draw the bar with a moving text under whoever speaks on television."""
    x, y = PICTURE_CENTER
    pen.rect(x - 66, y + 30, 132, 12, "b8322c")
    pen.rect(x - 60, y + 34, 84, 4, "f1eee6")


def size_of_portrait(look: Look) -> float:
    """Return by how much a head must shrink so that its hair fits the frame."""
    return 0.68 if look.hair in ("afro", "curly", "bun", "long") else 0.8
