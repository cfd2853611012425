"""Records: everything that is known about a made film. `truth.json` is these, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DayPart = Literal["morning", "day", "evening", "night"]
Weather = Literal["clear", "rain"]
Camera = Literal["wide", "medium", "two", "close", "over", "behind", "insert", "empty"]
Move = Literal["still", "pan", "zoom_in", "zoom_out", "hand_held"]
CutIn = Literal["start", "cut", "dissolve", "fade"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """A face and a body: what stays the same for a whole film. Numbers are shares unless said otherwise."""

    skin: str
    """`rrggbb`, like every colour here."""
    hair_color: str
    hair: str
    brows: float
    eye_color: str
    eye_size: float
    eye_distance: float
    nose: str
    nose_size: float
    mouth: float
    jaw: float
    face_width: float
    face_height: float
    ears: float
    glasses: str
    beard: str
    mark: str
    age: Literal["child", "young", "grown", "old"]
    height: float
    """1.0 is usual."""
    build: float
    """Width of the body, 1.0 is usual."""


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """The clothes of one scene."""

    top: str
    top_color: str
    """The word for the colour; `COLORS` has the paint."""
    pattern: str
    bottom: str
    bottom_color: str
    hat: str
    hat_color: str
    scarf_color: str
    """Empty without a scarf."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody in the film."""

    id: str
    name: str
    is_woman: bool
    look: Look
    outfits: tuple[Outfit, ...]
    looks_like: str | None = None
    """Id of the person whose double this one is."""
    is_sibling: bool = False
    """Whether the likeness is one of the family."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place of the film."""

    id: str
    kind: str
    name: str
    phrase: str
    is_outside: bool
    spots: tuple[str, ...]
    """Hiding spots that stand here."""


@dataclass(frozen=True, kw_only=True)
class Prop:
    """A thing of the film; its name is unique, such as `the red lamp`."""

    id: str
    kind: str
    color: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that can be known, told, or lied about."""

    id: str
    text: str
    """A whole sentence in the past tense."""
    is_true: bool
    event: str | None
    """The event that makes it true."""
    prop: str | None = None
    place: str | None = None
    spot: str | None = None
    person: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens: a visible action, or something that is said and matters. Seconds of the film."""

    id: str
    scene: str
    start: float
    end: float
    action: str
    """A key of `ACTION_KINDS`, or `say`."""
    agent: str
    other: str | None = None
    prop: str | None = None
    place: str
    spot: str | None = None
    text: str | None = None
    """What is said."""
    speech: str | None = None
    """What the saying does: `tell`, `lie`, `accuse`, `confess`, `ask`, `greet`, `thank`, `talk` and so on."""
    fact: str | None = None
    names: tuple[str, ...] = ()
    """Persons whose names are said."""
    why: str | None = None
    """The reason as a clause: `because ...`, `to ...`."""
    why_kind: str | None = None
    causes: tuple[str, ...] = ()
    """Earlier events that brought this one about."""
    thread: str
    """The plot line it belongs to."""
    witnesses: tuple[str, ...] = ()
    """Who is there and sees or hears it, the agent not counted."""
    holders: tuple[str, ...] = ()
    """Who holds the prop before and after, where it matters."""


@dataclass(frozen=True, kw_only=True)
class Stay:
    """A person's presence in a scene, from entrance to exit."""

    person: str
    start: float
    end: float
    outfit: int
    x: float
    """Where the person stands, in stage units: 0 is the left edge of the set, 1000 the right edge."""
    enters: Literal["left", "right", "there"]
    leaves: Literal["left", "right", "stays"]
    watches: bool = False
    """Stands apart in the shadow and is not noticed by the others."""
    seat: str = ""
    """What stands there to sit on (`chair`, `stool`, `armchair`, `bench` or `crate`); empty for nothing: one stands."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An unbroken stretch of story in one place."""

    id: str
    start: float
    end: float
    place: str
    day: int
    day_part: DayPart
    weather: Weather
    stays: tuple[Stay, ...]
    crowd: int
    """Seed of the passers-by; 0 for none."""
    portrait: str | None = None
    """Person who is seen on a photograph or screen without being there."""
    shown_on: Literal["", "photograph", "television", "poster"] = ""
    """What hangs or stands there with the portrait."""


@dataclass(frozen=True, kw_only=True)
class ShotPlan:
    """One shot: the half-open interval of seconds and how the camera sees it."""

    index: int
    start: float
    end: float
    scene: str
    camera: Camera
    move: Move
    focus: tuple[str, ...]
    """Persons the camera is there for."""
    prop: str | None
    side: int
    """From which side the place is seen."""
    cut: CutIn
    transition: float
    """Seconds the dissolve or fade takes, centred on `start`."""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """What two people are to each other from a moment on."""

    first: str
    second: str
    kind: str
    start: float
    event: str | None


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """Who learns what when."""

    person: str
    fact: str
    start: float
    how: Literal["did", "saw", "told", "overheard", "read"]
    event: str
    believed: bool
    """False for a lie the listener knows better than to believe."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """A whole film before it is drawn."""

    seed: int
    version: int
    split: str
    duration: float
    fps: int
    people: tuple[Person, ...]
    places: tuple[Place, ...]
    props: tuple[Prop, ...]
    scenes: tuple[Scene, ...]
    shots: tuple[ShotPlan, ...]
    events: tuple[Event, ...]
    facts: tuple[Fact, ...]
    knowledge: tuple[Knowledge, ...]
    relations: tuple[Relation, ...]
    threads: tuple[tuple[str, str], ...]
    """Id and family of every plot line."""
    starts: tuple[tuple[str, str, str | None], ...]
    """Where every prop is at first: prop, person or place, spot or None."""
