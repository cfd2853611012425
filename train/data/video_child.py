"""The child process that meets training videos: tells their facts, decodes what is on screen at given times."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from collections.abc import Iterator
from typing import IO, Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

_MAX_MEMORY = 4 << 30
_MAX_PIXELS = 8192 * 8192
_FORMATS = "mov,matroska,avi,mpegts,mpeg,m4v,flv,asf,ogg,mxf,gif"
_FAR = 10.0
"""Seconds; a picture farther away than this is sought, a nearer one decoded to."""
_MAX_FAULTS = 1000


class _Unreadable(Exception):
    """Why a video cannot be read."""


def main() -> None:
    """Answer requests from standard input, one line of JSON each, until it closes."""
    requests, replies = sys.stdin, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a C library prints must not pass for a reply
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MAX_MEMORY, _MAX_MEMORY))
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    for line in requests:
        request = json.loads(line)
        try:
            _answer(request, replies)
        except (_Unreadable, FFmpegError, MemoryError, ValueError, IndexError) as error:
            reason = error.strerror if isinstance(error, FFmpegError) else str(error)
            _send(replies, {"error": reason or type(error).__name__})


def _end_with_parent(parent: int) -> None:
    """Exit when the parent is gone, also in the middle of a decode."""
    while os.getppid() == parent:
        threading.Event().wait(2.0)
    os._exit(1)


def _answer(request: dict[str, Any], replies: IO[bytes]) -> None:
    with av.open(
        f"file:{request['path']}",
        options={"protocol_whitelist": "file", "format_whitelist": _FORMATS},
        metadata_errors="replace",
    ) as container:
        stream = next((s for s in container.streams.video if not s.disposition & s.disposition.attached_pic), None)
        if stream is None:
            raise _Unreadable("no pictures in it")
        stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}
        stream.codec_context.thread_count = 1
        if request["do"] == "facts":
            _send(replies, _facts(container, stream))
            return
        screen = _Screen(container, stream)
        for time in request["times"]:
            picture = screen.picture(time)
            height, width, _ = picture.shape
            _send(replies, {"height": height, "width": width}, picture.tobytes())
        _send(replies, {"done": True})


def _facts(container: Any, stream: Any) -> dict[str, Any]:
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    seconds = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    if not 0 < rate <= 1000:
        raise _Unreadable("it does not tell its rate of frames")
    if not 0 < seconds < 1e6:
        raise _Unreadable("it does not tell its length")
    return {"rate": rate, "duration": seconds, "num_frames": stream.frames or max(1, round(seconds * rate))}


class _Screen:
    """What is on screen, asked for at rising times; the last picture stays until its video ends."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._container, self._stream = container, stream
        self._start = stream.start_time or 0
        self._length = float(1 / (stream.average_rate or 25))
        self._frames = _frames(container, stream)
        self._shown: Any = None
        self._shown_time = 0.0
        self._next: Any = None

    def picture(self, time: float) -> NDArray[np.uint8]:
        """Return the picture on screen, upright, UInt8[H, W, 3]."""
        if time - self._shown_time > _FAR:
            self._seek(time)
        while True:
            self._next = self._next or next(self._frames, None)
            if self._next is None or (self._shown is not None and self._time(self._next) > time + 1e-6):
                break
            self._shown_time, self._shown = self._time(self._next), self._next
            self._next = None
        if self._shown is None:
            raise _Unreadable("not one picture of it can be read")
        if self._next is None and time > self._shown_time + max(1.0, 2 * self._length):
            raise _Unreadable(f"it breaks off at {self._shown_time:.1f} s, before {time:.1f} s")
        return _upright(self._shown)

    def _seek(self, time: float) -> None:
        """Go on at the key frame before a time; where that cannot be, decode on."""
        try:
            self._container.seek(int(time / self._stream.time_base) + self._start, stream=self._stream, backward=True)
        except FFmpegError:
            return
        self._frames, self._next = _frames(self._container, self._stream), None

    def _time(self, frame: Any) -> float:
        if frame.pts is None:
            return self._shown_time + self._length
        return float((frame.pts - self._start) * self._stream.time_base)


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    faults = 0
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except FFmpegError as error:
            if isinstance(error, EOFError):
                return
            faults += 1
            if faults > _MAX_FAULTS:
                raise


def _upright(frame: Any) -> NDArray[np.uint8]:
    """Return a frame as people see it: turned, with square pixels."""
    aspect = float(frame.sample_aspect_ratio or 1) if hasattr(frame, "sample_aspect_ratio") else 1.0
    width = max(1, round(frame.width * aspect)) if 0.1 < aspect < 10 else frame.width
    if width * frame.height > _MAX_PIXELS:
        raise _Unreadable(f"pictures of {width}x{frame.height} pixels are too large")
    picture = frame.reformat(width=width, height=frame.height, format="rgb24").to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, k=round(frame.rotation / 90) % 4))


def _send(replies: IO[bytes], content: dict[str, Any], data: bytes = b"") -> None:
    replies.write(json.dumps({**content, "num_bytes": len(data)}).encode() + b"\n" + data)
    replies.flush()
