"""Following faces through a shot."""

from __future__ import annotations

import numpy as np
import pytest

from movieqa.memory.provider import METRIC, unit
from movieqa.memory.tracklets import FrameFaces, ShotLinker, link_shot, order_faces

PEOPLE = unit(np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32))


def frame(index: int, *faces: tuple[int, float], quality: float = 0.8, time: float | None = None) -> FrameFaces:
    """Make a frame with faces, each a person and the left edge of a box a tenth wide."""
    boxes = np.array([[left, 0.2, left + 0.1, 0.4] for _, left in faces], np.float32).reshape(-1, 4)
    return FrameFaces(
        frame=index,
        time=float(index) if time is None else time,
        boxes=boxes,
        scores=np.ones(len(faces), np.float32),
        qualities=np.full(len(faces), quality, np.float32),
        vectors=PEOPLE[[person for person, _ in faces]].reshape(-1, 64),
    )


def test_crossing_people_keep_their_tracks() -> None:
    frames = [frame(index, (0, 0.1 + 0.1 * index), (1, 0.7 - 0.1 * index)) for index in range(6)]
    tracks = link_shot(frames, METRIC)
    assert [track.frames for track in tracks] == [(0, 1, 2, 3, 4, 5)] * 2
    assert np.allclose(tracks[0].vector, PEOPLE[0], atol=1e-5)
    assert np.allclose(tracks[1].vector, PEOPLE[1], atol=1e-5)


def test_a_missed_frame_does_not_end_a_track_but_a_long_gap_does() -> None:
    tracks = link_shot([frame(0, (0, 0.1)), frame(1), frame(2), frame(3, (0, 0.1)), frame(7, (0, 0.1))], METRIC)
    assert [track.frames for track in tracks] == [(0, 3), (7,)]


def test_somebody_else_in_the_same_place_is_a_new_track() -> None:
    tracks = link_shot([frame(0, (0, 0.1)), frame(1, (2, 0.1))], METRIC)
    assert [track.frames for track in tracks] == [(0,), (1,)]


def test_the_clear_faces_of_a_track_count_most() -> None:
    blurred = frame(1, (3, 0.1), quality=0.05)
    mixed = unit((PEOPLE[0] + 1.2 * PEOPLE[3])[None])[0]
    blurred.vectors[0] = mixed
    (track,) = link_shot([frame(0, (0, 0.1)), blurred], METRIC)
    assert track.vector @ PEOPLE[0] > 0.99
    assert track.quality == pytest.approx((0.8**2 + 0.05**2) / 0.85, abs=1e-3)
    assert np.array_equal(track.best[0], PEOPLE[0])


def test_frame_by_frame_is_the_same_and_starts_afresh() -> None:
    frames = [frame(index, (0, 0.1), (1, 0.5)) for index in range(5)]
    linker = ShotLinker(METRIC)
    for _ in range(2):
        for faces in frames:
            linker.add(faces)
        tracks = linker.finish()
        assert [track.frames for track in tracks] == [track.frames for track in link_shot(frames, METRIC)]
    assert linker.finish() == ()


def test_the_largest_faces_are_kept_from_left_to_right() -> None:
    boxes = np.array([[0.5, 0, 0.9, 0.4], [0.1, 0, 0.2, 0.1], [0.2, 0, 0.5, 0.3]], np.float32)
    assert order_faces(boxes, 2).tolist() == [2, 0]
    assert order_faces(boxes, 9).tolist() == [1, 2, 0]
