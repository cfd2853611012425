"""Gestures: the poses of every action, for who acts and for the other one, and how people get into and out of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from movieqa.train.film_world.records import Event

from .pose import HANGING_LEFT, HANGING_RIGHT, Point, Pose

SEATED = (
    *("say", "read", "write", "look_at", "drink", "pour", "eat", "play", "wave", "cry", "laugh"),
    *("phone", "sleep", "burn", "break"),
)
"""What somebody on a seat does without getting up."""
_RISES_TOO = ("embrace", "shake", "push", "dance")
"""Actions for which the other one gets up as well."""
ON_KNEES: tuple[Point, Point] = (52.0, -136.0), (30.0, -134.0)
"""Where hands rest on a seat."""
DOZING = 9.0
"""Units the head sinks of somebody who sleeps on a seat."""


def _eased(rest: object, full: object, share: float) -> object:
    """Return what lies between the pose at rest and a gesture: people take a moment to get into it and out of it."""
    if isinstance(full, tuple) and isinstance(rest, tuple):
        return moved_hand(rest, full, share)
    if isinstance(full, float) and isinstance(rest, float):
        return round(rest + (full - rest) * _weight(share), 2)
    return full


def moved_hand(rest: Point, full: Point, share: float) -> Point:
    """Return where a hand is between its rest and a gesture, a share of the action's time being over."""
    weight = _weight(share)
    return round(rest[0] + (full[0] - rest[0]) * weight, 2), round(rest[1] + (full[1] - rest[1]) * weight, 2)


def _weight(share: float) -> float:
    return min(1.0, share / 0.14, (1.0 - share) / 0.14)


def bump(share: float) -> float:
    """Return 0 at both ends of a time and 1 in its middle."""
    return math.sin(math.pi * min(1.0, max(0.0, share)))


_Gesture = Callable[[float, int], dict[str, object]]
_AGENT: dict[str, _Gesture] = {
    "enter": lambda share, tick: {},
    "give": lambda share, tick: {"right_hand": (40 + 48 * bump(share * 1.3), -178.0)},
    "show": lambda share, tick: {"right_hand": (66.0, -196.0)},
    "take": lambda share, tick: {"crouch": 0.5 * bump(share), "right_hand": (70.0, -110.0), "nod": 5.0},
    "put": lambda share, tick: {"crouch": 0.5 * bump(share), "right_hand": (70.0, -110.0), "nod": 5.0},
    "hide": lambda share, tick: {"crouch": bump((share - 0.2) / 0.65), "right_hand": (78.0, -92.0), "nod": 6.0},
    "find": lambda share, tick: {
        "crouch": bump((share - 0.15) / 0.6),
        "right_hand": (74.0, -96.0 if share < 0.6 else -205.0),
        "nod": 4.0,
    },
    "search": lambda share, tick: {
        "crouch": bump((share - 0.2) / 0.6),
        "right_hand": (70 + 14 * math.sin(tick * 0.9), -92.0),
        "nod": 6.0,
    },
    "read": lambda share, tick: {
        "right_hand": (46.0, -186.0),
        "left_hand": (20.0, -184.0),
        "nod": 6.0,
        "gaze": 0.3 * math.sin(tick * 0.5),
    },
    "look_at": lambda share, tick: {"right_hand": (48.0, -196.0), "nod": 6.0},
    "write": lambda share, tick: {
        "right_hand": (48 + 9 * math.sin(tick), -166.0),
        "left_hand": (26.0, -160.0),
        "nod": 8.0,
        "lean": 8.0,
    },
    "drink": lambda share, tick: {"right_hand": (26.0, -168.0 - 58 * bump(share)), "nod": -5 * bump(share)},
    "eat": lambda share, tick: {
        "right_hand": (26.0, -168.0 - 54 * bump(share * 1.7)),
        "mouth": 0.5 if tick % 4 < 2 and share > 0.3 else 0.0,
    },
    "pour": lambda share, tick: {
        "right_hand": (54.0, -150.0),
        "left_hand": (58.0, -176.0 - 16 * bump(share)),
        "nod": 6.0,
    },
    "break": lambda share, tick: {"right_hand": (60.0, -215.0 if share < 0.4 else -110.0), "lean": 12.0 * bump(share)},
    "burn": lambda share, tick: {"right_hand": (76.0, -150.0), "nod": 5.0},
    "play": lambda share, tick: {
        "right_hand": (34 + 16 * math.sin(tick * 1.1), -170.0),
        "left_hand": (30.0, -190.0),
        "nod": 3 * math.sin(tick * 0.6),
    },
    "embrace": lambda share, tick: {
        "right_hand": (66.0, -190.0),
        "left_hand": (60.0, -208.0),
        "lean": 8.0 * bump(share),
    },
    "shake": lambda share, tick: {"right_hand": (70.0, -160.0 + 9 * math.sin(tick * 1.6))},
    "push": lambda share, tick: {
        "right_hand": (40 + 50 * bump(share), -190.0),
        "left_hand": (36 + 50 * bump(share), -196.0),
        "lean": 16 * bump(share),
    },
    "wave": lambda share, tick: {"right_hand": (54 + 18 * math.sin(tick * 1.3), -300.0)},
    "kneel": lambda share, tick: {"crouch": bump(share) ** 0.4, "right_hand": (60.0, -180.0), "nod": -4.0},
    "dance": lambda share, tick: {
        "right_hand": (74.0, -205.0),
        "left_hand": (56.0, -170.0),
        "step": tick / 9.0,
        "jump": 6 * abs(math.sin(tick * 0.5)),
    },
    "cry": lambda share, tick: {
        "right_hand": (14.0, -238.0),
        "nod": 9 + 2 * math.sin(tick * 1.4),
        "tears": 0.2 + share,
    },
    "laugh": lambda share, tick: {"mouth": 0.4 + 0.5 * (tick % 4 < 2), "nod": -5 + 3 * math.sin(tick * 1.7)},
    "sweep": lambda share, tick: {
        "right_hand": (50 + 30 * math.sin(tick * 0.7), -130.0),
        "left_hand": (34 + 20 * math.sin(tick * 0.7), -170.0),
        "lean": 10.0,
        "tool": "broom",
    },
    "sleep": lambda share, tick: {"lying": min(1.0, share * 2.2), "is_blinking": share > 0.2},
    "phone": lambda share, tick: {
        "right_hand": (30.0, -250.0),
        "tool": "receiver",
        "mouth": 0.6 if tick % 5 < 2 else 0.0,
    },
    "pray": lambda share, tick: {
        "right_hand": (32.0, -196.0),
        "left_hand": (30.0, -198.0),
        "nod": 8.0,
        "is_blinking": True,
        "crouch": 0.8 * bump(share) ** 0.4,
    },
    "stretch": lambda share, tick: {
        "right_hand": (60.0, -230 - 70 * math.sin(tick * 0.6)),
        "left_hand": (-60.0, -230 - 70 * math.sin(tick * 0.6)),
        "crouch": 0.25 + 0.25 * math.sin(tick * 0.6),
    },
}
_OTHER: dict[str, _Gesture] = {
    "give": lambda share, tick: {"right_hand": (36 + 46 * bump(share), -178.0)} if share > 0.3 else {},
    "show": lambda share, tick: {"lean": 5.0, "nod": 4.0},
    "embrace": lambda share, tick: (
        {"right_hand": (60.0, -200.0), "left_hand": (54.0, -186.0)} if 0.25 < share < 0.85 else {}
    ),
    "shake": lambda share, tick: (
        {"right_hand": (70.0, -160.0 + 9 * math.sin(tick * 1.6))} if 0.25 < share < 0.85 else {}
    ),
    "push": lambda share, tick: {"lean": -22.0 * bump(share), "right_hand": (60.0, -200.0)},
    "dance": lambda share, tick: {"right_hand": (74.0, -205.0), "left_hand": (56.0, -170.0), "step": tick / 9.0},
}


def gesture(pose: Pose, event: Event, share: float, tick: int, x: float, *, is_agent: bool) -> Pose:
    """Return the pose of somebody who takes part in an action, a share of its time being over."""
    make = (_AGENT if is_agent else _OTHER).get(event.action)
    changes: dict[str, object] = dict(make(share, tick)) if make is not None else {}
    if pose.sit:
        if event.action == "sleep":
            changes = {"nod": DOZING * min(1.0, share * 2.2), "is_blinking": share > 0.2}
        elif event.action in ("give", "show") and not is_agent:
            changes.pop("lean", None)
        elif event.action not in (SEATED if is_agent else ()) and (is_agent or event.action in _RISES_TOO):
            changes = {"right_hand": HANGING_RIGHT, "left_hand": HANGING_LEFT} | changes | {"sit": 0.0}
    if event.action != "sleep":
        changes = {name: _eased(getattr(pose, name), value, share) for name, value in changes.items()}
    walks = (
        is_agent
        and (share < 0.34 or share > 0.66)
        and event.action in ("hide", "find", "search", "take", "put", "give", "shake", "embrace", "push")
    )
    if is_agent and (event.action in ("enter", "leave", "follow") or walks):
        changes["step"] = round(x / 78.0, 2) or 0.01
        changes.setdefault("turn", 0.9)
    pose = replace(pose, **changes)  # type: ignore[arg-type]
    if is_agent and event.action == "leave":
        return replace(pose, facing=-1 if x < 500 else 1)
    if is_agent and event.action == "enter":
        return replace(pose, facing=1 if x < 500 else -1)
    return pose
