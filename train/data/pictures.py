"""Pictures on disk, or in the archive of a film's key frames, read whole and with care."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from .archives import open_archive
from .sample import SampleError

_MAX_PIXELS = 64_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def read_picture(path: Path, member: str | None = None) -> Image.Image:
    """Read a picture whole, in RGB.

    Args:
        path: The picture, or an archive.
        member: Its name in the archive.

    Raises:
        SampleError: If it is damaged, too large, or no picture.
    """
    name = path.name if member is None else f"{path.name}: {member}"
    source = path if member is None else io.BytesIO(open_archive(path).read(member))
    try:
        with Image.open(source, formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise SampleError(f"{name}: a picture of {image.width}x{image.height} pixels is too large")
            return image.convert("RGB")
    except Image.DecompressionBombError:
        raise SampleError(f"{name}: the picture is too large") from None
    except UnidentifiedImageError:
        raise SampleError(f"{name}: no picture that can be read") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError) as error:  # broken data in Pillow
        raise SampleError(f"{name}: the picture is damaged ({error})") from None
