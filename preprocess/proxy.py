"""Writes the sampled frames as a small film that plays in real time and can be read at random."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from movieqa.movie import VideoInfo

from .scaling import BICUBIC, BILINEAR, ONE_THREAD

SHORT_SIDE = 480
_MAX_LONG_SIDE = 2048
_TIME_BASE = Fraction(1, 1_000_000)
_X264 = {
    "preset": "ultrafast",  # a few kilobytes more a picture for half the time
    "crf": "25",
    # Few frames between key frames, and none that refer forwards, so that any one is read by decoding at most ten.
    # One thread, because the number of threads changes the bytes.
    "x264-params": "keyint=10:min-keyint=1:scenecut=40:bframes=0:threads=1:lookahead-threads=1:sync-lookahead=0",
}
_HD_HEIGHT = 576
_JPEG_QUALITY = 85


def proxy_size(video: VideoInfo) -> tuple[int, int]:
    """Return the proxy's width and height: upright, short side 480 at most, never enlarged, even."""
    short, long = sorted((video.width, video.height))
    scale = min(1.0, SHORT_SIDE / short, _MAX_LONG_SIDE / long)
    width, height = (max(2, round(side * scale / 2) * 2) for side in (video.width, video.height))
    return width, height


class PictureScaler:
    """Turns stored pictures into upright ones with square pixels, at the proxy's size.

    A picture of another shape than the film's, where the size changes within the stream, is fitted into it between
    black bars.
    """

    def __init__(self, video: VideoInfo) -> None:
        self.width, self.height = proxy_size(video)
        self._video = video
        self._reformatter = VideoReformatter()

    def scale(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Return the picture as UInt8[H, W, 3], red first."""
        turns = self._video.rotation // 90
        shown_width = float(frame.width * self._video.sample_aspect)
        shown_height = float(frame.height)
        if turns % 2:
            shown_width, shown_height = shown_height, shown_width
        scale = min(self.width / shown_width, self.height / shown_height)
        # A pixel or two of rounding is no other shape.
        width = self.width if self.width - shown_width * scale < 2 else max(1, round(shown_width * scale))
        height = self.height if self.height - shown_height * scale < 2 else max(1, round(shown_height * scale))
        stored = (height, width) if turns % 2 else (width, height)
        small = self._reformatter.reformat(
            frame,
            width=stored[0],
            height=stored[1],
            format="rgb24",
            src_colorspace=_colorspace(frame),
            interpolation=BICUBIC,
            **ONE_THREAD,
        )
        picture = np.asarray(small.to_ndarray(), dtype=np.uint8)
        if turns:
            picture = np.rot90(picture, -turns)
        if (width, height) != (self.width, self.height):
            canvas = np.zeros((self.height, self.width, 3), np.uint8)
            top, left = (self.height - height) // 2, (self.width - width) // 2
            canvas[top : top + height, left : left + width] = picture
            picture = canvas
        return np.ascontiguousarray(picture)


def _colorspace(frame: av.VideoFrame) -> int | None:
    """Return the matrix to assume for pictures that do not name one: players take large ones for HD."""
    named = frame.colorspace in {int(space) for space in Colorspace}
    return None if named or frame.height <= _HD_HEIGHT else Colorspace.ITU709


class ProxyWriter:
    """Encodes the sampled frames, H.264 in MP4; the same frames give the same bytes.

    Args:
        path: File to write.
        width: Pixels, even.
        height: Pixels, even.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._container = av.open(
            str(path), "w", format="mp4", options={"fflags": "bitexact", "movflags": "+faststart"}
        )
        self._stream = self._container.add_stream("libx264", rate=25, options=_X264)
        self._stream.width = width
        self._stream.height = height
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = _TIME_BASE
        context.thread_count = 1
        # Small pictures are taken for BT.601 by decoders that ignore the tag, so that is what they are.
        context.colorspace = Colorspace.ITU601
        context.color_range = 1
        self._reformatter = VideoReformatter()

    def write(self, picture: NDArray[np.uint8], time: float) -> None:
        """Add a frame.

        Args:
            picture: UInt8[H, W, 3], red first.
            time: Seconds, later than the frame before.
        """
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(picture, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            interpolation=BILINEAR,
            **ONE_THREAD,
        )
        frame.pts = round(time / _TIME_BASE)
        frame.time_base = _TIME_BASE
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file.

        Raises:
            OSError: The disk is full.
        """
        self._container.mux(self._stream.encode(None))
        self._container.close()


def write_keyframe(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a shot's picture as JPEG.

    Args:
        path: File to write.
        picture: UInt8[H, W, 3], red first.
    """
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    path.write_bytes(data.tobytes())
