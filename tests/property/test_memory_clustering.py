"""What holds for every film: people seen together stay apart, numbers are never reused, order does not matter."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from movieqa.memory.clustering import TrackRows, calibrate, cluster_film, pairs_together
from movieqa.memory.identity_memory import IdentityMemory
from movieqa.memory.ids import IdBook, carry_ids
from movieqa.memory.provider import METRIC, unit
from movieqa.memory.tracklets import FrameFaces, link_shot, order_faces
from movieqa.people_files import ProviderFacts

FACTS = ProviderFacts(name="test", fingerprint="sha256:test", dimension=16, licence="none", abilities="tests")


def random_rows(seed: int, count: int, people: int, noise: float) -> TrackRows:
    random = np.random.default_rng(seed)
    centres = unit(random.standard_normal((people, 16)).astype(np.float32))
    vectors = centres[random.integers(0, people, count)] + noise * random.standard_normal((count, 16))
    vectors = unit(vectors.astype(np.float32))
    shots = np.sort(random.integers(0, max(1, count // 3), count)).astype(np.int32)
    starts = shots * 10.0 + random.integers(0, 5, count)
    ends = np.minimum(starts + random.integers(1, 6, count), shots * 10.0 + 10)
    order = np.lexsort((starts, shots))
    starts, ends, vectors = starts[order], ends[order], vectors[order]
    return TrackRows(
        vectors=vectors,
        qualities=random.uniform(0.3, 1, count).astype(np.float32),
        starts=starts,
        ends=ends,
        together=pairs_together(shots, starts, ends, vectors, METRIC),
    )


@given(st.integers(0, 10_000), st.integers(0, 40), st.integers(1, 6), st.sampled_from([0.0, 0.2, 0.6]))
def test_people_seen_together_are_never_one(seed: int, count: int, people: int, noise: float) -> None:
    rows = random_rows(seed, count, people, noise)
    threshold = calibrate(rows, METRIC)
    assert METRIC.lowest <= threshold <= METRIC.highest
    labels = cluster_film(rows, METRIC, threshold)
    for left, right in rows.together.tolist():
        assert labels[left] == -1 or labels[left] != labels[right]
    known = np.flatnonzero(labels >= 0)
    assert (labels[labels[known]] == labels[known]).all(), "a label is a member of its group"
    assert (labels[known] <= known).all(), "the first one"
    assert np.array_equal(labels, cluster_film(rows, METRIC, threshold))


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_the_same_face_twice_in_a_frame_is_no_evidence_of_two(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    face = unit(random.standard_normal((1, 16)).astype(np.float32))
    vectors = unit(np.repeat(face, count, axis=0) + 0.05 * random.standard_normal((count, 16)).astype(np.float32))
    zeros = np.zeros(count)
    assert not len(pairs_together(zeros.astype(np.int32), zeros, zeros + 1, vectors, METRIC))


_LABELS = st.lists(st.integers(-1, 5), min_size=1, max_size=12)


@given(st.lists(_LABELS, min_size=1, max_size=6))
def test_numbers_are_never_used_twice_and_aliases_lead_home(groupings: list[list[int]]) -> None:
    size = min(map(len, groupings))
    book, ids = IdBook(), np.full(size, -1, np.int64)
    retired: set[int] = set()
    for grouping in groupings:
        labels = np.array(grouping[:size])
        carried = carry_ids(labels, ids, book)
        used = {id_ for id_ in carried.ids.tolist() if id_ >= 0}
        assert not used & set(carried.book.aliases), "a number given up is not in use"
        assert not used & retired, "and never again"
        assert all(0 < id_ < carried.book.next for id_ in used)
        for left in range(size):
            for right in range(size):
                if labels[left] >= 0 and labels[right] >= 0:
                    assert (labels[left] == labels[right]) == (carried.ids[left] == carried.ids[right])
        for old in carried.book.aliases:
            assert carried.book.current(old) not in carried.book.aliases, "aliases end"
        retired |= ({id_ for id_ in ids.tolist() if id_ >= 0} - used) & set(carried.book.aliases)
        book, ids = carried.book, carried.ids


def _frames(seed: int) -> list[list[FrameFaces]]:
    random = np.random.default_rng(seed)
    people = unit(random.standard_normal((4, 16)).astype(np.float32))
    shots = []
    for shot in range(4):
        frames = []
        for second in range(4):
            here = np.flatnonzero(random.random(4) < 0.7)
            noise = 0.15 * random.standard_normal((len(here), 16))
            left = (here * 0.25 + random.uniform(0, 0.02, len(here))).astype(np.float32)
            boxes = np.stack([left, np.full_like(left, 0.2), left + 0.15, np.full_like(left, 0.5)], axis=1)
            frames.append(
                FrameFaces(
                    frame=shot * 4 + second,
                    time=shot * 4.0 + second,
                    boxes=boxes,
                    scores=np.ones(len(here), np.float32),
                    qualities=random.uniform(0.5, 1, len(here)).astype(np.float32),
                    vectors=unit((people[here] + noise).astype(np.float32)),
                )
            )
        shots.append(frames)
    return shots


def _who(shots: list[list[FrameFaces]], shuffle: np.random.Generator | None) -> dict[tuple[int, float], int]:
    """Return the identity of every face, by its frame and its left edge."""
    memory = IdentityMemory(FACTS, METRIC, backend="numpy")
    keys: list[list[tuple[int, float]]] = []
    for shot, frames in enumerate(shots):
        ordered = []
        for faces in frames:
            order: NDArray[np.int64] = np.arange(len(faces)) if shuffle is None else shuffle.permutation(len(faces))
            order = order[order_faces(faces.boxes[order], 64)]
            columns = {name: getattr(faces, name)[order] for name in ("boxes", "scores", "qualities", "vectors")}
            ordered.append(FrameFaces(frame=faces.frame, time=faces.time, **columns))
        tracks = link_shot(ordered, METRIC)
        first = ordered[0].frame
        for track in tracks:
            faces = [(ordered[f - first], row) for f, row in zip(track.frames, track.rows, strict=True)]
            keys.append([(one.frame, float(one.boxes[row, 0])) for one, row in faces])
        memory.add_shot(shot, tracks, [(float(t.frames[0]), t.frames[-1] + 1.0) for t in tracks])
    ids = memory.finish().ids
    return {key: int(id_) for faces, id_ in zip(keys, ids, strict=True) for key in faces}


@given(st.integers(0, 10_000))
def test_the_order_of_faces_in_a_frame_does_not_matter(seed: int) -> None:
    shots = _frames(seed)
    assert _who(shots, None) == _who(shots, np.random.default_rng(seed))
