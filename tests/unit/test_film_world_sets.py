"""What stands, hangs and drives on the sets: people sit, screens show people, traffic passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("skia")

from movieqa.train.film_world.drawing.acting import Acting
from movieqa.train.film_world.drawing.body import SEAT_DROP, joints_of
from movieqa.train.film_world.drawing.framing import PICTURE_CENTER, Framing
from movieqa.train.film_world.drawing.painter import Painter
from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.records import Film, Scene, ShotPlan

WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="module")
def film() -> Film:
    return make_film(seed=8, minutes=8)


def plain_shot(film: Film, scene: Scene, **changes: object) -> ShotPlan:
    """Return a shot of a whole scene from the front, without people and without a move."""
    shot = next(shot for shot in film.shots if shot.scene == scene.id)
    values: dict[str, object] = {"start": scene.start, "end": scene.end, "camera": "wide", "move": "still"}
    return replace(shot, **{**values, "side": 0, "focus": (), "prop": None, **changes})  # type: ignore[arg-type]


def test_people_sit_where_a_seat_stands_and_get_up_for_what_needs_it(film: Film) -> None:
    acting, rising, seated = Acting(film), set(), 0
    looks = {person.id: person.look for person in film.people}
    for scene in film.scenes:
        seats = {stay.person: stay.seat for stay in scene.stays}
        for time in np.arange(scene.start, scene.end, 0.25):
            for figure in acting.figures(scene, float(time)):
                assert 0.0 <= figure.pose.sit <= bool(seats[figure.person])
                seated += figure.pose.sit == 1.0
                standing = joints_of(looks[figure.person], replace(figure.pose, sit=0.0))
                now = joints_of(looks[figure.person], figure.pose)
                assert now.head[1] - standing.head[1] == pytest.approx(SEAT_DROP * figure.pose.sit)
                if seats[figure.person] and figure.pose.sit == 0.0:
                    event = next(item for item in reversed(film.events) if item.start <= time)
                    rising.add(event.action)
    assert seated > 100 and len(rising) >= 4
    assert not rising & {"say", "read", "write", "cry", "laugh", "phone"}


def test_a_watcher_in_the_shadow_has_no_seat() -> None:
    stays = [stay for seed in range(12) for scene in make_film(seed=seed, minutes=4).scenes for stay in scene.stays]
    assert any(stay.watches for stay in stays) and not any(stay.watches and stay.seat for stay in stays)


@pytest.mark.parametrize("shown_on", ["photograph", "television", "poster"])
def test_a_person_on_a_picture_is_seen_as_such_and_drawn(film: Film, shown_on: str) -> None:
    scene = next(scene for scene in film.scenes if not scene.portrait)
    absent = next(person.id for person in film.people if person.id not in {stay.person for stay in scene.stays})
    hung = replace(scene, portrait=absent, shown_on=shown_on)
    shown = replace(film, scenes=tuple(hung if item.id == scene.id else item for item in film.scenes))
    shot = plain_shot(film, scene)
    time = scene.start + 0.2
    framing = Framing(shown)
    seen = [item for item in framing.seen(framing.view(shot, time), WIDTH / HEIGHT) if item.how == "picture"]
    assert [item.person for item in seen] == [absent]
    left, top, right, bottom = (value * size for value, size in zip(seen[0].box, (WIDTH, HEIGHT) * 2, strict=True))
    with_it = Painter(shown, width=WIDTH, height=HEIGHT).paint(shot, time)[:, :, :3].astype(int)
    without = Painter(film, width=WIDTH, height=HEIGHT).paint(shot, time)[:, :, :3]
    changed = np.abs(with_it - without).max(axis=2) > 24
    assert changed[int(top) : int(bottom), int(left) : int(right)].mean() > 0.6
    assert PICTURE_CENTER[0] / 1000 == pytest.approx((seen[0].box[0] + seen[0].box[2]) / 2, abs=0.01)


def test_television_moves_and_a_photograph_does_not(film: Film) -> None:
    scene = next(scene for scene in film.scenes if not scene.portrait and scene.weather != "rain")
    place = next(place for place in film.places if place.id == scene.place)
    room = replace(place, kind="kitchen", is_outside=False)
    moving = {}
    for shown_on in ("television", "photograph"):
        hung = replace(scene, portrait=film.people[0].id, shown_on=shown_on, stays=())
        shown = replace(
            film,
            places=tuple(room if item.id == place.id else item for item in film.places),
            scenes=tuple(hung if item.id == scene.id else item for item in film.scenes),
        )
        painter, shot = Painter(shown, width=WIDTH, height=HEIGHT), plain_shot(film, scene)
        pictures = [painter.paint(shot, scene.start + step / 6)[:, :, :3].copy() for step in range(8)]
        moving[shown_on] = any(not np.array_equal(pictures[0], picture) for picture in pictures)
    assert moving == {"television": True, "photograph": False}


def test_traffic_passes_by_day_and_by_night(film: Film) -> None:
    scene = film.scenes[0]
    place = next(place for place in film.places if place.id == scene.place)
    for kind, part in (("street", "night"), ("harbour", "day"), ("railway station", "evening")):
        street = replace(place, kind=kind, is_outside=kind != "railway station")
        quiet = replace(scene, day_part=part, weather="clear", stays=(), end=scene.start + 60.0, portrait=None)
        shown = replace(
            film,
            places=tuple(street if item.id == place.id else item for item in film.places),
            scenes=tuple(quiet if item.id == scene.id else item for item in film.scenes),
        )
        painter, shot = Painter(shown, width=WIDTH, height=HEIGHT), plain_shot(shown, quiet)
        times = [scene.start + step for step in range(0, 60, 2)]
        road = [painter.paint(shot, time)[200:260, :, :3].astype(int) for time in times]
        most = max(np.abs(road[0] - picture).max(axis=2).mean() for picture in road[1:])
        assert most > 4.0, (kind, most)
