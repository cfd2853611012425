"""Scans a film in one pass: its shots, its sampled frames, a picture of every shot; in a child that can be killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from movieqa import movie_files
from movieqa.errors import ConfigError, MissingDependencyError, MovieQAError, VideoError
from movieqa.movie import Frames, Shot, VideoInfo
from movieqa.storage import digest_file
from movieqa.times import format_time

from .scan_job import DETECTORS, ScanJob, ScanReport

SCAN_VERSION = 1
"""Raised when the same settings would give another result."""

_START_CHILD = "import sys; sys.path.extend(sys.argv[1:]); from movieqa.preprocess.scan_child import main; main()"
_ERRORS: dict[str, type[MovieQAError]] = {
    "video error": VideoError,
    "missing dependency": MissingDependencyError,
    "config error": ConfigError,
}


@dataclass(frozen=True, kw_only=True)
class ScanConfig:
    """How a film is scanned."""

    fps: float = 1.0
    """Sampled frames a second of film; a short shot gets one of its own beyond that."""
    max_frames: int | None = None
    """At most so many sampled frames, spread evenly."""
    detector: str = "transitions"
    """What finds the shots; one of `DETECTORS`."""
    transnet: Path | None = None
    """TransNetV2 as an ONNX file, for the detector `transnet`."""
    stall_seconds: float = 60.0
    """The decoder is killed when it says nothing for so long."""

    def __post_init__(self) -> None:
        """Check every setting."""
        if not 0 < self.fps <= 1000:
            raise ConfigError(f"fps must be above 0 and at most 1000, got {self.fps}")
        if self.max_frames is not None and self.max_frames < 1:
            raise ConfigError(f"max_frames must be 1 or more, got {self.max_frames}")
        if self.detector not in DETECTORS:
            raise ConfigError(f"no detector {self.detector!r}", hint=f"choose one of {', '.join(DETECTORS)}")
        if not self.stall_seconds > 0:
            raise ConfigError(f"stall_seconds must be above 0, got {self.stall_seconds}")

    def depends_on(self) -> dict[str, Any]:
        """Return the settings that can change the result, as plain JSON types."""
        uses_model = self.detector == "transnet" and self.transnet is not None and self.transnet.is_file()
        return {
            "version": SCAN_VERSION,
            "fps": self.fps,
            "max_frames": self.max_frames,
            "detector": self.detector,
            "transnet": digest_file(self.transnet) if uses_model and self.transnet else None,
        }


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """What a scan found; the pictures are in `proxy.mp4` and `keyframes/`."""

    shots: tuple[Shot, ...]
    frames: Frames
    notes: tuple[str, ...] = ()
    """Losses, and times that had to be filled in."""


def scan_film(
    path: Path,
    video: VideoInfo,
    out: Path,
    config: ScanConfig,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> ScanResult:
    """Decode a film once and write `shots.csv`, `frames.npy`, `proxy.mp4` and `keyframes/0001.jpg` and so on.

    The film is opened in a child process. A film that breaks off or is damaged is used as far as it can be read, and
    the notes say what was lost. A decoder that hangs or crashes has no picture of the film's rest to offer and may
    not have told the truth so far, so that is an error, which says where in the film it happened.

    Args:
        path: The film.
        video: What `probe` found in it.
        out: An existing folder, without these files.
        config: Settings.
        on_progress: Hears the fraction of the work done, 0 to 1, a few times a second.

    Returns:
        The shots and frames, equal to what the files hold.

    Raises:
        VideoError: No picture can be read, or the decoder hung or crashed.
        MissingDependencyError: The chosen detector is not installed.
        OSError: The disk is full or `out` cannot be written.
    """
    job = ScanJob(
        path=path.absolute(),
        video=video,
        output=out.absolute(),
        fps=config.fps,
        max_frames=config.max_frames,
        detector=config.detector,
        transnet=config.transnet.absolute() if config.transnet else None,
    )
    with _child(job) as child:
        report = _follow(child, path, config.stall_seconds, on_progress)
    if report.state == "os error":
        raise OSError(report.errno, report.message, str(out))
    if report.state in _ERRORS:
        raise _ERRORS[report.state](report.message, hint=report.hint)
    return ScanResult(
        shots=movie_files.load_shots((out / "shots.csv").read_bytes()),
        frames=movie_files.load_frames((out / "frames.npy").read_bytes()),
        notes=report.notes,
    )


@dataclass(frozen=True, kw_only=True)
class _Child:
    process: subprocess.Popen[bytes]
    complaints: IO[bytes]


@contextmanager
def _child(job: ScanJob) -> Iterator[_Child]:
    """Start the child in a session of its own, so that Ctrl-C reaches only us, and never leave it behind."""
    command = [sys.executable, "-I", "-c", _START_CHILD, *sys.path]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True
        )
        try:
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # a child that died at once is told of by `_follow`
                process.stdin.write(job.dump().encode() + b"\n")
                process.stdin.flush()
            yield _Child(process=process, complaints=complaints)
        finally:
            process.kill()
            process.communicate()


def _follow(child: _Child, path: Path, stall_seconds: float, on_progress: Callable[[float], None] | None) -> ScanReport:
    last_time = 0.0
    for line in _lines(child.process, stall_seconds):
        if line is None:
            raise VideoError(
                f"{path}: the decoder hung after {format_time(last_time)} of film",
                hint=f"it was stopped after {stall_seconds:g} s without progress; the file may be damaged there",
            )
        report = ScanReport.load(line)
        if report.state != "working":
            return report
        last_time = report.time
        if on_progress is not None:
            on_progress(report.fraction)
    raise _crash(child, path, last_time)


def _lines(process: subprocess.Popen[bytes], stall_seconds: float) -> Iterator[bytes | None]:
    """Yield the child's lines, and None when it is silent for too long; end when it has closed its output."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    pending = b""
    while True:
        ready, _, _ = select.select([descriptor], [], [], stall_seconds)
        if not ready:
            yield None
            return
        data = os.read(descriptor, 1 << 16)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        yield from lines


def _crash(child: _Child, path: Path, last_time: float) -> VideoError:
    try:
        code = child.process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        code = 0
    child.complaints.seek(0)
    lines = child.complaints.read().decode("utf-8", "replace").strip().splitlines()
    reason = signal.Signals(-code).name if code < 0 else (lines[-1][:200] if lines else f"exit code {code}")
    return VideoError(
        f"{path}: the decoder crashed after {format_time(last_time)} of film ({reason})",
        hint="the file may be damaged there",
    )
