"""How much of an identity a face can tell, from what every trained detector knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .provider import Detections

if TYPE_CHECKING:
    from jaxtyping import UInt8

_FULL_SIZE = 56.0  # pixels across: a face this large tells all it can
_FULL_SHARPNESS = 60.0  # variance of the Laplacian of the face at 64 pixels


def face_qualities(picture: UInt8[np.ndarray, "H W 3"], faces: Detections) -> NDArray[np.float32]:
    """Return the quality of each face, 0 to 1: of size, sharpness, how frontal and how sure the weakest counts most."""
    qualities = np.zeros(len(faces), np.float32)
    for row, (left, top, right, bottom) in enumerate(faces.boxes.tolist()):
        size = min(1.0, (right - left) / _FULL_SIZE)
        face = picture[int(top) : max(int(top) + 2, int(bottom)), int(left) : max(int(left) + 2, int(right))]
        grey = cv2.cvtColor(cv2.resize(face, (64, 64), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        sharpness = min(1.0, float(cv2.Laplacian(grey, cv2.CV_32F).var()) / _FULL_SHARPNESS)
        frontal = 1.0 if faces.landmarks is None else frontality(faces.landmarks[row])
        parts = np.array([size, 0.5 + 0.5 * sharpness, 0.4 + 0.6 * frontal, float(faces.scores[row])])
        qualities[row] = 0.5 * parts.min() + 0.5 * float(np.prod(parts) ** 0.25)
    return np.clip(qualities, 0, 1)


def frontality(landmarks: NDArray[np.float32]) -> float:
    """Return 1 where the nose lies midway between the eyes, falling to 0 where it reaches one of them."""
    right_eye, left_eye, nose = (landmarks[index].astype(np.float64) for index in range(3))
    across = left_eye - right_eye
    length = float(across @ across)
    if length < 1:
        return 0.0
    place = float((nose - right_eye) @ across) / length
    return float(np.clip(1 - 2 * abs(place - 0.5), 0, 1))
