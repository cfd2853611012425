"""The index: faiss and numpy give equal results, and the traps of both are closed."""

from __future__ import annotations

import numpy as np
import pytest

from movieqa.memory.index import Backend, VectorIndex
from movieqa.memory.provider import unit

BACKENDS: tuple[Backend, ...] = ("faiss", "numpy")


def vectors(count: int, *, seed: int = 0, dimension: int = 32) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32))


def test_both_backends_give_the_same_neighbours_and_scores() -> None:
    rows, queries = vectors(500), vectors(40, seed=1)
    rows[100:120] = rows[0]  # ties
    found = []
    for backend in BACKENDS:
        index = VectorIndex(32, backend=backend)
        index.add(np.arange(500) * 7, rows)
        index.remove(np.array([7, 14, 5000]))
        found.append(index.search(np.concatenate([queries, rows[:1]]), 10))
        assert index.backend == backend
    assert np.array_equal(found[0].ids, found[1].ids)
    assert np.array_equal(found[0].scores, found[1].scores)
    assert found[0].ids[-1].tolist() == [0, *range(700, 763, 7)], "equals come in the order of their ids"


@pytest.mark.parametrize("backend", BACKENDS)
def test_search_is_exact_and_repeats(backend: Backend) -> None:
    rows, queries = vectors(300), vectors(20, seed=2)
    index = VectorIndex(32, backend=backend)
    index.add(np.arange(300), rows)
    found = index.search(queries, 5)
    exact = queries.astype(np.float64) @ rows.astype(np.float64).T
    assert np.array_equal(found.ids, np.argsort(-exact, axis=1, kind="stable")[:, :5])
    assert np.allclose(found.scores, -np.sort(-exact, axis=1)[:, :5], atol=1e-12)
    again = VectorIndex(32, backend=backend)
    again.add(np.arange(150), rows[:150])
    again.add(np.arange(150, 300), rows[150:])
    assert np.array_equal(again.search(queries, 5).scores, found.scores)
    one = [index.search(query[None], 5).ids[0] for query in queries]
    assert np.array_equal(np.stack(one), found.ids), "one by one as all at once"


def test_numpy_serves_where_faiss_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert VectorIndex(4).backend == "faiss"
    monkeypatch.setattr("movieqa.memory.index.find_spec", lambda name: None)
    assert VectorIndex(4).backend == "numpy"


@pytest.mark.parametrize("backend", BACKENDS)
def test_traps_are_closed(backend: Backend) -> None:
    index = VectorIndex(4, backend=backend)
    assert index.search(vectors(2, dimension=4), 3).ids.shape == (2, 0)
    with pytest.raises(ValueError, match=r"Float32\[N, 4\]"):
        index.add(np.array([1]), vectors(1, dimension=5))
    with pytest.raises(ValueError, match="finite"):
        index.add(np.array([1]), np.full((1, 4), np.nan, np.float32))
    index.add(np.array([3]), vectors(1, dimension=4))
    with pytest.raises(ValueError, match="id of its own"):
        index.add(np.array([3]), vectors(1, dimension=4))
    with pytest.raises(ValueError, match="finite"):
        index.search(np.full((1, 4), np.inf, np.float32), 1)
    assert index.search(vectors(1, dimension=4), 9).ids.tolist() == [[3]]
