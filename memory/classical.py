"""The provider that needs no weights: cascade detectors and classical descriptors of face, hair and clothes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from movieqa.errors import MissingDependencyError
from movieqa.people_files import ProviderFacts
from movieqa.storage import digest_file, digest_json

from . import descriptors
from .provider import Detections, Embedded, Scale, clip_boxes

if TYPE_CHECKING:
    from jaxtyping import Float32, UInt8

VERSION = 1
ABILITIES = (
    "finds upright faces seen from the front or clearly from the side, and tells people apart by face, hair and "
    "clothes together: it works while people keep their clothes, and loses them when they change; no weights"
)

_CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_profileface.xml")
_SMALLEST = 1 / 20  # of the picture's height
_STEP = 1.1
_FRONTAL_VOTES, _PROFILE_VOTES = 5, 8
_PROFILE_ZOOM = 0.5  # profiles are searched at half the size: they tell little, and cost as much as all the rest
_SAME_FACE = 0.5  # two detections are of one face when one covers so much of the other
_REFINED_SIDE = 96  # pixels a face is scaled to before its box is refined
_FULL_VOTES = 60.0  # so many overlapping hits of the refined search are a clear frontal face

# What each cue weighs in the embedding: the inverse of how much its cosine varies between different people, measured
# on three samplings of the five people of tests/assets/signs.mp4 (docs/identity.md says what that is worth).
_WEIGHTS = {
    "face shape": 0.046,
    "face texture": 0.209,
    "hair lightness": 0.222,
    "cloth lightness": 0.063,
    "cloth colour": 0.033,
    "cloth texture": 0.427,
}


class ClassicalProvider:
    """Finds faces with OpenCV's cascades and describes them by hand-made features.

    Raises:
        MissingDependencyError: The installed OpenCV ships no cascades (version 5).
    """

    def __init__(self) -> None:
        folder = Path(getattr(getattr(cv2, "data", None), "haarcascades", ""))
        paths = [folder / name for name in _CASCADES]
        if not hasattr(cv2, "CascadeClassifier") or not all(path.is_file() for path in paths):
            raise MissingDependencyError(
                f"OpenCV {cv2.__version__} ships no cascade detectors",
                hint="install opencv-python-headless below 5, or choose the sface or onnx provider",
            )
        self._frontal, self._profile = (cv2.CascadeClassifier(str(path)) for path in paths)
        self._fingerprint = digest_json(
            {"provider": "classical", "version": VERSION, "files": [digest_file(path) for path in paths]}
        )

    @property
    def facts(self) -> ProviderFacts:
        """Name, fingerprint, licence and limits."""
        return ProviderFacts(
            name="classical",
            fingerprint=self._fingerprint,
            dimension=1657,
            licence="no weights; OpenCV's cascades: Intel licence for OpenCV (BSD-like)",
            abilities=ABILITIES,
        )

    @property
    def scale(self) -> Scale:
        """How its cosines are to be read: close together, as cosines of histograms are."""
        return Scale(floor=0.86, threshold=0.955, lowest=0.95, highest=0.965, twin=0.985, named=0.915, margin=0.003)

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find frontal faces, then profiles to both sides where there is no frontal face."""
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        height, width = grey.shape
        frontal = self._search(self._frontal, grey, _FRONTAL_VOTES)
        small = cv2.resize(grey, None, fx=_PROFILE_ZOOM, fy=_PROFILE_ZOOM, interpolation=cv2.INTER_AREA)
        left = self._search(self._profile, np.asarray(small, np.uint8), _PROFILE_VOTES)
        right = self._search(self._profile, np.ascontiguousarray(small[:, ::-1], np.uint8), _PROFILE_VOTES)
        edge = small.shape[1]
        right = [((edge - box[2], box[1], edge - box[0], box[3]), score) for box, score in right]
        profile = [(tuple(value / _PROFILE_ZOOM for value in box), score) for box, score in (*left, *right)]
        found: list[tuple[tuple[float, ...], float]] = []
        for hits in (frontal, profile):  # a frontal face tells more than the same face taken for a profile
            for box, score in sorted(hits, key=lambda hit: (-hit[1], hit[0])):
                if all(_covered(box, other) < _SAME_FACE for other, _ in found):
                    found.append((box, score))
        found.sort()
        boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
        boxes, rows = clip_boxes(boxes, width, height)
        return Detections(boxes=boxes, scores=np.array([score for _, score in found], np.float32)[rows])

    def _search(
        self, cascade: cv2.CascadeClassifier, grey: NDArray[np.uint8], votes: int
    ) -> list[tuple[tuple[float, ...], float]]:
        smallest = max(cascade.getOriginalWindowSize()[0], int(grey.shape[0] * _SMALLEST))
        boxes, _, weights = cascade.detectMultiScale3(
            grey, _STEP, votes, minSize=(smallest, smallest), outputRejectLevels=True
        )
        return [
            ((float(x), float(y), float(x + width), float(y + height)), float(1 - np.exp(-max(weight, 0) / 3)))
            for (x, y, width, height), weight in zip(np.reshape(boxes, (-1, 4)), np.ravel(weights), strict=True)
        ]

    def embed(self, picture: UInt8[np.ndarray, "H W 3"], faces: Detections) -> Embedded:
        """Describe each face, the hair above and the clothes below it."""
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        lab = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), np.uint8)
        vectors = np.zeros((len(faces), self.facts.dimension), np.float32)
        qualities = np.zeros(len(faces), np.float32)
        for row, box in enumerate(faces.boxes):
            refined, votes = self._refine(grey, box)
            vectors[row] = _describe(grey, lab, refined)
            size = min(1.0, float(box[2] - box[0]) / 48)
            qualities[row] = size * min(1.0, 0.35 + 0.65 * votes / _FULL_VOTES)
        return Embedded(vectors=vectors, qualities=qualities)

    def _refine(self, grey: NDArray[np.uint8], box: NDArray[np.float32]) -> tuple[tuple[float, ...], int]:
        """Search finely round a detection: the middle of all hits is a steadier box, their number tells quality."""
        left, top, right, bottom = (float(value) for value in box)
        reach = 0.35 * (right - left)
        x0, y0 = int(max(0, left - reach)), int(max(0, top - reach))
        x1, y1 = int(min(grey.shape[1], right + reach)), int(min(grey.shape[0], bottom + reach))
        zoom = _REFINED_SIDE / (right - left)
        part = cv2.resize(
            grey[y0:y1, x0:x1], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR if zoom > 1 else cv2.INTER_AREA
        )
        hits = np.asarray(
            self._frontal.detectMultiScale(part, 1.03, 0, minSize=(72, 72), maxSize=(130, 130)), np.float64
        ).reshape(-1, 4)
        middle = np.array([((left + right) / 2 - x0) * zoom, ((top + bottom) / 2 - y0) * zoom])
        hits = hits[np.abs(hits[:, :2] + hits[:, 2:] / 2 - middle).max(axis=1, initial=0) < 30]
        if not len(hits):
            return (left, top, right, bottom), 0
        x, y, width, height = np.median(hits, axis=0) / zoom
        return (x + x0, y + y0, x + x0 + width, y + y0 + height), len(hits)


def _describe(grey: NDArray[np.uint8], lab: NDArray[np.uint8], box: tuple[float, ...]) -> Float32[np.ndarray, " 1657"]:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    face = descriptors.crop_square(
        grey, left - 0.05 * width, top - 0.15 * height, right + 0.05 * width, bottom + 0.05 * height
    )
    skin = _region(lab, left + 0.2 * width, top + 0.2 * height, right - 0.2 * width, bottom - 0.2 * height)
    reference = float(np.median(skin[..., 0])) if skin.size else 128.0
    hair = _region(lab, left - 0.05 * width, top - 0.35 * height, right + 0.05 * width, top + 0.15 * height)
    cloth = _region(lab, left - 0.4 * width, top + 1.45 * height, right + 0.4 * width, top + 3.2 * height)
    parts = {
        "face shape": descriptors.face_shape(face),
        "face texture": descriptors.face_texture(face),
        "hair lightness": descriptors.lightness(hair, reference) if hair.size else np.zeros(16, np.float32),
    }
    if min(cloth.shape[:2]) >= 8:
        parts["cloth lightness"] = descriptors.lightness(cloth, reference)
        parts["cloth colour"] = descriptors.colour(cloth)
        parts["cloth texture"] = descriptors.cloth_texture(np.ascontiguousarray(cloth[..., 0]))
    else:  # a close-up shows no clothes: the cues that are there share the weight
        parts |= {"cloth lightness": np.zeros(16), "cloth colour": np.zeros(121), "cloth texture": np.zeros(236)}
    vector = np.concatenate([np.sqrt(weight) * parts[name] for name, weight in _WEIGHTS.items()])
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9), np.float32)


def _region(
    picture: NDArray[np.uint8], left: float, top: float, right: float, bottom: float
) -> UInt8[np.ndarray, "H W 3"]:
    height, width = picture.shape[:2]
    x0, x1 = int(np.clip(round(left), 0, width)), int(np.clip(round(right), 0, width))
    y0, y1 = int(np.clip(round(top), 0, height)), int(np.clip(round(bottom), 0, height))
    return np.ascontiguousarray(picture[y0:y1, x0:x1])


def _covered(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
