"""Archives of pictures, as MovieNet publishes a film's key frames: read where they lie, nothing is unpacked."""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from .sample import SampleError

ARCHIVE_ENDING = ".tar"
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")

_MOST_MEMBERS = 200_000
"""A film has some thousands of key frames."""
_MOST_BYTES = 64 << 20
"""Of one picture."""
_LONGEST_HEADER = 1 << 20
_LONGEST_NAME = 255
_OPEN_ARCHIVES = 64


@dataclass(frozen=True, kw_only=True)
class Member:
    """Where a picture stands in its archive, in bytes."""

    start: int
    size: int


@dataclass(frozen=True, kw_only=True)
class PictureArchive:
    """The pictures of a `.tar` by their names, without folders; each is read from its place.

    Attributes:
        path: The archive.
        members: Ordinary files with a picture's ending, in the order of the numbers in their names.
        fault: Why it cannot be used; empty where it can.
    """

    path: Path
    members: dict[str, Member]
    fault: str = ""

    def read(self, name: str) -> bytes:
        """Return the bytes of a picture.

        Raises:
            SampleError: If there is none of that name, or the archive has changed.
        """
        member = self.members.get(name)
        if member is None:
            raise SampleError(f"{self.path.name} holds no picture {name}")
        try:
            with self.path.open("rb") as file:
                file.seek(member.start)
                data = file.read(member.size)
        except OSError as error:
            raise SampleError(f"{self.path.name} cannot be read ({error.strerror})") from None
        if len(data) < member.size:
            raise SampleError(f"{self.path.name} has changed since it was opened")
        return data


def open_archive(path: Path) -> PictureArchive:
    """Open an archive; its headers are read once, whoever asks again, until it changes.

    Links, devices, absolute names, names that lead up, hidden files and pictures of more than 64 MB are not pictures of
    it. Of two pictures of one name the later counts, as in any tar.

    Raises:
        SampleError: If it is none, breaks off, or is damaged.

    Example:
        >>> list(open_archive(Path("tt0000001.tar")).members)[:2]  # doctest: +SKIP
        ['shot_0000_img_0.jpg', 'shot_0000_img_1.jpg']
    """
    try:
        found = path.stat()
    except OSError as error:
        raise SampleError(f"{path.name} cannot be read ({error.strerror})") from None
    archive = _opened(path, found.st_size, found.st_mtime_ns)
    if archive.fault:
        raise SampleError(f"{path.name}: no archive of pictures that can be read ({archive.fault})")
    return archive


def in_order(names: list[str]) -> list[str]:
    """Return names of key frames in the order of the film: by the numbers in them.

    Example:
        >>> in_order(["shot_10000_img_0.jpg", "shot_9999_img_2.jpg"])
        ['shot_9999_img_2.jpg', 'shot_10000_img_0.jpg']
    """
    return sorted(names, key=lambda name: ([int(number) for number in re.findall(r"\d+", name)], name))


@lru_cache(_OPEN_ARCHIVES)
def _opened(path: Path, size: int, changed: int) -> PictureArchive:
    """Read all headers; a fault is kept too, so that thousands of records about a damaged archive take no time."""
    try:
        members = _read_members(path, size)
    except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError) as error:
        return PictureArchive(path=path, members={}, fault=str(error).splitlines()[0] if str(error) else "damaged")
    return PictureArchive(path=path, members={name: members[name] for name in in_order(list(members))})


class _ShortReads(io.FileIO):
    """A file that is read in short pieces only: a header of a hostile archive may claim any length."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError("a header that is too long")
        return super().read(size) or b""


def _read_members(path: Path, size: int) -> dict[str, Member]:
    members: dict[str, Member] = {}
    with _ShortReads(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for count, info in enumerate(archive):
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps all it has met
            if count >= _MOST_MEMBERS:
                raise ValueError(f"more than {_MOST_MEMBERS} members")
            if info.isreg() and not info.issparse() and 0 < info.size <= _MOST_BYTES and _is_picture(info.name):
                if info.offset_data + info.size > size:
                    raise ValueError("it breaks off")
                members[PurePosixPath(info.name).name] = Member(start=info.offset_data, size=info.size)
        file.seek(archive.offset)
        if any(file.read(tarfile.BLOCKSIZE)):  # tarfile takes a damaged header for the end
            raise ValueError(f"damaged at byte {archive.offset}")
    return members


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        len(path.name) <= _LONGEST_NAME
        and path.suffix.lower() in PICTURE_ENDINGS
        and not path.name.startswith(".")
        and not path.is_absolute()
        and ".." not in path.parts
    )
