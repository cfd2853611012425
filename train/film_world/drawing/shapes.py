"""Shapes: furniture and things as lists of strokes, so that a hundred of them stay readable.

A stroke is a letter and numbers: `R x y width height color [round]`, `O x y rx ry color`,
`P color x y x y ...` (polygon), `L color width x y x y ...` (line), `C x y rx ry width color` (ring).
The origin is the middle of the foot, y grows downwards. In colours `$` stands for the thing's own colour,
`$-` for a darker and `$+` for a lighter one, `#` for the sky outside.
"""

from __future__ import annotations

import functools

from .pen import Pen, shade

Stroke = tuple[str, tuple[float, ...], str]


def draw_shape(pen: Pen, text: str, *, own: str = "888888", sky: str = "a9d3ea") -> None:
    """Draw a list of strokes in the pen's units."""
    for letter, numbers, name in parse_shape(text):
        color = _color(name, own, sky)
        if letter == "R":
            x, y, width, height, *rounding = numbers
            pen.rect(x, y, width, height, color, round_by=rounding[0] if rounding else 0.0)
        elif letter == "O":
            x, y, rx, ry = numbers
            pen.oval(x, y, rx, ry, color)
        elif letter == "P":
            pen.poly(numbers, color)
        elif letter == "L":
            pen.line(numbers[1:], numbers[0], color)
        else:
            x, y, rx, ry, width = numbers
            pen.ring(x, y, rx, ry, width, color)


def read_shapes(text: str) -> dict[str, str]:
    """Read a table of shapes: a name, a colon and the strokes; an indented line goes on.

    Example:
        >>> read_shapes("ball: O 0 -16 16 16 $")
        {'ball': 'O 0 -16 16 16 $'}
    """
    lines = text.strip().replace("\n  ", " ").splitlines()
    return {name: strokes for name, _, strokes in (line.partition(": ") for line in lines)}


@functools.lru_cache(maxsize=512)
def parse_shape(text: str) -> tuple[Stroke, ...]:
    """Read a list of strokes.

    Example:
        >>> parse_shape("R 0 -10 20 10 7d5233")
        (('R', (0.0, -10.0, 20.0, 10.0), '7d5233'),)
    """
    strokes = []
    for part in text.split(";"):
        letter, *words = part.split()
        place = 0 if letter in "PL" else 5 if letter == "C" else 4
        color = words.pop(place)
        strokes.append((letter, tuple(float(word) for word in words), color))
    return tuple(strokes)


def _color(name: str, own: str, sky: str) -> str:
    if name == "$":
        return own
    if name == "$-":
        return shade(own, 0.72)
    if name == "$+":
        return shade(own, 1.4)
    return sky if name == "#" else name
