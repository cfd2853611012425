"""MM-ID: questions about people in pictures, each person shown once by name before.

The questions hold the marks `<img>image_k</img>`. Lines "NAME is <img>...</img>" in front become references; the
other pictures become `pictures`, and their marks in the question `<image>`, in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from movieqa.errors import EvaluationError
from movieqa.eval.sample import Fact, Reference, Sample
from movieqa.prompt import FRAME_MARK

from .files import find_files, is_there, read_rows
from .rows import Row, gather

FILES = ("benchmark_mmid.json", "*mmid*.json")
NAME = "mm-id"
_MARK = re.compile(r"<img>(.*?)</img>")
_PERSON = re.compile(r"\s*(?P<name>\S.*?) is <img>(?P<key>[^<]*)</img>\s*")
_BOX = re.compile(r"\[\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)\s*\]")
_CHOICES = tuple(f"Image {number}" for number in range(1, 5))
_MOST_SIDE = 1 << 16


def read_mm_id(source: Path) -> tuple[Sample, ...]:
    """Read `benchmark_mmid.json`.

    Boxes are in pixels: they stand in the fact `box_pixels`, and in `box` where the picture is beside the file, whose
    size then stands in `width` and `height`. Wrong answers stand in the fact `false_answers` as published.

    Raises:
        EvaluationError: The file is not as published.
    """
    (path, *_) = find_files(source, FILES)
    return gather(_samples(path), path)


def _samples(path: Path) -> Iterator[tuple[Row, Sample]]:
    for row in read_rows(path):
        kind, text = row.name("type"), row.text("question")
        references, rest = _split(row, text)
        pictures = tuple(_picture(row, key) for key in _MARK.findall(rest))
        if not pictures:
            raise row.fault("the question shows no picture to be asked about")
        question = _MARK.sub(FRAME_MARK, rest).strip()
        film = str(PurePosixPath(pictures[0]).parent)
        box, facts = _box(row, path.parent / pictures[0]) if kind == "location" else (None, {})
        is_match = kind == "matching"
        yield (
            row,
            row.sample(
                id=row.name("id"),
                film=film if film != "." else pictures[0],
                question=question,
                task="choice" if is_match else "box" if kind == "location" else "open",
                options=_CHOICES if is_match else (),
                answer=row.letter("answer", _CHOICES, is_text=True) if is_match else row.answer(),
                box=box,
                references=references,
                pictures=pictures,
                tags=(f"type:{kind}", f"ids:{len(references)}", f"tests:{len(pictures)}"),
                benchmark=NAME,
                facts={
                    **facts,
                    **{name.replace(" ", "_"): value for name, value in row.facts("false answers").items()},
                    **row.facts("ground_target", "reference_target"),
                },
            ),
        )


def _split(row: Row, text: str) -> tuple[tuple[Reference, ...], str]:
    """Part the lines that name people from the question itself."""
    lines = text.split("\n")
    references = []
    while lines and (match := _PERSON.fullmatch(lines[0])):
        references.append(Reference(name=match["name"], image=_picture(row, match["key"])))
        del lines[0]
    return tuple(references), "\n".join(lines)


def _picture(row: Row, key: str) -> str:
    return str(PurePosixPath(row.name(key.strip())))


def _box(row: Row, picture: Path) -> tuple[tuple[float, float, float, float] | None, dict[str, Fact]]:
    """Read a box in pixels, and in parts of the picture where that can be opened."""
    text = row.text("answer")
    match = _BOX.fullmatch(text.strip())
    if match is None:
        raise row.fault(f"answer must be a box such as [383, 50, 555, 231], not {text[:60]!r}")
    left, top, right, bottom = (int(side) for side in match.groups())
    facts: dict[str, Fact] = {"box_pixels": f"[{left}, {top}, {right}, {bottom}]"}
    if not is_there(picture):
        return None, facts
    width, height = _size(row, picture)
    facts |= {"width": width, "height": height}
    return (left / width, top / height, right / width, bottom / height), facts


def _size(row: Row, picture: Path) -> tuple[int, int]:
    """Read width and height from a picture's head."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(picture) as image:
            width, height = image.size
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
        raise EvaluationError(f"{row.where}: {picture.name} is no picture ({error})") from None
    if not (0 < width < _MOST_SIDE and 0 < height < _MOST_SIDE):
        raise EvaluationError(f"{row.where}: {picture.name} is {width} by {height} pixels")
    return width, height
