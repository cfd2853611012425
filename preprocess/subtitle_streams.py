"""Reads the subtitle streams inside a film, and where the film's clock stands to theirs."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movieqa.errors import MissingDependencyError, SubtitleError
from movieqa.movie import Stream, VideoInfo

from .containers import OPTIONS, to_url
from .languages import known_language
from .subtitle_cues import CueList
from .subtitle_files import MAX_BYTES, parse_data

# How ffmpeg writes each text codec out without losing speakers (ASS, WebVTT) or milliseconds (all but ASS).
_WRITERS = {
    "subrip": ("copy", "srt"),
    "text": ("copy", "srt"),
    "ass": ("copy", "ass"),
    "ssa": ("copy", "ass"),
    "webvtt": ("copy", "webvtt"),
    "mov_text": ("srt", "srt"),
    "eia_608": ("srt", "srt"),
}
_PROBE_TIMEOUT = 60.0
_START_UP = 60.0
_SLOWEST_READING = 10e6
_MAX_REASON = 200


@dataclass(frozen=True, kw_only=True)
class FilmClock:
    """Where two starts lie on the container's clock, in seconds; the film's own clock begins at its first frame."""

    first_frame: float
    """Presentation time of the main video stream's first frame."""
    playback: float
    """Where players begin to count: the earliest presentation time of any stream."""


def read_clock(film: Path, video: VideoInfo) -> FilmClock:
    """Ask ffprobe where a film begins.

    Raises:
        SubtitleError: ffprobe cannot tell.
        MissingDependencyError: ffprobe is not installed.
    """
    command = ["ffprobe", "-v", "error", "-show_entries", "format=start_time:stream=index,start_time", "-of", "json"]
    done = run_tool([*command, *_whitelists(), to_url(film)], film, timeout=_PROBE_TIMEOUT)
    try:
        content = json.loads(done)
        starts = {entry["index"]: _start(entry) for entry in content["streams"]}
        playback = _start(content["format"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SubtitleError(f"{film}: ffprobe's answer cannot be read", hint="the film may be damaged") from None
    first_frame = starts.get(video.stream_index)
    if first_frame is None:
        first_frame = playback or 0.0
    return FilmClock(first_frame=first_frame, playback=first_frame if playback is None else playback)


def _start(entry: dict[str, Any]) -> float | None:
    try:
        start = float(entry.get("start_time", "nan"))
    except ValueError:
        return None
    return start if math.isfinite(start) else None


def text_streams(video: VideoInfo) -> tuple[Stream, ...]:
    """Return the film's subtitle streams that hold text, the most likely one first: whole ones, then the default."""
    streams = (stream for stream in video.streams if stream.kind == "subtitle" and stream.codec in _WRITERS)
    return tuple(sorted(streams, key=lambda stream: (stream.is_forced, not stream.is_default, stream.index)))


def picture_streams(video: VideoInfo) -> tuple[Stream, ...]:
    """Return the film's subtitle streams that hold pictures of text (PGS, VobSub), or text ffmpeg cannot write out."""
    return tuple(stream for stream in video.streams if stream.kind == "subtitle" and stream.codec not in _WRITERS)


def stream_name(stream: Stream) -> str:
    """Return what subtitles of a stream give as their source.

    Example:
        >>> stream_name(Stream(index=3, kind="subtitle", codec="ass", language="eng"))
        'stream 3 (eng)'
    """
    is_tagged = known_language(stream.language) is not None
    return f"stream {stream.index} ({stream.language})" if is_tagged else f"stream {stream.index}"


def read_stream(film: Path, video: VideoInfo, stream: Stream) -> CueList:
    """Read a text stream out of a film.

    Returns:
        The cues, times on the container's clock.

    Raises:
        SubtitleError: ffmpeg cannot read the stream, or it holds no cues, or more than 32 MB of them.
        MissingDependencyError: ffmpeg is not installed.
    """
    codec, form = _WRITERS[stream.codec]
    name = stream_name(stream)
    with tempfile.TemporaryDirectory(prefix="movieqa-") as folder:
        target = Path(folder) / f"stream.{form}"
        command = ["ffmpeg", "-nostdin", "-v", "error", "-copyts", *_whitelists(), "-i", to_url(film)]
        command += ["-map", f"0:{stream.index}", "-c:s", codec, "-avoid_negative_ts", "disabled"]
        command += ["-fs", str(MAX_BYTES + 1), "-f", form, to_url(target)]
        run_tool(command, film, timeout=_START_UP + video.num_bytes / _SLOWEST_READING)
        data = target.read_bytes() if target.stat().st_size <= MAX_BYTES else None
    if data is None:
        raise SubtitleError(f"{film}: {name} holds more than {MAX_BYTES >> 20} MB of text", hint="give a subtitle file")
    return parse_data(data, name)


def run_tool(command: list[str], film: Path, *, timeout: float) -> bytes:
    """Run ffprobe or ffmpeg on a film and return its standard output.

    Raises:
        SubtitleError: It failed, or took longer than `timeout` seconds; it is killed then.
        MissingDependencyError: It is not installed.
    """
    tool = command[0]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise MissingDependencyError(
            f"{tool} is not installed", hint="install ffmpeg, e.g. with: sudo apt install ffmpeg"
        ) from None
    except subprocess.TimeoutExpired:
        raise SubtitleError(f"{film}: {tool} found no end in {timeout:.0f} s", hint="the film may be damaged") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1][:_MAX_REASON] if lines else "no reason given"
        raise SubtitleError(f"{film}: {tool} cannot read it ({reason})", hint="the film may be damaged")
    return done.stdout


def _whitelists() -> list[str]:
    return [part for name, value in OPTIONS.items() for part in (f"-{name}", value)]
