"""Pictures of people and things cut out of larger ones, as references that do not give themselves away by pixels."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random

from PIL import Image, ImageEnhance, ImageOps

from movieqa.storage import write_atomic
from movieqa.train.data.archives import ARCHIVE_ENDING
from movieqa.train.data.pictures import read_picture
from movieqa.train.data.places import find_medium
from movieqa.train.data.sample import MediumRef

from .building import Work, cannot_write

_MARGIN = 0.12
_LEAST_SIDE = 24


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box in pixels: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Pixels in it."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def inside(self, width: int, height: int) -> Box | None:
        """Return what of it lies in a picture; None where that is too small, or a side is no number."""
        if not all(map(math.isfinite, (self.left, self.top, self.right, self.bottom))):
            return None
        cut = Box(
            left=max(0.0, self.left),
            top=max(0.0, self.top),
            right=min(float(width), self.right),
            bottom=min(float(height), self.bottom),
        )
        is_seen = min(cut.right - cut.left, cut.bottom - cut.top) >= _LEAST_SIDE
        return cut if is_seen else None

    def text(self, width: int, height: int) -> str:
        """Write it as IDA-VLM reads boxes: thousandths of width and height, cut off.

        Example:
            >>> Box(left=10, top=20, right=50, bottom=100).text(100, 200)
            '<box>(100,100),(500,500)</box>'
        """
        left, right = (int(1000 * value / width) for value in (self.left, self.right))
        top, bottom = (int(1000 * value / height) for value in (self.top, self.bottom))
        return f"<box>({left},{top}),({right},{bottom})</box>"


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A picture that references are cut out of; its path is the one that records get."""

    name: str
    image: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.image.size


def open_source(name: str, images: Path) -> Source:
    """Open a picture by its name in the folder of pictures.

    Raises:
        SampleError: If it is missing, damaged, or lies outside.
    """
    path = find_medium(MediumRef(kind="picture", name=name, guidance=""), [images])
    if path.name.endswith(ARCHIVE_ENDING):
        return Source(name=name, image=read_picture(path, PurePosixPath(name).name))
    return Source(name=path.relative_to(images).as_posix(), image=read_picture(path))


def write_crop(source: Source, box: Box, name: str, out: Path, work: Work, dice: Random) -> str:
    """Cut a box out, with some margin, mirrored and with other light, and write it as a picture.

    A reference from the test picture itself can be found by comparing pixels. Mirroring every one, moving its borders
    and changing its light leaves who it is, and little to compare.

    Args:
        source: The picture.
        box: In its pixels.
        name: Of the new picture, inside `out`.
        out: Folder of the records.
        work: Counts it.
        dice: Margins and light.

    Returns:
        The name that records give it.

    Raises:
        ConfigError: If it cannot be written.
    """
    width, height = source.size
    across, down = (box.right - box.left) * _MARGIN, (box.bottom - box.top) * _MARGIN
    edges = (
        max(0, int(box.left - across * dice.random())),
        max(0, int(box.top - down * dice.random())),
        min(width, int(box.right + across * dice.random()) + 1),
        min(height, int(box.bottom + down * dice.random()) + 1),
    )
    crop = ImageOps.mirror(source.image.crop(edges))
    crop = ImageEnhance.Brightness(crop).enhance(dice.uniform(0.85, 1.15))
    crop = ImageEnhance.Color(crop).enhance(dice.uniform(0.8, 1.2))
    buffer = io.BytesIO()
    crop.save(buffer, "JPEG", quality=92)
    path = out / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, buffer.getvalue())
    except OSError as error:
        raise cannot_write(path, error) from error
    work.pictures.add(name)
    return name


def reference_lines(references: list[tuple[str, str]]) -> str:
    """Write who is who: a name and a picture on each line.

    Example:
        >>> reference_lines([("Mara", "a.jpg"), ("Otto", "b.jpg")])
        'Mara is <img>a.jpg</img>\\n Otto is <img>b.jpg</img>\\n '
    """
    return "".join(f"{name} is <img>{path}</img>\n " for name, path in references)
