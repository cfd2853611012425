"""Portraits: the cast pictures, in other clothes and other light than most of the film."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from movieqa.storage import write_atomic

from .dice import Dice
from .drawing.acting import Figure
from .drawing.body import joints_of
from .drawing.figures import FigureArtist
from .drawing.graphics import skia
from .drawing.pen import Pen, Tint
from .drawing.pose import Pose
from .records import Film, Person

PICTURES_OF_A_PERSON = 3
_SIZE = 320
_LIGHTS: tuple[Tint, ...] = ((1.0, 0.92, 0.8), (0.86, 0.93, 1.0), (1.0, 1.0, 1.0))


def write_cast(film: Film, folder: Path) -> list[Path]:
    """Write the pictures of everybody as `Mara/1.jpg`, `Mara/2.jpg` and so on, and return their paths.

    The folder is what `movieqa preprocess --cast` wants.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(exist_ok=True)
    artist = FigureArtist(film)
    worn = Counter((stay.person, stay.outfit) for scene in film.scenes for stay in scene.stays)
    paths = []
    for person in film.people:
        rarest = sorted(range(len(person.outfits)), key=lambda outfit: worn[person.id, outfit])
        for number in range(PICTURES_OF_A_PERSON):
            path = folder / person.name / f"{number + 1}.jpg"
            path.parent.mkdir(exist_ok=True)
            write_atomic(path, _portrait(artist, person, rarest[number], number))
            paths.append(path)
    return paths


def _portrait(artist: FigureArtist, person: Person, outfit: int, number: int) -> bytes:
    dice = Dice("portrait", person.id, person.name, number)
    pixels = np.zeros((_SIZE, _SIZE, 4), np.uint8)
    surface = skia.Surface(pixels, colorType=skia.kBGRA_8888_ColorType)
    canvas = surface.getCanvas()
    light = _LIGHTS[number % len(_LIGHTS)]
    Pen(canvas, light).rect(0, 0, _SIZE, _SIZE, dice.pick(("b9c4c9", "c9bfae", "aebfae", "bdb3c9")))
    pose = Pose(facing=dice.pick((-1, 1)), turn=dice.number(-0.1, 0.6), mood=dice.pick(("", "happy")))
    wide = 150.0
    canvas.scale(_SIZE / wide, _SIZE / wide)
    head = joints_of(person.look, pose).head
    height = person.look.height
    figure = Figure(
        person=person.id,
        outfit=outfit,
        x=wide / 2 - head[0] * height * pose.facing,
        y=wide * 0.44 - head[1] * height,
        scale=1.0,
        pose=replace(pose, turn=round(pose.turn, 2)),
    )
    artist.draw(canvas, figure, light)
    surface.flushAndSubmit()
    encoded, data = cv2.imencode(".jpg", pixels[:, :, :3], [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not encoded:
        raise OSError(f"{person.name}: the picture could not be encoded")
    return data.tobytes()
