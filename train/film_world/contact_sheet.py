"""Contact sheets: a page of stills from films, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from movieqa.storage import write_atomic

from .drawing.painter import Painter
from .records import Film, ShotPlan

_TILE = (240, 135)
_GAP = 3


def write_contact_sheet(films: Sequence[Film], path: Path, *, columns: int = 6, quality: int = 80) -> None:
    """Write a JPEG with one row of stills a film, taken evenly from shots with people in them.

    Raises:
        OSError: The file cannot be written.

    Example:
        >>> from movieqa.train.film_world.making import make_film
        >>> write_contact_sheet([make_film(seed=s, minutes=3) for s in range(10)], Path("sheet.jpg"))  # doctest: +SKIP
    """
    width, height = _TILE
    sheet = np.full((len(films) * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 24, dtype=np.uint8)
    for row, film in enumerate(films):
        painter = Painter(film, width=width * 2, height=height * 2)
        for column, shot in enumerate(_choose(film, painter, columns)):
            top, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
            sheet[top : top + height, left : left + width] = _still(painter, shot, width, height)
    encoded, data = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        raise OSError(f"{path.name}: the sheet could not be encoded")
    write_atomic(path, data.tobytes())


def _choose(film: Film, painter: Painter, count: int) -> list[ShotPlan]:
    """Return shots from the whole film that show people, neighbours of different framing where possible."""
    peopled = [shot for shot in film.shots if painter.framing.seen(painter.framing.view(shot, _middle(shot)), 16 / 9)]
    chosen: list[ShotPlan] = []
    for number in range(count):
        part = peopled[number * len(peopled) // count : (number + 1) * len(peopled) // count] or peopled[-1:]
        used = {shot.camera for shot in chosen}
        chosen += [next((shot for shot in part if shot.camera not in used), part[len(part) // 2])] if part else []
    return chosen


def _middle(shot: ShotPlan) -> float:
    return shot.start + (shot.end - shot.start) * 0.55


def _still(painter: Painter, shot: ShotPlan, width: int, height: int) -> NDArray[np.uint8]:
    picture = np.ascontiguousarray(painter.paint(shot, _middle(shot))[:, :, :3])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
