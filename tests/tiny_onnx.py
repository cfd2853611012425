"""Makes tiny networks with the inputs and outputs of real face models: they find bright squares and tell their colours.

A bright square of 32 pixels on a 32-pixel grid, on black, is a face; its colour, one of the eight corners of the colour
cube, is who it is. The files are real ONNX,
so OpenCV and onnxruntime load and run them as they do the published ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CELL = 32
_STRIDES = (8, 16, 32)


def make_yunet(path: Path) -> Path:
    """Write a detector with YuNet's outputs: per stride class, object, box (centre and log size) and landmarks."""
    box = [0.5, 0.5, 0.0, 0.0]
    points = [0.3, 0.4, 0.7, 0.4, 0.5, 0.6, 0.35, 0.8, 0.65, 0.8]
    return _write_detector(path, {"cls": None, "obj": None, "bbox": box, "kps": points}, anchors=1, size=None, mean=0.0)


def make_scrfd(path: Path, *, side: int = 640) -> Path:
    """Write a detector with SCRFD's nine outputs: scores, then distances to the box's sides, then landmarks."""
    box = [0.0, 0.0, 1.0, 1.0]
    points = [0.3, 0.4, 0.7, 0.4, 0.5, 0.6, 0.35, 0.8, 0.65, 0.8]
    return _write_detector(path, {"score": None, "bbox": box, "kps": points}, anchors=2, size=side, mean=127.5)


def make_recogniser(path: Path, *, low: float, high: float, dimension: int = 128) -> Path:
    """Write a recogniser that tells the eight corners of the colour cube apart, by the middle of a 112-pixel crop.

    Args:
        path: Where to write it.
        low: What a dark pixel comes in as: 0 from OpenCV, -1 from the onnx provider.
        high: What a bright pixel comes in as: 255 or 1.
        dimension: Length of an embedding.
    """
    corners = np.array([[bit >> channel & 1 for channel in range(3)] for bit in range(8)], np.float32)
    signs = 2 * corners - 1
    sharp = signs / (high - low)
    shift = -low * sharp.sum(axis=1) - (corners.sum(axis=1) - 0.9)
    spread = np.linalg.qr(np.random.default_rng(0).standard_normal((dimension, 8)))[0].astype(np.float32)
    nodes = [
        helper.make_node("Slice", ["data", "from", "to", "axes"], ["middle"]),
        helper.make_node("GlobalAveragePool", ["middle"], ["mean"]),
        helper.make_node("Conv", ["mean", "sharp", "shift"], ["near"]),
        helper.make_node("Relu", ["near"], ["corner"]),
        helper.make_node("Conv", ["corner", "spread"], ["wide"]),
        helper.make_node("Flatten", ["wide"], ["fc1"]),
    ]
    constants = {
        "from": np.array([40, 40], np.int64),
        "to": np.array([72, 72], np.int64),
        "axes": np.array([2, 3], np.int64),
        "sharp": sharp.reshape(8, 3, 1, 1).astype(np.float32),
        "shift": shift.astype(np.float32),
        "spread": spread.reshape(dimension, 8, 1, 1),
    }
    return _save(
        path,
        nodes,
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, dimension])],
        constants,
    )


def draw_squares(width: int, height: int, *squares: tuple[int, int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Draw a picture with squares, each `(column, row, colour)` on the grid of cells."""
    picture = np.zeros((height, width, 3), np.uint8)
    for column, row, colour in squares:
        picture[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = colour
    return picture


def _write_detector(
    path: Path, kinds: dict[str, list[float] | None], *, anchors: int, size: int | None, mean: float
) -> Path:
    """Write a network that scores each cell of the largest stride by its brightness, and finds nothing elsewhere."""
    nodes = []
    constants: dict[str, NDArray[np.float32]] = {}
    outputs = []
    for kind, values in kinds.items():
        for stride in _STRIDES:
            name, wide = f"{kind}_{stride}", len(values) if values else 1
            weights = np.zeros((wide * anchors, 3, 1, 1), np.float32)
            bias = np.zeros(wide * anchors, np.float32)
            if values:
                bias[:] = values * anchors
            elif stride == CELL:
                weights[0], bias[0] = 2 / 255 * (128 if mean else 1), -1 + (2 / 255 * 3 * mean)
            constants |= {f"{name}_w": weights, f"{name}_b": bias}
            rows = -1 if size is None else (size // stride) ** 2 * anchors
            shape = [1, rows, wide] if size is None else [rows, wide]
            constants[f"{name}_shape"] = np.array(shape, np.int64)
            nodes += [
                helper.make_node(
                    "AveragePool", ["input"], [f"{name}_p"], kernel_shape=[stride] * 2, strides=[stride] * 2
                ),
                helper.make_node("Conv", [f"{name}_p", f"{name}_w", f"{name}_b"], [f"{name}_c"]),
                helper.make_node("Transpose", [f"{name}_c"], [f"{name}_t"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{name}_t", f"{name}_shape"], [f"{name}_r" if not values else name]),
            ]
            if not values:
                constants |= {f"{name}_low": np.float32(0), f"{name}_high": np.float32(1)}
                nodes.append(helper.make_node("Clip", [f"{name}_r", f"{name}_low", f"{name}_high"], [name]))
            outputs.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * len(shape) if size is None else shape)
            )
    shape = [1, 3, 640, 640] if size is None else [1, 3, size, size]
    return _save(path, nodes, [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)], outputs, constants)


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, NDArray[np.generic]],
) -> Path:
    kept = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
