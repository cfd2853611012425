"""What a film is made of, as records that refuse to be wrong: streams, shots, sampled frames, subtitles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

StreamKind = Literal["video", "audio", "subtitle", "attachment", "data"]
CutKind = Literal["start", "cut", "fade", "dissolve"]
CUT_KINDS: tuple[CutKind, ...] = ("start", "cut", "fade", "dissolve")


def _check_interval(start: float, end: float) -> None:
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end):
        raise ValueError(f"an interval needs 0 <= start < end, got {start=} {end=}")


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One stream of a container, as ffprobe tells it."""

    index: int
    """Position in the container."""
    kind: StreamKind
    codec: str
    """Codec name such as `h264`; empty when unknown."""
    language: str = ""
    """ISO 639 code as tagged, lower case; empty when untagged."""
    title: str = ""
    is_default: bool = False
    is_forced: bool = False
    is_attached_picture: bool = False
    """Cover art and the like: a picture, not a film."""


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """A film file and its main video stream."""

    name: str
    """File name without folders: a workspace can move and be passed on."""
    digest: str
    """`sha256:` and the hexadecimal digest of the file's bytes."""
    num_bytes: int
    container: str
    duration: float
    """Seconds, as the container claims; 0.0 when it does not say."""
    rate: Fraction
    """Average frame rate, frames a second."""
    width: int
    """Pixels, upright and with square pixels: what a viewer sees."""
    height: int
    rotation: int
    """Clockwise degrees that make the stored picture upright: 0, 90, 180 or 270."""
    sample_aspect: Fraction
    """Width of a stored pixel over its height."""
    codec: str
    pixel_format: str
    stream_index: int
    """The main video stream."""
    streams: tuple[Stream, ...]

    def __post_init__(self) -> None:
        """Check what later steps rely on."""
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a picture needs a size, got {self.width}x{self.height}")
        if self.rotation not in (0, 90, 180, 270):
            raise ValueError(f"rotation must be a quarter turn, got {self.rotation=}")
        if not (math.isfinite(self.duration) and self.duration >= 0):
            raise ValueError(f"duration must be finite, got {self.duration=}")
        if self.rate <= 0 or self.sample_aspect <= 0:
            raise ValueError(f"rates must be positive, got {self.rate=} {self.sample_aspect=}")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """An unbroken run of the camera: the half-open interval `[start, end)` in seconds."""

    index: int
    """Counts from 0."""
    start: float
    """Presentation time of the shot's first frame; the middle of the transition where it came in by one."""
    end: float
    kind: CutKind
    """How the shot begins: `start` (of the film), hard `cut`, `fade` (through black or white) or `dissolve`."""
    transition: float = 0.0
    """Seconds the fade or dissolve into this shot takes, centred on `start`; 0.0 for a hard cut."""

    def __post_init__(self) -> None:
        """Check the interval and the kind."""
        _check_interval(self.start, self.end)
        if self.kind not in CUT_KINDS:
            raise ValueError(f"unknown kind of cut {self.kind!r}; one of {', '.join(CUT_KINDS)}")
        if self.index < 0 or not (math.isfinite(self.transition) and self.transition >= 0):
            raise ValueError(f"index and transition are zero or more, got {self.index=} {self.transition=}")


@dataclass(frozen=True, kw_only=True)
class Subtitle:
    """One spoken or described line."""

    start: float
    end: float
    text: str
    """Without markup; lines of one cue are joined by a newline."""
    speaker: str | None = None
    source: str = ""
    """Where the line comes from: a file name, `stream 3 (eng)`, or `speech recognition (small)`."""

    def __post_init__(self) -> None:
        """Check the interval and that something is said."""
        _check_interval(self.start, self.end)
        if not self.text.strip():
            raise ValueError(f"an empty subtitle at {self.start}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """The sampled frames' presentation times, in film order; their pictures are in `proxy.mp4`.

    Attributes:
        times: Float64[T], seconds, strictly increasing.
    """

    times: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check shape, type and order."""
        if self.times.ndim != 1 or self.times.dtype != np.float64:
            raise ValueError(f"times must be Float64[T], got {self.times.dtype}{list(self.times.shape)}")
        if not np.isfinite(self.times).all() or (self.times < 0).any() or (np.diff(self.times) <= 0).any():
            raise ValueError("times must be finite, zero or more, and strictly increasing")

    def __len__(self) -> int:
        return len(self.times)
