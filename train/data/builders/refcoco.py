"""RefCOCO: what an expression refers to is cut out, and found again in the whole picture."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from movieqa.train.data.sample import SampleError

from .building import Work, read_records
from .crops import Box, Source, open_source, reference_lines, write_crop

_LEAST_SHARE = 0.02


def build_refcoco(annotations: Path, images: Path, out: Path, work: Work, *, seed: int) -> None:
    """Make grounding samples of RefCOCO's training expressions, as JSON or JSON lines.

    Each has `file_name`, `bbox` (left, top, width, height) and `split`; only `train` is used, since others measure on
    RefCOCO's validation. Every object of a picture is used, not only its first; boxes below 2 % are left out.

    Args:
        annotations: The expressions.
        images: Folder of COCO's pictures.
        out: Folder for references.
        work: Takes the records.
        seed: Of margins.
    """
    seen: set[tuple[str, tuple[float, ...]]] = set()
    for number, line in enumerate(read_records(annotations, work)):
        try:
            name, (left, top, width, height) = str(line["file_name"]), (float(side) for side in line["bbox"])
        except (KeyError, TypeError, ValueError):
            work.skip("no expression of RefCOCO")
            continue
        if line.get("split", "") != "train":
            work.skip("not of the training split")
            continue
        if (name, (left, top, width, height)) in seen:
            work.skip("the same object again")
            continue
        seen.add((name, (left, top, width, height)))
        box = Box(left=left, top=top, right=left + width, bottom=top + height)
        _add(line, number, name, box, images, out, work, Random(f"{seed}:refcoco:{number}"))


def _add(
    line: dict[str, Any], number: int, name: str, box: Box, images: Path, out: Path, work: Work, dice: Random
) -> None:
    try:
        source: Source = open_source(name, images)
    except SampleError:
        return work.skip("a picture is missing or damaged")
    cut = box.inside(*source.size)
    if cut is None or cut.area < _LEAST_SHARE * source.size[0] * source.size[1]:
        return work.skip("the object is too small")
    path = write_crop(source, cut, f"references/refcoco/{number}.jpg", out, work, dice)
    lead = f"{reference_lines([('Picture 1', path)])}In the image: <img>{source.name}</img>\n "
    found = f"<ref>Picture 1</ref>{cut.text(*source.size)}"
    work.add("refcoco", str(line.get("id", number)), [(f"{lead}Find in the image what Picture 1 shows.", found)])
    return None
