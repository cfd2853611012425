"""Flickr30k Entities: captions in which people get names, and references of these people."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from xml.etree import ElementTree

from movieqa.errors import ConfigError
from movieqa.storage import read_bounded
from movieqa.train.data.sample import SampleError

from .building import Work
from .crops import Box, open_source, reference_lines, write_crop
from .names import choose_names

_ENTITY = re.compile(r"\[/EN#(\d+)/([^ \]]+) ([^\]]+)\]")
_LEAST_WORDS, _MOST_PEOPLE, _LEAST_PIXELS = 10, 5, 3000
_MAX_BYTES = 1 << 22
_ASK = ("Describe the image with the names.", "What are they doing here? Use their names.", "Tell what one sees.")


def build_flickr30k(annotations: Path, images: Path, out: Path, work: Work, *, seed: int) -> None:
    """Make caption samples of the published `Sentences` and `Annotations`.

    Entities tell who is who: two phrases of one entity are one person, and `a man` twice is two people with two names.
    A phrase for several people at once has no name, and its caption is left out, as are captions without a person.

    Args:
        annotations: Folder that holds `Sentences` and `Annotations`.
        images: Folder of the pictures, `<id>.jpg`.
        out: Folder for references.
        work: Takes the records.
        seed: Of names, questions and margins.

    Raises:
        ConfigError: If the folders are not there.
    """
    sentences = annotations / "Sentences"
    if not sentences.is_dir() or not (annotations / "Annotations").is_dir():
        raise ConfigError(f"{annotations} holds no Sentences and Annotations of Flickr30k Entities")
    for path in sorted(sentences.glob("*.txt")):
        try:
            boxes = _read_boxes(annotations / "Annotations" / f"{path.stem}.xml")
            lines = read_bounded(path, limit=_MAX_BYTES).decode().splitlines()
        except (OSError, ValueError, ElementTree.ParseError):
            work.skip("annotations cannot be read")
            continue
        for number, line in enumerate(lines):
            dice = Random(f"{seed}:flickr30k:{path.stem}:{number}")
            _add_caption(line, f"{path.stem}-{number}", path.stem, boxes, images, out, work, dice)


def _read_boxes(path: Path) -> dict[str, list[Box]]:
    """Return the boxes of every entity."""
    data = read_bounded(path, limit=_MAX_BYTES)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data:  # in UTF-16 they would not be seen
        raise ValueError("entities of XML are not read")
    boxes: dict[str, list[Box]] = {}
    for item in ElementTree.fromstring(data).iter("object"):
        box = item.find("bndbox")
        if box is None:
            continue
        sides = [float(box.findtext(side, "nan")) for side in ("xmin", "ymin", "xmax", "ymax")]
        for name in item.iter("name"):
            one = Box(left=sides[0], top=sides[1], right=sides[2], bottom=sides[3])
            boxes.setdefault(str(name.text), []).append(one)
    return boxes


def _add_caption(
    line: str, name: str, picture: str, boxes: dict[str, list[Box]], images: Path, out: Path, work: Work, dice: Random
) -> None:
    people = list(dict.fromkeys(entity for entity, kind, _ in _ENTITY.findall(line) if "people" in kind.split("/")))
    plain = _ENTITY.sub(r"\3", line)
    if len(plain.split()) < _LEAST_WORDS:
        return work.skip("a caption of few words")
    if not 1 <= len(people) <= _MOST_PEOPLE:
        return work.skip("nobody is in the caption, or more than five")
    if any(len(boxes.get(entity, [])) != 1 for entity in people):
        return work.skip("a phrase is not one person with one box")
    try:
        source = open_source(f"{picture}.jpg", images)
    except SampleError:
        return work.skip("a picture is missing or damaged")
    cut = {entity: boxes[entity][0].inside(*source.size) for entity in people}
    if any(box is None or box.area < _LEAST_PIXELS for box in cut.values()):
        return work.skip("somebody is too small")
    called = dict(zip(people, choose_names(len(people), dice), strict=True))
    references = [
        (called[entity], write_crop(source, box, f"references/flickr30k/{name}-{entity}.jpg", out, work, dice))
        for entity, box in cut.items()
        if box is not None
    ]
    told = (
        _ENTITY.sub(lambda found: str(called.get(found[1], found[3])), line)
        .replace(" .", ".")
        .replace(" ,", ",")
        .strip()
    )
    lead = f"{reference_lines(references)}In the image: <img>{source.name}</img>\n "
    work.add("flickr30k", name, [(lead + dice.choice(_ASK), told[:1].upper() + told[1:])])
    return None
