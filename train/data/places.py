"""Finds the files that records name, inside the media folders and nowhere else."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from movieqa.workspace import SUFFIX

from .archives import ARCHIVE_ENDING, open_archive
from .movienet_film import is_movienet_id
from .sample import MediumRef, SampleError

VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".gif")
FEATURE_ENDINGS = (SUFFIX, ".safetensors", ".pkl", ".npy")


def find_medium(ref: MediumRef, folders: Sequence[Path]) -> Path:
    """Return the file or workspace that a record means.

    A name without an ending, or with an ending that is not there, also finds stored features and videos of that name.
    Three habits of published data are known: `ocr_vqa` pictures that are PNG instead of JPEG, Visual Genome's `VG_100K`
    folders that are unpacked as `images`, and MovieNet's folders of key frames, each in a `.tar` of its name.

    Args:
        ref: What the record names.
        folders: Media folders, the first that holds it wins.

    Returns:
        The file, the workspace, or the folder of a film's key frames; or the archive that holds the picture or the
        key frames.

    Raises:
        SampleError: If there is no such file, an archive that could hold it is damaged, or the name leads out.
    """
    name = ref.name.replace("\\", "/")
    if not name or "\0" in name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise SampleError(f"{ref.name!r} leads out of the media folders")
    for folder in folders:
        for candidate in _candidates(ref, name):
            path = folder / candidate
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, ValueError, RuntimeError) as error:
                raise SampleError(f"{ref.name!r} cannot be looked for ({error})") from None
            if not _lies_in(path, folder):
                raise SampleError(f"{ref.name!r} leads out of the media folders")
            if stat.S_ISREG(found.st_mode) and _may_hold(path, ref):
                return path
            if stat.S_ISDIR(found.st_mode) and (path.name.endswith(SUFFIX) or _is_key_frames(path.name, ref)):
                return path
    makes = f"; make it with: movieqa preprocess {stem_of(ref.name)}.mp4" if ref.name.endswith(SUFFIX) else ""
    raise SampleError(f"{ref.name} is missing{makes}")


def stem_of(name: str) -> str:
    """Return a name without its ending.

    Example:
        >>> stem_of("films/a.movieqa")
        'films/a'
    """
    ending = PurePosixPath(name).suffix
    return name[: -len(ending)] if ending else name


def _lies_in(path: Path, folder: Path) -> bool:
    """Tell whether a path stays in a folder, wherever links lead."""
    real = os.path.realpath(path) if path.is_symlink() else f"{_real(path.parent)}/{path.name}"
    return Path(real).is_relative_to(_real(folder))


@lru_cache(1024)
def _real(folder: Path) -> str:
    """Return where a folder really is; thousands of pictures share one."""
    return os.path.realpath(folder)


def _may_hold(path: Path, ref: MediumRef) -> bool:
    """Tell whether a file can be what a record means: of an archive, whether the picture is in it."""
    if ref.kind != "picture" or not path.name.endswith(ARCHIVE_ENDING):
        return True
    return PurePosixPath(ref.name).name in open_archive(path).members


def _is_key_frames(name: str, ref: MediumRef) -> bool:
    return ref.kind == "film" and is_movienet_id(name)


def _candidates(ref: MediumRef, name: str) -> Iterator[str]:
    stem = stem_of(name)
    if ref.kind == "picture":
        yield name
        if "ocr" in name:
            yield f"{stem}.png"
        yield re.sub(r"VG_100K(_2)?", "images", name)
        if "/" in name:
            yield f"{PurePosixPath(name).parent}{ARCHIVE_ENDING}"
        return
    if ref.kind == "film":  # a film's features are preferred to its frames: nothing is encoded twice
        for ending in FEATURE_ENDINGS:
            yield f"{stem}{ending}"
        if ref.text is None:  # a plain video would not tell what is said in it
            yield from _key_frames(stem)
            yield name
            return
    yield name
    for ending in (*VIDEO_ENDINGS, *FEATURE_ENDINGS):
        yield f"{stem}{ending}"
        yield f"{name}{ending}"  # a name with a dot in it that is no ending
    if ref.kind == "film":
        yield from _key_frames(stem)


def _key_frames(stem: str) -> Iterator[str]:
    if is_movienet_id(PurePosixPath(stem).name):
        yield f"{stem}{ARCHIVE_ENDING}"
        yield stem
