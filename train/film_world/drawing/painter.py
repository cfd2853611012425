"""A painter: the pixels of a film at any time, drawn from its truth alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.places import PLACE_KINDS
from movieqa.train.film_world.props import COLORS
from movieqa.train.film_world.records import Film, Place, Scene, ShotPlan

from .acting import TICKS
from .figures import FigureArtist
from .framing import PICTURE_CENTER, Framing, View
from .graphics import skia
from .pen import Pen, Tint, shade
from .scenery import draw_scenery, light_of, sky_of
from .set_dressing import (
    draw_caption_bar,
    draw_crowd,
    draw_picture_frame,
    draw_rain,
    draw_seats,
    draw_traffic,
    size_of_portrait,
)

Picture = NDArray[np.uint8]
"""UInt8[H, W, 4]: blue, green, red, and an unused fourth."""


@dataclass(frozen=True, kw_only=True)
class _Backdrop:
    """A place drawn once for a shot."""

    pixels: Picture
    x: float
    y: float
    width: float


class Painter:
    """Draws any moment of a film.

    Example:
        >>> from movieqa.train.film_world.making import make_film
        >>> film = make_film(seed=1, minutes=0.5)
        >>> Painter(film, width=320, height=180).paint(film.shots[0], 0.5).shape
        (180, 320, 4)
    """

    def __init__(self, film: Film, *, width: int, height: int) -> None:
        self._film = film
        self._size = width, height
        self._places: dict[str, Place] = {place.id: place for place in film.places}
        self._heights = {person.id: person.look.height for person in film.people}
        self._photographs = {prop.id for prop in film.props if prop.kind == "photograph"}
        self._framing = Framing(film)
        self._artist = FigureArtist(film)
        self._buffer = np.zeros((height, width, 4), np.uint8)
        self._surface = skia.Surface(self._buffer, colorType=skia.kBGRA_8888_ColorType)
        self._backdrop: tuple[tuple[object, ...], _Backdrop] | None = None

    @property
    def framing(self) -> Framing:
        """What the camera sees; the painter draws nothing else."""
        return self._framing

    def signature(self, shot: ShotPlan, time: float) -> object:
        """Return what the picture depends on: equal signatures, equal pixels."""
        view = self._framing.view(shot, time)
        tick = int(time * TICKS + 1e-6)
        return shot.index, replace(view, share=0.0), self._ticking(view, tick)

    def paint(self, shot: ShotPlan, time: float) -> Picture:
        """Draw a moment of a shot; the picture is only valid until the next call."""
        width, height = self._size
        aspect = width / height
        view = self._framing.view(shot, time)
        place = self._places[view.scene.place]
        tint = light_of(view.scene, place)
        tick = int(time * TICKS + 1e-6)
        self._lay_backdrop(shot, view, place, tint, aspect)
        canvas = self._surface.getCanvas()
        canvas.save()
        scale = width / view.width
        canvas.scale(scale, scale)
        canvas.translate(view.width / 2 - view.x, view.height(aspect) / 2 - view.y)
        pen = Pen(canvas, tint)
        if view.prop is not None:
            self._draw_insert(pen, view, tint)
        else:
            if self._runs_television(view):
                self._draw_television(pen, view.scene, tick)
            if self._has_traffic(view):
                draw_traffic(pen, place, view.scene, tick, sky=sky_of(view.scene))
            if self._has_crowd(view):
                draw_crowd(pen, view.scene, tick)
            if not self._is_plain(view):
                draw_seats(pen, view.scene.stays, self._heights, side=view.side)
            if any(figure.is_shadowed for figure in view.figures):
                self._draw_figures(canvas, view, tint, shadowed=True)
                self._draw_pillar(pen, place, view.side)
            self._draw_figures(canvas, view, tint, shadowed=False)
        if self._has_rain(view):
            draw_rain(
                pen, view.x - view.width / 2, view.y - view.height(aspect) / 2, view.width, view.height(aspect), tick
            )
        canvas.restore()
        self._surface.flushAndSubmit()
        return self._buffer

    def _draw_figures(self, canvas: skia.Canvas, view: View, tint: Tint, *, shadowed: bool) -> None:
        for figure in view.figures:
            if figure.is_shadowed == shadowed:
                self._artist.draw(canvas, figure, tint)

    def _draw_pillar(self, pen: Pen, place: Place, side: int) -> None:
        """Draw what somebody hides behind."""
        color = shade(PLACE_KINDS[place.kind].colors[0], 0.5)
        x = 925.0 if side == 0 else 15.0
        pen.rect(x, -100, 60, 640, color)
        pen.rect(x + 8, -100, 8, 640, shade(color, 1.15))

    def _draw_insert(self, pen: Pen, view: View, tint: Tint) -> None:
        """Draw a thing in somebody's hand, as large as the picture."""
        person = self._artist.person(view.hand or "")
        stay = next(stay for stay in view.scene.stays if stay.person == person.id)
        outfit = person.outfits[stay.outfit]
        scale = view.width / 240.0
        pen.canvas.save()
        pen.canvas.translate(view.x, view.y + 26.0 * scale)
        pen.canvas.scale(1.55 * scale, 1.55 * scale)
        skin = person.look.skin
        sleeve = COLORS[outfit.top_color] if outfit.top not in ("vest", "apron") else "f1eee6"
        pen.line((70, 80, 26, 22), 34, shade(sleeve, 0.9))
        pen.oval(16, 12, 17, 13, shade(skin, 0.93))
        self._artist.draw_prop(pen, view.prop or "")
        if view.prop in self._photographs and view.scene.portrait is not None:
            pen.rect(-15, -35, 30, 26, "d9d2bf")
            pen.canvas.save()
            pen.canvas.translate(0, -21)
            self._artist.draw_portrait(pen, view.scene.portrait, size=0.3)
            pen.canvas.restore()
        for finger in range(4):
            pen.line((20 - finger, 0 + finger * 5.5, 2, -2 + finger * 5.5), 6.4, skin)
        pen.canvas.restore()

    def _has_crowd(self, view: View) -> bool:
        place = self._places[view.scene.place]
        return (
            PLACE_KINDS[place.kind].has_crowd
            and view.scene.day_part != "night"
            and view.blur == 0
            and view.prop is None
        )

    def _has_traffic(self, view: View) -> bool:
        place = self._places[view.scene.place]
        return bool(PLACE_KINDS[place.kind].traffic) and view.blur == 0 and view.prop is None

    def _runs_television(self, view: View) -> bool:
        return view.scene.shown_on == "television" and view.blur == 0 and self._framing.hangs_portrait(view)

    def _is_plain(self, view: View) -> bool:
        """Tell whether nothing moves behind the seats, so that they can be part of the backdrop."""
        return not (self._has_crowd(view) or self._has_traffic(view))

    def _has_rain(self, view: View) -> bool:
        return view.scene.weather == "rain" and self._places[view.scene.place].is_outside

    def _ticking(self, view: View, tick: int) -> int:
        if self._has_rain(view) or self._has_traffic(view):
            return tick
        return tick // 2 if self._has_crowd(view) or self._runs_television(view) else 0

    def _lay_backdrop(self, shot: ShotPlan, view: View, place: Place, tint: Tint, aspect: float) -> None:
        """Lay the place into the buffer: copied when the camera rests, cut out of a larger picture when it moves."""
        width, height = self._size
        wide = view.width * 1.34 if view.moves else view.width
        key = (
            (shot.index, view.side, view.blur)
            if view.moves
            else (shot.index, view.side, view.blur, view.x, view.y, view.width)
        )
        if self._backdrop is None or self._backdrop[0] != key:
            factor = 1.34 if view.moves else 1.0
            size = (round(width * factor), round(height * factor))
            self._backdrop = (key, self._draw_backdrop(view, place, tint, aspect, wide, size))
        backdrop = self._backdrop[1]
        if not view.moves:
            np.copyto(self._buffer, backdrop.pixels)
            return
        scale = backdrop.pixels.shape[1] / backdrop.width
        left = (view.x - view.width / 2 - backdrop.x) * scale
        top = (view.y - view.height(aspect) / 2 - backdrop.y) * scale
        zoom = view.width * scale / width
        matrix = np.array([[zoom, 0, left], [0, zoom, top]], np.float64)
        cv2.warpAffine(
            backdrop.pixels,
            matrix,
            (width, height),
            dst=self._buffer,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def _draw_backdrop(
        self, view: View, place: Place, tint: Tint, aspect: float, wide: float, size: tuple[int, int]
    ) -> _Backdrop:
        pixels = np.zeros((size[1], size[0], 4), np.uint8)
        surface = skia.Surface(pixels, colorType=skia.kBGRA_8888_ColorType)
        canvas = surface.getCanvas()
        x, y = view.x - wide / 2, view.y - wide / aspect / 2
        canvas.scale(size[0] / wide, size[0] / wide)
        canvas.translate(-x, -y)
        pen = Pen(canvas, tint)
        draw_scenery(pen, place, view.scene, side=view.side, seed=self._film.seed)
        if self._framing.hangs_portrait(view):
            self._hang_portrait(pen, view.scene)
        if self._is_plain(view):
            draw_seats(pen, view.scene.stays, self._heights, side=view.side)
        canvas.resetMatrix()
        _darken_edges(canvas, size)
        surface.flushAndSubmit()
        if view.blur:
            radius = max(1, round(view.blur * size[0] / 640)) * 2 + 1
            pixels = np.ascontiguousarray(cv2.GaussianBlur(pixels, (radius, radius), 0))
        return _Backdrop(pixels=pixels, x=x, y=y, width=wide)

    def _hang_portrait(self, pen: Pen, scene: Scene) -> None:
        person = self._artist.person(scene.portrait or "")
        draw_picture_frame(pen, scene.shown_on)
        pen.canvas.save()
        pen.canvas.translate(PICTURE_CENTER[0], PICTURE_CENTER[1] + 4)
        self._artist.draw_portrait(pen, person.id, size=size_of_portrait(person.look))
        pen.canvas.restore()

    def _draw_television(self, pen: Pen, scene: Scene, tick: int) -> None:
        """Draw somebody speaking on the set in the room."""
        person = self._artist.person(scene.portrait or "")
        mouth = Dice("television", scene.id, tick // 2).pick((0.0, 0.3, 0.7))
        draw_picture_frame(pen, scene.shown_on)
        pen.canvas.save()
        pen.canvas.translate(PICTURE_CENTER[0], PICTURE_CENTER[1] + 2)
        self._artist.draw_portrait(pen, person.id, size=size_of_portrait(person.look) * 0.9, mouth=mouth)
        pen.canvas.restore()
        draw_caption_bar(pen)


def _darken_edges(canvas: skia.Canvas, size: tuple[int, int]) -> None:
    """Let the light fall off towards the edges, as through a lens."""
    shader = skia.GradientShader.MakeRadial(
        skia.Point(size[0] / 2, size[1] * 0.42), size[0] * 0.68, [0x00000000, 0x00000000, 0x66000000], [0.0, 0.45, 1.0]
    )
    canvas.drawPaint(skia.Paint(Shader=shader))
