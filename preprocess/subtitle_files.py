"""Finds the subtitle files beside a film and reads any subtitle file."""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from movieqa.errors import SubtitleError
from movieqa.storage import digest_file, read_bounded

from .languages import is_language, known_language
from .subtitle_cues import CueList
from .subtitle_encoding import decode_text
from .subtitle_formats import parse_subtitles

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
MAX_BYTES = 32 << 20
_FORCED = {"forced", "foreign"}
_FLAGS = {"sdh", "cc", "hi", "full", "default", *_FORCED}


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """A subtitle file that bears its film's name: `film.srt`, `film.en.srt`, `film.eng.forced.ass`."""

    path: Path
    language: str | None
    """As the name tells it; None when it does not."""
    is_forced: bool
    """Only what speakers of the film's main language would not understand."""
    is_plain: bool
    """Nothing in the name but the film's, a language and known words such as `sdh`."""
    has_flags: bool

    @property
    def name(self) -> str:
        """The file's name, as text that can be written."""
        return file_name(self.path)


def file_name(path: Path) -> str:
    """Return a file's name as text that can be written: bytes that are no UTF-8 are replaced."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def find_sidecars(film: Path) -> tuple[Sidecar, ...]:
    """Find the subtitle files in a film's folder that bear its name, the most likely one first.

    Files of other films are left out: `film.part2.srt` is not of `film.mkv` where there is a `film.part2.mkv`.
    """
    try:
        neighbours = sorted(film.absolute().parent.iterdir())
    except OSError:  # a folder that may be entered but not listed
        return ()
    stem = _fold(film)
    other_stems = {_fold(path) for path in neighbours if path.suffix.casefold() not in SUFFIXES}
    sidecars = [
        _describe(path, _fold(path).removeprefix(stem))
        for path in neighbours
        if path.suffix.casefold() in SUFFIXES
        and (_fold(path) == stem or (_fold(path).startswith(f"{stem}.") and _fold(path) not in other_stems))
        and path.is_file()
    ]
    return tuple(sorted(sidecars, key=_preference))


def _fold(path: Path) -> str:
    """Return a file's stem as names are compared: whatever the case, and however a system writes its accents."""
    return unicodedata.normalize("NFC", path.stem.casefold())


def _describe(path: Path, middle: str) -> Sidecar:
    language = None
    flags = set()
    is_plain = True
    for word in filter(None, middle.split(".")):
        # "hi" is Hindi, or the hearing impaired: that where a language stands before it.
        if word.casefold() in _FLAGS and (word.casefold() != "hi" or language is not None):
            flags.add(word.casefold())
        elif language is None and is_language(word):
            language = known_language(word)
        else:
            is_plain = False
    return Sidecar(
        path=path, language=language, is_forced=bool(flags & _FORCED), is_plain=is_plain, has_flags=bool(flags)
    )


def _preference(sidecar: Sidecar) -> tuple[bool, bool, bool, bool, int, str]:
    return (
        sidecar.is_forced,
        not sidecar.is_plain,
        sidecar.language is not None,
        sidecar.has_flags,
        SUFFIXES.index(sidecar.path.suffix.casefold()),
        sidecar.path.name,
    )


def fingerprint(path: Path) -> str:
    """Return what tells one version of a subtitle file from another: its digest, or its size where it is too large.

    Raises:
        SubtitleError: The file cannot be read.
    """
    try:
        _check_regular(path)
        num_bytes = path.stat().st_size
        return digest_file(path) if num_bytes <= MAX_BYTES else f"{num_bytes} bytes"
    except (OSError, ValueError) as error:
        raise _cannot_read(path, error) from None


def read_subtitle_file(path: Path) -> CueList:
    """Read a subtitle file: SubRip, WebVTT, ASS or SSA, in any common encoding.

    Args:
        path: A regular file of at most 32 MB.

    Returns:
        The cues, times as the file tells them; the notes say which encoding was guessed.

    Raises:
        SubtitleError: There is no such file, or nothing in it can be read as subtitles, or it is too large.

    Example:
        >>> read_subtitle_file(Path("film.en.srt")).cues[0].text  # doctest: +SKIP
        'Take it.'
    """
    try:
        _check_regular(path)
        too_large = path.stat().st_size > MAX_BYTES
        data = b"" if too_large else read_bounded(path, limit=MAX_BYTES)
    except (OSError, ValueError) as error:
        raise _cannot_read(path, error) from None
    if too_large:
        raise SubtitleError(
            f"{path}: larger than {MAX_BYTES >> 20} MB", hint="give a subtitle file, as text in SRT, VTT, ASS or SSA"
        )
    if not data.strip(b"\x00 \t\r\n"):
        raise SubtitleError(f"{path}: the file is empty", hint="copy or download it again")
    return parse_data(data, file_name(path))


def parse_data(data: bytes, name: str) -> CueList:
    """Decode and parse a subtitle file's bytes.

    Raises:
        SubtitleError: Nothing in it can be read as subtitles.
    """
    decoded = decode_text(data)
    parsed = parse_subtitles(decoded.text, name)
    notes = list(parsed.notes)
    if decoded.is_guess:
        notes.append(
            f"{name}: does not say its encoding; read as {decoded.encoding} (save it as UTF-8 if that is wrong)"
        )
    if decoded.num_damaged:
        notes.append(f"{name}: {decoded.num_damaged} characters are damaged")
    return CueList(cues=parsed.cues, notes=tuple(notes))


def _check_regular(path: Path) -> None:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("not a regular file")


def _cannot_read(path: Path, error: OSError | ValueError) -> SubtitleError:
    if isinstance(error, FileNotFoundError):
        return SubtitleError(f"{path}: no such file", hint="check the path")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return SubtitleError(f"{path}: cannot be read ({reason})", hint="check the path and its permissions")
