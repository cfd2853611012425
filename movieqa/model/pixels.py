"""Pictures at the size and scale of a vision tower, to the bit as in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from movieqa.errors import ConfigError


def prepare_pictures(
    pictures: Sequence[Image.Image | NDArray[np.uint8]],
    *,
    size: int,
    mean: Sequence[float],
    std: Sequence[float],
    pad: bool,
) -> Float[Tensor, "T 3 H W"]:
    """Bring pictures to a vision tower's size and scale.

    The shorter side is resized (PIL, bicubic) and the middle cut out.

    Args:
        pictures: PIL pictures, or RGB arrays of shape [H, W, 3].
        size: Height and width that come out.
        mean: Mean of each channel, 0 to 1.
        std: Standard deviation of each channel.
        pad: Whether to paste each picture on a square of the mean colour first, so that nothing is cut off.

    Raises:
        ConfigError: If an array is not an RGB picture.
    """
    means, deviations = np.array(mean, dtype=np.float32), np.array(std, dtype=np.float32)
    arrays = []
    for picture in pictures:
        image = _to_square(_to_rgb(picture), mean) if pad else _to_rgb(picture)
        pixels = np.asarray(_resize_and_crop(image, size))
        scaled = (pixels * (1 / 255)).astype(np.float32)
        arrays.append(((scaled - means) / deviations).transpose(2, 0, 1))
    return torch.from_numpy(np.stack(arrays))


def _to_rgb(picture: Image.Image | NDArray[np.uint8]) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ConfigError(f"a picture must be UInt8[H, W, 3], not {picture.dtype}{list(picture.shape)}")
    return Image.fromarray(picture)


def _to_square(image: Image.Image, mean: Sequence[float]) -> Image.Image:
    """Paste a picture in the middle of a square of the mean colour."""
    side = max(image.size)
    red, green, blue = (int(channel * 255) for channel in mean)
    square = Image.new("RGB", (side, side), (red, green, blue))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def _resize_and_crop(image: Image.Image, size: int) -> Image.Image:
    """Resize the shorter side to `size` and cut the middle out."""
    shorter = min(image.size)
    width, height = (size if side == shorter else int(size * side / shorter) for side in image.size)
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    return resized.crop((left, top, left + size, top + size))
