"""Gets a film's subtitles from the best source there is, and puts them on the film's clock.

Four clocks meet here, and the film's own, whose 0 is its first frame, is the one that counts:

- a stream inside the film has the container's times: the first frame's time is taken away;
- a file beside the film, or given, is timed for players, which count from the container's earliest time of any
  stream: that is added, then the first frame's time taken away (in a film whose sound begins 23 ms before the
  pictures, a line of the file at 0.500 belongs to 0.477);
- speech recognition hears the sound from the same point on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from movieqa import movie_files
from movieqa.errors import ConfigError, SubtitleError
from movieqa.movie import Subtitle, VideoInfo
from movieqa.storage import write_atomic

from .languages import known_language, mismatch
from .subtitle_cues import CueList, settle_cues
from .subtitle_files import file_name, find_sidecars, fingerprint, read_subtitle_file
from .subtitle_streams import FilmClock, picture_streams, read_clock, read_stream, stream_name, text_streams
from .transcribe import SpeechModel, transcribe_film

VERSION = 1
NO_SOURCE = "none"


@dataclass(frozen=True, kw_only=True)
class SubtitleConfig:
    """Where subtitles may come from.

    Example:
        >>> SubtitleConfig(language="eng").language
        'en'
    """

    files: tuple[Path, ...] = ()
    """Used instead of whatever is beside or inside the film; several are merged."""
    language: str | None = None
    """Chosen among the files beside the film and the streams inside; a language tag such as `en`, `eng`, `pt-BR`."""
    transcribe: str | None = None
    """Speech recognition model, a folder or a name, for films without subtitles."""

    def __post_init__(self) -> None:
        """Bring the language to its standard form.

        Raises:
            ConfigError: It is no language tag, or a model without a name.
        """
        if self.language is not None:
            language = known_language(self.language)
            if language is None:
                raise ConfigError(f"not a language code: {self.language!r}", hint="write it as en, eng or pt-BR")
            object.__setattr__(self, "language", language)
        if self.transcribe is not None and not self.transcribe.strip():
            raise ConfigError("transcribe needs a model", hint="give a name such as small, or a folder")

    def depends_on(self, film: Path, video: VideoInfo) -> dict[str, Any]:
        """Return what the result depends on besides the film itself: settings, and each file that may be read.

        Raises:
            SubtitleError: A given file cannot be read.
        """
        del video  # its streams are part of the film, whose digest the step's other inputs hold
        files = self.files or tuple(sidecar.path for sidecar in find_sidecars(film))
        return {
            "version": VERSION,
            "language": self.language,
            "transcribe": SpeechModel(path_or_name=self.transcribe).depends_on() if self.transcribe else None,
            "given": bool(self.files),
            "files": [[file_name(path), fingerprint(path)] for path in files],
        }


@dataclass(frozen=True, kw_only=True)
class SubtitleResult:
    """What is said in a film, and where that was found."""

    subtitles: tuple[Subtitle, ...]
    """Ordered by start."""
    notes: tuple[str, ...]
    source: str
    """File names, `stream 3 (eng)`, `speech recognition (small)`, or `none`."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    """One place subtitles may come from."""

    name: str
    language: str | None
    is_forced: bool
    read: Callable[[], CueList]
    shift: float


def read_subtitles(
    film: Path,
    video: VideoInfo,
    out: Path,
    config: SubtitleConfig,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> SubtitleResult:
    """Read a film's subtitles and write `subtitles.jsonl` and `subtitles.srt`; both are written even when empty.

    The first of these that has any lines is used: given files, a file beside the film, a text stream inside it,
    speech recognition.

    Args:
        film: The film file.
        video: Its facts.
        out: An existing folder.
        config: Which sources may be used.
        on_progress: Hears how far it is, 0 to 1.

    Raises:
        SubtitleError: A given file cannot be read, or there are subtitles but none in the language asked for.
        ConfigError: There is no such speech recognition model.
        MissingDependencyError: ffmpeg is not installed, or faster-whisper where it is needed.

    Example:
        >>> read_subtitles(film, video, out, SubtitleConfig()).source  # doctest: +SKIP
        'film.en.srt'
    """
    reader = _Reader(film, video, config, read_clock(film, video), on_progress)
    result = reader.read_given() if config.files else reader.read_found()
    write_atomic(out / "subtitles.jsonl", movie_files.dump_subtitles(result.subtitles))
    write_atomic(out / "subtitles.srt", movie_files.dump_srt(result.subtitles))
    if on_progress:
        on_progress(1.0)
    return result


class _Reader:
    """Tries one source after the other and remembers what went wrong."""

    def __init__(
        self,
        film: Path,
        video: VideoInfo,
        config: SubtitleConfig,
        clock: FilmClock,
        on_progress: Callable[[float], None] | None,
    ) -> None:
        self._film = film
        self._video = video
        self._config = config
        self._clock = clock
        self._on_progress = on_progress
        self._notes: list[str] = []

    def read_given(self) -> SubtitleResult:
        """Read the files the user gave; any fault in them is the user's to mend."""
        subtitles: list[Subtitle] = []
        for path in self._config.files:
            lines = self._settle(self._file_source(path, language=None, is_forced=False))
            if not lines:
                raise SubtitleError(
                    f"{path}: no line in it belongs to this film ({'; '.join(self._notes)})",
                    hint="give the subtitles of this film",
                )
            subtitles += lines
        subtitles.sort(key=lambda line: (line.start, line.end))
        source = ", ".join(file_name(path) for path in self._config.files)
        return SubtitleResult(subtitles=tuple(subtitles), notes=tuple(self._notes), source=source)

    def read_found(self) -> SubtitleResult:
        """Read the best source beside or inside the film; a broken one is noted and the next one tried."""
        found = self._find_sources()
        chosen = self._choose(found)
        for source in chosen:
            try:
                lines = self._settle(source)
            except SubtitleError as error:
                # Notes go into the workspace, which names no folder of this machine.
                where = f"{self._film.absolute().parent}/"
                self._notes.append(error.message.replace(where, "").replace(str(self._film), self._video.name))
                continue
            if lines:
                self._explain(source, [other for other in found if other is not source])
                return SubtitleResult(subtitles=lines, notes=tuple(self._notes), source=source.name)
            self._notes.append(f"{source.name}: no line in it belongs to this film")
        if self._config.transcribe is not None:
            return self._transcribe(SpeechModel(path_or_name=self._config.transcribe))
        self._notes.append("no subtitles found" + self._unusable())
        return SubtitleResult(subtitles=(), notes=tuple(self._notes), source=NO_SOURCE)

    def _find_sources(self) -> list[_Source]:
        """Return what is there, the likeliest source first: whole before forced, then file before stream."""
        sources = [
            self._file_source(sidecar.path, language=sidecar.language, is_forced=sidecar.is_forced)
            for sidecar in find_sidecars(self._film)
        ]
        sources += [
            _Source(
                name=stream_name(stream),
                language=known_language(stream.language),
                is_forced=stream.is_forced,
                read=partial(read_stream, self._film, self._video, stream),
                shift=-self._clock.first_frame,
            )
            for stream in text_streams(self._video)
        ]
        return sorted(sources, key=lambda source: source.is_forced)

    def _file_source(self, path: Path, *, language: str | None, is_forced: bool) -> _Source:
        return _Source(
            name=file_name(path),
            language=language,
            is_forced=is_forced,
            read=partial(read_subtitle_file, path),
            shift=self._clock.playback - self._clock.first_frame,
        )

    def _choose(self, found: list[_Source]) -> list[_Source]:
        """Return the sources to try, in order: in the language asked for, then those that do not tell theirs."""
        wanted = self._config.language
        if wanted is None:
            return found
        ranks = {id(source): mismatch(wanted, source.language) for source in found if source.language is not None}
        chosen = [source for source in found if source.language is None or ranks[id(source)] is not None]
        if found and not chosen and self._config.transcribe is None:
            there = ", ".join(f"{source.name} ({source.language})" for source in found)
            raise SubtitleError(
                f"{self._film}: no subtitles in {wanted}; there are {there}{self._unusable()}",
                hint="choose one with --subtitle-language, or give a file with --subtitles",
            )
        # 0 is the very language, 1 a variety of it, 2 unknown.
        return sorted(chosen, key=lambda source: (source.is_forced, ranks.get(id(source), 2)))

    def _settle(self, source: _Source) -> tuple[Subtitle, ...]:
        read = source.read()
        settled = settle_cues(read.cues, shift=source.shift, film_end=self._video.duration, source=source.name)
        self._notes += [*read.notes, *settled.notes]
        return settled.subtitles

    def _explain(self, source: _Source, others: list[_Source]) -> None:
        if source.is_forced:
            self._notes.append(f"{source.name} is marked as forced: it may hold only lines in foreign languages")
        if self._config.language is not None and source.language is None:
            self._notes.append(f"{source.name} does not tell its language; taken for {self._config.language}")
        if others:
            names = ", ".join(other.name for other in others)
            self._notes.append(f"{source.name} was chosen; there are also {names}")

    def _unusable(self) -> str:
        names = ", ".join(f"{stream_name(stream)} is {stream.codec}" for stream in picture_streams(self._video))
        return f" ({names}: pictures of text, which cannot be read as text)" if names else ""

    def _transcribe(self, model: SpeechModel) -> SubtitleResult:
        heard = transcribe_film(
            self._film, self._video, model, language=self._config.language, on_progress=self._on_progress
        )
        name = f"speech recognition ({model.name})"
        settled = settle_cues(
            heard.cues,
            shift=self._clock.playback - self._clock.first_frame,
            film_end=self._video.duration,
            source=name,
        )
        self._notes += [*(f"{name}: {note}" for note in heard.notes), *settled.notes]
        if not settled.subtitles:
            self._notes.append(f"{name}: nothing was heard")
        return SubtitleResult(
            subtitles=settled.subtitles,
            notes=tuple(self._notes),
            source=name if settled.subtitles else NO_SOURCE,
        )
