"""The provider for files that users bring: an SCRFD-like detector and an ArcFace-like recogniser, in onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from movieqa.errors import ConfigError, MissingDependencyError
from movieqa.people_files import ProviderFacts
from movieqa.storage import digest_file, digest_json

from .provider import METRIC, Detections, Embedded, Scale, clip_boxes, unit
from .quality import face_qualities

if TYPE_CHECKING:
    from jaxtyping import Float32, UInt8

VERSION = 1

_STRIDES = (8, 16, 32)
_ANCHORS = 2
_CROP = 112
_FACE = np.array(  # where eyes, nose and mouth lie in the 112-pixel crop that ArcFace and its kin were trained on
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
_MOST_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class OnnxConfig:
    """What the files are, and how their numbers are to be read."""

    detector: Path
    """SCRFD with landmarks: nine outputs, scores, boxes and landmarks at strides of 8, 16 and 32 pixels."""
    recogniser: Path
    """Takes aligned faces of 112 pixels, red first, from -1 to 1."""
    licence: str
    """Of both files; written into the workspace. Published weights are often for research only."""
    side: int = 640
    """Pixels of the square that the detector looks at."""
    score: float = 0.5
    overlap: float = 0.4
    """Of two boxes that overlap more, the surer stays."""
    scale: Scale = METRIC

    def __post_init__(self) -> None:
        """Check what would only fail later."""
        if not self.licence.strip():
            raise ConfigError("the licence of the face models is not given", hint="say it: it is kept with the result")
        if self.side < 64 or self.side % 32:
            raise ConfigError(f"side must be a multiple of 32, got {self.side}", hint="640 is usual")
        if not (0 < self.score < 1 and 0 < self.overlap < 1):
            raise ConfigError(f"score and overlap lie between 0 and 1, got {self.score} and {self.overlap}")


class OnnxProvider:
    """Finds and describes faces with user-supplied networks.

    Raises:
        ConfigError: A file is missing, or is no such network.
        MissingDependencyError: onnxruntime is not installed.
    """

    def __init__(self, config: OnnxConfig) -> None:
        self._config = config
        self._detector = _session(config.detector)
        self._recogniser = _session(config.recogniser)
        outputs = len(self._detector.get_outputs())
        if outputs != 3 * len(_STRIDES):
            raise ConfigError(
                f"{config.detector}: {outputs} outputs, not {3 * len(_STRIDES)}",
                hint="use an SCRFD file with landmarks",
            )
        try:
            self._dimension = self._describe(np.zeros((1, _CROP, _CROP, 3), np.uint8)).shape[1]
        except ValueError as error:
            raise ConfigError(
                f"{config.recogniser}: {error}", hint="use a recogniser for faces of 112 pixels"
            ) from None
        self._fingerprint = digest_json(
            {
                "provider": "onnx",
                "version": VERSION,
                "files": [digest_file(path) for path in (config.detector, config.recogniser)],
                "settings": [config.side, config.score, config.overlap],
            }
        )

    @property
    def facts(self) -> ProviderFacts:
        """Name, fingerprint, licence and limits."""
        return ProviderFacts(
            name="onnx",
            fingerprint=self._fingerprint,
            dimension=self._dimension,
            licence=self._config.licence,
            abilities=f"whatever {self._config.detector.name} finds and {self._config.recogniser.name} tells apart",
        )

    @property
    def scale(self) -> Scale:
        """How its cosines are to be read."""
        return self._config.scale

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find faces with their landmarks."""
        height, width = picture.shape[:2]
        zoom = self._config.side / max(height, width)
        square = np.zeros((self._config.side, self._config.side, 3), np.uint8)
        small = cv2.resize(picture, (max(1, round(width * zoom)), max(1, round(height * zoom))))
        square[: small.shape[0], : small.shape[1]] = small
        outputs = _run(self._detector, _blob(square[None], 128.0), self._config.detector)
        boxes, scores, points = self._decode(outputs)
        order = np.lexsort((*boxes.T, -scores))
        chosen = order[_keep_surest(boxes[order], self._config.overlap)]
        clipped, rows = clip_boxes((boxes[chosen] / zoom).astype(np.float32), width, height)
        return Detections(
            boxes=clipped,
            scores=np.clip(scores[chosen][rows], 0, 1).astype(np.float32),
            landmarks=(points[chosen][rows] / zoom).astype(np.float32),
        )

    def _decode(
        self, outputs: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Turn distances from anchor points into boxes and landmarks, in pixels of the square."""
        boxes, scores, points = [], [], []
        levels = len(_STRIDES)
        for level, stride in enumerate(_STRIDES):
            side = self._config.side // stride
            rows = side * side * _ANCHORS
            score, box, point = (
                outputs[level + levels * kind].reshape(-1, size) for kind, size in enumerate((1, 4, 10))
            )
            if not len(score) == len(box) == len(point) == rows:
                raise ConfigError(
                    f"{self._config.detector}: {len(score)} boxes at stride {stride}, not {rows}",
                    hint="use an SCRFD file with landmarks, and the side it was made for",
                )
            sure = np.flatnonzero(np.isfinite(box).all(axis=1) & (score[:, 0] >= self._config.score))
            cell = sure // _ANCHORS
            centre = np.stack([cell % side, cell // side], axis=1).astype(np.float64) * stride
            reach = box[sure].astype(np.float64) * stride
            boxes.append(np.concatenate([centre - reach[:, :2], centre + reach[:, 2:]], axis=1))
            scores.append(score[sure, 0].astype(np.float64))
            points.append(centre[:, None] + point[sure].reshape(-1, 5, 2).astype(np.float64) * stride)
        return np.concatenate(boxes), np.concatenate(scores), np.concatenate(points)

    def embed(self, picture: UInt8[np.ndarray, "H W 3"], faces: Detections) -> Embedded:
        """Align each face by its landmarks and describe it."""
        if faces.landmarks is None:
            raise ValueError("faces are aligned by landmarks")
        if not len(faces):
            return Embedded(vectors=np.zeros((0, self._dimension), np.float32), qualities=np.zeros(0, np.float32))
        crops = np.stack([_align(picture, points) for points in faces.landmarks])
        vectors = np.concatenate([self._describe(crop[None]) for crop in crops])
        return Embedded(vectors=unit(vectors), qualities=face_qualities(picture, faces))

    def _describe(self, crops: UInt8[np.ndarray, "N 112 112 3"]) -> Float32[np.ndarray, "N E"]:
        vectors = _run(self._recogniser, _blob(crops, 127.5), self._config.recogniser)[0]
        if vectors.ndim != 2 or len(vectors) != len(crops) or vectors.shape[1] < 2 or not np.isfinite(vectors).all():
            raise ValueError(f"it gives {vectors.shape} numbers for {len(crops)} faces")
        return vectors


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependencyError(
            "onnxruntime is not installed", hint="install it with: pip install 'movieqa[faces]'"
        ) from None
    if not path.is_file():
        raise ConfigError(f"{path}: no such model file", hint="give the path of an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _MOST_THREADS
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class but this
        raise ConfigError(f"{path}: onnxruntime cannot read it ({_first_line(error)})") from None


def _run(session: Any, blob: NDArray[np.float32], path: Path) -> list[NDArray[np.float32]]:
    try:
        outputs = session.run(None, {session.get_inputs()[0].name: blob})
    except Exception as error:  # as above
        raise ConfigError(f"{path}: it does not run ({_first_line(error)})", hint="check what input it takes") from None
    return [np.asarray(output, np.float32) for output in outputs]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _blob(pictures: UInt8[np.ndarray, "N H W 3"], spread: float) -> NDArray[np.float32]:
    scaled = (pictures.astype(np.float32) - 127.5) / spread
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _align(picture: UInt8[np.ndarray, "H W 3"], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn, scale and move a face so that its landmarks lie where the recogniser expects them."""
    turn = _similarity(points.astype(np.float64), _FACE.astype(np.float64))
    return np.asarray(cv2.warpAffine(picture, turn, (_CROP, _CROP), flags=cv2.INTER_LINEAR), np.uint8)


def _similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 2 x 3 rotation, scale and shift that brings points nearest to their targets, in least squares."""
    here, there = source - source.mean(axis=0), target - target.mean(axis=0)
    spread = float((here**2).sum())
    if spread < 1e-9:
        here, spread = there, float((there**2).sum())
    along = float((here * there).sum()) / spread
    across = float((here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0]).sum()) / spread
    turn = np.array([[along, -across], [across, along]])
    return np.concatenate([turn, (target.mean(axis=0) - turn @ source.mean(axis=0))[:, None]], axis=1)


def _keep_surest(boxes: NDArray[np.float64], overlap: float) -> NDArray[np.int64]:
    """Return the rows, surest first, that overlap no surer one more than allowed."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    waiting = np.arange(len(boxes))
    kept = []
    while len(waiting):
        first, rest = waiting[0], waiting[1:]
        kept.append(int(first))
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
        common = np.clip(high - low, 0, None).prod(axis=1)
        waiting = rest[common <= overlap * (areas[first] + areas[rest] - common)]
    return np.array(kept, np.int64)
