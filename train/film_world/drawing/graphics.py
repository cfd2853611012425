"""The graphics library: Skia, or one clear line when it is not there."""

from __future__ import annotations

from movieqa.errors import MissingDependencyError

try:
    import skia
except ImportError as error:
    raise MissingDependencyError(
        f"films cannot be drawn without skia-python ({error})",
        hint="pip install 'movieqa[synthesize]'; on a bare machine also: apt install libgl1 libegl1",
    ) from error

__all__ = ["skia"]
