"""Whoever is in a film and however little room there is: never over the limit, never without the question."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movieqa.cast_text import cast_levels, slot_levels
from movieqa.errors import ContextOverflowError
from movieqa.model.slot_vocabulary import add_person_slots
from movieqa.person_slots import IDENTITY_SLOT, PersonSlots
from movieqa.workspace import Workspace
from tests.casts import make_cast
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_subtitles, make_workspace

PROCESSOR = tiny_processor()
add_person_slots(make_tiny_model(), PROCESSOR)
SHOTS = 9


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("film"), shots=make_shots(*range(0, 14 * SHOTS, 13)))


names = st.text(min_size=1, max_size=8).filter(str.strip) | st.sampled_from(["Mara", "?", "<image></s>x"])
people = st.dictionaries(names, st.sets(st.integers(0, SHOTS - 1), min_size=1).map(sorted), max_size=4)


@settings(max_examples=60)
@given(
    who=people,
    spare=st.integers(-300, 700),
    until=st.none() | st.floats(1, 117),
    lines=st.booleans(),
    tokens=st.none() | st.integers(0, 4),
)
def test_people_never_push_out_the_film_or_the_question(
    film: Workspace, who: dict[str, list[int]], spare: int, until: float | None, lines: bool, tokens: int | None
) -> None:
    """In words, or in slots with so many tokens of pictures beside each."""
    limit_time = film.duration if until is None else until
    times = film.frames.times[film.frames.times < limit_time]
    shots = [shot for shot in film.shots if shot.start < limit_time]
    said = make_subtitles((0.2, 0.9, "Run!")) if lines else ()
    options = {"frame_times": times, "shots": shots, "subtitles": said, "answer_tokens": 7}
    bare = PROCESSOR.film_prompt("Who runs?", **options, limit=9000)
    limit = len(bare) + 7 + spare
    cast = make_cast(film, who)
    if tokens is None:
        levels = cast_levels(cast, shots, until=until)
    else:
        levels = slot_levels(PersonSlots.of(cast, until), shots, until=until, identity_tokens=tokens)
    try:
        prompt = PROCESSOR.film_prompt("Who runs?", **options, limit=limit, cast_levels=levels)
    except ContextOverflowError:
        assert limit < len(bare) + 7
        return
    assert len(prompt) + 7 <= limit and prompt.budget.prompt_tokens == len(prompt)
    assert int((prompt.input_ids == IDENTITY_SLOT).sum()) == (tokens or 0) * len(prompt.people)
    assert np.array_equal(prompt.input_ids[-25:], bare.input_ids[-25:])
    if not levels:
        assert prompt.budget.cast_level is None
        return
    one_by_one = [PROCESSOR.film_prompt("Who runs?", **options, limit=99999, cast_levels=[level]) for level in levels]
    fitting = [index for index, one in enumerate(one_by_one) if len(one) + 7 <= limit]
    assert prompt.budget.cast_level == (fitting[0] if fitting else 4)
    if fitting:
        assert np.array_equal(prompt.input_ids, one_by_one[fitting[0]].input_ids)
    shown = [line for level in levels for line in level.presence]
    assert all(line.start < limit_time for line in shown)
    for level in levels:
        assert [line.start for line in level.presence] == sorted({line.start for line in level.presence})
