"""Finds out what a film file holds: its streams, which of them is the film, and how it is meant to be shown."""

from __future__ import annotations

import json
import math
import os
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

from movieqa.errors import ConfigError, MissingDependencyError, VideoError
from movieqa.movie import Stream, StreamKind, VideoInfo
from movieqa.storage import digest_file
from movieqa.times import parse_time

from .containers import OPTIONS, to_url

_TIMEOUT = 60.0
_KINDS: dict[str, StreamKind] = {
    "video": "video",
    "audio": "audio",
    "subtitle": "subtitle",
    "attachment": "attachment",
}
_FALLBACK_RATE = Fraction(25)
_MAX_RATE = 1000
_MAX_TEXT = 200


def probe(path: Path) -> VideoInfo:
    """Read a film's facts with ffprobe; no picture is decoded beyond what ffprobe needs to know the streams.

    Args:
        path: A regular file.

    Returns:
        The facts; width and height are those of the upright picture with square pixels.

    Raises:
        VideoError: There is no such file, or it is no film, or holds no pictures, or its container is not allowed.
        MissingDependencyError: ffprobe is not installed.

    Example:
        >>> probe(Path("film.mkv")).rate  # doctest: +SKIP
        Fraction(24000, 1001)
    """
    _check_file(path)
    content = _run_ffprobe(path)
    raw = [entry for entry in content.get("streams", []) if isinstance(entry, dict)]
    films = [entry for entry in raw if _is_film(entry)]
    if not films:
        found = sorted({str(entry.get("codec_type", "unknown")) for entry in raw})
        raise VideoError(
            f"{path}: no video stream" + (f" (only {', '.join(found)})" if found else ""),
            hint="give a film that has pictures",
        )
    main = max(films, key=lambda entry: (_flag(entry, "default"), _pixels(entry), -int(entry["index"])))
    container = content.get("format", {})
    sample_aspect = _sample_aspect(main)
    width, height = max(1, round(int(main["width"]) * sample_aspect)), int(main["height"])
    rotation = _rotation(main)
    if rotation in (90, 270):
        width, height = height, width
    return VideoInfo(
        name=os.fsencode(path.name).decode("utf-8", "replace"),
        digest=digest_file(path),
        num_bytes=path.stat().st_size,
        container=str(container.get("format_name", "")),
        duration=_duration(main, container),
        rate=_rate(main),
        width=width,
        height=height,
        rotation=rotation,
        sample_aspect=sample_aspect,
        codec=str(main.get("codec_name", "")),
        pixel_format=str(main.get("pix_fmt", "")),
        stream_index=int(main["index"]),
        streams=tuple(_stream(entry) for entry in raw),
    )


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise VideoError(f"{path}: a folder, not a film", hint="give the film file inside it")
        if not path.exists():
            raise VideoError(f"{path}: no such file", hint="check the path")
        if not path.is_file():
            raise VideoError(f"{path}: not a regular file", hint="give a film file")
        if path.stat().st_size == 0:
            raise VideoError(f"{path}: the file is empty", hint="copy or download it again")
        path.open("rb").close()
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise VideoError(f"{path}: cannot be read ({reason})", hint="check the path and its permissions") from None


def _run_ffprobe(path: Path) -> dict[str, Any]:
    # Not ffmpeg.probe: it leaves ffprobe running when the time is over, and a hostile film can choose that.
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json"]
    for name, value in OPTIONS.items():
        command += [f"-{name}", value]
    try:
        done = subprocess.run(
            [*command, to_url(path)], stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except FileNotFoundError:
        raise MissingDependencyError(
            "ffprobe is not installed", hint="install ffmpeg, e.g. with: sudo apt install ffmpeg"
        ) from None
    except subprocess.TimeoutExpired:
        raise VideoError(f"{path}: ffprobe found no end in {_TIMEOUT:.0f} s", hint="the file may be damaged") from None
    complaint = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        raise _refusal(path, complaint)
    try:
        content = json.loads(done.stdout)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise VideoError(f"{path}: ffprobe's answer cannot be read", hint="the file may be damaged")
    return content


def _refusal(path: Path, complaint: str) -> VideoError:
    if "not on whitelist" in complaint:
        return VideoError(
            f"{path}: not a film container (playlists, image lists, subtitles and plain text are not opened)",
            hint="convert it first, e.g. with: ffmpeg -i INPUT film.mkv",
        )
    if "moov atom not found" in complaint and _begins_as_mp4(path):
        return VideoError(
            f"{path}: the file breaks off before its index (moov atom), so nothing in it can be read",
            hint="copy or download it again",
        )
    reason = complaint.strip().rpartition(f"{to_url(path)}: ")[2].partition("\n")[0][:_MAX_TEXT] or "no reason given"
    return VideoError(f"{path}: not a film ffprobe can read ({reason})", hint="check that the file is whole")


def _begins_as_mp4(path: Path) -> bool:
    """Tell a broken MP4 file from one that ffprobe takes for one because of its name."""
    with path.open("rb") as file:
        return file.read(8)[4:] in (b"ftyp", b"mdat", b"wide", b"free", b"skip")


def _is_film(entry: dict[str, Any]) -> bool:
    return entry.get("codec_type") == "video" and not _flag(entry, "attached_pic") and _pixels(entry) > 0


def _flag(entry: dict[str, Any], name: str) -> bool:
    return bool(entry.get("disposition", {}).get(name, 0))


def _pixels(entry: dict[str, Any]) -> int:
    return int(entry.get("width") or 0) * int(entry.get("height") or 0)


def _fraction(text: Any) -> Fraction | None:
    try:
        value = Fraction(str(text).replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def _rate(entry: dict[str, Any]) -> Fraction:
    for name in ("avg_frame_rate", "r_frame_rate"):
        rate = _fraction(entry.get(name))
        if rate is not None and rate <= _MAX_RATE:
            return rate
    return _FALLBACK_RATE


def _sample_aspect(entry: dict[str, Any]) -> Fraction:
    aspect = _fraction(entry.get("sample_aspect_ratio"))
    return aspect if aspect is not None and Fraction(1, 8) <= aspect <= 8 else Fraction(1)


def _rotation(entry: dict[str, Any]) -> int:
    """Return clockwise degrees to upright; the display matrix counts the other way round."""
    for data in entry.get("side_data_list", []):
        angle = data.get("rotation") if isinstance(data, dict) else None
        if isinstance(angle, int | float) and math.isfinite(angle):
            return round(-angle / 90) * 90 % 360
    return 0


def _duration(entry: dict[str, Any], container: dict[str, Any]) -> float:
    """Return the film's claimed length; the stream's own counts first, for the sound may run on after the pictures."""
    if (seconds := _seconds(entry.get("duration"))) > 0:
        return seconds
    # Matroska counts its lengths from zero, not from the first picture.
    is_matroska = str(container.get("format_name", "")).startswith("matroska")
    start = _seconds(entry.get("start_time")) if is_matroska else 0.0
    for text in (entry.get("tags", {}).get("DURATION"), container.get("duration")):
        if (seconds := _seconds(text)) > start:
            return seconds - start
    return 0.0


def _seconds(text: Any) -> float:
    try:
        seconds = parse_time(str(text)) if ":" in str(text) else float(str(text))
    except (ValueError, ConfigError):
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _stream(entry: dict[str, Any]) -> Stream:
    tags = entry.get("tags", {})
    return Stream(
        index=int(entry["index"]),
        kind=_KINDS.get(str(entry.get("codec_type")), "data"),
        codec=str(entry.get("codec_name", "")),
        language=str(tags.get("language", "")).lower()[:_MAX_TEXT],
        title=str(tags.get("title", ""))[:_MAX_TEXT],
        is_default=_flag(entry, "default"),
        is_forced=_flag(entry, "forced"),
        is_attached_picture=_flag(entry, "attached_pic"),
    )
