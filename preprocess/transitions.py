"""Finds hard cuts, dissolves and fades in one pass over small pictures."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector

from .shots import Boundary


class TransitionDetector(SceneDetector):
    """v1."""

    def __init__(self, rate: Fraction) -> None:
        super().__init__()
        self.lookahead = 24
        self._found: list[Boundary] = []
        self._small: list[np.ndarray] = []
        self._v: list[float] = []
        self._n = 0

    def process_frame(self, timecode: FrameTimecode, frame_img: np.ndarray) -> list[FrameTimecode]:
        picture = cv2.cvtColor(frame_img, cv2.COLOR_BGR2YCrCb)
        self._v.append(sum(cv2.mean(cv2.absdiff(picture, self._small[-1]))[:3]) if self._small else 0.0)
        self._small.append(picture)
        self._small = self._small[-16:]
        self._v = self._v[-16:]
        self._n = timecode.frame_num
        c = len(self._v) - 1 - 6
        if c > 5:
            v = self._v[c]
            around = np.median(self._v[c - 5 : c] + self._v[c + 1 : c + 6])
            if v > 6 and v / (around + 1) > 3 and v == max(self._v[c - 3 : c + 4]):
                n = self._n - 6
                near = min(
                    sum(cv2.mean(cv2.absdiff(self._small[a], self._small[b]))[:3])
                    for a in range(c - 5, c)
                    for b in range(c, c + 6)
                )
                if near > 0.35 * v:
                    self._found.append(Boundary(frame=n, kind="cut", first=n, last=n))
        return []

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        return []

    def take(self) -> list[Boundary]:
        found, self._found = self._found, []
        return found
