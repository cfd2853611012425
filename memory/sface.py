"""The provider with small, freely licensed networks: YuNet finds faces, SFace tells them apart; both run in OpenCV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from movieqa.errors import ConfigError
from movieqa.people_files import ProviderFacts
from movieqa.storage import digest_file, digest_json

from .model_files import SFACE, YUNET, find_model
from .provider import METRIC, Detections, Embedded, Scale, clip_boxes, unit
from .quality import face_qualities

if TYPE_CHECKING:
    from jaxtyping import UInt8

VERSION = 1
ABILITIES = (
    "finds faces from about 10 pixels to 300, also turned ones, and tells people apart by the face alone, "
    "whatever they wear; no figures without a human face"
)

_SCORE, _OVERLAP, _MOST = 0.7, 0.3, 5000
_DIMENSION = 128


class YuNet:
    """Finds faces with OpenCV's FaceDetectorYN.

    Args:
        path: YuNet's ONNX file.

    Raises:
        ConfigError: The file is missing or OpenCV cannot read it.
    """

    def __init__(self, path: Path) -> None:
        _check_file(path)
        try:
            self._detector = cv2.FaceDetectorYN.create(str(path), "", (320, 320), _SCORE, _OVERLAP, _MOST)
        except cv2.error as error:
            raise _unreadable(path, error) from None
        self._size = (320, 320)
        self.digest = digest_file(path)

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find faces with their landmarks."""
        height, width = picture.shape[:2]
        if self._size != (width, height):
            self._detector.setInputSize((width, height))
            self._size = (width, height)
        _, found = self._detector.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        faces = np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        faces = faces[np.isfinite(faces).all(axis=1)]
        corners = np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], axis=1)
        boxes, rows = clip_boxes(corners, width, height)
        return Detections(
            boxes=boxes,
            scores=np.clip(faces[rows, 14], 0, 1),
            landmarks=faces[rows, 4:14].reshape(-1, 5, 2),
        )


class SFaceProvider:
    """Finds faces with YuNet and describes them with FaceRecognizerSF.

    Args:
        detector: YuNet's ONNX file.
        recogniser: SFace's ONNX file.

    Raises:
        ConfigError: A file is missing or OpenCV cannot read it.
    """

    def __init__(self, detector: Path, recogniser: Path) -> None:
        self._detector = YuNet(detector)
        _check_file(recogniser)
        try:
            self._recogniser = cv2.FaceRecognizerSF.create(str(recogniser), "")
        except cv2.error as error:
            raise _unreadable(recogniser, error) from None
        files = [self._detector.digest, digest_file(recogniser)]
        self._is_pinned = files == [f"sha256:{file.sha256}" for file in (YUNET, SFACE)]
        self._fingerprint = digest_json({"provider": "sface", "version": VERSION, "files": files})

    @classmethod
    def from_folder(cls, folder: Path | None = None) -> SFaceProvider:
        """Load the pinned files from a folder, by default where `fetch_sface` puts them.

        Raises:
            MissingDependencyError: A file is not there.
            ConfigError: A file is not the pinned one.
        """
        return cls(find_model(YUNET, folder), find_model(SFACE, folder))

    @property
    def facts(self) -> ProviderFacts:
        """Name, fingerprint, licence and limits."""
        licence = f"YuNet: {YUNET.licence}; SFace: {SFACE.licence}"
        return ProviderFacts(
            name="sface",
            fingerprint=self._fingerprint,
            dimension=_DIMENSION,
            licence=licence if self._is_pinned else "unknown: not the published YuNet and SFace files",
            abilities=ABILITIES,
        )

    @property
    def scale(self) -> Scale:
        """How its cosines are to be read; OpenCV's own threshold for one person is 0.363."""
        return METRIC

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find faces with their landmarks."""
        return self._detector.detect(picture)

    def embed(self, picture: UInt8[np.ndarray, "H W 3"], faces: Detections) -> Embedded:
        """Align each face by its landmarks and describe it."""
        if faces.landmarks is None:
            raise ValueError("SFace aligns faces by landmarks")
        image = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        vectors = np.zeros((len(faces), _DIMENSION), np.float32)
        for row, (box, points) in enumerate(zip(faces.boxes, faces.landmarks, strict=True)):
            face = np.concatenate([box[:2], box[2:] - box[:2], points.ravel()]).astype(np.float32)
            feature = np.ravel(self._recogniser.feature(self._recogniser.alignCrop(image, face)))
            if feature.shape != (_DIMENSION,):
                raise ConfigError(
                    f"the recogniser gives {feature.size} numbers, not {_DIMENSION}", hint="use SFace's file"
                )
            vectors[row] = feature
        return Embedded(vectors=unit(vectors), qualities=face_qualities(picture, faces))


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"{path}: no such model file", hint="give its path, or run: movieqa cast fetch")


def _unreadable(path: Path, error: cv2.error) -> ConfigError:
    return ConfigError(f"{path}: OpenCV cannot read it ({error.err})", hint="fetch it again")
