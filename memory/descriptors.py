"""Classical descriptors of a face and the clothes below it, in plain arithmetic: no weights, nothing trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float32, UInt8

FACE_SIDE = 64
_CLOTH_SIDE = 96
_UNIFORM = 59
_LIGHTNESS_BINS = 12
_LIGHTNESS_PAD = 2  # soft bins reach over the border
_COLOUR_BINS = 11
_COLOUR_REACH = 48  # distance from grey, in units of 8-bit Lab, that the colour histogram covers
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def _uniform_codes() -> NDArray[np.uint8]:
    """Number the 58 binary patterns with at most two changes round the circle; all others share the last number."""
    patterns = np.arange(256)
    turned = (patterns >> 1) | ((patterns & 1) << 7)
    changes = np.array([int(value).bit_count() for value in patterns ^ turned])
    codes = np.full(256, _UNIFORM - 1, np.uint8)
    codes[changes <= 2] = np.arange((changes <= 2).sum())
    return codes


_CODES = _uniform_codes()
_HOG = cv2.HOGDescriptor((FACE_SIDE, FACE_SIDE), (32, 32), (16, 16), (16, 16), 9)


def crop_square(picture: NDArray[np.uint8], left: float, top: float, right: float, bottom: float) -> NDArray[np.uint8]:
    """Cut a region with fractions of pixels out of a grey picture and scale it to `FACE_SIDE`, without aliasing."""
    shrink = max((right - left) / FACE_SIDE, 1.0)
    margin = int(2 * shrink) + 2
    height, width = picture.shape
    x0, y0 = max(0, int(left) - margin), max(0, int(top) - margin)
    x1, y1 = min(width, int(right) + margin + 1), min(height, int(bottom) + margin + 1)
    part = picture[y0:y1, x0:x1]
    if shrink > 1.2:
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), 0.5 * shrink), np.uint8)
    corners = np.array([[left, top], [right, top], [left, bottom]], np.float32) - np.array([x0, y0], np.float32)
    target = np.array([[0, 0], [FACE_SIDE, 0], [0, FACE_SIDE]], np.float32)
    turn = cv2.getAffineTransform(corners.astype(np.float32), target)
    return np.asarray(
        cv2.warpAffine(part, turn, (FACE_SIDE, FACE_SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def face_shape(face: UInt8[np.ndarray, "64 64"]) -> Float32[np.ndarray, " 324"]:
    """Describe where edges run: gradient histograms of the face and its mirror image together."""
    return _length_one(_gradients(face) + _gradients(np.ascontiguousarray(face[:, ::-1])))


def face_texture(face: UInt8[np.ndarray, "64 64"]) -> Float32[np.ndarray, " 944"]:
    """Describe the skin and features: binary patterns on a 4 x 4 grid, evened out against light, mirror included."""
    even = _even_light(face)
    return _length_one(_binary_patterns(even, 4, 2) + _binary_patterns(even[:, ::-1], 4, 2))


def cloth_texture(cloth: UInt8[np.ndarray, "H W"]) -> Float32[np.ndarray, " 236"]:
    """Describe the pattern of clothes: binary patterns on a 2 x 2 grid."""
    scaled = cv2.resize(cloth, (_CLOTH_SIDE, _CLOTH_SIDE), interpolation=cv2.INTER_AREA)
    return _length_one(_binary_patterns(scaled.astype(np.float32), 2, 1))


def lightness(patch: UInt8[np.ndarray, "H W 3"], reference: float) -> Float32[np.ndarray, " 16"]:
    """Describe how light a Lab patch is beside a reference lightness (the face's), so that exposure matters little."""
    values = np.log2((patch[..., 0].ravel().astype(np.float64) + 12) / (reference + 12))
    places = np.clip((values + 4) / 5.2 * _LIGHTNESS_BINS, 0, _LIGHTNESS_BINS - 1e-3) + _LIGHTNESS_PAD - 0.5
    below = np.floor(places).astype(np.int64)
    share = places - below
    bins = _LIGHTNESS_BINS + 2 * _LIGHTNESS_PAD
    soft = np.bincount(below, 1 - share, bins) + np.bincount(below + 1, share, bins)
    return _length_one(np.sqrt(soft))


def colour(patch: UInt8[np.ndarray, "H W 3"]) -> Float32[np.ndarray, " 121"]:
    """Describe the colours of a Lab patch, whatever their lightness."""
    reach = [128 - _COLOUR_REACH, 128 + _COLOUR_REACH]
    counts = cv2.calcHist([patch], [1, 2], None, [_COLOUR_BINS, _COLOUR_BINS], [*reach, *reach])
    smooth = cv2.GaussianBlur(counts, (3, 3), 0.6)
    return _length_one(np.sqrt(smooth.ravel()))


def _gradients(face: NDArray[np.uint8]) -> NDArray[np.float64]:
    vector = np.asarray(_HOG.compute(face), np.float64).ravel()
    vector -= vector.mean()
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9), np.float64)


def _even_light(face: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Take out shadows and exposure: gamma, band pass, contrast, and a soft limit (Tan and Triggs, 2007)."""
    even = np.power(face.astype(np.float32) / 255 + 1e-3, 0.2)
    even = cv2.GaussianBlur(even, (0, 0), 1) - cv2.GaussianBlur(even, (0, 0), 2.5)
    even /= np.mean(np.abs(even) ** 0.1) ** 10 + 1e-6
    even /= np.mean(np.minimum(10, np.abs(even)) ** 0.1) ** 10 + 1e-6
    return np.asarray(10 * np.tanh(even / 10), np.float32)


def _binary_patterns(picture: NDArray[np.float32], grid: int, radius: int) -> NDArray[np.float64]:
    """Return square roots of each cell's pattern frequencies, one cell after another."""
    height, width = picture.shape
    centre = picture[radius : height - radius, radius : width - radius]
    patterns = np.zeros(centre.shape, np.uint8)
    for bit, (down, right) in enumerate(_NEIGHBOURS):
        y, x = radius + down * radius, radius + right * radius
        neighbour = picture[y : y + centre.shape[0], x : x + centre.shape[1]]
        patterns |= (neighbour >= centre).astype(np.uint8) << bit
    codes = _CODES[patterns]
    rows = np.minimum(np.arange(centre.shape[0]) * grid // centre.shape[0], grid - 1)
    columns = np.minimum(np.arange(centre.shape[1]) * grid // centre.shape[1], grid - 1)
    cells = (rows[:, None] * grid + columns[None]) * _UNIFORM + codes
    counts = np.bincount(cells.ravel(), minlength=grid * grid * _UNIFORM).reshape(grid * grid, _UNIFORM)
    vector = np.sqrt(counts / counts.sum(axis=1, keepdims=True)).ravel()
    return np.asarray(vector / grid, np.float64)  # of length one: each cell has length one


def _length_one(vector: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9), np.float32)
