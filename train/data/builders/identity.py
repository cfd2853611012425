"""Identity data: VCR, RefCOCO, Flickr30k Entities and MovieNet as references and pictures to ask about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from movieqa.errors import ConfigError

from .building import BuiltRecords, Work
from .flickr30k import build_flickr30k
from .movienet import build_movienet
from .refcoco import build_refcoco
from .vcr import build_vcr

IdentitySource = Literal["vcr", "refcoco", "flickr30k", "movienet"]
IDENTITY_SOURCES: tuple[IdentitySource, ...] = get_args(IdentitySource)

_BUILDERS: dict[str, Callable[..., None]] = {
    "vcr": build_vcr,
    "refcoco": build_refcoco,
    "flickr30k": build_flickr30k,
    "movienet": build_movienet,
}


def build_identity(source: str, annotations: Path, *, images: Path, out: Path, seed: int = 42) -> BuiltRecords:
    """Write `identity-<source>.json` with the references it needs; train with `out` and `images` as media folders.

    What the published scripts get wrong is left out here: no two people of a sample share a name, no phrase is mistaken
    for another, no reference comes from the scene or the future of the frame it is for (MovieNet), or is a plain copy
    of its pixels (the others), numbers that are no tags stay numbers, and nothing of a validation split is used.

    Args:
        source: One of `IDENTITY_SOURCES`.
        annotations: The published file, or folder of files.
        images: Folder of the pictures it names.
        out: Folder to write into.
        seed: Of names, margins and choices.

    Raises:
        ConfigError: If the source is unknown, cannot be read, or gives no sample, or the folder cannot be written.

    Example:
        >>> build_identity("vcr", Path("train.jsonl"), images=Path("vcr1images"), out=Path("data"))  # doctest: +SKIP
        BuiltRecords(path=PosixPath('data/identity-vcr.json'), num_records=30412, ...)
    """
    if source not in _BUILDERS:
        raise ConfigError(f"no identity data {source!r}", hint=f"one of {', '.join(IDENTITY_SOURCES)}")
    if not images.is_dir():
        raise ConfigError(f"{images} is no folder of pictures")
    work = Work()
    _BUILDERS[source](annotations, images, out, work, seed=seed)
    return work.write(out / f"identity-{source}.json")
