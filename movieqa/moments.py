"""Where in the film an answer points to: the frames it looked at, and the times it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from movieqa.movie import Shot
from movieqa.question import TimeWindow
from movieqa.spoken_times import AMOUNT, CLOCK, MINUTE, read_precision, read_spoken

Origin = Literal["retrieved", "attended", "named"]

_PEAK = 4.0  # robust standard deviations above the film's usual attention that make a frame stand out
_MIN_EXCESS = 0.5  # and so much more than usual, as a share of the usual
_LEAST_GAP = 1e-9


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A part of the film that an answer may rest on, before it is checked."""

    window: TimeWindow
    score: float
    """0 to 1."""
    origin: Origin

    def __post_init__(self) -> None:
        """Check the score and that something is in the window."""
        if not 0 <= self.score <= 1 or self.window.is_empty:
            raise ValueError(f"a moment needs a score of 0 to 1 and a length, got {self}")


def attended_moments(
    attention: NDArray[np.float64], times: NDArray[np.float64], shots: Sequence[Shot], *, duration: float
) -> tuple[Moment, ...]:
    """Return the moments that an answer looked at far more than at the rest of the film.

    Attention that is spread evenly, or that drifts slowly along the film as attention does by its nature, points
    nowhere: a frame counts only when it stands out from the frames around it. Neighbouring ones of one shot are one
    moment, which lasts until the next frame.

    Args:
        attention: Share of each used frame, [F].
        times: Seconds of the same frames, [F], increasing.
        shots: Shots in order, cut where the film stops for this answer.
        duration: Seconds where it stops.

    Returns:
        Best first; a score is the moment's share of all that stands out.

    Example:
        >>> shots = [Shot(index=0, start=0.0, end=9.0, kind="start")]
        >>> looked = np.array([1, 1.1, 0.9, 9, 8, 1, 1.1, 0.9, 1]) / 100
        >>> [moment.window for moment in attended_moments(looked, np.arange(9.0), shots, duration=9.0)]
        [TimeWindow(start=3.0, end=5.0)]
    """
    if len(times) < 3 or not np.isfinite(attention).all():
        return ()
    usual = _usual(attention)
    excess = attention - usual
    spread = 1.4826 * float(np.median(np.abs(excess - np.median(excess))))
    stands_out = excess > np.maximum(_PEAK * spread, _MIN_EXCESS * usual + _LEAST_GAP)
    frames = np.flatnonzero(stands_out)
    if not len(frames):
        return ()
    starts = np.array([shot.start for shot in shots])
    shot_of_frame = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    breaks = np.flatnonzero((np.diff(frames) > 1) | (np.diff(shot_of_frame[frames]) > 0)) + 1
    moments = []
    for group in np.split(frames, breaks):
        start, shot = float(times[group[0]]), shots[int(shot_of_frame[group[0]])]
        after = float(times[group[-1] + 1]) if group[-1] + 1 < len(times) else duration
        end = min(after, shot.end if shot.end > start else duration, duration)
        if start < end:
            share = float(excess[group].sum() / excess[frames].sum())
            moments.append(Moment(window=TimeWindow(start=start, end=end), score=min(share, 1.0), origin="attended"))
    return tuple(sorted(moments, key=lambda moment: (-moment.score, moment.window.start)))


def _usual(attention: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the running median, over a tenth of the film but at least 15 frames."""
    half = max(7, len(attention) // 20)
    padded = np.pad(attention, half, mode="reflect" if len(attention) > half else "edge")
    windows: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.asarray(np.median(windows, axis=-1))


_POINT = rf"(?:{CLOCK}|{MINUTE})"
_NAMED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<low>{CLOCK})\s?(?:[-–—]|to|and|until)\s?(?P<high>{CLOCK})",
        rf"(?P<low>{_POINT})",
        rf"\b(?:at|around|about)\s(?:the\s)?(?P<low>{AMOUNT})(?=\s(?:in\b|into\b|mark\b)|[.,;:!?]|$)",
        rf"(?P<low>{AMOUNT})(?=\sinto\s(?:it|the\s(?:film|movie|video)))",
    )
)


@dataclass(frozen=True, kw_only=True)
class NamedTime:
    """A time that an answer names."""

    text: str
    """As it is written there."""
    window: TimeWindow
    """What it means; a time to the second is a second long, a minute is a minute long."""


def named_times(text: str) -> tuple[NamedTime, ...]:
    """Return the times that a text names, in the order of the text.

    Amounts of time count only where they can hardly be anything else than a place in the film.

    Example:
        >>> [(named.window.start, named.window.end) for named in named_times("At 00:12:30, and again in minute 20.")]
        [(750.0, 751.0), (1200.0, 1260.0)]
    """
    found: list[tuple[int, NamedTime]] = []
    masked = text
    for pattern in _NAMED:
        for match in pattern.finditer(masked):
            low, high = match["low"], match.groupdict().get("high")
            start = read_spoken(low)
            end = start + read_precision(low)
            if high is not None and read_spoken(high) > start:
                end = read_spoken(high)
            written = match.group().strip() if high is not None else low.strip()
            found.append((match.start(), NamedTime(text=written, window=TimeWindow(start=start, end=end))))
            masked = masked[: match.start()] + " " * len(match.group()) + masked[match.end() :]
    return tuple(named for _, named in sorted(found, key=lambda pair: pair[0]))
