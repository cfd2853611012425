"""Decodes a film once, from its first picture to its last, and keeps count of what could not be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError

from movieqa.errors import VideoError
from movieqa.movie import VideoInfo
from movieqa.times import format_time

from .clock import Clock
from .containers import OPTIONS, to_url

MAX_PIXELS = 8192 * 8192
_MAX_THREADS = 8
_MAX_FAULTS_IN_A_ROW = 1000
_MAX_PICTURE_SECONDS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One decoded picture, as stored: neither turned upright nor scaled."""

    number: int
    """Counts decoded pictures from 0."""
    time: float
    """Presentation time in seconds from the first picture."""
    frame: av.VideoFrame


class Decoder:
    """Reads one stream of one film, forwards only.

    A packet that cannot be decoded is skipped and counted; FFmpeg conceals smaller damage and marks the picture.

    Args:
        path: The film.
        video: What `probe` found.

    Raises:
        VideoError: The film cannot be opened.
    """

    def __init__(self, path: Path, video: VideoInfo) -> None:
        self._video = video
        self.num_pictures = 0
        self.last_time = 0.0
        self._last_length = 0
        self._previous_dts = -1
        self._is_avi = False
        self._position = 0
        self._num_bytes = video.num_bytes
        self._num_faults = 0
        self._num_damaged = 0
        self._first_loss: float | None = None
        self._sizes: set[tuple[int, int]] = set()
        try:
            self._container = av.open(to_url(path), options=dict(OPTIONS), metadata_errors="replace")
        except FFmpegError as error:
            raise VideoError(f"{path}: cannot be opened ({error.strerror})", hint="check that it is whole") from None
        streams = {stream.index: stream for stream in self._container.streams.video}
        if video.stream_index not in streams:
            raise VideoError(f"{path}: stream {video.stream_index} holds no pictures", hint="check that it is whole")
        self._stream = streams[video.stream_index]
        self._time_base = self._stream.time_base or Fraction(1, 1_000_000)
        self._is_avi = self._container.format.name == "avi"
        self._clock = Clock(video.rate, video.duration, self._time_base)
        context = self._stream.codec_context
        context.options = {"max_pixels": str(MAX_PIXELS)}
        context.thread_type = "AUTO"
        context.thread_count = min(_MAX_THREADS, os.cpu_count() or 1)

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture in presentation order."""
        for frame in self._frames():
            self.last_time = self._clock.time_of(self._stamp_of(frame))
            self._last_length = frame.duration
            self._sizes.add((frame.width, frame.height))
            if frame.is_corrupt:
                self._num_damaged += 1
                self._note_loss()
            yield Picture(number=self.num_pictures, time=self.last_time, frame=frame)
            self.num_pictures += 1

    def _stamp_of(self, frame: av.VideoFrame) -> int | None:
        if not self._is_avi:
            return frame.pts
        # AVI only counts its packets, one to a frame interval. FFmpeg hands these numbers out as presentation times,
        # out of order; as decoding times they are right, but for the last pictures it has none.
        self._previous_dts = frame.dts if frame.dts is not None else self._previous_dts + 1
        return self._previous_dts

    @property
    def end(self) -> float:
        """Where the last picture read so far ends, in seconds: as the stream says, where that can be."""
        length = float(self._last_length * self._time_base)
        if not 0 < length <= _MAX_PICTURE_SECONDS:
            length = float(1 / self._video.rate)
        return round(self.last_time + length, 6)

    @property
    def fraction(self) -> float:
        """How much of the film is read, 0 to 1, about."""
        if self._video.duration:
            return min(1.0, self.last_time / self._video.duration)
        return min(1.0, self._position / self._num_bytes)

    def _frames(self) -> Iterator[av.VideoFrame]:
        faults_in_a_row = 0
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    self._position = packet.pos or self._position
                    try:
                        yield from packet.decode()
                        faults_in_a_row = 0
                    except FFmpegError as error:
                        if isinstance(error, EOFError):
                            return
                        if isinstance(error, MemoryError):
                            raise
                        faults_in_a_row += 1
                        self._count_fault()
                        if faults_in_a_row > _MAX_FAULTS_IN_A_ROW:
                            return
                return
            except FFmpegError as error:  # the container's own structure is damaged; reading on may find more
                if isinstance(error, MemoryError):
                    raise
                faults_in_a_row += 1
                self._count_fault()
                if faults_in_a_row > _MAX_FAULTS_IN_A_ROW:
                    return

    def _count_fault(self) -> None:
        self._num_faults += 1
        self._note_loss()

    def _note_loss(self) -> None:
        if self._first_loss is None:
            self._first_loss = self.last_time

    def notes(self) -> list[str]:
        """Tell what was lost or filled in; call it when all pictures are read."""
        notes = []
        claimed = self._video.duration
        end = self.end
        if claimed - end > max(1.0, 0.01 * claimed):
            notes.append(
                f"the film breaks off at {format_time(end)} of {format_time(claimed)}: the rest could not be read"
            )
        if self._num_faults or self._num_damaged:
            first = format_time(self._first_loss or 0.0)
            notes.append(
                f"the file is damaged: {self._num_faults} packets could not be read and {self._num_damaged} pictures "
                f"are patched up, the first near {first}"
            )
        if self._clock.num_filled:
            notes.append(
                f"{self._clock.num_filled} of {self.num_pictures} pictures had no usable time: theirs follows from the "
                f"average rate of {float(self._video.rate):.3f} frames a second"
            )
        if len(self._sizes) > 1:
            sizes = ", ".join(f"{width}x{height}" for width, height in sorted(self._sizes))
            notes.append(f"the picture size changes within the film ({sizes})")
        return notes

    def close(self) -> None:
        """Close the film."""
        self._container.close()
