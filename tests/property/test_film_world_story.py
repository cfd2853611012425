"""Stories hold together: replayed from their truth alone, for 200 seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("skia")

from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.splits import SPLITS
from movieqa.train.film_world.truth import truth_json

SEEDS = range(200)


@lru_cache(maxsize=1)
def truths() -> list[dict[str, Any]]:
    """Return the truth of 200 films as a reader of the file finds it, without the sampled pictures."""
    result = []
    for seed in SEEDS:
        film = make_film(seed=seed, minutes=(0.5, 3, 6)[seed % 3], split=SPLITS[seed // 3 % 3])
        result.append(json.loads(json.dumps(film, default=lambda item: item.__dict__)))
    return result


def each() -> Iterator[dict[str, Any]]:
    yield from truths()


def test_nobody_is_in_two_places() -> None:
    for truth in each():
        stays = sorted(
            (stay["start"], stay["end"], stay["person"], scene["id"])
            for scene in truth["scenes"]
            for stay in scene["stays"]
        )
        last: dict[str, float] = {}
        for start, end, person, _ in stays:
            assert start >= last.get(person, 0.0) - 1e-6, (truth["seed"], person, start)
            assert end > start
            last[person] = end


def test_whoever_acts_or_listens_is_there() -> None:
    for truth in each():
        scenes = {scene["id"]: scene for scene in truth["scenes"]}
        for event in truth["events"]:
            scene = scenes[event["scene"]]
            assert scene["start"] <= event["start"] < event["end"] <= scene["end"] + 1e-6
            assert event["place"] == scene["place"]
            for person in {event["agent"], event["other"], *event["witnesses"]} - {None}:
                assert any(
                    stay["person"] == person
                    and stay["start"] <= event["start"] + 1e-6
                    and event["end"] <= stay["end"] + 1e-6
                    for stay in scene["stays"]
                ), (truth["seed"], event["id"], person)


def test_nobody_gives_what_he_does_not_have() -> None:
    for truth in each():
        people = {person["id"] for person in truth["people"]}
        place_of = {prop: (where, spot) for prop, where, spot in truth["starts"]}
        gone: set[str] = set()
        for event in truth["events"]:
            prop, action = event["prop"], event["action"]
            if prop is None or action == "say":
                continue
            where, spot = place_of[prop]
            assert prop not in gone, (truth["seed"], event["id"])
            if action in ("take", "find"):
                assert (where, spot) == (event["place"], event["spot"]), (truth["seed"], event["id"])
                place_of[prop] = (event["agent"], None)
                continue
            assert where == event["agent"] and where in people, (truth["seed"], event["id"], action)
            if action == "give":
                place_of[prop] = (event["other"], None)
            elif action in ("hide", "put"):
                place_of[prop] = (event["place"], event["spot"])
            elif action in ("break", "burn", "eat"):
                gone.add(prop)


def test_nobody_tells_what_he_has_not_learned() -> None:
    for truth in each():
        learned = {(item["person"], item["fact"]): item["start"] for item in reversed(truth["knowledge"])}
        for event in truth["events"]:
            if event["speech"] in ("tell", "confide", "warn") and event["fact"] is not None:
                assert learned.get((event["agent"], event["fact"]), 1e9) <= event["start"], (truth["seed"], event["id"])


def test_knowledge_comes_from_an_event_the_person_lived_through() -> None:
    for truth in each():
        events = {event["id"]: event for event in truth["events"]}
        for item in truth["knowledge"]:
            event = events[item["event"]]
            assert item["person"] == event["agent"] or item["person"] in event["witnesses"], (truth["seed"], item)
            assert item["start"] in (event["start"], event["end"])
            assert item["how"] != "saw" or event["action"] != "say"


def test_lies_are_false_and_told_by_those_who_gain() -> None:
    for truth in each():
        facts = {fact["id"]: fact for fact in truth["facts"]}
        for event in truth["events"]:
            if event["speech"] == "lie" and event["fact"] is not None:
                assert not facts[event["fact"]]["is_true"]
            if event["speech"] in ("tell", "confide", "warn") and event["fact"] is not None:
                assert facts[event["fact"]]["is_true"]


def test_causes_come_first() -> None:
    for truth in each():
        starts = {event["id"]: event["start"] for event in truth["events"]}
        for event in truth["events"]:
            assert all(starts[cause] < event["start"] for cause in event["causes"]), (truth["seed"], event["id"])


def test_shots_cover_the_film_with_a_rhythm() -> None:
    for truth in each():
        shots = truth["shots"]
        assert shots[0]["start"] == 0.0 and shots[0]["cut"] == "start" and shots[-1]["end"] == truth["duration"]
        for before, after in pairwise(shots):
            assert before["end"] == after["start"]
        lengths = [shot["end"] - shot["start"] for shot in shots]
        assert min(lengths) >= 0.8 - 1e-6 and max(lengths) <= 20.0, (truth["seed"], min(lengths), max(lengths))
        assert all(abs(shot["start"] * truth["fps"] - round(shot["start"] * truth["fps"])) < 1e-6 for shot in shots)


def test_names_and_things_are_unique_in_a_film() -> None:
    for truth in each():
        for kind in ("people", "props", "places"):
            names = [item["name"] for item in truth[kind]]
            assert len(names) == len(set(names)), (truth["seed"], kind)


def test_long_causes_and_all_families() -> None:
    families = {family for truth in each() for _, family in truth["threads"]}
    assert len(families - {"everyday"}) >= 8
    film = make_film(seed=1, minutes=60)
    starts = {event.id: event.start for event in film.events}
    gaps = [event.start - starts[cause] for event in film.events for cause in event.causes]
    assert max(gaps) > 600 and sum(gap > 120 for gap in gaps) > 50


def test_the_truth_file_is_the_same_every_time() -> None:
    texts = [truth_json(make_film(seed=5, minutes=1), width=640, height=360) for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0] != truth_json(make_film(seed=6, minutes=1), width=640, height=360)
