"""The shot detectors one can choose from, all fed the same small pictures and all answering in boundaries."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors import AdaptiveDetector, ContentDetector, HashDetector, HistogramDetector, ThresholdDetector

from movieqa.errors import ConfigError, MissingDependencyError

from .scan_job import DETECTORS
from .shots import Boundary
from .transitions import TransitionDetector
from .transnet import TransNetDetector


class BoundaryFinder:
    """Runs one detector over a film's small pictures.

    `TransitionDetector` and `TransNetDetector` tell boundaries of every kind. PySceneDetect's detectors tell only where
    the picture changed for good; the fades and dissolves that `TransitionDetector` sees on the side then say what kind
    of boundary each one is, and where its middle lies.

    Args:
        name: One of `DETECTORS`.
        rate: Average frame rate, frames a second.
        transnet: TransNetV2 as an ONNX file, for `transnet`.

    Raises:
        ConfigError: There is no detector of that name, or the file is not TransNetV2.
        MissingDependencyError: `transnet` lacks its model file or onnxruntime.
    """

    def __init__(self, name: str, *, rate: Fraction, transnet: Path | None = None) -> None:
        self._rate = rate
        self._teller = _make_transnet(transnet) if name == "transnet" else TransitionDetector(rate)
        self._detector = None if name in ("transitions", "transnet") else _make(name)
        self.lookahead = self._teller.lookahead
        """Pictures by which an answer may come late."""
        self._patience = 0
        if isinstance(self._teller, TransitionDetector) and self._detector is not None:
            longest = self._teller.max_frames
            self._patience = max(self.lookahead + longest // 2, self._detector.event_buffer_length)
            self.lookahead = self._patience + longest
        self._waiting: list[int] = []
        self._gradual: list[Boundary] = []

    def push(self, number: int, picture: NDArray[np.uint8]) -> list[Boundary]:
        """Show the next picture, UInt8[H, W, 3], blue first; return the boundaries that are now certain."""
        timecode = FrameTimecode(number, self._rate)
        self._teller.process_frame(timecode, picture)
        found = self._teller.take()
        if self._detector is None:
            return found
        cuts = self._detector.process_frame(timecode, picture)
        return self._label(found, [cut.frame_num for cut in cuts], number - self._patience)

    def finish(self, number: int) -> list[Boundary]:
        """Return what is left after the last picture, whose number is given."""
        timecode = FrameTimecode(number, self._rate)
        self._teller.post_process(timecode)
        found = self._teller.take()
        if self._detector is None:
            return found
        cuts = self._detector.post_process(timecode)
        return self._label(found, [cut.frame_num for cut in cuts], number)

    def _label(self, found: list[Boundary], cuts: list[int], horizon: int) -> list[Boundary]:
        self._gradual += [boundary for boundary in found if boundary.kind != "cut"]
        self._waiting += cuts
        due = [frame for frame in self._waiting if frame <= horizon]
        self._waiting = [frame for frame in self._waiting if frame > horizon]
        return [self._boundary(frame) for frame in due]

    def _boundary(self, frame: int) -> Boundary:
        for gradual in self._gradual:
            if gradual.first <= frame <= gradual.last:
                return gradual
        return Boundary(frame=frame, kind="cut", first=frame, last=frame)


def _make(name: str) -> SceneDetector:
    match name:
        case "content":
            return ContentDetector()
        case "adaptive":
            return AdaptiveDetector()
        case "histogram":
            return HistogramDetector()
        case "hash":
            return HashDetector()
        case "threshold":
            return ThresholdDetector()
    raise ConfigError(f"no detector {name!r}", hint=f"choose one of {', '.join(DETECTORS)}")


def _make_transnet(path: Path | None) -> TransNetDetector:
    if path is None:
        raise MissingDependencyError(
            "the transnet detector needs TransNetV2 as an ONNX file", hint="give its path, or choose another detector"
        )
    return TransNetDetector(path)
