"""What recognises people: one protocol for every detector and embedding, each with a fingerprint of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from movieqa.people_files import ProviderFacts

if TYPE_CHECKING:
    from jaxtyping import Float32, UInt8


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How a provider's cosines are to be read; all are cosines of unit embeddings.

    The film itself sets the threshold where enough people are seen together; these are its bounds.
    """

    floor: float
    """Typical cosine of two different people; what is above it counts."""
    threshold: float
    """Two groups of faces are one person from here on, where the film does not say."""
    lowest: float
    """The film cannot set the threshold lower,"""
    highest: float
    """nor higher."""
    twin: float
    """Two faces of one frame this alike are a mirror, a photograph or a split screen, not two people."""
    named: float
    """A group this alike to reference pictures, which are taken elsewhere, surely bears the name,"""
    margin: float
    """if it fits no other name as well to within this."""

    def __post_init__(self) -> None:
        """Check the order."""
        if not -1 <= self.floor < self.lowest <= self.threshold <= self.highest < self.twin <= 1:
            raise ValueError(f"a scale needs floor < lowest <= threshold <= highest < twin, got {self}")
        if not (self.floor < self.named <= 1 and self.margin >= 0):
            raise ValueError(f"a scale needs floor < named <= 1 and a margin, got {self}")

    def part(self, share: float, threshold: float) -> float:
        """Return the cosine that lies a share of the way from the floor to a threshold."""
        return self.floor + share * (threshold - self.floor)


METRIC = Scale(floor=0.0, threshold=0.38, lowest=0.22, highest=0.5, twin=0.8, named=0.3, margin=0.05)
"""How cosines of a trained face recogniser are read."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """The faces of one picture, in pixels.

    Attributes:
        boxes: Float32[N, 4], left, top, right, bottom; inside the picture and never empty.
        scores: Float32[N], how sure the detector is, 0 to 1.
        landmarks: Float32[N, 5, 2], right eye, left eye, nose, right and left corner of the mouth; None where the
            detector finds none.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Check that the columns agree."""
        rows = len(self.boxes)
        if self.boxes.shape != (rows, 4) or self.scores.shape != (rows,):
            raise ValueError(f"boxes {self.boxes.shape} and scores {self.scores.shape} disagree")
        if self.landmarks is not None and self.landmarks.shape != (rows, 5, 2):
            raise ValueError(f"landmarks must be Float32[{rows}, 5, 2], got {self.landmarks.shape}")

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows: NDArray[np.int64]) -> Detections:
        """Return some of the faces, in the order asked for."""
        return Detections(
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            landmarks=None if self.landmarks is None else self.landmarks[rows],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedded:
    """What faces look like.

    Attributes:
        vectors: Float32[N, E], of length one.
        qualities: Float32[N], how much of an identity each face can tell, 0 to 1; below 0.6 it shapes no identity.
    """

    vectors: NDArray[np.float32]
    qualities: NDArray[np.float32]


@runtime_checkable
class Provider(Protocol):
    """Finds faces, or whatever it takes for people, and says what they look like."""

    @property
    def facts(self) -> ProviderFacts:
        """Name, fingerprint, licence and limits."""

    @property
    def scale(self) -> Scale:
        """How its cosines are to be read."""

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find the faces of a picture, red first; the same picture gives the same faces."""

    def embed(self, picture: UInt8[np.ndarray, "H W 3"], faces: Detections) -> Embedded:
        """Say what faces of a picture look like; each face by itself, whatever else is in the picture."""


def clip_boxes(boxes: NDArray[np.float32], width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cut boxes at the picture's border.

    Returns:
        The boxes that are left, and the rows they had.
    """
    clipped = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    rows = np.flatnonzero((clipped[:, 2] - clipped[:, 0] >= 2) & (clipped[:, 3] - clipped[:, 1] >= 2))
    return clipped[rows], rows


def unit(vectors: Float32[np.ndarray, "N E"]) -> Float32[np.ndarray, "N E"]:
    """Return vectors scaled to length one; a vector of nothing stays nothing."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
