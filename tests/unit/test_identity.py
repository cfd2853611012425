"""The cast on the ground floor: whom a text means, exact search, answers and exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movieqa.errors import ConfigError
from movieqa.identity import Appearance, AppearanceTable, Box, Cast, Identity, Tracklet, spans_of
from movieqa.intervals import Interval
from movieqa.people_answers import answer_about_people
from movieqa.people_choice import choose
from movieqa.people_export import export_people
from movieqa.people_search import find_moments

Line = tuple[int, float, float, float]
"""Identity (0 for nobody), start, end, and the left edge of the face."""


def make_cast(lines: Sequence[Line], names: dict[int, str], possibly: dict[int, str] | None = None) -> Cast:
    """Make a cast from its tracklets; frames are sampled every second."""
    end = max((line[2] for line in lines), default=1)
    times = np.arange(int(end) + 1, dtype=np.float64)
    rows = sorted(
        (int(second), index)
        for index, (_, start, stop, _) in enumerate(lines)
        for second in range(int(start), int(np.ceil(stop)))
    )
    boxes = [[lines[index][3], 0.2, lines[index][3] + 0.1 + 0.02 * index, 0.5] for _, index in rows]
    table = AppearanceTable(
        frames=np.array([frame for frame, _ in rows], np.int32),
        tracklets=np.array([index for _, index in rows], np.int32),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.ones(len(rows), np.float32),
        qualities=np.ones(len(rows), np.float32),
    )
    tracklets = tuple(
        Tracklet(
            index=index,
            shot=int(start) // 10,
            start=float(start),
            end=float(stop),
            num_frames=1,
            quality=1.0,
            best=table.row(next(row for row, (_, one) in enumerate(rows) if one == index), times),
        )
        for index, (_, start, stop, _) in enumerate(lines)
    )
    identities = []
    for id_ in sorted({line[0] for line in lines} - {0}):
        own = [track for track in tracklets if lines[track.index][0] == id_]
        identities.append(
            Identity(
                id=id_,
                name=names.get(id_),
                name_source="user" if id_ in names else None,
                possibly=(possibly or {}).get(id_),
                score=None,
                tracklets=tuple(track.index for track in own),
                spans=spans_of(own),
                shots=tuple(sorted({track.shot for track in own})),
                thumbnail=None,
            )
        )
    return Cast(
        provider="classical",
        abilities="finds faces",
        identities=tuple(identities),
        tracklets=tracklets,
        aliases={9: 1},
        unseen=("Zoe",),
        notes=(),
        table=table,
        times=times,
    )


CAST = make_cast(
    [
        (1, 0, 10, 0.1),
        (2, 5, 12, 0.7),
        (3, 20, 26, 0.4),
        (1, 22, 25, 0.8),
        (2, 60, 75, 0.1),
        (0, 61, 62, 0.6),
        (4, 100, 104, 0.3),
    ],
    {1: "Julia", 2: "Otto"},
    {3: "Mara"},
)


@pytest.mark.parametrize(
    ("who", "id_"),
    [
        ("Julia", 1),
        ("  JULIA ", 1),
        ("2", 2),
        ("#2", 2),
        ("person 3", 3),
        ("Person 9", 1),  # given up, now Julia
        ("the person on the left at 00:00:06", 1),
        ("the one on the right at 6", 2),
        ("right at 23s", 1),
        ("second from the left at 6", 2),
        ("first from the right at 6", 2),
        ("the man in the middle at 24", 3),
        ("the largest at 6", 2),
        ("Julia at 23", 1),
        ("at 62.5", 2),
        ("who at 62.5", None),
    ],
)
def test_whom_a_text_means(who: str, id_: int | None) -> None:
    if id_ is None:
        with pytest.raises(ConfigError, match="nobody is called"):
            choose(CAST, who)
        return
    choice = choose(CAST, who)
    assert choice.identity is not None
    assert choice.identity.id == id_
    assert (choice.tracklet is not None) == (" at " in who or who.startswith("at"))


def test_a_face_that_belongs_to_nobody_can_be_meant() -> None:
    choice = choose(CAST, "the person on the right at 61")
    assert choice.identity is None
    assert choice.tracklet is not None
    assert choice.tracklet.index == 5


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ("Mara", "nobody is surely 'Mara'; it may be possibly Mara"),
        ("Zoe", "in the cast folder, but nobody on screen fits"),
        ("Anna", "nobody is called 'Anna'; known are Julia, Otto"),
        ("at 50", "nobody is on screen at 00:00:50"),
        ("at 6", "2 people are on screen"),
        ("Otto at 23", "Otto is not on screen at 00:00:23.000; there are from left to right possibly Mara"),
    ],
)
def test_unclear_people_are_told(who: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose(CAST, who)


def bounds(**search: object) -> list[tuple[float, float]]:
    return [(one.start, one.end) for one in find_moments(CAST, **search)]  # type: ignore[arg-type]


def test_search_is_exact() -> None:
    assert bounds(having=["Julia"]) == [(0, 10), (22, 25)]
    assert bounds(having=["Julia", "Otto"]) == [(5, 10)]
    assert bounds(having=["Julia"], without=["Otto"]) == [(0, 5), (22, 25)]
    assert bounds(having=["Julia"], min_seconds=4) == [(0, 10)]
    assert bounds(having=["Otto"], first=True) == [(5, 12)]
    assert bounds(having=["Otto"], until=61) == [(5, 12), (60, 61)]
    assert bounds(having=["Otto"], without=["Julia", "3"], first=True, min_seconds=3) == [(60, 75)]
    (moment,) = find_moments(CAST, having=["3", "Julia"])
    assert moment.people == ("Julia", "possibly Mara (person 3)")


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({}, "nobody to look for"),
        ({"having": ["Anna"]}, "nobody is called 'Anna'"),
        ({"having": ["Julia"], "without": ["person 1"]}, "Julia cannot be both"),
        ({"having": ["Julia"], "min_seconds": -1.0}, "min_seconds"),
    ],
)
def test_searches_that_cannot_work(search: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bounds(**search)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30), st.integers(1, 8)), min_size=1, max_size=10),
    st.sets(st.integers(1, 4), min_size=1, max_size=2),
    st.sets(st.integers(1, 4), max_size=2),
    st.integers(0, 4),
)
def test_search_agrees_with_looking_at_every_moment(
    lines: list[tuple[int, int, int]], having: set[int], without: set[int], least: int
) -> None:
    cast = make_cast([(id_, start, start + length, 0.1) for id_, start, length in lines], {})
    known = {one.id for one in cast.identities}
    if not having <= known or not without <= known or having & without:
        return
    good = []
    for second in range(40):
        here = {id_ for id_, start, length in lines if start <= second < start + length}
        good.append(having <= here and not without & here)
    expected = []
    for second, is_good in enumerate(good):
        if is_good and (second == 0 or not good[second - 1]):
            expected.append([second, second])
        if is_good:
            expected[-1][1] = second + 1
    found = find_moments(
        cast, having=[str(one) for one in having], without=[str(one) for one in without], min_seconds=float(least)
    )
    assert [[one.start, one.end] for one in found] == [span for span in expected if span[1] - span[0] >= least]


@pytest.mark.parametrize(
    ("question", "text", "spans", "names"),
    [
        ("When does Julia first appear?", "Julia first appears at 00:00:00.000.", [(0, 10)], ("Julia",)),
        ("When is Julia first seen in the film?", "Julia first appears at 00:00:00.000.", [(0, 10)], ("Julia",)),
        ("when was OTTO last seen", "Otto is last seen until 00:01:15.000.", [(60, 75)], ("Otto",)),
        (
            "When does person 3 appear for the first time?",
            "Possibly Mara (person 3) first appears at 00:00:20.000.",
            [(20, 26)],
            (),
        ),
        (
            "When is Otto on screen?",
            "Otto is on screen from 00:00:05.000, 00:01:00.000.",
            [(5, 12), (60, 75)],
            ("Otto",),
        ),
        (
            "Who is with Julia?",
            "Julia is on screen with Otto (5.0 s), possibly Mara (person 3) (3.0 s).",
            [(5, 10), (22, 25)],
            ("Julia", "Otto"),
        ),
        ("Who does Julia meet?", None, [(5, 10), (22, 25)], ("Julia", "Otto")),
        ("Who is on screen with person 4?", None, [(100, 104)], ()),
        ("How long is Otto on screen?", "Otto is on screen for 22 s, in 2 stretches.", [(60, 75), (5, 12)], ("Otto",)),
        ("How much screen time does Julia have?", "Julia is on screen for 13 s, in 2 stretches.", None, ("Julia",)),
        ("What is Julia's screen time?", "Julia is on screen for 13 s, in 2 stretches.", None, ("Julia",)),
        ("How often does Otto appear in the film?", "Otto is on screen for 22 s, in 2 stretches.", None, ("Otto",)),
        (
            "Who is on screen at 00:00:06?",
            "At 00:00:06.000: Julia, Otto (from left to right).",
            [(0, 10), (5, 12)],
            ("Julia", "Otto"),
        ),
        ("Who is on screen at 00:00:50?", "Nobody who was recognised is on screen at 00:00:50.000.", [], ()),
        (
            "When do Julia and Otto first meet?",
            "Julia and Otto are first on screen together at 00:00:05.000, for 5.0 s in all.",
            [(5, 10)],
            ("Julia", "Otto"),
        ),
        (
            "When are Julia and person 4 on screen together?",
            "Julia and person 4 are not seen together.",
            [],
            ("Julia",),
        ),
        ("Who is in the film?", None, [(60, 75)], ("Otto", "Julia")),
        ("How many people are there in the film?", None, None, ("Otto", "Julia")),
    ],
)
def test_questions_about_people(
    question: str, text: str | None, spans: list[tuple[float, float]] | None, names: tuple[str, ...]
) -> None:
    answer = answer_about_people(question, CAST)
    assert answer is not None
    if text is not None:
        assert answer.text == text
    if spans is not None and question != "Who is in the film?":
        assert [(span.start, span.end) for span in answer.spans] == spans
    assert answer.names == names
    assert all(span.known == "seen" for span in answer.spans)
    assert "recognised by classical" in answer.notes[0]


@pytest.mark.parametrize(
    "question",
    [
        "When does Maria first appear?",
        "Who gives Mara the key?",
        "When is the word book signed?",
        "Who is the murderer?",
        "How long is the film?",
        "When does the film end?",
        "Who is he with?",
        "Where does Julia live?",
        "Why is Julia with Otto?",
        "",
        "x" * 100_000,
        "Who is on screen at breakfast?",
        "Who is on screen at 99:99:99?",
    ],
)
def test_other_questions_are_left_to_others(question: str) -> None:
    assert answer_about_people(question, CAST) is None


@pytest.mark.parametrize(
    ("question", "until", "text", "ends"),
    [
        ("When is Otto on screen?", 61.0, "Otto is on screen from 00:00:05.000, 00:01:00.000.", [12, 61]),
        ("When was Otto last seen?", 30.0, "Otto is last seen until 00:00:12.000.", [12]),
        ("When does person 4 first appear?", 100.0, "Person 4 is not seen on screen before 00:01:40.000.", []),
        ("How long is Julia on screen?", 23.0, "Julia is on screen for 11 s, in 2 stretches.", [10, 23]),
        ("Who is with Julia?", 6.0, "Julia is on screen with Otto (1.0 s).", [6]),
        ("Who is on screen at 00:01:02?", 62.0, "00:01:02.000 is not shown yet.", []),
        ("Who is in the film?", 4.0, "One person was recognised: Julia (4.0 s).", [4]),
    ],
)
def test_nothing_later_is_told(question: str, until: float, text: str, ends: list[float]) -> None:
    answer = answer_about_people(question, CAST, until)
    assert answer is not None
    assert answer.text == text
    assert [span.end for span in answer.spans] == ends
    assert answer.until == until


def test_exports_say_who_is_when_and_nothing_biometric() -> None:
    rows = list(csv.DictReader(io.StringIO(export_people(CAST, "csv"))))
    assert [row["id"] for row in rows] == ["1", "2", "3", "1", "2", "4"]
    assert rows[0] == {
        "id": "1",
        "label": "Julia",
        "name": "Julia",
        "possibly": "",
        "start": "0.000",
        "end": "10.000",
        "shot": "1",
    }
    content = json.loads(export_people(CAST, "json"))
    assert [person["screen_time"] for person in content["people"]] == [13.0, 22.0, 6.0, 4.0]
    assert content["people"][0]["with"][0] == {"id": 2, "label": "Otto", "seconds": 5.0}
    vtt = export_people(CAST, "vtt")
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:05.000\n")
    assert '00:00:05.000 --> 00:00:10.000\n{"people": [{"id": 1, "label": "Julia"}, {"id": 2, "label": "Otto"}]}' in vtt
    with pytest.raises(ConfigError, match="no format 'xml'; choose csv, json, vtt"):
        export_people(CAST, "xml")  # type: ignore[arg-type]


def test_names_cannot_break_out_of_an_export() -> None:
    cast = make_cast([(1, 0, 2, 0.1)], {1: '=cmd() --> "x'})
    assert next(csv.DictReader(io.StringIO(export_people(cast, "csv"))))["name"] == "'=cmd() --> \"x"
    (cue,) = export_people(cast, "vtt").split("\n\n")[1:]
    assert "-->" not in cue.split("\n")[1]
    assert json.loads(cue.split("\n")[1])["people"][0]["label"] == '=cmd() --> "x'


def test_records_refuse_to_be_wrong() -> None:
    with pytest.raises(ValueError, match="a box needs"):
        Box(left=0.5, top=0, right=0.5, bottom=1)
    box = Box(left=0, top=0, right=0.5, bottom=1)
    assert box.overlap(Box(left=0.25, top=0, right=0.75, bottom=1)) == pytest.approx(1 / 3)
    assert box.overlap(Box(left=0.5, top=0, right=1, bottom=1)) == 0
    appearance = Appearance(frame=0, time=0.0, box=box, score=1.0, quality=1.0, tracklet=0)
    assert appearance.box.middle == 0.25
    with pytest.raises(ValueError, match="not both"):
        Identity(
            id=1,
            name="a",
            name_source="user",
            possibly="b",
            score=None,
            tracklets=(0,),
            spans=(Interval(start=0, end=1),),
            shots=(0,),
            thumbnail=None,
        )
