"""Direction: cuts a told story into shots, so that what matters is seen and the rhythm is a film's."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from .dice import Dice
from .records import Camera, CutIn, Event, Move, Scene, ShotPlan

SHORTEST, LONGEST = 0.85, 20.0
"""Seconds a shot may last."""
_CAMERAS: dict[str, tuple[Camera, ...]] = {
    "enter": ("wide", "wide", "medium"),
    "leave": ("wide", "wide", "behind"),
    "give": ("two", "two", "wide"),
    "show": ("two", "over"),
    "hide": ("wide", "medium"),
    "find": ("medium", "wide"),
    "search": ("wide", "medium"),
    "take": ("medium", "wide"),
    "put": ("medium", "wide"),
    "read": ("medium", "close"),
    "write": ("medium", "close"),
    "look_at": ("medium", "close"),
    "embrace": ("two", "wide"),
    "shake": ("two", "wide"),
    "push": ("two", "wide"),
    "dance": ("wide", "two"),
    "kneel": ("wide", "two"),
    "wave": ("wide", "medium"),
    "sweep": ("wide",),
    "sleep": ("wide", "medium"),
    "cry": ("close", "medium"),
    "laugh": ("close", "medium"),
}
_INSERTS = ("give", "hide", "find", "take", "put", "show", "read", "write", "look_at", "pour", "break")
"""Actions whose prop may fill the picture for a moment."""


@dataclass(frozen=True, kw_only=True)
class _Piece:
    start: float
    camera: Camera
    focus: tuple[str, ...]
    prop: str | None = None
    side: int = 0
    can_join: bool = False
    """May be one shot with an equal piece before it."""


def direct(
    scenes: tuple[Scene, ...], events: tuple[Event, ...], *, end: float, fps: int, dice: Dice
) -> tuple[ShotPlan, ...]:
    """Return the shots of a film; they cover `[0, end)` without a gap."""
    by_scene: dict[str, list[Event]] = {scene.id: [] for scene in scenes}
    for event in events:
        by_scene[event.scene].append(event)
    shots: list[ShotPlan] = []
    for number, scene in enumerate(scenes):
        stop = scenes[number + 1].start if number + 1 < len(scenes) else end
        own = dice.fork("direction", scene.id)
        pieces = _pieces(scene, by_scene[scene.id], own, stop=end if number + 1 == len(scenes) else None)
        shots += _cut(scene, pieces, stop, own, fps=fps, first=len(shots))
    return tuple(shots)


def _pieces(scene: Scene, events: list[Event], dice: Dice, *, stop: float | None) -> list[_Piece]:
    everybody = tuple(stay.person for stay in scene.stays)
    first = events[0].start if events else scene.end
    opening: Camera = "empty" if dice.chance(0.4) or first - scene.start > 2.4 else "wide"
    pieces = [_Piece(start=scene.start, camera=opening, focus=() if opening == "empty" else everybody)]
    if opening == "empty" and first - scene.start > 2.0 and dice.chance(0.5):
        pieces.append(_Piece(start=scene.start + dice.number(0.9, 1.2), camera="wide", focus=everybody))
    for event in events:
        pieces += _cover_line(event, dice) if event.action == "say" else _cover_action(event, dice)
    if stop is not None:
        pieces.append(_Piece(start=scene.end, camera="empty", focus=()))
    elif events and dice.chance(0.25):
        pieces.append(_Piece(start=events[-1].end, camera=dice.pick(("empty", "wide")), focus=everybody))
    return pieces


def _cover_line(event: Event, dice: Dice) -> list[_Piece]:
    people = (event.agent,) if event.other is None else (event.agent, event.other)
    if event.other is None:
        return [_Piece(start=event.start, camera=dice.pick(("close", "medium")), focus=people, side=0)]
    camera: Camera = dice.pick(("close", "close", "over", "over", "two", "medium"))
    if event.speech in ("accuse", "admit", "tell", "confide") and dice.chance(0.5):
        camera = "close"
    side = 1 if camera in ("over", "close") and dice.chance(0.5) else 0
    focus = people if camera in ("over", "two") else (event.agent,)
    pieces = [_Piece(start=event.start, camera=camera, focus=focus, side=side, can_join=camera == "two")]
    if event.end - event.start > 2.6 and dice.chance(0.4):
        pieces.append(
            _Piece(
                start=event.start + (event.end - event.start) * 0.62,
                camera="close",
                focus=(event.other,),
                side=1 - side,
            )
        )
    return pieces


def _cover_action(event: Event, dice: Dice) -> list[_Piece]:
    camera = dice.pick(_CAMERAS.get(event.action, ("medium", "wide")))
    if event.action in ("enter", "leave"):
        focus: tuple[str, ...] = (event.agent,) if camera != "wide" else ()
    else:
        focus = (event.agent,) if event.other is None else (event.agent, event.other)
    if camera == "over" and event.other is not None:
        focus = (event.agent, event.other)
    pieces = [_Piece(start=event.start, camera=camera, focus=focus, can_join=camera in ("two", "wide"))]
    if event.prop is not None and event.action in _INSERTS and dice.chance(0.55):
        length = event.end - event.start
        pieces.append(_Piece(start=event.start + length * 0.5, camera="insert", focus=(event.agent,), prop=event.prop))
        if dice.chance(0.5) and length > 3.0:
            pieces.append(_Piece(start=event.start + length * 0.82, camera="close", focus=(event.agent,)))
    return pieces


def _cut(scene: Scene, pieces: list[_Piece], stop: float, dice: Dice, *, fps: int, first: int) -> list[ShotPlan]:
    """Make shots of pieces: none too short, none too long, equal neighbours joined."""
    kept: list[_Piece] = []
    for piece in pieces:
        if kept and piece.start - kept[-1].start < SHORTEST:
            if (kept[-1].camera == "empty" and len(kept) == 1) or piece.camera == kept[-1].camera:
                continue
            piece = replace(piece, start=kept[-1].start + SHORTEST)
        if kept and piece.can_join and (piece.camera, set(piece.focus)) == (kept[-1].camera, set(kept[-1].focus)):
            continue
        if kept and piece.camera == kept[-1].camera and piece.focus == kept[-1].focus and piece.side == kept[-1].side:
            continue
        if stop - piece.start >= SHORTEST or not kept:
            kept.append(piece)
    shots: list[ShotPlan] = []
    kept = [_presentable(piece, scene) for piece in kept]
    kept = [piece for rank, piece in enumerate(kept) if rank == 0 or not _looks_alike(piece, kept[rank - 1])]
    for rank, piece in enumerate(kept):
        start = round(piece.start * fps) / fps
        end = round((kept[rank + 1].start if rank + 1 < len(kept) else stop) * fps) / fps
        parts = math.ceil((end - start) / LONGEST)
        for part in range(parts):
            bounds = [round((start + (end - start) * share / parts) * fps) / fps for share in (part, part + 1)]
            index = first + len(shots)
            camera: Camera = (
                piece.camera if part % 2 == 0 else "close" if piece.camera == "wide" and piece.focus else "wide"
            )
            cut, transition = _transition(index, rank + part, piece, bounds, dice)
            shots.append(
                ShotPlan(
                    index=index,
                    start=bounds[0],
                    end=bounds[1],
                    scene=scene.id,
                    camera=camera,
                    move=_move(camera, dice),
                    focus=piece.focus,
                    prop=piece.prop,
                    side=piece.side,
                    cut=cut,
                    transition=transition,
                )
            )
    return shots


def _presentable(piece: _Piece, scene: Scene) -> _Piece:
    """Show the place where nobody the camera is there for has come yet or is left."""
    there = {stay.person for stay in scene.stays if stay.start <= piece.start + 0.1 < stay.end}
    if piece.camera in ("wide", "empty") or there & set(piece.focus):
        return piece
    return replace(piece, camera="empty", focus=(), prop=None, side=1)


def _looks_alike(piece: _Piece, before: _Piece) -> bool:
    return (piece.camera, piece.side) == (before.camera, before.side) and (
        piece.camera in ("wide", "empty") or piece.focus == before.focus
    )


def _transition(index: int, rank: int, piece: _Piece, bounds: list[float], dice: Dice) -> tuple[CutIn, float]:
    if index == 0:
        return "start", 0.0
    if rank > 0 or bounds[1] - bounds[0] < 1.1:
        return "cut", 0.0
    kinds: tuple[CutIn, ...] = ("cut", "cut", "cut", "dissolve", "fade")
    kind = dice.pick(kinds)
    return kind, 0.0 if kind == "cut" else dice.pick((0.5, 0.75, 1.0))


def _move(camera: Camera, dice: Dice) -> Move:
    chance = dice.number()
    if camera in ("empty", "wide"):
        return "pan" if chance < 0.12 else "zoom_in" if chance < 0.18 else "zoom_out" if chance < 0.22 else "still"
    if camera in ("close", "medium", "two"):
        return "zoom_in" if chance < 0.06 else "hand_held" if chance < 0.12 else "still"
    return "still"
