"""Exact nearest neighbours by cosine: faiss where it is installed, numpy with equal results where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float32, Float64, Int64

Backend = Literal["auto", "faiss", "numpy"]

_SPARE = 16  # more candidates than asked for, so that rounding inside a backend cannot push a neighbour out


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbours:
    """The nearest rows of each query, nearest first, equals by id.

    Attributes:
        ids: Int64[Q, k].
        scores: Float64[Q, k], cosines.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]


class VectorIndex:
    """Holds unit vectors under ids and finds the nearest exactly; it is rebuilt from its vectors, never stored.

    Args:
        dimension: Length of every vector.
        backend: `auto` takes faiss where it is installed.

    Example:
        >>> index = VectorIndex(2, backend="numpy")
        >>> index.add(np.array([7]), np.array([[1, 0]], np.float32))
        >>> index.search(np.array([[1, 0]], np.float32), 5).ids
        array([[7]])
    """

    def __init__(self, dimension: int, *, backend: Backend = "auto") -> None:
        self._dimension = dimension
        self._ids = np.zeros(0, np.int64)
        self._vectors = np.zeros((0, dimension), np.float32)
        self.backend: Literal["faiss", "numpy"] = "numpy"
        self._faiss: Any = None
        if backend == "faiss" or (backend == "auto" and find_spec("faiss") is not None):
            import faiss

            self.backend = "faiss"
            self._library: Any = faiss
            self._faiss = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Int64[np.ndarray, " N"], vectors: Float32[np.ndarray, "N E"]) -> None:
        """Add vectors under new ids.

        Raises:
            ValueError: An id is there already, or a vector is not finite or of another length.
        """
        vectors = self._check(vectors)
        ids = np.asarray(ids, np.int64)
        if ids.shape != (len(vectors),) or len(np.unique(ids)) != len(ids) or np.isin(ids, self._ids).any():
            raise ValueError("every vector needs an id of its own")
        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors])
        if self._faiss is not None and len(ids):
            self._faiss.add_with_ids(vectors, ids)

    def remove(self, ids: Int64[np.ndarray, " N"]) -> None:
        """Remove vectors by id; unknown ids are none."""
        stay = ~np.isin(self._ids, ids)
        self._ids, self._vectors = self._ids[stay], self._vectors[stay]
        if self._faiss is not None:
            self._faiss.remove_ids(np.asarray(ids, np.int64))

    def search(self, queries: Float32[np.ndarray, "Q E"], count: int) -> Neighbours:
        """Return the `count` nearest rows of each query, or all where there are fewer.

        Raises:
            ValueError: A query is not finite or of another length.
        """
        queries = self._check(queries)
        count = min(count, len(self))
        if not count or not len(queries):
            return Neighbours(ids=np.zeros((len(queries), 0), np.int64), scores=np.zeros((len(queries), 0)))
        rows = self._candidates(queries, min(count + _SPARE, len(self)))
        scores = self._scores(queries, rows)
        ids = self._ids[rows]
        order = np.lexsort((ids, -scores), axis=1)[:, :count]
        return Neighbours(ids=np.take_along_axis(ids, order, 1), scores=np.take_along_axis(scores, order, 1))

    def _candidates(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        if self._faiss is not None:
            _, ids = self._search_alone(queries, count)
            order = np.argsort(self._ids, kind="stable")
            return np.asarray(order[np.searchsorted(self._ids[order], ids)], np.int64)
        scores = queries @ self._vectors.T
        return np.asarray(np.argpartition(-scores, count - 1, axis=1)[:, :count], np.int64)

    def _search_alone(self, queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Search on one thread: a few queries are not worth waking others, and on a busy machine waiting for them."""
        threads = self._library.omp_get_max_threads()
        self._library.omp_set_num_threads(1)
        try:
            scores, ids = self._faiss.search(queries, count)
        finally:
            self._library.omp_set_num_threads(threads)
        return scores, ids

    def _scores(self, queries: NDArray[np.float32], rows: NDArray[np.int64]) -> Float64[np.ndarray, "Q k"]:
        """Return cosines in double precision, whatever the backend rounded."""
        return np.asarray(
            np.einsum("qe,qke->qk", queries.astype(np.float64), self._vectors[rows].astype(np.float64)), np.float64
        )

    def _check(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        vectors = np.ascontiguousarray(vectors, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self._dimension:
            raise ValueError(f"vectors must be Float32[N, {self._dimension}], got {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise ValueError("vectors must be finite")
        return vectors
