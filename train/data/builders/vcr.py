"""VCR: questions about numbered people and things of a film still become questions about named ones."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from movieqa.errors import ConfigError
from movieqa.train.data.sample import SampleError

from .building import Work, read_json, read_records
from .crops import Box, open_source, reference_lines, write_crop
from .names import choose_names

_MOST_OBJECTS = 5
_LEAST_SHARE = 0.08
_WHY = ("Why do you think so?", "What makes you say that?", "Explain how one can tell.", "What speaks for this answer?")


def build_vcr(annotations: Path, images: Path, out: Path, work: Work, *, seed: int) -> None:
    """Make two-turn samples of VCR's training lines: question and answer, then the reason.

    Numbers that stand for people or things are lists of indices in VCR, ordinary numbers are words: only the former
    become names. At most five are meant, each at least 8 % of the picture.

    Args:
        annotations: JSON lines as published.
        images: Folder of `img_fn` and `metadata_fn`.
        out: Folder for references.
        work: Takes the records.
        seed: Of names and margins.
    """
    for line in read_records(annotations, work):
        name = str(line.get("annot_id", line.get("img_fn", "")))
        try:
            _add_line(line, name, images, out, work, Random(f"{seed}:vcr:{name}"))
        except SampleError as error:
            work.skip("a picture is missing or damaged" if "missing" in error.message else error.message)
        except (ConfigError, KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError):
            work.skip("not a line of VCR")


def _add_line(line: dict[str, Any], name: str, images: Path, out: Path, work: Work, dice: Random) -> None:
    answer = line["answer_choices"][line["answer_label"]]
    reason = line["rationale_choices"][line["rationale_label"]]
    texts = [line["question"], answer, reason]
    tags = sorted({index for text in texts for word in text if isinstance(word, list) for index in word})
    if not 1 <= len(tags) <= _MOST_OBJECTS:
        return work.skip("nobody is meant, or more than five")
    meta_path = (images / line["metadata_fn"]).resolve()
    if not meta_path.is_relative_to(images.resolve()):
        return work.skip("a name leads out of the folder")
    boxes = [Box(left=box[0], top=box[1], right=box[2], bottom=box[3]) for box in read_json(meta_path)["boxes"]]
    source = open_source(line["img_fn"], images)
    width, height = source.size
    cut = {tag: boxes[tag].inside(width, height) for tag in tags}
    if any(box is None or box.area < _LEAST_SHARE * width * height for box in cut.values()):
        return work.skip("somebody is too small")
    called = dict(zip(tags, choose_names(len(tags), dice), strict=True))
    references = [
        (called[tag], write_crop(source, box, f"references/vcr/{_safe(name)}-{tag}.jpg", out, work, dice))
        for tag, box in cut.items()
        if box is not None
    ]
    asked, answered, explained = (_write(text, called) for text in texts)
    lead = f"{reference_lines(references)}In the image: <img>{source.name}</img>\n "
    work.add("vcr", name, [(lead + asked, answered), (dice.choice(_WHY), explained)])
    return None


def _write(text: list[Any], called: dict[int, str]) -> str:
    """Join VCR's words; a list of indices becomes names."""
    written = ""
    for word in text:
        said = _and([called[index] for index in word]) if isinstance(word, list) else str(word)
        is_tight = not written or said[:1] in ".,?!;:'" or said == "n't" or written.endswith(("(", "-"))
        written += said if is_tight else f" {said}"
    return written


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _safe(name: str) -> str:
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in name)[:100]
