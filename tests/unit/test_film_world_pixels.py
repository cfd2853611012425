"""Truth against pixels: what the boxes, cuts and reference pictures say is what is drawn."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("skia")

from movieqa.train.film_world.drawing.figures import FigureArtist
from movieqa.train.film_world.drawing.painter import Painter
from movieqa.train.film_world.encoding import draw_moment, mix_at
from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.records import Film
from movieqa.train.film_world.truth import sample_times

WIDTH, HEIGHT = 640, 360
Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def film() -> Film:
    return make_film(seed=8, minutes=4)


def drawn_box(painter: Painter, shot: Any, time: float, person: str, monkeypatch: pytest.MonkeyPatch) -> Box | None:
    """Return where the picture changes when a person is not drawn, in pixels."""
    whole = painter.paint(shot, time)[:, :, :3].copy()
    draw = FigureArtist.draw

    def without(self: FigureArtist, canvas: Any, figure: Any, tint: Any) -> None:
        if figure.person != person:
            draw(self, canvas, figure, tint)

    with monkeypatch.context() as patch:
        patch.setattr(FigureArtist, "draw", without)
        rest = painter.paint(shot, time)[:, :, :3]
    changed = np.abs(whole.astype(int) - rest).max(axis=2) > 24
    if not changed.any():
        return None
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def overlap(first: Box, second: Box) -> float:
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, across) * max(0.0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (sum(areas) - shared)


def test_people_are_where_their_boxes_say(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter(film, width=WIDTH, height=HEIGHT)
    overlaps, missing = [], 0
    for shot, time in list(sample_times(film))[::2]:
        for seen in painter.framing.seen(painter.framing.view(shot, time), WIDTH / HEIGHT):
            if seen.how in ("picture", "hand"):
                continue
            box = (seen.box[0] * WIDTH, seen.box[1] * HEIGHT, seen.box[2] * WIDTH, seen.box[3] * HEIGHT)
            pixels = drawn_box(painter, shot, time, seen.person, monkeypatch)
            if pixels is None:
                missing += 1
                continue
            overlaps.append(overlap(box, pixels))
    assert len(overlaps) > 60
    assert missing <= 0.03 * len(overlaps), "a person the truth sees is not drawn"
    assert np.mean(overlaps) > 0.82 and np.quantile(overlaps, 0.1) > 0.6, (
        np.mean(overlaps),
        np.quantile(overlaps, 0.1),
    )


def test_nobody_is_drawn_whom_the_truth_does_not_see(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter(film, width=WIDTH, height=HEIGHT)
    for shot, time in list(sample_times(film))[::9]:
        seen = {item.person for item in painter.framing.seen(painter.framing.view(shot, time), WIDTH / HEIGHT)}
        for person in film.people:
            if person.id not in seen:
                box = drawn_box(painter, shot, time, person.id, monkeypatch)
                assert box is None or (box[2] - box[0]) * (box[3] - box[1]) < 0.03 * WIDTH * HEIGHT, (time, person.name)


def test_a_face_is_its_own_in_all_clothes_and_no_other(film: Film) -> None:
    """The skin in the middle of a close face is the person's, in the light of the scene."""
    painter = Painter(film, width=WIDTH, height=HEIGHT)
    people = {person.id: person for person in film.people}
    found = 0
    for shot, time in sample_times(film):
        view = painter.framing.view(shot, time)
        seen = painter.framing.seen(view, WIDTH / HEIGHT)
        if len(seen) != 1 or seen[0].how != "front" or seen[0].head is None or shot.camera != "close":
            continue
        if view.scene.day_part != "day" or view.scene.weather == "rain":
            continue
        left, top, right, bottom = seen[0].head
        picture = painter.paint(shot, time)
        skin = people[seen[0].person].look.skin
        wanted = np.array([int(skin[index : index + 2], 16) for index in (4, 2, 0)])
        rows = slice(int((top + (bottom - top) * 0.3) * HEIGHT), int(bottom * HEIGHT))
        face = picture[rows, int(left * WIDTH) : int(right * WIDTH), :3].astype(int)
        brightness = np.clip(face.sum(axis=2, keepdims=True) / wanted.sum(), 0.55, 1.3)  # light and shadow on a face
        near = (np.abs(face - wanted * brightness).max(axis=2) < 14).mean()
        assert near > 0.2, (time, people[seen[0].person].name, near)
        found += 1
    assert found >= 3


def test_cuts_are_where_they_are_said_to_be(film: Film) -> None:
    painter = Painter(film, width=160, height=90)

    def picture(number: int) -> NDArray[np.float32]:
        time = number / film.fps
        shot = next(shot for shot in film.shots if shot.start <= time < shot.end)
        return draw_moment(film, painter, shot, time)[:, :, :3].astype(np.float32)

    jumps = []
    for shot in film.shots[1:]:
        if shot.cut != "cut":
            continue
        first = round(shot.start * film.fps)
        across = np.abs(picture(first) - picture(first - 1)).mean()
        inside = np.abs(picture(first + 3) - picture(first + 1)).mean()
        jumps.append(across > 2.0 and across > 1.5 * inside)
    assert len(jumps) > 30 and np.mean(jumps) > 0.95, np.mean(jumps)


def test_dissolves_and_fades_pass_through_their_middle(film: Film) -> None:
    painter = Painter(film, width=160, height=90)
    soft = [shot for shot in film.shots if shot.transition > 0]
    assert {shot.cut for shot in soft} == {"dissolve", "fade"}
    for shot in soft:
        middle = draw_moment(film, painter, shot, shot.start)[:, :, :3].copy()
        assert mix_at(film, shot, shot.start) == (shot.index, 0.5)
        if shot.cut == "fade":
            assert middle.max() == 0
            continue
        before = painter.paint(film.shots[shot.index - 1], shot.start).astype(int)
        after = painter.paint(shot, shot.start)
        assert np.abs((before + after)[:, :, :3] / 2 - middle).max() <= 1.5


def test_the_same_moment_has_the_same_pixels_in_any_order(film: Film) -> None:
    first, second = Painter(film, width=320, height=180), Painter(film, width=320, height=180)
    moments = list(sample_times(film))[::23]
    forwards = [first.paint(shot, time).copy() for shot, time in moments]
    backwards = [second.paint(shot, time).copy() for shot, time in reversed(moments)]
    assert all(np.array_equal(one, other) for one, other in zip(forwards, reversed(backwards), strict=True))


def test_equal_signatures_mean_equal_pixels(film: Film) -> None:
    painter = Painter(film, width=320, height=180)
    checked = 0
    for shot in film.shots[::3]:
        for number in range(round(shot.start * film.fps), round(shot.end * film.fps) - 2, 6):
            times = number / film.fps, (number + 2) / film.fps
            if painter.signature(shot, times[0]) == painter.signature(shot, times[1]):
                one = painter.paint(shot, times[0]).copy()
                assert np.array_equal(one, painter.paint(shot, times[1]))
                checked += 1
    assert checked > 100


def test_every_thing_and_place_is_drawn() -> None:
    from movieqa.train.film_world.drawing.furniture_shapes import FURNITURE_SHAPES
    from movieqa.train.film_world.drawing.prop_shapes import PROP_SHAPES, SPOT_SHAPES
    from movieqa.train.film_world.drawing.shapes import parse_shape
    from movieqa.train.film_world.places import PLACE_KINDS, SPOTS
    from movieqa.train.film_world.props import PROP_KINDS

    assert len(PLACE_KINDS) >= 25 and len(PROP_KINDS) >= 40
    assert set(PROP_KINDS) == set(PROP_SHAPES) and set(SPOTS.values()) == set(SPOT_SHAPES)
    assert {name for kind in PLACE_KINDS.values() for name in kind.furniture} == set(FURNITURE_SHAPES)
    for shape in (*PROP_SHAPES.values(), *SPOT_SHAPES.values(), *FURNITURE_SHAPES.values()):
        assert parse_shape(shape)


def test_a_larger_picture_shows_the_same(film: Film) -> None:
    shot = film.shots[3]
    small = Painter(film, width=320, height=180).paint(shot, shot.start + 0.5)[:, :, :3].copy()
    large = Painter(film, width=960, height=540).paint(shot, shot.start + 0.5)[:, :, :3]
    shrunk = cv2.resize(large, (320, 180), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(int) - small).mean() < 6


@pytest.mark.parametrize("size", [(240, 135), (333, 187)])
def test_any_size_can_be_painted(film: Film, size: tuple[int, int]) -> None:
    painter = Painter(film, width=size[0], height=size[1])
    for shot in film.shots[:: len(film.shots) // 8]:
        assert painter.paint(shot, shot.start).shape == (size[1], size[0], 4)
