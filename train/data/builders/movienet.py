"""MovieNet: who is who in the frames of a film, with references from other, earlier scenes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from movieqa.errors import ConfigError
from movieqa.train.data.places import find_medium
from movieqa.train.data.sample import MediumRef, SampleError

from .building import Work, read_json
from .crops import Box, reference_lines

_FAR = 10
"""Shots between a reference and the frame it is for: clothes and background of one scene would give it away."""
_LARGE = 0.4
"""Share of a frame that a reference's body fills at least; it is the only one in it."""
_SMALL = 0.04
_MOST_PEOPLE = 5
_FRAMES_A_FILM = 60


@dataclass(frozen=True, kw_only=True)
class Body:
    """One body of one frame."""

    person: str
    """Id of the actor, or empty for anybody else."""
    box: Box


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One annotated key frame."""

    shot: int
    picture: int
    width: int
    height: int
    bodies: tuple[Body, ...]
    scene: int | None
    """Which scene, counted from 0; None where the film's scenes are not annotated."""

    def is_before(self, other: Frame) -> bool:
        """Tell whether a person's clothes and background here give nothing away about another frame."""
        is_same_scene = self.scene is not None and self.scene == other.scene
        return other.shot - self.shot >= _FAR and not is_same_scene

    def name(self, film: str) -> str:
        """Return the frame's file, as MovieNet names it."""
        return f"{film}/shot_{self.shot:04d}_img_{self.picture}.jpg"

    def share(self, body: Body) -> float:
        """Return how much of the frame a body fills."""
        return body.box.area / (self.width * self.height)


def build_movienet(annotations: Path, images: Path, out: Path, work: Work, *, seed: int) -> None:
    """Make location and matching samples of MovieNet's `annotation` and `meta`.

    A reference is a whole frame in which one annotated body is alone and large; it comes from at least ten shots before
    the frame that is asked about, never from the future, and from another scene where scenes are annotated. Two people
    of a film who are credited under one name are left out, and so are roles that are no names. Matching shows four
    frames of four people.

    Args:
        annotations: Folder that holds `annotation/<imdb>.json` and `meta/<imdb>.json`.
        images: Folder of `<imdb>/shot_0001_img_1.jpg` and so on.
        out: Unused: references are frames.
        work: Takes the records.
        seed: Of the choice of frames.

    Raises:
        ConfigError: If the folders are not there.
    """
    folder = annotations / "annotation"
    if not folder.is_dir() or not (annotations / "meta").is_dir():
        raise ConfigError(f"{annotations} holds no folders annotation and meta of MovieNet")
    for path in sorted(folder.glob("*.json")):
        try:
            names = _names(read_json(annotations / "meta" / path.name))
            frames = _frames(read_json(path))
        except (ConfigError, KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError):
            work.skip("a film whose annotations cannot be read")
            continue
        _add_film(path.stem, frames, names, images, work, Random(f"{seed}:movienet:{path.stem}"))


def _names(meta: dict[str, Any]) -> dict[str, str]:
    """Return the names of roles by the actors' ids; a name that two have is nobody's."""
    called: dict[str, str] = {}
    for item in meta["cast"]:
        role = re.split(r"[/(]| \.\.\.", str(item.get("character") or ""))[0].strip(" '\"")
        is_name = role[:1].isupper() and len(role) <= 40 and not re.search(r"\d|#|Himself|Herself|Self\b", role)
        if is_name:
            called[str(item["id"])] = role
    counts = [*called.values()]
    return {actor: name for actor, name in called.items() if counts.count(name) == 1}


def _frames(annotation: dict[str, Any]) -> list[Frame]:
    """Return the frames that have bodies, in the order of the film."""
    bodies: dict[tuple[int, int], list[Body]] = {}
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for item in annotation["cast"] or ():
        if not item.get("body") or not item["body"].get("bbox"):
            continue
        place = (int(item["shot_idx"]), int(item["img_idx"]))
        left, top, right, bottom = (float(side) for side in item["body"]["bbox"])
        width, height = (int(side) for side in item["resolution"])
        box = Box(left=left, top=top, right=right, bottom=bottom).inside(width, height)
        if box is None or width < 1 or height < 1:
            continue
        person = str(item["pid"]) if str(item.get("pid") or "others") != "others" else ""
        bodies.setdefault(place, []).append(Body(person=person, box=box))
        sizes[place] = (width, height)
    scenes = _scenes(annotation)
    return [
        Frame(
            shot=shot,
            picture=picture,
            width=size[0],
            height=size[1],
            bodies=tuple(bodies[shot, picture]),
            scene=next((number for number, shots in enumerate(scenes) if shot in shots), None),
        )
        for (shot, picture), size in sorted(sizes.items())
    ]


def _scenes(annotation: dict[str, Any]) -> list[range]:
    """Return the shots of each annotated scene; most films have none."""
    return [range(int(scene["shot"][0]), int(scene["shot"][1])) for scene in annotation.get("scene") or ()]


def _add_film(
    film: str, frames: Sequence[Frame], names: dict[str, str], images: Path, work: Work, dice: Random
) -> None:
    frames = [frame for frame in frames if _is_there(frame.name(film), images)]
    alone: dict[str, list[Frame]] = {}
    for frame in frames:
        (first, *others) = frame.bodies
        if not others and first.person in names and frame.share(first) > _LARGE:
            alone.setdefault(first.person, []).append(frame)
    asked = [frame for frame in frames if 2 <= len(frame.bodies) <= _MOST_PEOPLE]
    made = 0
    for frame in sorted(dice.sample(asked, min(len(asked), _FRAMES_A_FILM)), key=lambda one: (one.shot, one.picture)):
        made += _add_location(film, frame, alone, names, work, dice)
    made += _add_matching(film, alone, names, work, dice)
    if not made:
        work.skip("a film without a frame that can be asked about")


def _add_location(
    film: str, frame: Frame, alone: dict[str, list[Frame]], names: dict[str, str], work: Work, dice: Random
) -> int:
    """Ask where one of the people is whom references show."""
    bodies = {body.person: body for body in frame.bodies if body.person in names}
    before = {person: [one for one in alone.get(person, []) if one.is_before(frame)] for person in sorted(bodies)}
    known = {person: dice.choice(found) for person, found in before.items() if found}
    large = [person for person in known if frame.share(bodies[person]) > _SMALL]
    people = [body.person for body in frame.bodies]
    if not large or any(people.count(person) > 1 for person in known):
        work.skip("a frame whose people have no earlier reference")
        return 0
    person = dice.choice(large)
    lead = reference_lines([(names[one], reference.name(film)) for one, reference in known.items()])
    question = f"{lead}In the image: <img>{frame.name(film)}</img>\n Identify {names[person]} with grounding."
    answer = f"<ref>{names[person]}</ref>{bodies[person].box.text(frame.width, frame.height)}"
    work.add("location", f"{film}-{frame.shot}-{frame.picture}", [(question, answer)], film=film, shot=frame.shot)
    return 1


def _add_matching(film: str, alone: dict[str, list[Frame]], names: dict[str, str], work: Work, dice: Random) -> int:
    """Ask which of four frames shows the person of a reference, seen in another scene."""
    made = 0
    for person in sorted(alone):
        pairs = [(one, other) for one in alone[person] for other in alone[person] if one.is_before(other)]
        others = [one for one in sorted(alone) if one != person]
        if not pairs or len(others) < 3:
            continue
        reference, right = dice.choice(pairs)
        shown = [right, *(dice.choice(alone[other]) for other in dice.sample(others, 3))]
        dice.shuffle(shown)
        pictures = "\n ".join(f"Image {rank}: <img>{one.name(film)}</img>" for rank, one in enumerate(shown, start=1))
        lead = reference_lines([(names[person], reference.name(film))])
        question = f"{lead}Which of these images shows {names[person]}?\n {pictures}"
        work.add("matching", f"{film}-{person}", [(question, f"Image {shown.index(right) + 1}")], film=film)
        made += 1
    return made


def _is_there(name: str, images: Path) -> bool:
    try:
        find_medium(MediumRef(kind="picture", name=name, guidance=""), [images])
    except SampleError:
        return False
    return True
