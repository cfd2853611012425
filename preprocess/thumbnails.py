"""The smallest pictures, on which change is measured: small enough that grain and shake hardly count."""

from __future__ import annotations

import math
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

_WIDTH = 32
_DETAIL_WIDTH = 64


class Thumbnail:
    """One picture reduced to 32 pixels across, in luma and two colours.

    Args:
        picture: UInt8[H, W, 3], blue first.
    """

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self._converted = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb), dtype=np.uint8)
        self._pixels = _shrink(self._converted, _WIDTH)
        self._num_pixels: int = self._pixels.shape[0] * self._pixels.shape[1]

    def change_from(self, other: Thumbnail) -> float:
        """Return the mean absolute change of luma plus that of both colours, in levels."""
        return float(cv2.norm(self._pixels, other._pixels, cv2.NORM_L1)) / self._num_pixels

    def distance(self, other: Thumbnail) -> float:
        """Return the root of the mean squared change, in levels: straight lines are shortest by this measure."""
        return float(cv2.norm(self._pixels, other._pixels, cv2.NORM_L2)) / math.sqrt(3 * self._num_pixels)

    @cached_property
    def brightness(self) -> float:
        """Mean luma, in levels."""
        return float(cv2.mean(self._pixels)[0])

    @cached_property
    def contrast(self) -> float:
        """Standard deviation of the luma, in levels; next to nothing when the picture is one colour."""
        return float(cv2.meanStdDev(self._pixels)[1][0, 0])

    @cached_property
    def gradients(self) -> NDArray[np.float32]:
        """Changes of luma from pixel to pixel, Float32[2, H, W], on a picture of 64 pixels across."""
        luma = _shrink(self._converted, _DETAIL_WIDTH)[..., 0].astype(np.float32)
        return np.stack([np.diff(luma, axis=1)[:-1], np.diff(luma, axis=0)[:, :-1]])

    @cached_property
    def detail(self) -> float:
        """Mean squared gradient: motion leaves it as it is, while a mixture of two pictures has less than either."""
        return shared_detail(self, self)


def shared_detail(one: Thumbnail, other: Thumbnail) -> float:
    """Return the mean product of two pictures' gradients: near zero when they show different things."""
    return float(np.vdot(one.gradients, other.gradients)) / (one.gradients[0].size or 1)


def _shrink(picture: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    height = max(2, round(picture.shape[0] * width / picture.shape[1]))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
