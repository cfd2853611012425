"""RefCOCO: what an expression refers to is cut out, and found again in the whole picture."""

from __future__ import annotations

from pathlib import Path
from random import Random

from movieqa.train.data.sample import SampleError

from .building import Work
from .crops import Source, open_source, reference_lines, write_crop
from .expressions import Expression, expression_files, read_expressions

_LEAST_SHARE = 0.02


def build_refcoco(annotations: Path, images: Path, out: Path, work: Work, *, seed: int) -> None:
    """Make grounding samples of RefCOCO's training expressions.

    Only the split `train` is used, and of it no picture that another split shows, in any of the files: RefCOCO,
    RefCOCO+ and RefCOCOg divide the same pictures differently, and others measure on their validation and test splits.
    Every object of a picture is used, not only its first, and once; boxes below 2 % are left out.

    Args:
        annotations: A file of expressions, or a folder of Parquet files of one or several of the three sets.
        images: Folder of COCO's pictures.
        out: Folder for references.
        work: Takes the records.
        seed: Of margins.

    Raises:
        ConfigError: If a file cannot be read.
        MissingDependencyError: If one is Parquet and pyarrow is not installed.
    """
    files = expression_files(annotations)
    held_out = {one.picture for file in files for one in read_expressions(file, Work()) if one.split != "train"}
    seen: set[tuple[str, str]] = set()
    number = 0
    for file in files:
        for one in read_expressions(file, work):
            number += 1
            thing = (one.picture, repr(one.box))
            if one.split != "train":
                work.skip("not of the training split")
            elif one.picture in held_out:
                work.skip("a picture that another split shows")
            elif thing in seen:
                work.skip("the same object again")
            else:
                seen.add(thing)
                _add(one, number, images, out, work, Random(f"{seed}:refcoco:{number}"))


def _add(one: Expression, number: int, images: Path, out: Path, work: Work, dice: Random) -> None:
    name = next((name for name in one.names if (images / name).is_file()), one.names[0])
    try:
        source: Source = open_source(name, images)
    except SampleError:
        return work.skip("a picture is missing or damaged")
    cut = one.box.inside(*source.size)
    if cut is None or cut.area < _LEAST_SHARE * source.size[0] * source.size[1]:
        return work.skip("the object is too small")
    path = write_crop(source, cut, f"references/refcoco/{number}.jpg", out, work, dice)
    lead = f"{reference_lines([('Picture 1', path)])}In the image: <img>{source.name}</img>\n "
    found = f"<ref>Picture 1</ref>{cut.text(*source.size)}"
    work.add("refcoco", one.id, [(f"{lead}Find in the image what Picture 1 shows.", found)])
    return None
