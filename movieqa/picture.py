"""Pictures small enough to travel inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

_MAX_PIXELS = 64_000_000
_LADDER = ((480, 76), (320, 72), (320, 60), (240, 60), (240, 45), (160, 40), (96, 35))
"""Longest side in pixels and JPEG quality, best first."""
_MAX_PICTURE_BYTES = 40_000
_LIKELY_BYTES = 0.08
"""A pixel of the square around a picture rarely takes less; steps that cannot fit are not tried."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture inside a page."""

    url: str
    """`data:image/jpeg;base64,...`."""
    width: int
    height: int
    colour: str
    """The picture's mean colour, as `#rrggbb`."""


def embed_picture(data: bytes, *, max_bytes: int) -> Picture:
    """Shrink a JPEG until it fits, at most 480 pixels wide or high, and write it as a `data:` address.

    Args:
        data: The JPEG file.
        max_bytes: What the smaller JPEG should take; a picture that cannot get there is embedded at its smallest.

    Raises:
        ValueError: The data is no JPEG that can be read whole.
    """
    limit = min(max_bytes, _MAX_PICTURE_BYTES)
    steps = [step for step in _LADDER if step[0] ** 2 * _LIKELY_BYTES <= limit] or [_LADDER[-1]]
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ValueError(f"a picture of {image.width}x{image.height} pixels is too large")
            image.thumbnail((steps[0][0], steps[0][0]), Image.Resampling.LANCZOS, reducing_gap=1.2)
            picture = image.convert("RGB")
    except Image.DecompressionBombError:
        raise ValueError("the picture is too large") from None
    except UnidentifiedImageError:
        raise ValueError("it is no JPEG picture") from None
    except (OSError, SyntaxError) as error:  # what Pillow raises for broken data
        raise ValueError(str(error)) from None
    encoded = b""
    for side, quality in steps:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True, comment=b"")
        encoded = buffer.getvalue()
        if len(encoded) <= limit:
            break
    red, green, blue = picture.resize((1, 1), Image.Resampling.BOX).tobytes()
    return Picture(
        url=f"data:image/jpeg;base64,{base64.b64encode(encoded).decode()}",
        width=picture.width,
        height=picture.height,
        colour=f"#{red:02x}{green:02x}{blue:02x}",
    )
