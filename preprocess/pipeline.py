"""The way from a film file to a workspace: probe, scan, subtitles; each step is skipped when it is already done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movieqa import movie_files
from movieqa.builder import StepOutput, WorkspaceBuilder
from movieqa.errors import MissingDependencyError, VideoError, WorkspaceError
from movieqa.manifest import Manifest
from movieqa.movie import CutKind, VideoInfo
from movieqa.storage import write_atomic
from movieqa.times import format_time
from movieqa.workspace import Workspace

from .probe import probe
from .progress import Progress
from .scan import ScanConfig, ScanResult, scan_film
from .subtitles import SubtitleConfig, SubtitleResult, read_subtitles

if TYPE_CHECKING:
    from .features import FeaturesStep

PROBE_VERSION = 1
_LIBRARIES = ("av", "numpy", "opencv-python-headless", "pysubs2", "scenedetect-headless")


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """Settings of every step."""

    scan: ScanConfig = field(default_factory=ScanConfig)
    subtitles: SubtitleConfig = field(default_factory=SubtitleConfig)
    features: FeaturesStep | None = None
    """Runs a model's vision tower over the frames; none without a model."""


def build_workspace(
    film: Path, output: Path, config: PreprocessConfig, *, progress: Progress, force: bool = False
) -> Workspace:
    """Turn a film into a workspace, or finish one that was interrupted.

    Args:
        film: The film file.
        output: The workspace's folder.
        config: Settings; a step whose settings changed is done again.
        progress: Hears of every step.
        force: Do every step again.

    Raises:
        VideoError: The film cannot be read.
        SubtitleError: Subtitles that were asked for cannot be read.
        WorkspaceError: The folder cannot be written, is busy, or is of another film.
    """
    progress.start("probe")
    video = probe(film)
    source = Manifest(
        source_name=video.name, source_digest=video.digest, source_bytes=video.num_bytes, versions=_versions()
    )
    if output.exists() and not output.is_dir():
        raise WorkspaceError(f"{output}: this is a file", hint="choose another --output")
    with WorkspaceBuilder(output, source, force=force) as builder:
        steps = _Steps(film, video, builder, progress)
        steps.run("probe", {"version": PROBE_VERSION, "source": video.digest, "name": video.name}, steps.probe)
        try:
            steps.run(
                "scan",
                {**config.scan.depends_on(), "source": video.digest},
                lambda output: steps.scan(output, config.scan),
            )
        except (VideoError, MissingDependencyError):
            builder.discard()  # a workspace of a film that shows no picture would be of no use to anybody
            raise
        steps.run(
            "subtitles",
            {**config.subtitles.depends_on(film, video), "source": video.digest},
            lambda output: steps.subtitles(output, config.subtitles),
        )
        if config.features is not None:
            steps.features(config.features)
    return Workspace.open(output)


class _Steps:
    """Runs the steps of one film; each returns its line of result."""

    def __init__(self, film: Path, video: VideoInfo, builder: WorkspaceBuilder, progress: Progress) -> None:
        self._film = film
        self._video = video
        self._builder = builder
        self._progress = progress

    def run(self, name: str, depends_on: dict[str, Any], work: Callable[[StepOutput], str]) -> None:
        """Do a step unless it is done, and tell of it."""
        self._progress.start(name)
        if self._builder.is_done(name, depends_on):
            self._progress.finish(name, "already done", self._builder.manifest.steps[name].notes)
            return
        started = time.monotonic()
        with self._builder.step(name, depends_on) as output:
            result = work(output)
        self._progress.finish(name, f"{result}  ({time.monotonic() - started:.1f} s)", tuple(output.notes))

    def probe(self, output: StepOutput) -> str:
        """Write down the film's facts."""
        video = self._video
        write_atomic(output.folder / "video.json", movie_files.dump_video(video))
        rate = float(video.rate)
        return f"{video.width}x{video.height} {video.codec}, {rate:.5g} frames/s, {format_time(video.duration)}"

    def scan(self, output: StepOutput, config: ScanConfig) -> str:
        """Find the shots and sample the frames."""
        result: ScanResult = scan_film(
            self._film, self._video, output.folder, config, on_progress=self._progress.advance
        )
        output.notes += result.notes
        kinds = Counter(shot.kind for shot in result.shots)
        parts = [f"{kinds[kind]} {name}" for kind, name in _KINDS if kinds[kind]]
        return f"{len(result.shots)} shots ({', '.join(parts) or 'no cuts'}), {len(result.frames)} frames"

    def subtitles(self, output: StepOutput, config: SubtitleConfig) -> str:
        """Read what is said."""
        result: SubtitleResult = read_subtitles(
            self._film, self._video, output.folder, config, on_progress=self._progress.advance
        )
        output.notes += result.notes
        return f"{len(result.subtitles)} lines from {result.source}" if result.subtitles else "none"

    def features(self, step: FeaturesStep) -> None:
        """Store what a model's vision tower sees in every sampled frame; goes on at the last finished shard."""
        self._progress.start(step.name)
        started = time.monotonic()
        facts = step.run(self._builder, announce=self._progress.say, on_progress=self._progress.advance)
        notes = self._builder.manifest.steps[step.name].notes
        if facts is None:
            self._progress.finish(step.name, "already done", notes)
            return
        result = f"{facts.num_frames} frames in {facts.kind}  ({time.monotonic() - started:.1f} s)"
        self._progress.finish(step.name, result, notes)


_KINDS: tuple[tuple[CutKind, str], ...] = (("cut", "cuts"), ("fade", "fades"), ("dissolve", "dissolves"))


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("movieqa", *_LIBRARIES)}
