"""A pen: the few strokes everything is drawn with, tinted by the light of the scene."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from .graphics import skia

Tint = tuple[float, float, float]
"""What the light leaves of red, green and blue."""
WHITE_LIGHT: Tint = (1.0, 1.0, 1.0)


class Pen:
    """Draws shapes on a canvas; colours are `rrggbb`, angles radians, lengths in the canvas' units."""

    def __init__(self, canvas: skia.Canvas, tint: Tint = WHITE_LIGHT) -> None:
        self.canvas = canvas
        self.tint = tint

    def rect(self, x: float, y: float, width: float, height: float, color: str, *, round_by: float = 0.0) -> None:
        """Fill a rectangle given by its left top corner."""
        shape = skia.Rect.MakeXYWH(x, y, width, height)
        if round_by > 0:
            self.canvas.drawRoundRect(shape, round_by, round_by, _fill(color, self.tint))
        else:
            self.canvas.drawRect(shape, _fill(color, self.tint))

    def oval(self, x: float, y: float, rx: float, ry: float, color: str) -> None:
        """Fill an ellipse given by its centre."""
        self.canvas.drawOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry), _fill(color, self.tint))

    def poly(self, points: Sequence[float], color: str) -> None:
        """Fill a polygon `x0, y0, x1, y1, ...`."""
        self.canvas.drawPath(_polygon(points, is_closed=True), _fill(color, self.tint))

    def blob(self, points: Sequence[float], color: str) -> None:
        """Fill a closed smooth curve near the points."""
        self.canvas.drawPath(_smooth(points), _fill(color, self.tint))

    def volume(self, points: Sequence[float], color: str, *, x: float, y: float, reach: float) -> None:
        """Fill a closed smooth curve as something round: lit at a point, darker the farther from it."""
        shades = [_paint_color(shade(color, share), self.tint) for share in (1.12, 1.0, 0.72)]
        shader = skia.GradientShader.MakeRadial(skia.Point(x, y), reach, shades, [0.0, 0.55, 1.0])
        self.canvas.drawPath(_smooth(points), skia.Paint(AntiAlias=True, Shader=shader))

    def glow(self, x: float, y: float, rx: float, ry: float, color: str, strength: float) -> None:
        """Lay a soft light or shadow over what is there: `strength` (0 to 1) in the middle, nothing at the edge."""
        self.canvas.save()
        self.canvas.translate(x, y)
        self.canvas.scale(rx, ry)
        self.canvas.drawCircle(0, 0, 1.0, _soft(color, self.tint, round(strength, 2)))
        self.canvas.restore()

    def line(self, points: Sequence[float], width: float, color: str) -> None:
        """Draw connected lines with round ends and corners."""
        self.canvas.drawPath(_polygon(points, is_closed=False), _stroke(color, self.tint, width))

    def arc(
        self, x: float, y: float, rx: float, ry: float, start: float, sweep: float, width: float, color: str
    ) -> None:
        """Draw a part of an ellipse's outline; angles in degrees, clockwise from the right."""
        path = skia.Path()
        path.addArc(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry), start, sweep)
        self.canvas.drawPath(path, _stroke(color, self.tint, width))

    def ring(self, x: float, y: float, rx: float, ry: float, width: float, color: str) -> None:
        """Draw an ellipse's outline."""
        self.canvas.drawOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry), _stroke(color, self.tint, width))


def shade(color: str, share: float) -> str:
    """Return a darker (share below 1) or lighter (above 1) colour.

    Example:
        >>> shade("808080", 0.5)
        '404040'
    """
    parts = [int(color[index : index + 2], 16) for index in (0, 2, 4)]
    if share <= 1:
        mixed = [int(part * share) for part in parts]
    else:
        mixed = [int(part + (255 - part) * min(1.0, share - 1)) for part in parts]
    return "".join(f"{part:02x}" for part in mixed)


def mix(first: str, second: str, share: float) -> str:
    """Return a colour between two."""
    return "".join(
        f"{round(int(first[i : i + 2], 16) * (1 - share) + int(second[i : i + 2], 16) * share):02x}" for i in (0, 2, 4)
    )


@functools.lru_cache(maxsize=4096)
def _paint_color(color: str, tint: Tint) -> int:
    parts = [
        min(255, int(int(color[index : index + 2], 16) * share)) for index, share in zip((0, 2, 4), tint, strict=True)
    ]
    alpha = int(color[6:8], 16) if len(color) == 8 else 255
    return (alpha << 24) | (parts[0] << 16) | (parts[1] << 8) | parts[2]


@functools.lru_cache(maxsize=4096)
def _fill(color: str, tint: Tint) -> skia.Paint:
    return skia.Paint(AntiAlias=True, Color=_paint_color(color, tint))


@functools.lru_cache(maxsize=1024)
def _soft(color: str, tint: Tint, strength: float) -> skia.Paint:
    plain = _paint_color(color, tint) & 0xFFFFFF
    colors = [(int(255 * strength * share) << 24) | plain for share in (1.0, 0.62, 0.0)]
    return skia.Paint(
        AntiAlias=True, Shader=skia.GradientShader.MakeRadial(skia.Point(0, 0), 1.0, colors, [0.0, 0.5, 1.0])
    )


@functools.lru_cache(maxsize=4096)
def _stroke(color: str, tint: Tint, width: float) -> skia.Paint:
    return skia.Paint(
        AntiAlias=True,
        Color=_paint_color(color, tint),
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )


def _polygon(points: Sequence[float], *, is_closed: bool) -> skia.Path:
    path = skia.Path()
    path.moveTo(points[0], points[1])
    for index in range(2, len(points), 2):
        path.lineTo(points[index], points[index + 1])
    if is_closed:
        path.close()
    return path


def _smooth(points: Sequence[float]) -> skia.Path:
    """Return a closed curve through the middles of the polygon's sides."""
    pairs = list(zip(points[0::2], points[1::2], strict=True))
    path = skia.Path()
    before = pairs[-1]
    path.moveTo((before[0] + pairs[0][0]) / 2, (before[1] + pairs[0][1]) / 2)
    for index, (x, y) in enumerate(pairs):
        after = pairs[(index + 1) % len(pairs)]
        path.quadTo(x, y, (x + after[0]) / 2, (y + after[1]) / 2)
    path.close()
    return path
