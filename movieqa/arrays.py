"""Arrays as `.npy` files that a stranger's workspace cannot turn against the reader: no pickle, no false sizes."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import DTypeLike, NDArray


def dump_array(array: NDArray[Any]) -> bytes:
    """Write an array as a `.npy` file of version 1.0."""
    buffer = io.BytesIO()
    npy_format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def load_array(data: bytes, dtype: DTypeLike, *, ndim: int) -> NDArray[Any]:
    """Read what `dump_array` wrote, trusting nothing the header says before it is checked.

    Args:
        data: The file.
        dtype: The type every element must have.
        ndim: How many dimensions it must have.

    Raises:
        ValueError: Not such a file, another type or number of dimensions, or more or fewer bytes than it says.
    """
    buffer = io.BytesIO(data)
    if npy_format.read_magic(buffer) != (1, 0):
        raise ValueError("an array file of an unknown version")
    shape, is_fortran, found = npy_format.read_array_header_1_0(buffer)
    if found != np.dtype(dtype) or len(shape) != ndim or is_fortran:
        raise ValueError(f"expected {ndim} dimensions of {np.dtype(dtype)}, found {len(shape)} of {found}")
    body = memoryview(data)[buffer.tell() :]
    if any(size < 0 for size in shape) or math.prod(shape) * found.itemsize != len(body):
        raise ValueError(f"an array of shape {shape} does not fit {len(body)} bytes")
    return np.frombuffer(body, dtype=found).reshape(shape)
