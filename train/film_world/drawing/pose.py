"""Poses: how a person stands, looks and holds his hands at one moment."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]
HANGING_RIGHT: Point = (42.0, -114.0)
HANGING_LEFT: Point = (-42.0, -114.0)


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A pose, for somebody who faces to the right; the origin is between the feet and a grown person is 300 high."""

    right_hand: Point = HANGING_RIGHT
    left_hand: Point = HANGING_LEFT
    facing: int = 1
    """1 to the right, -1 to the left."""
    turn: float = 0.5
    """How far the face is turned to the side, from -1 over 0 (towards the camera) to 1."""
    is_back: bool = False
    """Seen from behind."""
    crouch: float = 0.0
    """0 stands, 1 kneels."""
    sit: float = 0.0
    """0 stands, 1 sits."""
    lean: float = 0.0
    """Units the shoulders are before the hips."""
    nod: float = 0.0
    """Units the head is lowered."""
    lying: float = 0.0
    """0 upright, 1 asleep on the ground."""
    step: float = 0.0
    """Where in a step the legs are, in turns; 0 stands still."""
    mood: str = ""
    mouth: float = 0.0
    """0 closed, 1 wide open."""
    is_blinking: bool = False
    gaze: float = 0.0
    tears: float = 0.0
    held: str = ""
    """Id of the prop in the right hand; empty for none."""
    tool: str = ""
    """What the action itself needs in the hand: `broom`, `receiver`, or empty."""
    jump: float = 0.0
    """Units above the ground."""
