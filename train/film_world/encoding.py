"""Encoding: a film's pictures become H.264 in parts that can be made apart, and the parts become one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from movieqa.errors import MissingDependencyError

from .drawing.acting import TICKS
from .drawing.painter import Painter
from .records import Film, ShotPlan
from .sound import SAMPLE_RATE, SoundTrack

PART_SECONDS = 60.0
"""A part is at least so long and ends with a shot."""
_OPTIONS = {
    "preset": "ultrafast",
    "qp": "22",
    "bf": "0",
    "threads": "1",
    "sc_threshold": "0",
    "g": "240",
    "x264-params": "ref=1:me=dia:subme=0:weightp=0:trellis=0:partitions=none:8x8dct=0:deblock=1,0,0",
}
"""Drawn pictures need no search for fine motion and no rate control: against x264's `superfast` at crf 23 this takes
half the time and less room, and no eye sees the difference (48 dB). Without B-frames parts can be joined without a new
encode."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A run of shots that is encoded in one piece."""

    index: int
    first: int
    """Index of the first shot."""
    last: int
    """Index of the last shot."""
    num_frames: int


def split_film(film: Film) -> list[Part]:
    """Divide a film into parts at the ends of shots."""
    parts: list[Part] = []
    first = 0
    for shot in film.shots:
        is_last = shot.index + 1 == len(film.shots)
        if is_last or shot.end - film.shots[first].start >= PART_SECONDS:
            frames = round((shot.end - film.shots[first].start) * film.fps)
            parts.append(Part(index=len(parts), first=first, last=shot.index, num_frames=frames))
            first = shot.index + 1
    return parts


def check_encoder() -> None:
    """Check that H.264 can be written.

    Raises:
        MissingDependencyError: The FFmpeg inside PyAV has no x264.
    """
    if "libx264" not in av.codecs_available:
        raise MissingDependencyError("PyAV has no libx264 encoder", hint="install the wheel of the package av")


def encode_part(film: Film, part: Part, path: Path, *, width: int, height: int) -> None:
    """Draw and encode one part into a file that appears only when it is whole."""
    painter = Painter(film, width=width, height=height)
    temporary = path.with_name(f".{path.name}.tmp")
    with av.open(str(temporary), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=film.fps)
        if not isinstance(stream, VideoStream):
            raise AssertionError("libx264 makes video")
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, film.fps)
        stream.options = dict(_OPTIONS)
        drawn: NDArray[np.uint8] | None = None
        frame = VideoFrame(width, height, "yuv420p")
        for number, picture in enumerate(_pictures(film, part, painter)):
            if picture is not drawn:
                frame = VideoFrame.from_ndarray(picture, format="yuv420p")
                frame.time_base = Fraction(1, film.fps)
                drawn = picture
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    temporary.replace(path)


def _pictures(film: Film, part: Part, painter: Painter) -> Iterator[NDArray[np.uint8]]:
    """Yield every frame of a part as planar YUV 4:2:0; what does not change is drawn once."""
    hold = film.fps // TICKS
    for index in range(part.first, part.last + 1):
        shot = film.shots[index]
        signature: object = None
        picture: NDArray[np.uint8] | None = None
        first, last = round(shot.start * film.fps), round(shot.end * film.fps)
        for number in range(first, last):
            if picture is None or number % hold == 0:
                time = number / film.fps
                mixing = mix_at(film, shot, time)
                current = (painter.signature(shot, time), mixing)
                if picture is None or current != signature:
                    signature = current
                    picture = _to_yuv(draw_moment(film, painter, shot, time))
            yield picture


def mix_at(film: Film, shot: ShotPlan, time: float) -> tuple[int, float] | None:
    """Return the transition a moment lies in: the index of the shot that comes in, and how far it has."""
    following = film.shots[shot.index + 1] if shot.index + 1 < len(film.shots) else None
    for entering in (shot, following):
        if entering is not None and entering.transition > 0:
            share = (time - entering.start) / entering.transition + 0.5
            if 0.0 <= share < 1.0:
                return entering.index, round(share, 4)
    return None


def draw_moment(film: Film, painter: Painter, shot: ShotPlan, time: float) -> NDArray[np.uint8]:
    """Draw a moment with the dissolve or fade it lies in."""
    mixing = mix_at(film, shot, time)
    if mixing is None:
        return painter.paint(shot, time)
    entering, share = film.shots[mixing[0]], mixing[1]
    leaving = film.shots[entering.index - 1]
    if entering.cut == "fade":
        shown = painter.paint(leaving if share < 0.5 else entering, time)
        return (shown * abs(2.0 * share - 1.0)).astype(np.uint8)
    before = painter.paint(leaving, time).copy()
    after = painter.paint(entering, time)
    return np.asarray(cv2.addWeighted(before, 1.0 - share, after, share, 0.0), dtype=np.uint8)


def _to_yuv(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2YUV_I420), dtype=np.uint8)


def join_parts(film: Film, parts: list[Path], sound: SoundTrack, path: Path) -> None:
    """Put the parts one after the other, with the sound, into an MP4 file that appears only when it is whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    with av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        picture: VideoStream | None = None
        speech = None
        offset = 0
        for source_path in parts:
            with av.open(str(source_path)) as source:
                origin = source.streams.video[0]
                if picture is None:
                    picture = container.add_stream_from_template(origin)
                    picture.time_base = Fraction(1, film.fps)
                    speech = container.add_stream(
                        "aac", rate=SAMPLE_RATE, layout="mono", options={"aac_coder": "fast"}, bit_rate=48_000
                    )
                count = 0
                for packet in source.demux(origin):
                    if packet.size == 0:
                        continue
                    packet.stream = picture
                    packet.time_base = Fraction(1, film.fps)
                    packet.pts = packet.dts = offset + count
                    packet.duration = 1
                    container.mux(packet)
                    count += 1
                start, offset = offset / film.fps, offset + count
            if speech is not None:
                for block in sound.blocks(start, offset / film.fps):
                    container.mux(speech.encode(block))
        if speech is not None:
            container.mux(speech.encode(None))
    temporary.replace(path)
