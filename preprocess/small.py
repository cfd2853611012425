"""Shrinks every decoded picture to what shot detection looks at."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from .scaling import ONE_THREAD

WIDTH = 128
_HEIGHTS = (16, 256)


class SmallPictures:
    """Makes pictures 128 pixels wide, blue first, all of the first one's shape."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._height = 0

    def shrink(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Return the picture as UInt8[H, 128, 3], as stored: turning it upright would show no cut better."""
        if not self._height:
            self._height = min(max(round(WIDTH * frame.height / frame.width / 2) * 2, _HEIGHTS[0]), _HEIGHTS[1])
        # The fast scaler reads beyond pictures that are smaller than what it makes.
        is_large = frame.width > WIDTH and frame.height > self._height
        small = self._reformatter.reformat(
            frame,
            width=WIDTH,
            height=self._height,
            format="bgr24",
            interpolation=Interpolation.FAST_BILINEAR if is_large else Interpolation.BILINEAR,
            **ONE_THREAD,
        )
        return np.asarray(small.to_ndarray(), dtype=np.uint8)
