"""Hair and hats: what frames a face, in the units of a head."""

from __future__ import annotations

from movieqa.train.film_world.props import COLORS
from movieqa.train.film_world.records import Look, Outfit

from .pen import Pen, shade


def draw_hair_behind(pen: Pen, look: Look, width: float, height: float, shift: float) -> None:
    """Draw the hair that hangs or stands behind the face."""
    color = shade(look.hair_color, 0.82)
    if look.hair == "long":
        pen.blob(
            (
                -width * 1.2,
                -height * 0.9,
                0,
                -height * 1.6,
                width * 1.2,
                -height * 0.9,
                width * 1.45,
                height * 1.5,
                0,
                height * 1.2,
                -width * 1.45,
                height * 1.5,
            ),
            color,
        )
    elif look.hair == "bob":
        pen.blob(
            (
                -width * 1.25,
                -height * 0.9,
                0,
                -height * 1.6,
                width * 1.25,
                -height * 0.9,
                width * 1.4,
                height * 0.85,
                0,
                height * 0.7,
                -width * 1.4,
                height * 0.85,
            ),
            color,
        )
    elif look.hair in ("curly", "afro"):
        big = 1.5 if look.hair == "afro" else 1.22
        for x, y in ((-0.9, -0.5), (-0.55, -1.0), (0, -1.2), (0.55, -1.0), (0.9, -0.5), (-1.0, 0.1), (1.0, 0.1)):
            pen.oval(
                width * x * big * 0.95, height * y * (0.9 + 0.1 * big), width * 0.5 * big, height * 0.42 * big, color
            )
    elif look.hair == "ponytail":
        pen.blob(
            (
                -width * 0.7 - shift,
                -height * 0.9,
                -width * 1.3 - shift,
                -height * 0.7,
                -width * 1.75 - shift,
                height * 0.5,
                -width * 1.35 - shift,
                height * 1.0,
                -width * 1.05 - shift,
                0,
            ),
            color,
        )
    elif look.hair == "braids":
        for side in (-1, 1):
            for step in range(4):
                pen.oval(side * width * 1.12, height * (0.2 + 0.36 * step), 6.5 - step, 7, color)
    elif look.hair == "bun":
        pen.oval(-shift * 0.5, -height * 1.28, width * 0.5, height * 0.38, color)


def draw_hair_front(pen: Pen, look: Look, width: float, height: float, shift: float) -> None:
    """Draw the hair above the forehead."""
    color, hair = look.hair_color, look.hair
    if hair == "bald":
        if look.age == "old":
            for side in (-1, 1):
                pen.oval(side * width * 0.98, -height * 0.1, 5, 10, color)
        return
    if hair == "spiky":
        points: list[float] = []
        for step in range(8):
            x = -width * 1.05 + step * width * 0.3
            points += [x, -height * 0.62, x + width * 0.15, -height * (1.25 + 0.12 * (step % 2))]
        pen.poly((*points, width * 1.08, -height * 0.55, 0, -height * 0.78, -width * 1.08, -height * 0.5), color)
        return
    dip = {"fringe": 0.42, "bob": 0.46, "parted": 0.62, "long": 0.6, "braids": 0.62, "bun": 0.66, "ponytail": 0.64}.get(
        hair, 0.56
    )
    part = {"parted": -0.45, "long": -0.2, "braids": 0.0, "bun": 0.0}.get(hair, 0.25)
    pen.blob(
        (
            -width * 1.1,
            -height * 0.1,
            -width * 1.12,
            -height * 0.9,
            -width * 0.5,
            -height * 1.32,
            width * 0.5,
            -height * 1.32,
            width * 1.12,
            -height * 0.9,
            width * 1.1,
            -height * 0.1,
            width * 0.92 + shift * 0.2,
            -height * 0.4,
            width * part + shift,
            -height * (dip + 0.2),
            -width * 0.92 + shift * 0.2,
            -height * 0.4,
        ),
        color,
    )
    if hair in ("fringe", "bob"):
        pen.blob(
            (
                -width * 0.95,
                -height * 0.9,
                width * 0.95,
                -height * 0.9,
                width * 0.9 + shift * 0.4,
                -height * dip,
                -width * 0.9 + shift * 0.4,
                -height * dip,
            ),
            color,
        )
    if hair in ("curly", "afro"):
        for x in (-0.7, -0.25, 0.25, 0.7):
            pen.oval(width * x + shift * 0.3, -height * 0.86, width * 0.36, height * 0.28, color)


def draw_hat(pen: Pen, outfit: Outfit, width: float, height: float, shift: float) -> None:
    """Draw the hat of an outfit, if it has one."""
    if not outfit.hat:
        return
    color = COLORS[outfit.hat_color]
    top = -height * 0.74
    if outfit.hat == "brim":
        pen.rect(-width * 0.85, top - height * 0.72, width * 1.7, height * 0.8, color, round_by=8)
        pen.rect(-width * 0.85, top - height * 0.12, width * 1.7, 5, shade(color, 0.55))
        pen.oval(0, top + 3, width * 1.6, 5.5, shade(color, 0.85))
    elif outfit.hat == "cap":
        pen.blob(
            (
                -width * 1.1,
                top + 5,
                -width * 0.9,
                top - height * 0.7,
                width * 0.9,
                top - height * 0.7,
                width * 1.1,
                top + 5,
                0,
                top + 7,
            ),
            color,
        )
        pen.oval(shift * 2 + width * 0.35, top + 5, width * 0.9, 4.5, shade(color, 0.75))
    elif outfit.hat == "beanie":
        pen.blob(
            (
                -width * 1.2,
                top + 6,
                -width * 0.9,
                top - height * 0.85,
                width * 0.9,
                top - height * 0.85,
                width * 1.2,
                top + 6,
            ),
            color,
        )
        pen.rect(-width * 1.04, top - 2, width * 2.08, 8, shade(color, 0.75), round_by=4)
        pen.oval(0, top - height * 0.7, 6, 6, shade(color, 1.3))
    else:
        pen.blob(
            (
                -width * 1.15,
                top + 4,
                -width * 1.25,
                top - height * 0.5,
                width * 0.5,
                top - height * 0.75,
                width * 1.45,
                top - height * 0.3,
                width * 1.05,
                top + 4,
            ),
            color,
        )
