"""Reads pictures that people give, which are hostile until proved otherwise, and cuts out faces."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from movieqa.errors import ConfigError
from movieqa.identity import Box
from movieqa.storage import read_bounded

if TYPE_CHECKING:
    from jaxtyping import UInt8

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
_MAX_BYTES = 64 << 20
_MAX_PIXELS = 64_000_000
_SHORT_SIDE = 480  # as the proxy's frames, so that a face is described at the size it has in the film
_QUALITY = 95
_THUMBNAIL = 160
_MARGIN = 0.35  # of the face's size, round a thumbnail


def read_picture(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """Read a picture upright, red first, at most 480 pixels on its short side.

    Raises:
        ConfigError: It is no picture, is damaged, or is too large.
    """
    try:
        return decode_picture(read_bounded(path, limit=_MAX_BYTES))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"{path}: not a picture ({reason})", hint="give JPEG, PNG, WebP or BMP") from None


def decode_picture(data: bytes) -> UInt8[np.ndarray, "H W 3"]:
    """Decode a picture from its bytes, as `read_picture` does.

    Raises:
        ValueError: It is no picture, is damaged, or is too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ValueError("its pixels are too many")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except UnidentifiedImageError:
        raise ValueError("unknown format") from None
    except Image.DecompressionBombError:
        raise ValueError("its pixels are too many") from None
    except (OSError, SyntaxError) as error:  # what Pillow raises for broken data
        raise ValueError(str(error)) from None
    shrink = _SHORT_SIDE / min(upright.size)
    if shrink < 1:
        size = (max(1, round(upright.width * shrink)), max(1, round(upright.height * shrink)))
        upright = upright.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(upright, np.uint8)


def encode_picture(picture: UInt8[np.ndarray, "H W 3"]) -> bytes:
    """Encode a picture as JPEG; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def cut_thumbnail(picture: UInt8[np.ndarray, "H W 3"], box: Box) -> bytes:
    """Cut a face out with some room round it, as a small square JPEG."""
    height, width = picture.shape[:2]
    side = max((box.right - box.left) * width, (box.bottom - box.top) * height) * (1 + 2 * _MARGIN)
    side = max(2.0, min(side, width, height))
    left = min(max(box.middle * width - side / 2, 0), width - side)
    top = min(max((box.top + box.bottom) / 2 * height - side / 2, 0), height - side)
    face = picture[int(top) : int(top + side), int(left) : int(left + side)]
    small = cv2.resize(face, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    return encode_picture(np.asarray(small, np.uint8))
