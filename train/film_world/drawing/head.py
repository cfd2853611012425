"""Heads: the lasting face of a person, from every side and in every mood.

The origin is the middle of the head; a head is about 64 units high. The face looks to the right for a positive turn.
"""

from __future__ import annotations

from movieqa.train.film_world.records import Look, Outfit

from .face import draw_face
from .hair import draw_hair_behind, draw_hair_front, draw_hat
from .pen import Pen, shade
from .pose import Pose

HEAD_WIDTH, HEAD_HEIGHT = 25.0, 32.0
"""Half the width and half the height of a usual head."""


def head_size(look: Look) -> tuple[float, float]:
    """Return half the width and half the height of a head without its hair."""
    small = 0.95 if look.age == "child" else 1.0
    return HEAD_WIDTH * look.face_width * small, HEAD_HEIGHT * look.face_height * small


def draw_head(pen: Pen, look: Look, outfit: Outfit, pose: Pose) -> None:
    """Draw a head with its hair and hat."""
    width, height = head_size(look)
    if pose.is_back:
        _back(pen, look, outfit, width, height)
        return
    turn = pose.turn
    shift = turn * width * 0.36
    draw_hair_behind(pen, look, width, height, shift)
    ear = 6 * look.ears
    for side in (-1, 1):
        pen.oval(
            side * (width - 1) - turn * width * 0.12,
            3,
            ear * (1 - 0.6 * max(0.0, side * turn)),
            ear * 1.25,
            shade(look.skin, 0.9),
        )
    _skull(pen, look, width, height, turn)
    draw_face(pen, look, pose, width, height)
    draw_hair_front(pen, look, width, height, shift)
    _glasses(pen, look, width, height, shift)
    draw_hat(pen, outfit, width, height, shift * 0.4)


def _skull(pen: Pen, look: Look, width: float, height: float, turn: float) -> None:
    jaw = look.jaw
    chin = turn * width * 0.18
    pen.volume(
        (
            -width,
            -height * 0.55,
            -width * 0.55,
            -height * 1.12,
            width * 0.55,
            -height * 1.12,
            width,
            -height * 0.55,
            width * 1.02,
            height * 0.25,
            width * jaw * 0.8 + chin,
            height * 0.98,
            chin,
            height * 1.16,
            -width * jaw * 0.8 + chin,
            height * 0.98,
            -width * 1.02,
            height * 0.25,
        ),
        look.skin,
        x=turn * width * 0.3,
        y=-height * 0.05,
        reach=height * 1.28,
    )


def _glasses(pen: Pen, look: Look, width: float, height: float, shift: float) -> None:
    if not look.glasses:
        return
    gap, y = width * 0.44 * look.eye_distance, -height * 0.05
    frame = {"square": "5b2a20", "round": "70604c"}.get(look.glasses, "2d2b2f")
    for side in (-1, 1):
        x = side * gap + shift
        if look.glasses == "dark":
            pen.oval(x, y, 9.5, 7.4, "1d1d22")
            pen.glow(x + 2, y - 3, 4, 2.5, "ffffff", 0.35)
        elif look.glasses == "round":
            pen.ring(x, y, 9, 8.2, 1.2, frame)
        else:
            pen.line((x - 8.6, y - 6, x + 8.6, y - 6, x + 7.6, y + 5.6, x - 7.6, y + 5.6, x - 8.6, y - 6), 1.2, frame)
            pen.line((x - 8.6, y - 6, x + 8.6, y - 6), 2.0, frame)
        pen.line((x + side * 9, y - 2, side * width * 0.98, y - 3), 1.3, frame)
    pen.line((shift - gap + 8.6, y - 2, shift, y - 3.4, shift + gap - 8.6, y - 2), 1.2, frame)


def _back(pen: Pen, look: Look, outfit: Outfit, width: float, height: float) -> None:
    for side in (-1, 1):
        pen.oval(side * (width - 1), 3, 6 * look.ears, 7.5 * look.ears, shade(look.skin, 0.85))
    pen.oval(0, 0, width * 1.02, height * 1.06, shade(look.skin, 0.9))
    draw_hair_behind(pen, look, width, height, 0.0)
    if look.hair != "bald":
        low = {"long": 1.5, "bob": 0.9, "fringe": 0.6, "curly": 0.7, "afro": 0.7}.get(look.hair, 0.5)
        pen.blob(
            (
                -width * 1.14,
                -height * 0.8,
                0,
                -height * 1.5,
                width * 1.14,
                -height * 0.8,
                width * 1.12,
                height * low,
                0,
                height * low * 1.12,
                -width * 1.12,
                height * low,
            ),
            look.hair_color,
        )
    if look.hair == "ponytail":
        pen.blob((-7, -height * 0.4, 7, -height * 0.4, 9, height * 1.2, -9, height * 1.2), shade(look.hair_color, 0.8))
    draw_hat(pen, outfit, width, height, 0.0)
