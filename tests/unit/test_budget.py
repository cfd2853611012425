"""What of a film goes into a context that is too small for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from movieqa.budget import ContextBudget, plan_context
from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.movie import Shot


def shots(*starts: float, end: float) -> list[Shot]:
    ends = [*starts[1:], end]
    return [
        Shot(index=index, start=start, end=stop, kind="cut" if index else "start")
        for index, (start, stop) in enumerate(zip(starts, ends, strict=True))
    ]


def plan(limit: int, **given: Any) -> ContextBudget:
    usual: dict[str, Any] = {
        "answer_tokens": 10,
        "fixed_tokens": 20,
        "tokens_per_frame": 2,
        "frame_times": np.arange(20.0),
        "shots": shots(0, 10, end=20),
        "subtitle_tokens": [5] * 4,
        "identity_tokens": [3, 3],
    }
    return plan_context(limit=limit, **{**usual, **given})


def test_everything_is_used_where_it_fits() -> None:
    whole = plan(96)
    assert whole.is_whole
    assert whole.used == whole.limit == 96
    assert str(whole).startswith("20 of 20 frames, 4 of 4 subtitle lines, 2 of 2 identity lines; 96 of 96 tokens")
    assert not plan(95).is_whole


def test_frames_go_first_then_identities_then_subtitles() -> None:
    thinned = plan(90)
    assert (len(thinned.frames), len(thinned.subtitles), len(thinned.identities)) == (17, 4, 2)
    floor = plan(60)
    assert (len(floor.frames), len(floor.subtitles), len(floor.identities)) == (2, 4, 2)
    without_identities = plan(54)
    assert (len(without_identities.frames), len(without_identities.subtitles)) == (2, 4)
    assert without_identities.identities == ()
    assert without_identities.dropped_identities == (0, 1)
    few_lines = plan(46)
    assert (len(few_lines.frames), few_lines.subtitles, few_lines.identities) == (3, (1, 3), ())


def test_static_shots_lose_frames_first() -> None:
    motion = np.r_[np.full(10, 0.1), np.full(10, 2.0)]
    thinned = plan(80, motion=motion)
    static, lively = (sum(start <= frame < start + 10 for frame in thinned.frames) for start in (0, 10))
    assert (static, lively) == (2, 10)
    still = plan(80, motion=np.r_[np.zeros(10), np.ones(10)])
    assert sum(frame < 10 for frame in still.frames) <= static


def test_long_shots_lose_frames_first_where_all_move_alike() -> None:
    thinned = plan(80, shots=shots(0, 4, end=20))
    assert [sum(a <= frame < b for frame in thinned.frames) for a, b in ((0, 4), (4, 20))] == [4, 8]


def test_no_shot_is_dropped_and_its_frame_is_the_middle_one() -> None:
    floor = plan(38, shots=shots(0, 3, 4, 15, end=20), subtitle_tokens=[], identity_tokens=[])
    assert floor.frames == (1, 3, 9, 17)


def test_frames_before_the_first_shot_belong_to_it() -> None:
    assert plan(60, shots=shots(5, end=20)).frames


def test_what_cannot_fit_says_what_would() -> None:
    with pytest.raises(ContextOverflowError, match=r"need 34 tokens, and the model's context is 33; ask for a shorter"):
        plan(33)
    assert plan(34).prompt_tokens == 24


def test_text_only() -> None:
    budget = plan(40, frame_times=[], shots=[], subtitle_tokens=[], identity_tokens=[])
    assert (budget.frames, budget.used) == ((), 30)
    assert plan(100, tokens_per_frame=0).is_whole


@pytest.mark.parametrize(
    "given",
    [{"motion": [1.0]}, {"motion": np.full(20, -1.0)}, {"motion": np.full(20, np.nan)}, {"subtitle_tokens": [-1]}],
)
def test_arguments_that_make_no_sense(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        plan(99, **given)


def test_a_budget_over_its_limit_cannot_be_made() -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("frames", "dropped_frames", "subtitles", "dropped_subtitles", "identities", "dropped_identities"), ()
    )
    with pytest.raises(ContextOverflowError):
        ContextBudget(
            limit=1, answer_tokens=1, fixed_tokens=1, frame_tokens=0, subtitle_tokens=0, identity_tokens=0, **nothing
        )


def test_a_film_of_two_hours_is_planned_at_once() -> None:
    times = np.arange(7200.0)
    cuts = shots(*np.arange(0.0, 7200.0, 6.0), end=7200)
    budget = plan_context(
        limit=65536,
        answer_tokens=1024,
        fixed_tokens=80,
        tokens_per_frame=2,
        frame_times=times,
        shots=cuts,
        subtitle_tokens=[9] * 1500,
    )
    assert budget.is_whole
    assert budget.used == 29004
