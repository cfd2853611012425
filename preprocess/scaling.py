"""How pictures are scaled: on one thread, rounded as exactly as the PyAV that is installed can."""

from __future__ import annotations

from typing import Any

import av
from av.video.reformatter import Interpolation

_IS_RECENT = int(av.__version__.split(".")[0]) >= 17

ONE_THREAD: dict[str, Any] = {"threads": 1} if _IS_RECENT else {}
"""Argument of `VideoReformatter.reformat`; before PyAV 17 it has none and always uses one."""

BICUBIC: int = Interpolation.BICUBIC | Interpolation.ACCURATE_RND if _IS_RECENT else Interpolation.BICUBIC
BILINEAR: int = Interpolation.BILINEAR | Interpolation.ACCURATE_RND if _IS_RECENT else Interpolation.BILINEAR
"""With exact rounding, which PyAV offers since version 17; before, a pixel can be one level off."""
