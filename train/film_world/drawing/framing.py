"""Framing: what the camera sees of a scene at a moment, and where everybody is in the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from movieqa.train.film_world.records import Film, Scene, ShotPlan

from .acting import TICKS, Acting, Figure
from .body import joints_of
from .head import head_size

STAGE_WIDTH = 1000.0
PICTURE_CENTER = (500.0, 190.0)
"""Where a portrait hangs on the wall."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A moment as the camera sees it."""

    scene: Scene
    side: int
    x: float
    """Middle of the picture, in stage units."""
    y: float
    width: float
    """How much of the stage is seen."""
    figures: tuple[Figure, ...]
    """From the back to the front."""
    blur: float
    """How far the background is out of focus, in pixels at 640 wide."""
    prop: str | None
    """Fills the picture, in an insert."""
    hand: str | None
    """Person whose hand is seen in an insert."""
    share: float
    """How much of the shot is over."""
    moves: bool
    """Whether the camera moves during the shot."""

    def height(self, aspect: float) -> float:
        """Return how much of the stage is seen from top to bottom, for a width over height."""
        return self.width / aspect


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A person in the picture; boxes are left, top, right, bottom as shares of the picture, cut at its edges."""

    person: str
    box: tuple[float, float, float, float]
    head: tuple[float, float, float, float] | None
    how: str
    """`front`, `side`, `back`, `partly`, `hand` or `picture`."""


class Framing:
    """Points the camera for every shot of a film."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._acting = Acting(film)
        self._scenes = {scene.id: scene for scene in film.scenes}
        self._people = {person.id: person for person in film.people}
        self._looks = {person.id: person.look for person in film.people}
        self._aims: dict[int, list[Figure]] = {}
        self._photographs = {prop.id for prop in film.props if prop.kind == "photograph"}

    def view(self, shot: ShotPlan, time: float) -> View:
        """Return what the camera sees; the same for all times of one tick."""
        scene = self._scenes[shot.scene]
        tick = math.floor(min(max(time, shot.start), shot.end - 1e-6) * TICKS + 1e-6) / TICKS
        moment = min(max(tick, scene.start), scene.end - 1e-3)
        figures = self._acting.figures(scene, moment)
        if shot.side == 1:
            figures = [_mirrored(figure) for figure in figures]
        share = min(1.0, max(0.0, (tick - shot.start) / (shot.end - shot.start)))
        by_person = {figure.person: figure for figure in figures}
        settled = self._settled(shot, scene)
        camera = shot.camera if settled or shot.camera == "wide" else "empty"
        x, y, width = self._aim(camera, settled, shot)
        blur = {"close": 3.2, "over": 3.0, "insert": 5.0, "medium": 1.2}.get(camera, 0.0)
        if camera == "empty":
            figures = []
        elif camera == "over" and len(settled) > 1:
            x, y, width, figures = self._over_shoulder(settled, by_person)
        elif camera == "behind":
            followed = settled[0].person
            figures = [_from_behind(figure) if figure.person == followed else figure for figure in figures]
        elif camera == "insert":
            figures = []
        x, y, width = _moved(shot, share, tick, x, y, width)
        return View(
            scene=scene,
            side=shot.side,
            x=round(x, 2),
            y=round(y, 2),
            width=round(width, 2),
            figures=tuple(figures),
            blur=blur,
            prop=shot.prop if camera == "insert" else None,
            hand=settled[0].person if camera == "insert" else None,
            share=share,
            moves=shot.move != "still",
        )

    def seen(self, view: View, aspect: float) -> list[Seen]:
        """Return everybody in the picture with boxes; whoever is outside is left out."""
        result = []
        for figure in view.figures:
            body, head = self._boxes(figure)
            box, part = _in_picture(body, view, aspect)
            if box is None or part < 0.06:
                continue
            face, face_part = _in_picture(head, view, aspect)
            turn = "back" if figure.pose.is_back else "side" if abs(figure.pose.turn) > 0.75 else "front"
            result.append(
                Seen(
                    person=figure.person,
                    box=box,
                    head=face if face_part > 0.3 else None,
                    how=turn if face_part > 0.6 else "partly",
                )
            )
        if view.hand is not None:
            result.append(Seen(person=view.hand, box=(0.45, 0.55, 0.85, 1.0), head=None, how="hand"))
            if view.scene.portrait is not None and view.prop in self._photographs:
                box = (0.42, 0.28, 0.58, 0.52)
                result.append(Seen(person=view.scene.portrait, box=box, head=box, how="picture"))
        if self.hangs_portrait(view) and view.scene.portrait is not None and view.prop is None:
            x, y = PICTURE_CENTER
            box, part = _in_picture((x - 26, y - 34, x + 26, y + 34), view, aspect)
            if box is not None and part > 0.6 and not _is_covered(box, result):
                result.append(Seen(person=view.scene.portrait, box=box, head=box, how="picture"))
        return result

    def hangs_portrait(self, view: View) -> bool:
        """Tell whether somebody's picture hangs on the wall the camera sees."""
        return view.scene.portrait is not None and view.side == 0 and view.scene.shown_on != ""

    def _aim(self, camera: str, focus: list[Figure], shot: ShotPlan) -> tuple[float, float, float]:
        if camera == "empty":
            return 300.0 + 400.0 * (shot.index % 2), 330.0, 640.0
        if camera == "wide" or not focus:
            return 500.0, 312.0, STAGE_WIDTH
        first = focus[0]
        top = first.y + self._head_y(first)
        home = first.x
        if camera == "medium":
            return _on_set(home, 480.0), top + 82.0, 480.0
        if camera == "close":
            size = 0.35 + 0.65 * self._looks[first.person].height
            return home + 16.0 * first.pose.facing, top + 14.0 * size, 215.0 * size
        if camera == "insert":
            return home, top + 110.0, 240.0
        if camera == "behind":
            return _on_set(home, 520.0), top + 70.0, 520.0
        xs = [figure.x for figure in focus]
        top = min(figure.y + self._head_y(figure) for figure in focus)
        width = max(470.0, max(xs) - min(xs) + 290.0)
        return _on_set(sum(xs) / len(xs), width), top + 0.165 * width, width

    def _settled(self, shot: ShotPlan, scene: Scene) -> list[Figure]:
        """Return whom the camera is there for as they are in the middle of the shot: it does not run after them."""
        if shot.index not in self._aims:
            middle = min(max((shot.start + shot.end) / 2, scene.start), scene.end - 1e-3)
            figures = self._acting.figures(scene, math.floor(middle * TICKS) / TICKS)
            figures = [_mirrored(figure) for figure in figures] if shot.side == 1 else figures
            there = {figure.person: figure for figure in figures}
            self._aims[shot.index] = [there[person] for person in shot.focus if person in there]
        return self._aims[shot.index]

    def _head_y(self, figure: Figure) -> float:
        look = self._looks[figure.person]
        standing = joints_of(look, replace(figure.pose, crouch=0.0, nod=0.0, lying=0.0, jump=0.0))
        return standing.head[1] * look.height

    def _over_shoulder(self, settled: list[Figure], now: dict[str, Figure]) -> tuple[float, float, float, list[Figure]]:
        speaker, listener = settled[0], settled[1]
        side = speaker.pose.facing
        width = 290.0
        top = speaker.y + self._head_y(speaker)
        x, y = speaker.x + side * 48.0, top + 30.0
        look = self._looks[listener.person]
        scale = 1.6
        back = replace(
            listener,
            x=x + side * 108.0,
            y=y
            + 34.0
            - joints_of(look, replace(listener.pose, nod=0.0, crouch=0.0, sit=0.0)).head[1] * look.height * scale,
            scale=scale,
            pose=replace(
                now.get(listener.person, listener).pose,
                is_back=True,
                sit=0.0,
                mood="",
                mouth=0.0,
                is_blinking=False,
                held="",
            ),
            is_shadowed=False,
        )
        shown = [now[speaker.person]] if speaker.person in now else []
        return x, y, width, [*shown, back] if listener.person in now else shown

    def _boxes(self, figure: Figure) -> tuple[tuple[float, float, float, float], tuple[float, float, float, float]]:
        """Return the boxes of the whole person and of the head, in stage units."""
        look = self._looks[figure.person]
        joints = joints_of(look, figure.pose)
        size = figure.scale * look.height
        half_width, half_height = head_size(look)
        hair = {"afro": 1.5, "curly": 1.25, "long": 1.28, "bob": 1.25}.get(look.hair, 1.12)
        outfit = self._people[figure.person].outfits[figure.outfit]
        hat = {"brim": 0.3, "beanie": 0.5, "beret": 0.2, "cap": 0.12}.get(outfit.hat, 0.0)
        top = {"afro": 1.78, "bun": 1.62, "curly": 1.55, "bald": 1.1}.get(look.hair, 1.26) + hat
        hx, hy = joints.head
        points = [*joints.shoulders, *joints.elbows, *joints.hands, *joints.knees, *joints.hips]
        skirt = {"coat": 16.0, "dress": 24.0}.get(outfit.top, 12.0)
        xs = [hx - half_width * hair, hx + half_width * hair, *(x - 9 for x, _ in points), *(x + 9 for x, _ in points)]
        xs += [
            joints.hips[0][0] - skirt,
            joints.hips[1][0] + skirt,
            *(x - 9 for x, _ in joints.feet),
            *(x + 23 for x, _ in joints.feet),
        ]
        ys = [hy - half_height * top, *(y - 9 for _, y in joints.hands), 3.0]
        body = (min(xs), min(ys), max(xs), max(ys))
        head = (hx - half_width * hair, hy - half_height * top, hx + half_width * hair, hy + half_height * 1.16)
        return _placed(body, figure, size), _placed(head, figure, size)


def _placed(box: tuple[float, float, float, float], figure: Figure, size: float) -> tuple[float, float, float, float]:
    """Return a box of a person's own units in stage units: turned when lying, mirrored when facing left, then moved."""
    angle = math.radians(86.0 * figure.pose.lying)
    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[1]), (box[0], box[3]), (box[2], box[3])):
        rx, ry = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
        corners.append((figure.x + figure.pose.facing * rx * size, figure.y - figure.pose.jump + ry * size))
    return (
        min(x for x, _ in corners),
        min(y for _, y in corners),
        max(x for x, _ in corners),
        max(y for _, y in corners),
    )


def _in_picture(
    box: tuple[float, float, float, float], view: View, aspect: float
) -> tuple[tuple[float, float, float, float] | None, float]:
    """Return a box as shares of the picture, and how much of it is inside; None when nothing is."""
    left, top = view.x - view.width / 2, view.y - view.height(aspect) / 2
    shares = (
        (box[0] - left) / view.width,
        (box[1] - top) / view.height(aspect),
        (box[2] - left) / view.width,
        (box[3] - top) / view.height(aspect),
    )
    cut = tuple(min(1.0, max(0.0, share)) for share in shares)
    whole = (shares[2] - shares[0]) * (shares[3] - shares[1])
    inside = (cut[2] - cut[0]) * (cut[3] - cut[1])
    if inside <= 0:
        return None, 0.0
    return (round(cut[0], 4), round(cut[1], 4), round(cut[2], 4), round(cut[3], 4)), inside / whole


def _is_covered(box: tuple[float, float, float, float], people: list[Seen]) -> bool:
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(seen.box[0] < middle[0] < seen.box[2] and seen.box[1] < middle[1] < seen.box[3] for seen in people)


def _on_set(x: float, width: float) -> float:
    """Keep a camera from looking past the edges of the set."""
    return min(max(x, width / 2 - 250.0), STAGE_WIDTH + 250.0 - width / 2)


def _mirrored(figure: Figure) -> Figure:
    return replace(figure, x=round(STAGE_WIDTH - figure.x, 1), pose=replace(figure.pose, facing=-figure.pose.facing))


def _from_behind(figure: Figure) -> Figure:
    return replace(figure, pose=replace(figure.pose, is_back=True, mood="", mouth=0.0, held=""))


def _moved(shot: ShotPlan, share: float, tick: float, x: float, y: float, width: float) -> tuple[float, float, float]:
    if shot.move == "zoom_in":
        return x, y, width * (1.0 - 0.16 * share)
    if shot.move == "zoom_out":
        return x, y, width * (0.84 + 0.16 * share)
    if shot.move == "pan":
        direction = 1 if shot.index % 2 else -1
        return x + direction * (share - 0.5) * 0.12 * width, y, width * 0.88
    if shot.move == "hand_held":
        return x + 0.008 * width * math.sin(tick * 5.1), y + 0.007 * width * math.sin(tick * 6.7 + 1), width * 0.985
    return x, y, width
