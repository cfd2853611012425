"""Reference pictures of the cast: read from a folder, kept in the workspace, described by whatever provider is used."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import ConfigError, WorkspaceError
from movieqa.identity import fold_name
from movieqa.storage import read_bounded, write_atomic

from .pictures import SUFFIXES, decode_picture, encode_picture, read_picture
from .provider import Provider

FOLDER = "references"

_NAMES = "names.json"
_MAX_BYTES = 16 << 20
_MAX_PICTURES = 500
_MAX_NAME = 100
_CLEARLY_LARGER = 3.0  # the main face of a picture has so many times the area of any other
_CLEARLY_BETTER = 2.0
_MAX_LISTED = 3
_NUMBER = re.compile(r"(?:person\s*|#)?\d+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One reference picture in a workspace."""

    name: str
    file: str
    """Inside the references folder."""
    digest: str


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedPicture:
    """A picture that shows one face.

    Attributes:
        data: The picture as it will be kept.
        vector: Float32[E], what its face looks like.
    """

    data: bytes
    vector: NDArray[np.float32]

    @property
    def digest(self) -> str:
        """The name its content goes by."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, kw_only=True, eq=False)
class CastPictures:
    """What a cast folder gives.

    Attributes:
        kept: The pictures by name, each with at least one.
        faceless: The pictures in which no face was found; other pictures stand for their names.
    """

    kept: Mapping[str, Sequence[CheckedPicture]]
    faceless: tuple[Path, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know: one line that names the pictures left out, or nothing."""
        if not self.faceless:
            return ()
        return (f"left out, as no face was found in {_listed(self.faceless)}",)


def check_name(name: str) -> str:
    """Return a person's name with single spaces.

    Raises:
        ConfigError: It is empty, too long, or could be taken for a person's number.
    """
    clean = " ".join(name.split())
    if not clean or len(clean) > _MAX_NAME or not clean.isprintable():
        raise ConfigError(f"not a name: {name[:_MAX_NAME]!r}", hint=f"use 1 to {_MAX_NAME} printable characters")
    if _NUMBER.fullmatch(clean):
        raise ConfigError(f"not a name: {clean!r}", hint="a name must not look like a person's number")
    return clean


def find_pictures(folder: Path) -> dict[str, tuple[Path, ...]]:
    """List a cast folder: `Julia.jpg`, or a folder `Julia/` of several pictures, one of these a name.

    Raises:
        ConfigError: There is no such folder, it holds no pictures, or two entries have one name.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder", hint="give a folder with one picture or folder per name")
    found: dict[str, tuple[Path, ...]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            pictures = tuple(sorted(path for path in entry.iterdir() if path.is_file() and path.name[0] != "."))
            name = check_name(entry.name)
        elif entry.suffix.lower() in SUFFIXES:
            pictures, name = (entry,), check_name(entry.stem)
        else:
            continue
        if not pictures:
            raise ConfigError(f"{entry}: no pictures of {name}", hint="put at least one in, or remove the folder")
        if any(fold_name(other) == fold_name(name) for other in found):
            raise ConfigError(
                f"{entry}: {name} stands twice in {folder}", hint=f"put all pictures in one folder {name}/"
            )
        found[name] = pictures
    if not found:
        raise ConfigError(f"{folder}: no pictures", hint=f"name them after the people, as Julia{SUFFIXES[0]}")
    if sum(map(len, found.values())) > _MAX_PICTURES:
        raise ConfigError(f"{folder}: more than {_MAX_PICTURES} pictures", hint="three or four of each person do")
    return found


def read_cast(folder: Path, provider: Provider) -> CastPictures:
    """Read a cast folder with a provider's eyes; errors are those of `find_pictures` and `check_faces`."""
    return check_faces(find_pictures(folder), provider)


def check_faces(pictures: Mapping[str, tuple[Path, ...]], provider: Provider) -> CastPictures:
    """Read the pictures and keep those that show one face.

    Returns:
        The pictures by name, with what their faces look like, and those that were left out.

    Raises:
        ConfigError: A picture cannot be read or shows several faces, or somebody has none that shows a face.
    """
    kept: dict[str, list[CheckedPicture]] = {}
    faceless: list[Path] = []
    for name, paths in pictures.items():
        for path in paths:
            data = encode_picture(read_picture(path))
            try:
                vector = describe_face(data, provider)
            except LookupError as error:
                if error.args[0]:
                    raise ConfigError(f"{path}: {error.args[0]} faces", hint="crop it to the one you mean") from None
                faceless.append(path)
                continue
            kept.setdefault(name, []).append(CheckedPicture(data=data, vector=vector))
    if nobody := [path for name, paths in pictures.items() if name not in kept for path in paths]:
        raise ConfigError(
            f"no face found in {_listed(nobody)}",
            hint="use upright pictures in which the face is a tenth of the height or more",
        )
    return CastPictures(kept=kept, faceless=tuple(faceless))


def describe_face(data: bytes, provider: Provider) -> NDArray[np.float32]:
    """Return the embedding of a picture's one face, or of the one that is clearly the largest or clearest.

    Raises:
        LookupError: There is no face, or no clear one; its argument is how many there are.
        ValueError: It is no picture.
    """
    picture = decode_picture(data)
    faces = provider.detect(picture)
    if not len(faces):
        raise LookupError(0)
    embedded = provider.embed(picture, faces)
    areas = (faces.boxes[:, 2] - faces.boxes[:, 0]) * (faces.boxes[:, 3] - faces.boxes[:, 1])
    row = int(areas.argmax())
    others = np.delete(np.arange(len(faces)), row)
    is_main = (areas[row] >= _CLEARLY_LARGER * areas[others]) | (
        embedded.qualities[row] >= _CLEARLY_BETTER * embedded.qualities[others]
    )
    if not is_main.all():
        raise LookupError(len(faces))
    return np.asarray(embedded.vectors[row], np.float32)


def read_references(people: Path) -> tuple[Reference, ...]:
    """List the reference pictures of a `people` folder.

    Raises:
        WorkspaceError: The list is damaged.
    """
    path = people / FOLDER / _NAMES
    try:
        content = json.loads(read_bounded(path, limit=_MAX_BYTES))
        references = tuple(
            Reference(name=str(one["name"]), file=str(one["file"]), digest=str(one["digest"])) for one in content
        )
        if any(not re.fullmatch(r"\d{4}\.jpg", reference.file) for reference in references):
            raise ValueError("a picture lies elsewhere")
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise WorkspaceError(f"{path}: damaged ({error})", hint="give the cast folder again with --cast") from None
    return references


def keep_references(people: Path, pictures: Mapping[str, Sequence[CheckedPicture]]) -> tuple[Reference, ...]:
    """Keep pictures in a `people` folder; pictures of a name that is there already are replaced."""
    folder = people / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    new = {fold_name(name) for name in pictures}
    stay = [reference for reference in read_references(people) if fold_name(reference.name) not in new]
    used = {reference.file for reference in read_references(people)}
    number = 1
    references = list(stay)
    for name, files in pictures.items():
        for picture in files:
            while f"{number:04d}.jpg" in used:
                number += 1
            file = f"{number:04d}.jpg"
            used.add(file)
            write_atomic(folder / file, picture.data)
            references.append(Reference(name=name, file=file, digest=picture.digest))
    return _write(people, references)


def drop_references(people: Path, name: str) -> tuple[Reference, ...]:
    """Remove all pictures of a name."""
    references = read_references(people)
    stay = [reference for reference in references if fold_name(reference.name) != fold_name(name)]
    return _write(people, stay) if len(stay) < len(references) else references


def read_reference(people: Path, reference: Reference) -> bytes:
    """Read one kept picture.

    Raises:
        WorkspaceError: It is missing or damaged.
    """
    path = people / FOLDER / reference.file
    try:
        data = read_bounded(path, limit=_MAX_BYTES)
        if hashlib.sha256(data).hexdigest() != reference.digest:
            raise ValueError("its content changed")
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{path}: damaged ({error})", hint="give the cast folder again with --cast") from None
    return data


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _MAX_LISTED} more" if len(paths) > _MAX_LISTED else ""
    return ", ".join(map(str, paths[:_MAX_LISTED])) + more


def _write(people: Path, references: list[Reference]) -> tuple[Reference, ...]:
    """Write the list first, then remove what it does not name: a crash leaves a picture too many, never one too few."""
    content = [{"name": one.name, "file": one.file, "digest": one.digest} for one in references]
    write_atomic(people / FOLDER / _NAMES, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    named = {reference.file for reference in references}
    for path in (people / FOLDER).glob("*.jpg"):
        if path.name not in named:
            path.unlink()
    return tuple(references)
