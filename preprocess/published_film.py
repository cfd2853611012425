"""A film that was published as features only becomes a workspace: a model can be asked about it, nobody can see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import numpy as np

from movieqa import movie_files
from movieqa.builder import WorkspaceBuilder
from movieqa.checkpoint.films import FRAMES_PER_SHARD, FilmPickle, FilmReport, read_film_pickle, write_features
from movieqa.checkpoint.folders import new_folder
from movieqa.errors import CheckpointError, ConfigError, SubtitleError
from movieqa.features import FACTS_FILE, FOLDER, FeatureFacts, step_name
from movieqa.loaded import TowerFacts
from movieqa.manifest import Manifest
from movieqa.movie import Frames, Shot, Subtitle, VideoInfo
from movieqa.storage import digest_file
from movieqa.workspace import Workspace

from .subtitle_cues import settle_cues
from .subtitle_files import file_name, fingerprint, read_subtitle_file

VERSION = 1
_LEAST_FPS, _MOST_FPS = 0.001, 1000.0


@dataclass(frozen=True, kw_only=True)
class PublishedFilmConfig:
    """What a film's features do not say of themselves.

    Attributes:
        fps: Frames a second; the published tools sample one.
        subtitles: Subtitle files; without any, the lines that stand between the frames, each as long as its frame.
    """

    fps: float = 1.0
    subtitles: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check the rate.

        Raises:
            ConfigError: It cannot be one.
        """
        if not _LEAST_FPS <= self.fps <= _MOST_FPS:
            raise ConfigError(f"fps={self.fps} must be {_LEAST_FPS:g} to {_MOST_FPS:g} frames a second")


def convert_film(
    source: str | Path, target: str | Path, tower: TowerFacts, config: PublishedFilmConfig | None = None
) -> FilmReport:
    """Make a workspace of an original film file (`feats` and `inputs`); its features are kept bit for bit.

    There is one shot, because the file tells of no cut, and there are no pictures: what needs them says so.

    Args:
        source: The film's `.pkl`; nothing in it is run.
        target: The workspace's new folder.
        tower: The model that is to be asked about it.
        config: What the file does not say.

    Raises:
        CheckpointError: The source is no film file or was made for another model, or the target exists.
        SubtitleError: A subtitle file cannot be read, or none of its lines belongs to this film.

    Example:
        >>> convert_film("tt0120338.pkl", "titanic.movieqa", read_tower("llama-vid-7b-film"))  # doctest: +SKIP
    """
    source, config = Path(source), config or PublishedFilmConfig()
    film = read_film_pickle(source)
    if film.features.shape[1:] != (tower.num_rows, tower.width):
        raise CheckpointError(
            f"{source}: {film.features.shape[1]} rows of {film.features.shape[2]} a frame are not of model "
            f"{tower.name}, whose frames have {tower.num_rows} rows of {tower.width}",
            hint="name the model that the features were made for",
        )
    times = np.arange(len(film.features), dtype=np.float64) / config.fps
    duration = len(times) / config.fps
    lines, notes = _read_lines(film, source, times, duration, config.subtitles)
    video = VideoInfo(
        name=file_name(source),
        digest=digest_file(source),
        num_bytes=source.stat().st_size,
        container="features",
        duration=duration,
        rate=Fraction(config.fps).limit_denominator(1_000_000),
        width=tower.image_size,
        height=tower.image_size,
        rotation=0,
        sample_aspect=Fraction(1),
        codec="",
        pixel_format="",
        stream_index=0,
        streams=(),
    )
    manifest = Manifest(
        source_name=video.name,
        source_digest=video.digest,
        source_bytes=video.num_bytes,
        versions={name: version(name) for name in ("movieqa", "numpy")},
    )
    depends_on = {"version": VERSION, "source": video.digest}
    scan_notes = [
        "made of published features: no pictures, and one shot, as cuts are not known",
        f"the file tells no times: {config.fps:g} frames a second are assumed",
    ]
    with new_folder(Path(target)) as folder, WorkspaceBuilder(folder, manifest) as builder:
        with builder.step("probe", depends_on) as output:
            (output.folder / "video.json").write_text(movie_files.dump_video(video), encoding="utf-8")
        with builder.step("scan", {**depends_on, "fps": config.fps}) as output:
            shots = (Shot(index=0, start=0.0, end=duration, kind="start"),)
            (output.folder / "shots.csv").write_text(movie_files.dump_shots(shots), encoding="utf-8")
            (output.folder / "frames.npy").write_bytes(movie_files.dump_frames(Frames(times=times)))
            output.notes += scan_notes
        files = [[file_name(path), fingerprint(path)] for path in config.subtitles]
        with builder.step("subtitles", {**depends_on, "files": files}) as output:
            (output.folder / "subtitles.jsonl").write_text(movie_files.dump_subtitles(lines), encoding="utf-8")
            (output.folder / "subtitles.srt").write_text(movie_files.dump_srt(lines), encoding="utf-8")
            output.notes += notes
        with builder.step(step_name(tower.name), {**depends_on, "tower": tower.fingerprint}) as output:
            shards = output.folder / FOLDER / tower.name
            shards.mkdir(parents=True)
            write_features(film.features, shards, source=source)
            (shards / FACTS_FILE).write_text(_facts(film, tower).dump(), encoding="utf-8")
    workspace = Workspace.open(target)
    return FilmReport(
        source=video.name,
        model=tower.name,
        num_frames=len(times),
        num_subtitles=len(lines),
        num_bytes=sum(entry.num_bytes for entry in workspace.files.values()),
        notes=(*scan_notes, *notes),
    )


def _facts(film: FilmPickle, tower: TowerFacts) -> FeatureFacts:
    return FeatureFacts(
        tower=tower.fingerprint,
        kind="float16",
        num_frames=len(film.features),
        num_rows=tower.num_rows,
        width=tower.width,
        frames_per_shard=FRAMES_PER_SHARD,
        loss=0.0,
    )


def _read_lines(
    film: FilmPickle, source: Path, times: np.ndarray, duration: float, files: Sequence[Path]
) -> tuple[tuple[Subtitle, ...], list[str]]:
    """Return the lines of subtitle files, else those between the frames, and what is to be known of them."""
    if not files:
        ends = [*times[1:].tolist(), duration]
        lines = tuple(
            Subtitle(start=float(start), end=end, text=text.strip(), source=file_name(source))
            for start, end, text in zip(times, ends, film.texts, strict=True)
            if text.strip()
        )
        return lines, ["the lines stand between the film's features; their times are those of the frames before them"]
    read: list[Subtitle] = []
    notes: list[str] = []
    for path in files:
        cues = read_subtitle_file(path)
        settled = settle_cues(cues.cues, shift=0.0, film_end=duration, source=file_name(path))
        notes += [*cues.notes, *settled.notes]
        if not settled.subtitles:
            raise SubtitleError(f"{path}: no line in it belongs to this film", hint="give the subtitles of this film")
        read += settled.subtitles
    return tuple(sorted(read, key=lambda line: (line.start, line.end))), notes
