"""Hears what is said in a film without subtitles: faster-whisper over its sound, read by ffmpeg piece by piece."""

from __future__ import annotations

import select
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import ConfigError, MissingDependencyError, SubtitleError
from movieqa.movie import Stream, VideoInfo
from movieqa.storage import digest_json

from .containers import OPTIONS, to_url
from .languages import known_language, mismatch
from .subtitle_cues import Cue, CueList
from .subtitle_markup import tidy

_RATE = 16_000
_PIECE = 600 * _RATE
_SEAM = 30 * _RATE
_QUIET = _RATE // 5
_LEAST_LOGPROB = -2.0
_STALL = 120.0
_MARGIN = 60.0
_LONGEST = 86_400.0
_BLOCK = 1 << 16
_LOUDEST = 32_768
_MAX_REASON = 200


@dataclass(frozen=True, kw_only=True)
class SpeechModel:
    """A speech recognition model as the user named it: a folder, or a name faster-whisper can fetch."""

    path_or_name: str

    @property
    def name(self) -> str:
        """What notes and sources call it."""
        return Path(self.path_or_name).name

    @property
    def is_folder(self) -> bool:
        """Whether it lies on this machine; nothing is fetched then."""
        return Path(self.path_or_name).is_dir()

    def depends_on(self) -> dict[str, Any]:
        """Return what tells one model from another, without its place on the disk."""
        if not self.is_folder:
            return {"name": self.path_or_name}
        files = sorted(path for path in Path(self.path_or_name).iterdir() if path.is_file())
        return {"name": self.name, "files": digest_json([[path.name, path.stat().st_size] for path in files])}


def transcribe_film(
    film: Path,
    video: VideoInfo,
    model: SpeechModel,
    *,
    language: str | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> CueList:
    """Write down what is said in a film.

    Segments the model itself holds unlikely (mean log probability under -2) are left out.

    Args:
        film: The film file.
        video: Its facts.
        model: A CTranslate2 Whisper model.
        language: What is spoken, as a language tag; found out from the first ten minutes when not given.
        on_progress: Hears how far it is, 0 to 1.

    Returns:
        Cues; times count from where players begin to play the film.

    Raises:
        ConfigError: There is no such model.
        MissingDependencyError: faster-whisper or ffmpeg is not installed.
        SubtitleError: The film's sound cannot be read.

    Example:
        >>> transcribe_film(film, video, SpeechModel(path_or_name="small")).cues  # doctest: +SKIP
    """
    tracks = [stream for stream in video.streams if stream.kind == "audio"]
    if not tracks:
        return CueList(cues=(), notes=("no sound to transcribe",))
    track = min(tracks, key=lambda stream: (_is_foreign(language, stream), not stream.is_default, stream.index))
    recogniser = _load(model)
    spoken = _spoken_language(language, track)
    if spoken is not None and spoken not in recogniser.supported_languages:
        raise ConfigError(f"{model.name}: does not know the language {spoken}", hint="use another model")
    notes = []
    cues: list[Cue] = []
    num_unlikely = 0
    heard = 0.0
    for piece in _pieces(_open_sound(film, video, track)):
        # Temperature 0 alone: the same film gives the same words each time.
        segments, facts = recogniser.transcribe(
            piece,
            language=spoken,
            beam_size=5,
            temperature=0.0,
            vad_filter=True,
            condition_on_previous_text=False,
        )
        for segment in segments:
            if spoken is None:
                spoken = facts.language
                notes.append(f"language heard: {spoken} (probability {facts.language_probability:.2f})")
            text = tidy(segment.text)
            if segment.avg_logprob < _LEAST_LOGPROB:
                num_unlikely += 1
            elif text:
                cues.append(Cue(start=heard + segment.start, end=heard + segment.end, text=text))
            if on_progress and video.duration:
                on_progress(min(1.0, (heard + segment.end) / video.duration))
        heard += len(piece) / _RATE
    if num_unlikely:
        notes.append(f"{num_unlikely} unlikely segments left out")
    return CueList(cues=tuple(cues), notes=tuple(notes))


def _load(model: SpeechModel) -> Any:
    name = model.path_or_name
    # Asked first: faster-whisper takes a path that is not there for the name of a repository.
    if not model.is_folder and (name.startswith(("/", ".", "~")) or Path(name).exists() or name.count("/") > 1):
        raise ConfigError(f"{name}: no such model folder", hint="give a folder with a CTranslate2 Whisper model")
    if find_spec("faster_whisper") is None:
        raise MissingDependencyError(
            "transcription needs faster-whisper, which is not installed", hint='pip install "movieqa[asr]"'
        )
    import faster_whisper

    names = faster_whisper.available_models()
    if not model.is_folder and "/" not in name and name not in names:
        raise ConfigError(f"{name}: no such model", hint=f"give a folder, or one of {', '.join(names)}")
    try:
        return faster_whisper.WhisperModel(name, device="auto", compute_type="auto", local_files_only=model.is_folder)
    except Exception as error:  # what it raises depends on which library below it fails
        raise ConfigError(
            f"{name}: the model cannot be loaded ({' '.join(str(error).split())[:200]})",
            hint="give a folder with a CTranslate2 Whisper model, or a name and a connection to fetch it",
        ) from error


def _spoken_language(language: str | None, track: Stream) -> str | None:
    """Return the language asked for, unless the sound is tagged with another: the model finds out then."""
    tagged = known_language(track.language)
    if language is None or (tagged is not None and mismatch(language, tagged) is None):
        return None
    return (known_language(language) or "").split("-")[0] or None


def _is_foreign(language: str | None, stream: Stream) -> bool:
    return language is not None and mismatch(language, stream.language) is None


def _open_sound(film: Path, video: VideoInfo, track: Stream) -> Iterator[bytes]:
    """Yield a film's sound as ffmpeg decodes it, from where players begin to play: 16 kHz, one channel, 16 bits.

    Raises:
        SubtitleError: ffmpeg cannot read it, or stalls; it is killed then.
        MissingDependencyError: ffmpeg is not installed.
    """
    command = ["ffmpeg", "-nostdin", "-v", "error"]
    command += [part for name, value in OPTIONS.items() for part in (f"-{name}", value)]
    command += ["-i", to_url(film), "-map", f"0:{track.index}"]
    # Gaps become silence, so that a sample's place is its time; -t bounds the gaps a hostile film can claim.
    command += ["-af", f"aresample={_RATE}:async=1:first_pts=0", "-ac", "1"]
    command += ["-t", f"{video.duration + _MARGIN if video.duration else _LONGEST:.3f}", "-f", "s16le", "pipe:1"]
    with tempfile.TemporaryFile() as complaints:
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, bufsize=0
            )
        except FileNotFoundError:
            raise MissingDependencyError(
                "ffmpeg is not installed", hint="install it, e.g. with: sudo apt install ffmpeg"
            ) from None
        assert child.stdout is not None
        try:
            while select.select([child.stdout], [], [], _STALL)[0]:
                data = child.stdout.read(_BLOCK)
                if not data:
                    break
                yield data
            else:
                raise SubtitleError(f"{film}: no sound came for {_STALL:.0f} s", hint="the film may be damaged")
            code = child.wait(timeout=_STALL)
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        if code != 0:
            complaints.seek(0)
            lines = complaints.read(_BLOCK).decode("utf-8", "replace").strip().splitlines()
            reason = lines[-1][:_MAX_REASON] if lines else "no reason given"
            raise SubtitleError(f"{film}: ffmpeg cannot read its sound ({reason})", hint="the film may be damaged")


def _pieces(blocks: Iterable[bytes]) -> Iterator[NDArray[np.float32]]:
    """Yield the sound, Float32[samples], in pieces of ten minutes or a little less, parted where it is quiet."""
    rest = bytearray()
    for block in blocks:
        rest += block
        while len(rest) >= 2 * _PIECE:
            piece = np.frombuffer(bytes(rest[: 2 * _PIECE]), dtype="<i2")
            end = _quietest(piece)
            yield _to_float(piece[:end])
            del rest[: 2 * end]
    if len(rest) > 1:
        yield _to_float(np.frombuffer(bytes(rest[: len(rest) // 2 * 2]), dtype="<i2"))


def _to_float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(_LOUDEST)


def _quietest(piece: NDArray[np.int16]) -> int:
    """Return the middle of the quietest fifth of a second in the last half minute."""
    seam = piece[-_SEAM:].astype(np.float64)
    loudness = np.square(seam).reshape(-1, _QUIET).mean(axis=1)
    return len(piece) - _SEAM + int(loudness.argmin()) * _QUIET + _QUIET // 2
