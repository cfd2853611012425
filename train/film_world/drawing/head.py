"""Heads: the lasting face of a person, from every side and in every mood.

The origin is the middle of the head; a head is about 64 units high. The face looks to the right for a positive turn.
"""

from __future__ import annotations

from movieqa.train.film_world.records import Look, Outfit

from .hair import draw_hair_behind, draw_hair_front, draw_hat
from .pen import Pen, mix, shade
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
    _details(pen, look, width, height, shift)
    _eyes(pen, look, pose, width, height, shift)
    _nose(pen, look, height, shift, turn)
    _mouth(pen, look, pose, width, height, shift)
    _beard(pen, look, pose, width, height, shift)
    draw_hair_front(pen, look, width, height, shift)
    _glasses(pen, look, width, height, shift)
    draw_hat(pen, outfit, width, height, shift * 0.4)


def _skull(pen: Pen, look: Look, width: float, height: float, turn: float) -> None:
    jaw = look.jaw
    chin = turn * width * 0.18
    pen.blob(
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
    )
    cheek = mix(look.skin, "e0604a", 0.18)
    pen.oval(-width * 0.55 + turn * 6, height * 0.32, 5, 3.6, cheek)
    pen.oval(width * 0.55 + turn * 6, height * 0.32, 5, 3.6, cheek)


def _details(pen: Pen, look: Look, width: float, height: float, shift: float) -> None:
    dark = shade(look.skin, 0.72)
    if look.age == "old":
        for side in (-1, 1):
            pen.line(
                (side * width * 0.32 + shift, height * 0.36, side * width * 0.46 + shift, height * 0.58), 1.2, dark
            )
            pen.line((side * width * 0.8 + shift * 0.4, -2, side * width * 0.92 + shift * 0.4, -5), 1.0, dark)
        pen.line((-width * 0.35 + shift, -height * 0.52, width * 0.35 + shift, -height * 0.52), 1.1, dark)
    if look.mark == "mole":
        pen.oval(width * 0.42 + shift, height * 0.42, 2.2, 2.2, "3a241c")
    elif look.mark == "scar":
        pen.line(
            (-width * 0.62 + shift * 0.8, height * 0.05, -width * 0.4 + shift * 0.8, height * 0.5),
            2.0,
            mix(look.skin, "a03030", 0.55),
        )
    elif look.mark == "freckles":
        for x, y in ((-0.5, 0.2), (-0.38, 0.3), (-0.62, 0.32), (0.5, 0.2), (0.38, 0.3), (0.62, 0.32), (0.0, 0.12)):
            pen.oval(width * x + shift * 0.8, height * y, 1.1, 1.1, mix(look.skin, "8a4a2a", 0.6))


def _eyes(pen: Pen, look: Look, pose: Pose, width: float, height: float, shift: float) -> None:
    gap = width * 0.44 * look.eye_distance
    size = 5.2 * look.eye_size * (1.12 if look.age == "child" else 1.0)
    y = -height * 0.06
    brow = look.hair_color if look.hair != "bald" or look.age != "old" else "8e8e92"
    lift, slope = {
        "angry": (2.0, 3.4),
        "sad": (-1.0, -3.0),
        "happy": (-1.5, 0.0),
        "scared": (-4.0, -2.0),
        "surprised": (-5.0, 0.0),
    }.get(pose.mood, (0.0, 0.0))
    opened = (
        0.12
        if pose.is_blinking
        else {"happy": 0.75, "angry": 0.8, "scared": 1.25, "surprised": 1.3, "asleep": 0.1}.get(pose.mood, 1.0)
    )
    for side in (-1, 1):
        x = side * gap + shift
        narrow = 1 - 0.35 * max(0.0, side * pose.turn)
        if opened < 0.2:
            pen.line((x - size * narrow, y, x, y + 1.6, x + size * narrow, y), 1.6, "2d2320")
        else:
            pen.oval(x, y, size * narrow, size * opened, "fbfaf6")
            pen.oval(x + pose.gaze * size * 0.4, y, size * 0.6 * narrow, size * 0.62 * min(opened, 1.0), look.eye_color)
            pen.oval(x + pose.gaze * size * 0.4, y, size * 0.3, size * 0.32, "17110f")
            pen.line(
                (
                    x - size * narrow,
                    y - size * opened * 0.75,
                    x,
                    y - size * opened,
                    x + size * narrow,
                    y - size * opened * 0.75,
                ),
                1.3,
                "2d2320",
            )
        brow_y = y - size * 1.75 + lift
        pen.line(
            (x - size * 1.15 * narrow, brow_y - side * slope * -1, x + size * 1.15 * narrow, brow_y - side * slope),
            1.5 + 1.8 * look.brows,
            brow,
        )


def _nose(pen: Pen, look: Look, height: float, shift: float, turn: float) -> None:
    size = 5.0 * look.nose_size
    x, y = shift * 1.25, height * 0.24
    color = shade(look.skin, 0.8)
    if look.nose == "round":
        pen.oval(x, y, size * 0.95, size * 0.8, shade(look.skin, 0.88))
    elif look.nose == "button":
        pen.oval(x, y, size * 0.6, size * 0.5, color)
    elif look.nose == "wide":
        pen.oval(x - size * 0.7, y, size * 0.6, size * 0.5, color)
        pen.oval(x + size * 0.7, y, size * 0.6, size * 0.5, color)
        pen.oval(x, y - 1, size * 0.7, size * 0.6, shade(look.skin, 0.9))
    elif look.nose == "hooked":
        lean = 1 if turn >= 0 else -1
        pen.line(
            (x - lean, y - size * 2.2, x + lean * size * 0.9, y - size * 0.2, x + lean * size * 0.2, y + size * 0.6),
            2.2,
            color,
        )
    else:
        lean = 1 if turn >= 0 else -1
        pen.line(
            (x, y - size * 1.6, x + lean * size * 0.45, y + size * 0.2, x - lean * size * 0.25, y + size * 0.25),
            1.8,
            color,
        )


def _mouth(pen: Pen, look: Look, pose: Pose, width: float, height: float, shift: float) -> None:
    half = width * 0.34 * look.mouth
    x, y = shift * 1.05, height * 0.62
    lip = mix(look.skin, "b03a3a", 0.55)
    curve = {"happy": 4.5, "sad": -4.0, "angry": -2.5, "scared": -2.0, "asleep": 0.0}.get(pose.mood, 1.4)
    if pose.mouth > 0.05 or pose.mood == "surprised":
        gape = 2.0 + 6.0 * max(pose.mouth, 0.5 if pose.mood == "surprised" else 0.0)
        pen.oval(x, y, half * (0.92 - 0.3 * pose.mouth), gape, lip)
        pen.oval(x, y + 0.4, half * (0.7 - 0.3 * pose.mouth), gape * 0.68, "4a1a1a")
        if gape > 4:
            pen.rect(x - half * 0.4, y - gape * 0.6, half * 0.8, 1.6, "f7f3ea")
    else:
        pen.line(
            (
                x - half,
                y - curve * 0.6,
                x - half * 0.4,
                y + curve * 0.4,
                x + half * 0.4,
                y + curve * 0.4,
                x + half,
                y - curve * 0.6,
            ),
            2.2,
            lip,
        )
    if pose.mood == "sad" and pose.tears:
        for side in (-1, 1):
            pen.oval(side * width * 0.5 + shift, height * (0.1 + 0.4 * pose.tears), 1.8, 3.2, "8fc8e8")


def _beard(pen: Pen, look: Look, pose: Pose, width: float, height: float, shift: float) -> None:
    y, color = height * 0.62, look.hair_color
    if look.beard in ("full", "stubble"):
        shown = color if look.beard == "full" else mix(look.skin, color, 0.35)
        low = height * (1.34 if look.beard == "full" else 1.14)
        pen.blob(
            (
                -width * 1.0 + shift * 0.3,
                height * 0.1,
                -width * 0.72 + shift * 0.4,
                height * 0.5,
                -width * 0.34 + shift,
                y - 7,
                width * 0.34 + shift,
                y - 7,
                width * 0.72 + shift * 0.4,
                height * 0.5,
                width * 1.0 + shift * 0.3,
                height * 0.1,
                width * 0.8 + shift * 0.4,
                height * 1.02,
                shift * 0.6,
                low + 6,
                -width * 0.8 + shift * 0.4,
                height * 1.02,
            ),
            shown,
        )
        _mouth(pen, look, pose, width, height, shift)
    if look.beard in ("moustache", "goatee"):
        pen.line((-width * 0.4 + shift, y - 4, shift, y - 6.5, width * 0.4 + shift, y - 4), 4.4, color)
    if look.beard == "goatee":
        pen.blob((shift - 7, y + 7, shift + 7, y + 7, shift + 5, height * 1.28, shift - 5, height * 1.28), color)


def _glasses(pen: Pen, look: Look, width: float, height: float, shift: float) -> None:
    if not look.glasses:
        return
    gap, y = width * 0.44 * look.eye_distance, -height * 0.05
    for side in (-1, 1):
        x = side * gap + shift
        if look.glasses == "dark":
            pen.oval(x, y, 9.5, 8, "1d1d22")
        elif look.glasses == "round":
            pen.ring(x, y, 9.5, 9.5, 1.8, "2d2b2f")
        else:
            pen.line((x - 9, y - 7, x + 9, y - 7, x + 9, y + 7, x - 9, y + 7, x - 9, y - 7), 1.9, "5b2a20")
        pen.line((x + side * 9, y - 1, side * width * 0.98, y - 3), 1.6, "2d2b2f")
    pen.line((shift - gap + 9, y - 1, shift + gap - 9, y - 1), 1.6, "2d2b2f")


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
