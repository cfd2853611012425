"""Faces: what is between forehead and chin, with its light and shadow, from the front to the side, in every mood.

Light falls as it does on real faces: eyes lie in shadow under the brows, forehead, cheeks and the bridge of the nose
catch it. That makes a face a face to people and to face detectors alike.
"""

from __future__ import annotations

from movieqa.train.film_world.records import Look

from .pen import Pen, mix, shade
from .pose import Pose

_LID = "2a1d1a"
_BROWS = {
    "angry": (2.0, 3.4),
    "sad": (-1.0, -3.0),
    "happy": (-1.5, 0.0),
    "scared": (-4.0, -2.0),
    "surprised": (-5.0, 0.0),
}
"""How far brows are lowered, and how far their inner ends hang below the outer."""
_OPENED = {"happy": 0.75, "angry": 0.8, "scared": 1.25, "surprised": 1.3, "asleep": 0.1}


def draw_face(pen: Pen, look: Look, pose: Pose, width: float, height: float) -> None:
    """Draw the features onto a skull of half a width and half a height."""
    shift = pose.turn * width * 0.36
    _light(pen, look, width, height, shift)
    _details(pen, look, width, height, shift)
    _eyes(pen, look, pose, width, height, shift)
    _nose(pen, look, height, shift, pose.turn)
    _mouth(pen, look, pose, width, height, shift)
    _beard(pen, look, pose, width, height, shift)


def _light(pen: Pen, look: Look, width: float, height: float, shift: float) -> None:
    depth = 1.0 - int(look.skin[:2], 16) / 255
    dark, bright = shade(look.skin, 0.32), mix(look.skin, "fff0de", 0.38 + 0.3 * depth)
    gap = width * 0.44 * look.eye_distance
    pen.glow(shift * 0.8, -height * 0.55, width * 0.7, height * 0.3, bright, 0.55)
    pen.glow(shift, -height * 0.1, width * 0.98, height * 0.24, dark, 0.3)
    for side in (-1, 1):
        pen.glow(side * gap + shift, -height * 0.08, width * 0.42, height * 0.2, dark, 0.55)
        pen.glow(side * width * 0.5 + shift * 0.8, height * 0.3, width * 0.38, height * 0.24, bright, 0.6)
        pen.glow(side * width * 0.6 + shift * 0.7, height * 0.36, 7, 5, mix(look.skin, "e0604a", 0.5), 0.35)
    pen.glow(shift * 1.15, height * 0.04, width * 0.13, height * 0.34, bright, 0.8)
    pen.glow(shift * 0.7, height * 0.96, width * 0.3, height * 0.12, bright, 0.5)
    pen.glow(shift * 1.0, height * 0.78, width * 0.34, height * 0.08, dark, 0.4)


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
    size = 5.6 * look.eye_size * (1.12 if look.age == "child" else 1.0)
    y = -height * 0.06
    brow = look.hair_color if look.hair != "bald" or look.age != "old" else "8e8e92"
    lift, slope = _BROWS.get(pose.mood, (0.0, 0.0))
    opened = 0.12 if pose.is_blinking else _OPENED.get(pose.mood, 1.0)
    for side in (-1, 1):
        x = side * gap + shift
        half = size * (1 - 0.35 * max(0.0, side * pose.turn))
        if opened < 0.2:
            pen.line((x - half, y, x, y + 1.6, x + half, y), 2.0, _LID)
        else:
            _eye(pen, look, x, y, half, size * 0.7 * opened, pose.gaze * size * 0.4)
        brow_y = y - size * 1.45 + lift
        inner, outer = (x - side * half * 1.2, brow_y + slope), (x + side * half * 1.35, brow_y - slope + 0.6)
        pen.line((*inner, x + side * half * 0.3, brow_y - 1.4, *outer), 1.8 + 1.9 * look.brows, brow)


def _eye(pen: Pen, look: Look, x: float, y: float, half: float, tall: float, gaze: float) -> None:
    pen.blob(
        (x - half * 1.25, y, x, y - tall * 1.5, x + half * 1.25, y, x, y + tall * 1.3), mix("efe8de", look.skin, 0.4)
    )
    iris = min(half * 0.62, tall * 0.95)
    pen.oval(x + gaze, y - tall * 0.1, iris, iris, shade(look.eye_color, 0.85))
    pen.oval(x + gaze, y - tall * 0.1, iris * 0.55, iris * 0.55, "17110f")
    pen.oval(x + gaze + iris * 0.3, y - tall * 0.4, iris * 0.2, iris * 0.2, "ffffff")
    pen.line(
        (
            x - half * 1.02,
            y - tall * 0.1,
            x - half * 0.4,
            y - tall * 0.86,
            x + half * 0.4,
            y - tall * 0.86,
            x + half * 1.02,
            y - tall * 0.1,
        ),
        2.1,
        _LID,
    )
    pen.line((x - half * 0.7, y + tall * 0.66, x + half * 0.7, y + tall * 0.66), 1.0, shade(look.skin, 0.6))


def _nose(pen: Pen, look: Look, height: float, shift: float, turn: float) -> None:
    size = 5.0 * look.nose_size
    x, y = shift * 1.25, height * 0.26
    lean = 1 if turn >= 0 else -1
    dark, soft = shade(look.skin, 0.55), shade(look.skin, 0.84)
    wing = {"wide": 1.35, "round": 1.05, "button": 0.7}.get(look.nose, 0.8)
    pen.glow(x - lean * size * 0.8, y - size * 1.2, size * 0.55, size * 2.0, dark, 0.4)
    if look.nose == "hooked":
        pen.line(
            (x - lean, y - size * 2.4, x + lean * size * 0.9, y - size * 1.0, x + lean * size * 0.5, y + size * 0.7),
            2.0,
            soft,
        )
    elif look.nose == "straight":
        pen.line((x, y - size * 2.0, x + lean * size * 0.5, y + size * 0.2), 1.6, soft)
    pen.oval(x, y, size * wing, size * 0.72, mix(soft, look.skin, 0.5))
    pen.glow(x, y - size * 0.15, size * 0.55, size * 0.5, mix(look.skin, "ffffff", 0.5), 0.6)
    for side in (-1, 1):
        pen.oval(x + side * size * wing * 0.55, y + size * 0.45, size * 0.3, size * 0.2, dark)
    pen.glow(x, y + size * 1.05, size * wing, size * 0.5, dark, 0.35)


def _mouth(pen: Pen, look: Look, pose: Pose, width: float, height: float, shift: float) -> None:
    half = width * 0.36 * look.mouth
    x, y = shift * 1.05, height * 0.62
    lip = mix(shade(look.skin, 0.8), "a83a3a", 0.5)
    curve = {"happy": 3.6, "sad": -3.6, "angry": -2.4, "scared": -2.0, "asleep": 0.0}.get(pose.mood, 1.0)
    if pose.mouth > 0.05 or pose.mood == "surprised":
        gape = 2.0 + 6.0 * max(pose.mouth, 0.5 if pose.mood == "surprised" else 0.0)
        pen.oval(x, y, half * (0.92 - 0.3 * pose.mouth), gape, lip)
        pen.oval(x, y + 0.4, half * (0.7 - 0.3 * pose.mouth), gape * 0.68, "4a1a1a")
        if gape > 4:
            pen.rect(x - half * 0.4, y - gape * 0.6, half * 0.8, 1.6, "f7f3ea")
    else:
        ends, middle = y - curve * 0.6, y + curve * 0.3
        pen.blob(
            (
                x - half,
                ends,
                x - half * 0.3,
                middle - 3.6,
                x,
                middle - 2.6,
                x + half * 0.3,
                middle - 3.6,
                x + half,
                ends,
                x,
                middle + 2.2,
            ),
            lip,
        )
        pen.blob(
            (x - half * 0.8, ends + 0.6, x, middle, x + half * 0.8, ends + 0.6, x, middle + 6.4),
            mix(lip, "ffffff", 0.14),
        )
        pen.line(
            (x - half * 0.9, ends, x - half * 0.35, middle, x + half * 0.35, middle, x + half * 0.9, ends),
            1.5,
            shade(lip, 0.5),
        )
    if pose.mood == "sad" and pose.tears:
        for side in (-1, 1):
            pen.oval(side * width * 0.5 + shift, height * (0.1 + 0.4 * pose.tears), 1.8, 3.2, "8fc8e8")


def _beard(pen: Pen, look: Look, pose: Pose, width: float, height: float, shift: float) -> None:
    y, color = height * 0.62, look.hair_color
    if look.beard == "stubble":
        pen.glow(shift * 0.7, height * 0.74, width * 0.86, height * 0.5, color, 0.5)
        _mouth(pen, look, pose, width, height, shift)
    elif look.beard == "full":
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
                height * 1.34 + 6,
                -width * 0.8 + shift * 0.4,
                height * 1.02,
            ),
            color,
        )
        _mouth(pen, look, pose, width, height, shift)
    if look.beard in ("moustache", "goatee"):
        pen.line((-width * 0.4 + shift, y - 3.6, shift, y - 6.2, width * 0.4 + shift, y - 3.6), 3.6, color)
    if look.beard == "goatee":
        pen.blob((shift - 7, y + 7, shift + 7, y + 7, shift + 5, height * 1.28, shift - 5, height * 1.28), color)
