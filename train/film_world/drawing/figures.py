"""Figures: draws whole persons, from remembered strokes where nothing has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from movieqa.train.film_world.props import COLORS
from movieqa.train.film_world.records import Film, Outfit, Person

from .acting import Figure
from .body import draw_body, draw_front_arm, joints_of
from .graphics import skia
from .head import draw_head
from .pen import Pen, Tint
from .pose import Pose
from .prop_shapes import PROP_SHAPES
from .shapes import draw_shape

_REMEMBERED = 384
_TOOLS = {
    "broom": "L 8a5a36 6 -22 -60 24 104;P d9b84f 12 96 36 92 56 128 6 132",
    "receiver": "L 2d2b2f 9 -8 14 2 -14;O -7 15 7 6 2d2b2f;O 3 -15 7 6 2d2b2f",
}
_LEVEL = Pose()
"""What does not change a head stays at this."""
_BOUNDS = skia.Rect.MakeLTRB(-400, -500, 400, 200)


class FigureArtist:
    """Draws the people and things of one film."""

    def __init__(self, film: Film) -> None:
        self._people = {person.id: person for person in film.people}
        self._props = {prop.id: prop for prop in film.props}
        self._memory: OrderedDict[object, skia.Picture] = OrderedDict()

    def draw(self, canvas: skia.Canvas, figure: Figure, tint: Tint) -> None:
        """Draw a person where and as he is."""
        person = self._people[figure.person]
        pose = figure.pose
        size = figure.scale * person.look.height
        if figure.is_shadowed:
            tint = (tint[0] * 0.62, tint[1] * 0.62, tint[2] * 0.68)
        outfit = person.outfits[figure.outfit]
        joints = joints_of(person.look, pose)
        canvas.save()
        canvas.translate(figure.x, figure.y)
        Pen(canvas, tint).oval(0, 2, 52 * size, 8 * size, "00000038")
        canvas.translate(0, -pose.jump)
        canvas.scale(size * pose.facing, size)
        if pose.lying:
            canvas.rotate(86.0 * pose.lying)
        face = replace(
            _LEVEL,
            turn=pose.turn,
            is_back=pose.is_back,
            mood=pose.mood,
            mouth=pose.mouth,
            is_blinking=pose.is_blinking,
            gaze=pose.gaze,
            tears=pose.tears,
        )
        body = replace(
            pose,
            mood="",
            mouth=0.0,
            is_blinking=False,
            gaze=0.0,
            tears=0.0,
            nod=0.0,
            facing=1,
            jump=0.0,
            lying=0.0,
            turn=0.0,
        )
        look = person.look
        canvas.drawPicture(
            self._recall(
                (person.id, outfit, body, tint, "body"), lambda pen: draw_body(pen, look, outfit, pose, joints), tint
            )
        )
        canvas.save()
        canvas.translate(*joints.head)
        canvas.drawPicture(
            self._recall((person.id, outfit, face, tint, "head"), lambda pen: draw_head(pen, look, outfit, pose), tint)
        )
        canvas.restore()
        if pose.held and not pose.is_back:
            canvas.save()
            canvas.translate(joints.hands[1][0] + 4, joints.hands[1][1] + 12)
            canvas.scale(0.85, 0.85)
            self.draw_prop(Pen(canvas, tint), pose.held)
            canvas.restore()
        if pose.tool and not pose.is_back:
            canvas.save()
            canvas.translate(*joints.hands[1])
            draw_shape(Pen(canvas, tint), _TOOLS[pose.tool])
            canvas.restore()
        if not pose.is_back:
            canvas.drawPicture(
                self._recall(
                    (person.id, outfit, body, tint, "arm"), lambda pen: draw_front_arm(pen, look, outfit, joints), tint
                )
            )
        canvas.restore()

    def draw_prop(self, pen: Pen, prop: str) -> None:
        """Draw a thing standing on the origin."""
        thing = self._props[prop]
        draw_shape(pen, PROP_SHAPES[thing.kind], own=COLORS[thing.color])

    def draw_portrait(self, pen: Pen, person: str, *, size: float, mouth: float = 0.0) -> None:
        """Draw somebody's head as on a photograph: no hat, a plain face, the origin in its middle."""
        look = self._people[person].look
        bare: Outfit = replace(self._people[person].outfits[0], hat="", scarf_color="")
        pen.canvas.save()
        pen.canvas.scale(size, size)
        draw_head(pen, look, bare, Pose(turn=0.15, mouth=mouth))
        pen.canvas.restore()

    def person(self, person: str) -> Person:
        """Return a person of the film."""
        return self._people[person]

    def _recall(self, key: object, draw: Callable[[Pen], None], tint: Tint) -> skia.Picture:
        picture = self._memory.get(key)
        if picture is None:
            recorder = skia.PictureRecorder()
            draw(Pen(recorder.beginRecording(_BOUNDS), tint))
            picture = recorder.finishRecordingAsPicture()
            self._memory[key] = picture
            if len(self._memory) > _REMEMBERED:
                self._memory.popitem(last=False)
        else:
            self._memory.move_to_end(key)
        return picture
