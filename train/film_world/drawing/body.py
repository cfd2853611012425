"""Bodies: everything of a person but the head, in the clothes of the scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

from movieqa.train.film_world.props import COLORS
from movieqa.train.film_world.records import Look, Outfit

from .head import head_size
from .pen import Pen, shade
from .pose import Point, Pose

_UPPER, _LOWER = 58.0, 56.0
"""Lengths of the two parts of an arm."""
SEAT_DROP = 56.0
"""How much lower hips are on a seat."""


@dataclass(frozen=True, kw_only=True)
class Joints:
    """Where the parts of a body are, for somebody who faces to the right."""

    head: Point
    neck: Point
    shoulders: tuple[Point, Point]
    """Left, right."""
    hips: tuple[Point, Point]
    knees: tuple[Point, Point]
    feet: tuple[Point, Point]
    elbows: tuple[Point, Point]
    hands: tuple[Point, Point]


def joints_of(look: Look, pose: Pose) -> Joints:
    """Return where everything is; the drawing and the truth's boxes both come from here."""
    build = look.build
    drop = 92.0 * pose.crouch + SEAT_DROP * pose.sit
    hip_y = -128.0 + drop
    shoulder_y = hip_y - 94.0 + 10.0 * pose.crouch
    lean = pose.lean + 14.0 * pose.crouch
    height = head_size(look)[1]
    neck = (lean, shoulder_y - 10.0)
    head = (lean * 1.15, shoulder_y - 16.0 - height + pose.nod)
    half = 33.0 * build
    shoulders = ((lean - half, shoulder_y), (lean + half, shoulder_y))
    hips = ((-19.0 * build, hip_y), (19.0 * build, hip_y))
    swing = math.sin(pose.step * math.tau) * 26.0 if pose.step else 0.0
    feet = ((-16.0 + swing + 34.0 * pose.sit, -4.0), (16.0 - swing + 36.0 * pose.sit, -4.0))
    knees = (
        (-18.0 + swing * 0.5 + 34.0 * pose.crouch + 44.0 * pose.sit, -66.0 + 32.0 * pose.crouch - 6.0 * pose.sit),
        (20.0 - swing * 0.5 + 38.0 * pose.crouch + 42.0 * pose.sit, -66.0 + 32.0 * pose.crouch - 4.0 * pose.sit),
    )
    wave = swing * 0.7
    left = _within_reach(shoulders[0], (pose.left_hand[0] + wave, pose.left_hand[1] + drop * (pose.left_hand[1] < -90)))
    right = _within_reach(
        shoulders[1],
        (pose.right_hand[0] - wave * (not pose.held), pose.right_hand[1] + drop * (pose.right_hand[1] < -90)),
    )
    return Joints(
        head=head,
        neck=neck,
        shoulders=shoulders,
        hips=hips,
        knees=knees,
        feet=feet,
        elbows=(_elbow(shoulders[0], left, 1.0), _elbow(shoulders[1], right, _bend(shoulders[1], right))),
        hands=(left, right),
    )


def draw_body(pen: Pen, look: Look, outfit: Outfit, pose: Pose, joints: Joints) -> None:
    """Draw legs, trunk and the arm behind; the arm in front is drawn by `draw_front_arm`."""
    _arm(pen, look, outfit, joints, side=0)
    _legs(pen, look, outfit, joints)
    _trunk(pen, look, outfit, pose, joints)


def draw_front_arm(pen: Pen, look: Look, outfit: Outfit, joints: Joints) -> None:
    """Draw the right arm, which is before the body and may hold something."""
    _arm(pen, look, outfit, joints, side=1)


def _legs(pen: Pen, look: Look, outfit: Outfit, joints: Joints) -> None:
    color = COLORS[outfit.bottom_color]
    for side in (0, 1):
        (hx, hy), (kx, ky), (fx, fy) = joints.hips[side], joints.knees[side], joints.feet[side]
        bare = outfit.bottom in ("skirt", "shorts") or outfit.top == "dress"
        pen.line(
            (hx, hy, kx, ky, fx, fy - 6),
            21 * look.build if not bare else 15 * look.build,
            look.skin if bare else shade(color, 0.92 if side else 0.82),
        )
        if outfit.bottom == "shorts":
            pen.line((hx, hy, kx, ky - 8), 24 * look.build, color)
        pen.oval(fx + 7, fy, 16, 7, "33292a")


def _trunk(pen: Pen, look: Look, outfit: Outfit, pose: Pose, joints: Joints) -> None:
    (lx, ly), (rx, ry) = joints.shoulders
    (hlx, hly), (hrx, hry) = joints.hips
    pen.line((joints.neck[0], joints.neck[1] + 4, joints.head[0], joints.head[1] + 14), 17, shade(look.skin, 0.88))
    bottom = COLORS[outfit.bottom_color]
    top = COLORS[outfit.top_color]
    if outfit.bottom == "skirt" and outfit.top != "dress":
        low = max(joints.knees[0][1], hly + 30)
        pen.poly(
            (
                hlx - 6,
                hly - 8,
                hrx + 6,
                hry - 8,
                max(joints.knees[1][0], hrx) + 16,
                low,
                min(joints.knees[0][0], hlx) - 16,
                low,
            ),
            bottom,
        )
    hem = {"coat": 56.0, "apron": 30.0, "dress": 62.0, "jacket": 14.0}.get(outfit.top, 8.0) * (1.0 - 0.7 * pose.sit)
    wide = {"coat": 10.0, "dress": 18.0}.get(outfit.top, 3.0)
    outline = (
        lx - 7,
        ly + 4,
        lx + 6,
        ly - 8,
        rx - 6,
        ry - 8,
        rx + 7,
        ry + 4,
        hrx + wide + 4,
        hry + hem,
        hlx - wide - 4,
        hly + hem,
    )
    pen.poly(outline, top)
    _pattern(pen, outfit, top, outline)
    middle = (lx + rx) / 2
    if pose.is_back:
        pass
    elif outfit.top in ("shirt", "vest"):
        pen.poly(
            (middle - 13, ly - 9, middle, ly + 13, middle + 13, ly - 9),
            "f4f1e8" if outfit.top == "vest" else shade(top, 1.5),
        )
        for step in (26, 46, 66):
            pen.oval(middle, ly + step, 2, 2, shade(top, 0.5))
    elif outfit.top in ("coat", "jacket"):
        pen.poly((middle - 14, ly - 9, middle, ly + 34, middle + 14, ly - 9), "f4f1e8")
        pen.line((middle, ly + 34, (hlx + hrx) / 2, hly + hem), 2.4, shade(top, 0.6))
    elif outfit.top == "apron":
        pen.poly((lx + 12, ly + 22, rx - 12, ry + 22, hrx + 2, hry + hem, hlx - 2, hly + hem), "f1eee6")
        pen.line((lx + 12, ly + 22, middle - 8, ly - 8), 3, "f1eee6")
        pen.line((rx - 12, ry + 22, middle + 8, ry - 8), 3, "f1eee6")
    else:
        pen.oval(middle, ly - 6, 12, 6, shade(look.skin, 0.94))
    if outfit.scarf_color:
        scarf = COLORS[outfit.scarf_color]
        pen.oval(middle, ly - 8, 23, 9, scarf)
        pen.rect(middle + 4, ly - 6, 11, 44, shade(scarf, 0.88), round_by=3)


def _pattern(pen: Pen, outfit: Outfit, top: str, outline: tuple[float, ...]) -> None:
    if outfit.pattern == "plain":
        return
    bright = sum(int(top[i : i + 2], 16) for i in (0, 2, 4)) > 380
    color = shade(top, 0.6) if bright else shade(top, 1.55)
    left, right = min(outline[0], outline[10]) + 9, max(outline[6], outline[8]) - 9
    high, low = outline[3] + 16, outline[9] - 5
    rows = [high + 18 * step for step in range(int((low - high) / 18) + 1)]
    if outfit.pattern == "stripes":
        for y in rows:
            pen.line((left, y, right, y), 4, color)
    elif outfit.pattern == "dots":
        for row, y in enumerate(rows):
            for step in range(4):
                x = left + 6 + (right - left - 12) * (step + (row % 2) * 0.5) / 4
                pen.oval(x, y, 3.2, 3.2, color)
    elif outfit.pattern == "checks":
        for y in rows[::2]:
            pen.line((left, y, right, y), 2.2, color)
        for step in range(4):
            x = left + 4 + (right - left - 8) * step / 3
            pen.line((x, high - 6, x, low), 2.2, color)
    else:
        y = (high + low) / 2 - 10
        points: list[float] = []
        for step in range(9):
            points += [left + (right - left) * step / 8, y + (9 if step % 2 else -4)]
        pen.line(points, 4, color)


def _arm(pen: Pen, look: Look, outfit: Outfit, joints: Joints, *, side: int) -> None:
    (sx, sy), (ex, ey), (hx, hy) = joints.shoulders[side], joints.elbows[side], joints.hands[side]
    sleeve = COLORS[outfit.top_color] if outfit.top not in ("vest", "apron") else "f1eee6"
    sleeve = shade(sleeve, 0.78 if side == 0 else 0.9)
    width = 17 * min(look.build, 1.1)
    if outfit.top == "dress":
        pen.line((sx, sy, ex, ey, hx, hy), width - 4, look.skin)
        pen.line((sx, sy, (sx + ex) / 2, (sy + ey) / 2), width, sleeve)
    else:
        pen.line((sx, sy, ex, ey, hx, hy), width, sleeve)
    pen.oval(hx, hy, 9, 9, look.skin)


def _within_reach(shoulder: Point, hand: Point) -> Point:
    dx, dy = hand[0] - shoulder[0], hand[1] - shoulder[1]
    length = math.hypot(dx, dy)
    most = _UPPER + _LOWER - 1
    if length <= most:
        return hand
    return shoulder[0] + dx * most / length, shoulder[1] + dy * most / length


def _bend(shoulder: Point, hand: Point) -> float:
    """Return which way the right elbow points: outwards when the arm hangs, down when it reaches out, never at once."""
    return max(-1.0, min(1.0, (hand[0] - shoulder[0] - 14.0) / 12.0))


def _elbow(shoulder: Point, hand: Point, bend: float) -> Point:
    dx, dy = hand[0] - shoulder[0], hand[1] - shoulder[1]
    length = max(6.0, math.hypot(dx, dy))
    along = (_UPPER**2 - _LOWER**2 + length**2) / (2 * length)
    away = math.sqrt(max(0.0, _UPPER**2 - along**2)) * bend
    return shoulder[0] + (dx * along - dy * away) / length, shoulder[1] + (dy * along + dx * away) / length
