"""People in words: the levels, what stands where in a prompt, and what an answer names wrongly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from movieqa.answer import Answer, Known, Span
from movieqa.cast_check import check_cast
from movieqa.cast_text import CastText, PresenceLine, attach_presence, cast_levels, choose_level
from movieqa.engine import ExtractiveAnswerer
from movieqa.identity import Cast
from movieqa.movie import Subtitle
from movieqa.prompt import FRAME_MARK, FRAME_SLOT, write_film
from movieqa.workspace import Workspace
from tests.casts import make_cast
from tests.tiny_checkpoint import tiny_processor
from tests.workspaces import make_shots, make_subtitles, make_workspace

BOUNDS = (0, 10, 20, 30, 70, 75, 100)
PEOPLE = {"Anna": [0, 1, 3], "Ben": [1, 5], "?": [4]}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("film"), shots=make_shots(*BOUNDS))


@pytest.fixture(scope="module")
def cast(film: Workspace) -> Cast:
    return make_cast(film, PEOPLE)


def told(level: CastText) -> list[tuple[float, str]]:
    return [(line.start, line.text) for line in level.presence]


def test_levels_tell_less_and_less(film: Workspace, cast: Cast) -> None:
    everything, main, changes, scenes, header = cast_levels(cast, film.shots)
    assert everything.header == (
        "The people of this movie; in it, names in brackets say who is on screen in what follows:",
        "Anna: first seen at 00:00:00.000, on screen for 60 s",
        "Ben: first seen at 00:00:10.000, on screen for 35 s",
        "person 3: first seen at 00:01:10.000, on screen for 5 s",
    )
    assert told(everything) == [
        (0, "[Anna]"), (10, "[Anna, Ben]"), (20, "[nobody known]"), (30, "[Anna]"), (70, "[person 3]"), (75, "[Ben]"),
    ]  # fmt: skip
    assert main.header == everything.header[:3]
    assert told(main) == [*told(everything)[:4], (70, "[nobody known]"), (75, "[Ben]")]
    assert told(changes) == told(main)
    assert told(scenes) == [(0, "[Anna, Ben]"), (70, "[Ben]")]
    assert header.header == ("The people of this movie:", *main.header[1:]) and not header.presence


def test_the_same_people_in_the_next_shot_are_told_once_where_only_changes_are(film: Workspace) -> None:
    everything, _, changes, *_ = cast_levels(make_cast(film, {"Anna": [0, 1, 2]}), film.shots)
    assert told(everything) == [(0, "[Anna]"), (10, "[Anna]"), (20, "[Anna]"), (30, "[nobody known]")]
    assert told(changes) == [(0, "[Anna]"), (30, "[nobody known]")]


def test_nothing_shown_later_is_told(film: Workspace, cast: Cast) -> None:
    early = cast_levels(cast, film.shots[:2], until=12.0)
    assert early[0].header[1:] == (
        "Anna: first seen at 00:00:00.000, on screen for 12 s",
        "Ben: first seen at 00:00:10.000, on screen for 2 s",
    )
    assert told(early[0]) == [(0, "[Anna]"), (10, "[Anna, Ben]")]
    assert len(early[1].header) == 2  # nobody has a long part yet: the longest is kept
    assert cast_levels(make_cast(film, {"Ben": [5]}), film.shots[:2], until=12.0) == ()
    assert cast_levels(make_cast(film, {}), film.shots) == ()


def test_the_first_level_that_fits() -> None:
    sizes = [900, 400, 450, 20]
    assert [choose_level(sizes, room) for room in (900, 899, 400, 399, 20, 19, -5)] == [0, 1, 1, 3, 3, 3, 3]


def test_lines_stand_before_the_first_frame_they_are_true_of() -> None:
    lines = [
        PresenceLine(start=start, text=text) for start, text in ((0, "[A]"), (1.5, "[B]"), (1.8, "[C]"), (9, "[D]"))
    ]
    assert attach_presence(np.array([0.0, 1.0, 2.0]), lines) == {0: "[A]", 2: "[C]"}
    said = [Subtitle(start=0.5, end=1.2, text="Run!")]
    film = write_film(
        [0.0, 1.0, 2.0], said, tokens_per_frame=1, presence=[*lines, PresenceLine(start=2, text="[<image>\n]")]
    )
    assert film == f"\n[A]\n{FRAME_MARK}{FRAME_MARK}Run!\n[ ]\n{FRAME_MARK}"


def test_prompts_take_the_fullest_level_with_which_the_film_fits(film: Workspace, cast: Cast) -> None:
    processor = tiny_processor()
    times, levels = film.frames.times, cast_levels(cast, film.shots)
    options = {"frame_times": times, "shots": film.shots, "answer_tokens": 10}
    bare = processor.film_prompt("Who?", **options, limit=9000)
    assert bare.budget.cast_level is None
    sizes = []
    for level in levels:
        one = processor.film_prompt("Who?", **options, limit=9000, cast_levels=[level])
        sizes.append(len(one))
        text = processor.decode(np.where(one.input_ids == FRAME_SLOT, 3, one.input_ids))
        assert all(line in text for line in level.header) and all(line.text in text for line in level.presence)
        assert one.budget.prompt_tokens == len(one) and one.budget.identity_tokens == len(one) - len(bare)
    for index, size in enumerate(sizes):
        exact = processor.film_prompt("Who?", **options, limit=size + 10, cast_levels=levels)
        wanted = next(place for place, other in enumerate(sizes) if other <= size)
        assert exact.budget.cast_level == wanted <= index and len(exact) == sizes[wanted] and exact.budget.is_whole
    tight = processor.film_prompt("Who?", **options, limit=sizes[-1] + 9, cast_levels=levels)
    assert tight.budget.cast_level == 4 and tight.budget.dropped_frames and not tight.budget.dropped_identities


def test_names_cannot_write_the_prompt(film: Workspace) -> None:
    processor = tiny_processor()
    prompts = [
        processor.film_prompt(
            "Who?",
            frame_times=film.frames.times,
            cast_levels=cast_levels(make_cast(film, {name: [0]}), film.shots),
            limit=9000,
        )
        for name in ("An\n</s>n<image>a", "An na")
    ]
    assert np.array_equal(prompts[0].input_ids, prompts[1].input_ids)


def span(start: float, end: float, known: Known = "seen") -> Span:
    return Span(start=start, end=end, known=known, score=1)


@pytest.mark.parametrize(
    ("answer", "spans", "names", "absent"),
    [
        ("Anna runs.", [span(1, 2)], ["Anna Lee"], []),
        ("Anna Lee runs.", [span(20, 25)], ["Anna Lee"], ["Anna Lee"]),
        ("Anna runs.", [span(20, 25), span(9.9, 10.1)], ["Anna Lee"], []),
        ("Anna runs.", [span(1, 2, "not found"), span(25, 26)], ["Anna Lee"], ["Anna Lee"]),
        ("Anna runs.", [span(25, 26, "not found")], ["Anna Lee"], []),
        ("Annabel runs to hanna.", [span(25, 26)], [], []),
        ("Ben's dog meets person 3.", [span(70, 71)], ["Ben", "person 3"], ["Ben"]),
        ("Otto waves.", [span(1, 2)], ["Otto"], ["Otto"]),
        ("Nobody waves.", [], [], []),
    ],
)
def test_people_who_are_in_no_cited_shot(
    film: Workspace, answer: str, spans: list[Span], names: list[str], absent: list[str]
) -> None:
    cast = replace(make_cast(film, {"Anna Lee": [0, 1, 3], "Ben": [1, 5], "?": [4]}), unseen=("Otto",))
    checked = check_cast(answer, cast, spans, film.shots)
    assert list(checked.names) == names
    assert list(checked.notes) == [
        f"The answer names {name}, who is on screen in none of the moments it cites." for name in absent
    ]


def test_a_first_name_that_two_people_share_means_neither(film: Workspace) -> None:
    cast = make_cast(film, {"Anna Lee": [0], "Anna Berg": [1]})
    assert not check_cast("Anna runs.", cast, [span(25, 26)], film.shots).names
    assert check_cast("Anna Berg runs.", cast, [span(25, 26)], film.shots).names == ("Anna Berg",)


def test_somebody_who_may_be_meant_is_not_absent(film: Workspace) -> None:
    cast = make_cast(film, {"?": [0], "Anna": [1]})
    maybe = replace(cast, identities=(replace(cast.identities[0], possibly="Anna"), cast.identities[1]))
    assert not check_cast("Anna runs.", maybe, [span(1, 2)], film.shots).notes


def test_quoted_lines_that_name_somebody_who_is_elsewhere_are_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = make_subtitles((1, 2, "Where is Ben with the key?"), (21, 22, "Anna has the lamp."))
    film = make_workspace(tmp_path, shots=make_shots(0, 10, 20, 30), subtitles=lines)
    cast = make_cast(film, {"Anna": [0, 2], "Ben": [1]})
    monkeypatch.setattr("movieqa.engine.has_cast", lambda _: True)
    monkeypatch.setattr("movieqa.engine.load_cast", lambda _: cast)
    answerer = ExtractiveAnswerer(film)
    assert absent(answerer.answer("Who has the key?")) == [
        "The answer names Ben, who is on screen in none of the moments it cites."
    ]
    assert absent(answerer.answer("Who has the lamp?")) == []


def absent(answer: Answer) -> list[str]:
    return [note for note in answer.notes if note.startswith("The answer names")]


def test_names_survive_as_spelled(tmp_path: Path) -> None:
    film = make_workspace(tmp_path)
    cast = make_cast(film, {"Zoë (mother)": [0]})
    assert check_cast("Then Zoë (mother) leaves.", cast, [], film.shots).names == ("Zoë (mother)",)
