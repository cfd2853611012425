"""Pictures of training videos, decoded in a child process that can be killed; a hostile file never meets this one."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sample import SampleError, Stretch

_START_CHILD = "import sys; sys.path.extend(sys.argv[1:]); from movieqa.train.data.video_child import main; main()"
_MAX_PICTURE = 3 * 8192 * 8192
_MAX_LINE = 1 << 12


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """What a video's container tells.

    Attributes:
        rate: Frames a second, on average.
        duration: Seconds.
        num_frames: Frames, as the container counts them or as rate and duration give.
    """

    rate: float
    duration: float
    num_frames: int


class VideoDecoder:
    """Reads videos through one child process, which is started when first needed and again after it was killed.

    Args:
        stall_seconds: The child is killed when it says nothing for so long.
    """

    def __init__(self, *, stall_seconds: float = 60.0) -> None:
        self._stall_seconds = stall_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._pending = b""

    def facts(self, path: Path) -> VideoFacts:
        """Return what a video's container tells.

        Raises:
            SampleError: If it is no video, or its decoder hung or crashed.
        """
        reply, _ = next(self._ask(path, {"do": "facts"}))
        return VideoFacts(**reply)

    def pictures(self, path: Path, times: Sequence[float]) -> Iterator[NDArray[np.uint8]]:
        """Yield the picture on screen at each time, UInt8[H, W, 3] in RGB, one at a time in memory.

        Args:
            path: The video.
            times: Seconds from its first picture, rising; repeated times repeat the picture.

        Raises:
            SampleError: If a picture cannot be read, or the decoder hung or crashed.
        """
        for reply, data in self._ask(path, {"do": "pictures", "times": [float(time) for time in times]}):
            yield np.frombuffer(data, np.uint8).reshape(reply["height"], reply["width"], 3)

    def close(self) -> None:
        """Kill the child."""
        if self._child is not None and self._owner == os.getpid():
            self._child.kill()
            self._child.communicate()
        self._child = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_child": None, "_pending": b""}

    def __del__(self) -> None:
        self.close()

    def _ask(self, path: Path, request: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        child = self._started()
        assert child.stdin is not None
        is_finished = False
        try:
            child.stdin.write(json.dumps({**request, "path": str(path.absolute())}).encode() + b"\n")
            child.stdin.flush()
            while True:
                reply = self._line(path)
                num_bytes = int(reply.pop("num_bytes"))
                if not 0 <= num_bytes <= _MAX_PICTURE:
                    raise SampleError(f"{path.name}: its decoder answers nonsense")
                data = self._take(num_bytes, path)
                if "error" in reply:
                    is_finished = True
                    raise SampleError(f"{path.name}: cannot be read ({reply['error']})")
                if reply.pop("done", False):
                    is_finished = True
                    return
                if request["do"] == "facts":
                    is_finished = True
                yield reply, data
                if is_finished:
                    return
        except BrokenPipeError:
            raise SampleError(f"{path.name}: its decoder crashed") from None
        finally:
            if not is_finished:  # what is still on its way belongs to nobody
                self.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._owner != os.getpid() or self._child.poll() is not None:
            command = [sys.executable, "-I", "-c", _START_CHILD, *sys.path]
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._owner, self._pending = os.getpid(), b""
        return self._child

    def _line(self, path: Path) -> dict[str, Any]:
        while b"\n" not in self._pending:
            if len(self._pending) > _MAX_LINE:
                raise SampleError(f"{path.name}: its decoder answers nonsense")
            self._pending += self._receive(path)
        line, _, self._pending = self._pending.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _take(self, num_bytes: int, path: Path) -> bytes:
        parts, missing = [self._pending[:num_bytes]], num_bytes - len(self._pending)
        self._pending = self._pending[num_bytes:]
        while missing > 0:
            data = self._receive(path)
            parts.append(data[:missing])
            self._pending = data[missing:]
            missing -= len(data)
        return b"".join(parts)

    def _receive(self, path: Path) -> bytes:
        assert self._child is not None and self._child.stdout is not None
        descriptor = self._child.stdout.fileno()
        ready, _, _ = select.select([descriptor], [], [], self._stall_seconds)
        if not ready:
            raise SampleError(f"{path.name}: its decoder hung and was stopped after {self._stall_seconds:g} s")
        data = os.read(descriptor, 1 << 20)
        if not data:
            raise SampleError(f"{path.name}: its decoder crashed")
        return data


def steady_times(facts: VideoFacts, *, fps: float, most: int | None, stretch: Stretch | None) -> NDArray[np.float64]:
    """Return the times of so many frames a second, Float64[T]; beyond `most` they are spread evenly.

    Raises:
        SampleError: If the stretch begins after the video's end.

    Example:
        >>> steady_times(VideoFacts(rate=25, duration=2.5, num_frames=62), fps=1, most=None, stretch=None).tolist()
        [0.0, 1.0, 2.0]
    """
    start, end = _bounds(facts, stretch)
    times = start + np.arange(max(1, int(np.ceil((end - start) * fps - 1e-6)))) / fps
    return times if most is None or len(times) <= most else times[np.linspace(0, len(times) - 1, most).astype(int)]


def spread_indices(num_frames: int, rate: float, count: int, stretch: Stretch | None) -> NDArray[np.int64]:
    """Return the indices of frames spread evenly from the first to the last one of a stretch, as VTimeLLM takes them.

    Example:
        >>> spread_indices(9, 25.0, 3, None).tolist()
        [0, 4, 8]
    """
    first, last = 0, num_frames - 1
    if stretch is not None:
        first, last = max(int(rate * stretch.start), 0), min(int(rate * stretch.end), num_frames - 1)
    return np.linspace(first, last, count).astype(np.int32).astype(np.int64)


def spread_times(facts: VideoFacts, count: int, stretch: Stretch | None) -> NDArray[np.float64]:
    """Return times at which the frames of `spread_indices` are on screen, Float64[count].

    Raises:
        SampleError: If the stretch begins after the video's end.
    """
    _bounds(facts, stretch)
    indices = spread_indices(facts.num_frames, facts.rate, count, stretch)
    return np.asarray((indices + 0.5) / facts.rate, dtype=np.float64)


def _bounds(facts: VideoFacts, stretch: Stretch | None) -> tuple[float, float]:
    if stretch is None:
        return 0.0, facts.duration
    if stretch.start >= facts.duration:
        raise SampleError(f"its part begins at {stretch.start:g} s of a video of {facts.duration:g} s")
    return stretch.start, min(stretch.end, facts.duration)
