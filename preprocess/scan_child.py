"""The child process that meets the film: decodes it once, finds the shots, keeps the sampled frames."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movieqa import movie_files
from movieqa.errors import ConfigError, MissingDependencyError, VideoError
from movieqa.movie import Frames
from movieqa.storage import write_atomic

from .decoding import Decoder
from .detectors import BoundaryFinder
from .proxy import PictureScaler, ProxyWriter, write_keyframe
from .sampling import FrameSampler
from .scan_job import ScanJob, ScanReport
from .shots import build_shots
from .small import SmallPictures
from .thinning import choose_frames, thin_proxy

_MAX_MEMORY = 6 << 30
_REPORT_SECONDS = 0.2


def main() -> None:
    """Read a job from standard input, work, and report on standard output."""
    job = ScanJob.load(sys.stdin.readline())
    sys.stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a C library prints must not pass for a report
    _limit_process()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _report(ScanReport(state="done", fraction=1.0, notes=tuple(_scan(job))))
    except VideoError as error:
        _report(ScanReport(state="video error", message=error.message, hint=error.hint))
    except MissingDependencyError as error:
        _report(ScanReport(state="missing dependency", message=error.message, hint=error.hint))
    except ConfigError as error:
        _report(ScanReport(state="config error", message=error.message, hint=error.hint))
    except MemoryError:
        message = f"{job.path}: reading it takes more than {_MAX_MEMORY >> 30} GB of memory"
        _report(ScanReport(state="video error", message=message, hint="scale the film down first"))
    except OSError as error:
        _report(ScanReport(state="os error", errno=error.errno or 0, message=error.strerror or str(error)))


def _limit_process() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MAX_MEMORY, _MAX_MEMORY))


def _end_with_parent() -> None:
    """Exit as soon as standard input closes, which it does when the parent dies, however it dies."""
    sys.stdin.read()
    os._exit(1)


def _report(report: ScanReport) -> None:
    sys.stdout.write(report.dump() + "\n")
    sys.stdout.flush()


def _scan(job: ScanJob) -> list[str]:
    spacing = 1 / job.fps
    if job.max_frames is not None:
        spacing = max(spacing, job.video.duration / job.max_frames)
    finder = BoundaryFinder(job.detector, rate=job.video.rate, transnet=job.transnet)
    scaler = PictureScaler(job.video)
    output = _Output(job.output, scaler.width, scaler.height)
    sampler = FrameSampler(scaler, spacing=spacing, lookahead=finder.lookahead, keep=output.keep, show=output.show)
    small = SmallPictures()
    times: list[float] = []
    decoder = Decoder(job.path, job.video)
    reported = time.monotonic()
    try:
        for picture in decoder.pictures():
            times.append(picture.time)
            sampler.push(picture, finder.push(picture.number, small.shrink(picture.frame)))
            if time.monotonic() - reported > _REPORT_SECONDS:
                reported = time.monotonic()
                _report(ScanReport(state="working", time=picture.time, fraction=decoder.fraction))
    finally:
        decoder.close()
    if not times:
        raise VideoError(f"{job.path}: not one picture could be read", hint="check that the file is whole")
    end = decoder.end
    sampler.finish(finder.finish(len(times) - 1), end)
    output.close()
    shots = build_shots(sampler.boundaries, times, end)
    notes = decoder.notes()
    if job.max_frames is not None and len(output.times) > job.max_frames:
        kept = choose_frames(output.times, shots, job.max_frames)
        thin_proxy(output.proxy, output.times, kept)
        output.times = [output.times[index] for index in kept]
        if job.max_frames < len(shots):
            notes.append(f"{len(shots)} shots but at most {job.max_frames} frames: some shots have none of their own")
    write_atomic(job.output / "shots.csv", movie_files.dump_shots(shots))
    write_atomic(job.output / "frames.npy", movie_files.dump_frames(Frames(times=np.array(output.times, np.float64))))
    return notes


class _Output:
    """Takes what the sampler chooses."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self.times: list[float] = []
        self.proxy = folder / "proxy.mp4"
        self._keyframes = folder / "keyframes"
        self._keyframes.mkdir(exist_ok=True)
        self._num_shots = 0
        self._writer = ProxyWriter(self.proxy, width, height)

    def keep(self, picture: NDArray[np.uint8], time: float) -> None:
        """Add a sampled frame."""
        self._writer.write(picture, time)
        self.times.append(time)

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Write the next shot's picture."""
        self._num_shots += 1
        write_keyframe(self._keyframes / f"{self._num_shots:04d}.jpg", picture)

    def close(self) -> None:
        """Finish the proxy."""
        self._writer.close()


if __name__ == "__main__":
    main()
