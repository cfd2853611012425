"""Key frames of a film as MovieNet publishes them: a folder of pictures, or an archive of it, named by the film."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from .archives import ARCHIVE_ENDING, PICTURE_ENDINGS, in_order, open_archive
from .sample import SampleError

_MOST_FRAMES = 200_000


def key_frame_names(path: Path) -> tuple[str, ...]:
    """Return the names of a film's key frames in the order of the film.

    Args:
        path: A folder, or a `.tar`.

    Raises:
        SampleError: If there are none, or it cannot be read.

    Example:
        >>> key_frame_names(Path("240P/tt0000001"))[:2]  # doctest: +SKIP
        ('shot_0000_img_0.jpg', 'shot_0000_img_1.jpg')
    """
    if path.name.endswith(ARCHIVE_ENDING):
        names = list(open_archive(path).members)
    else:
        try:
            with os.scandir(path) as entries:
                names = [
                    entry.name
                    for entry in islice(entries, _MOST_FRAMES)
                    if entry.name.lower().endswith(PICTURE_ENDINGS)
                    and not entry.name.startswith(".")
                    and entry.is_file(follow_symlinks=False)
                ]
        except OSError as error:
            raise SampleError(f"{path.name} cannot be read ({error.strerror})") from None
    if not names:
        raise SampleError(f"{path.name} holds no pictures")
    return tuple(in_order(names))
