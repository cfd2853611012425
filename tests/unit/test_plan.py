"""What a film takes is known before anything is loaded, and what does not fit is refused with what would."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from movieqa.decoding import Decoding
from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.loaded import LoadedModel
from movieqa.model.cache import CacheSettings
from movieqa.model.config import llama_vid_7b, llama_vid_13b, tiny
from movieqa.plan import PlanSettings, plan_film, render_plan
from movieqa.plan_contents import FilmLength, read_contents
from movieqa.preprocess.features import add_features
from movieqa.session import FilmSession, SessionConfig
from movieqa.speed import Speed, available_memory, measure_speed, work_of
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_subtitles, make_workspace

GB = 10**9
TWO_HOURS = FilmLength(duration=7200)
LONG = llama_vid_7b(is_long=True)


def test_a_two_hour_film_with_the_film_model() -> None:
    plan = plan_film(LONG, TWO_HOURS, available=80 * GB)
    assert plan.problem is None and plan.frames_used == 7200 and 28_000 < plan.prompt_tokens < 29_500
    assert plan.disk == 7200 * 257 * 1408 * 2
    assert 14 * GB < plan.memory.cache < 16 * GB and 15 * GB < plan.memory.weights < 17 * GB
    plan.check()


@pytest.mark.parametrize(
    ("available", "offered"), [(24, "a cache of 4 bits"), (20, "weights and a cache of 4 bits"), (12, "4 bits")]
)
def test_too_little_memory_is_refused_with_what_would_fit(available: int, offered: str) -> None:
    plan = plan_film(LONG, TWO_HOURS, name="film-7b", available=available * GB)
    with pytest.raises(
        ConfigError, match=rf"film-7b with 28,.* tokens of film takes .* and {available}.0 GB are free; "
    ):
        plan.check()
    assert any(offered in alternative for alternative in plan.alternatives), plan.alternatives


def test_what_is_offered_fits() -> None:
    plan = plan_film(LONG, TWO_HOURS, available=26 * GB)
    settings = PlanSettings(cache=CacheSettings(kind="quantized", bits=4))
    assert plan_film(LONG, TWO_HOURS, settings, available=26 * GB).problem is None
    (frames,) = (line for line in plan.alternatives if "with a limit of" in line)
    limit = int(frames.split("limit of ")[1].split(" ")[0].replace(",", ""))
    fewer = plan_film(LONG, TWO_HOURS, PlanSettings(limit=limit), available=26 * GB)
    assert fewer.problem is None and frames.startswith(f"{fewer.frames_used:,} frames")
    (part,) = (line for line in plan.alternatives if line.startswith("all frames until"))
    hours, minutes, seconds = part.split(" ")[3].split(":")
    until = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    shorter = plan_film(LONG, TWO_HOURS, PlanSettings(until=until), available=26 * GB)
    assert shorter.problem is None and shorter.frames_used == shorter.num_frames > 3600


def test_settings_change_the_figures() -> None:
    def total(**options: object) -> int:
        return plan_film(LONG, TWO_HOURS, PlanSettings(**options)).memory.total  # type: ignore[arg-type]

    assert total(quantisation="4bit") < total(quantisation="8bit") < total() < total(precision="float32")
    assert total(cache=CacheSettings(kind="quantized")) < total()
    assert total(cache=CacheSettings(kind="offloaded")) < total(cache=CacheSettings(kind="quantized"))
    assert total(prefill_chunk=1024) < total()
    assert total(max_frames=100) < total() > total(until=3600.0)
    stored = llama_vid_7b(is_long=True)
    stored.dtype = torch.float32
    assert plan_film(stored, TWO_HOURS).memory.total == total(precision="float32")
    assert plan_film(LONG, TWO_HOURS, PlanSettings(features="int8")).disk < 0.51 * plan_film(LONG, TWO_HOURS).disk
    assert plan_film(llama_vid_13b(is_long=True), TWO_HOURS).memory.total > 1.5 * total()


def test_more_shots_than_the_context_has_room_for(tmp_path: Path) -> None:
    film = make_workspace(tmp_path, shots=make_shots(*range(61)), num_frames=60)
    plan = plan_film(tiny(), film, PlanSettings(limit=300, answer_tokens=100))
    assert plan.problem is not None and "one frame for each of 60 shots" in plan.problem
    assert plan.alternatives == (
        "the film until 00:00:23.000 would fit",
        "a model with a context of 374 tokens would do",
    )
    with pytest.raises(ConfigError, match="the film until 00:00:23"):
        plan.check()
    assert plan_film(tiny(), film, PlanSettings(limit=300, answer_tokens=100, until=23.0)).problem is None
    assert plan_film(tiny(), film, PlanSettings(limit=374, answer_tokens=100)).problem is None


def test_no_room_at_all() -> None:
    with pytest.raises(ContextOverflowError, match="no room for a question and one frame"):
        plan_film(llama_vid_7b(), TWO_HOURS, PlanSettings(answer_tokens=4000))
    with pytest.raises(ConfigError, match="nothing of the film"):
        read_contents(FilmLength(duration=1e-9), None, until=None, max_frames=0)


def test_a_workspace_is_counted_to_the_token(tmp_path: Path) -> None:
    """The plan's prompt is the prompt that a session writes, but for the room that is left for a question."""
    torch.set_num_threads(1)
    lines = make_subtitles((1.2, 2.8, "Anna> Take the key."), (5.1, 6.4, "No!"))
    loaded = LoadedModel.of(make_tiny_model(), tiny_processor(), name="tiny")
    film = add_features(make_workspace(tmp_path, shots=make_shots(0, 4, 9), subtitles=lines), loaded)
    plan = plan_film(loaded.model.config, film, processor=loaded.processor)
    prompt = FilmSession(film, loaded, SessionConfig(decoding=Decoding(max_new_tokens=512))).prompt("W" * 64)
    assert plan.is_counted and plan.prompt_tokens == len(prompt)
    assert (plan.frames_used, plan.subtitles_used) == (9, 2)
    uncounted = plan_film(loaded.model.config, film)
    assert not uncounted.is_counted and uncounted.subtitles_used == 2


def test_work_is_what_the_paper_model_takes() -> None:
    """The figures of the model's own description: 521 GFLOP a frame, 16.2 of the text decoder, 363 + 206 of reading."""
    work = work_of(
        LONG, num_frames=7200, frames_used=7200, prompt_tokens=28_020, weight_bytes=13 * GB, cache_bytes=15 * GB
    )
    assert work.features / 7200 == pytest.approx(521e9, rel=0.01)
    assert work.frame_tokens == pytest.approx(118e12, rel=0.02)
    assert work.prefill == pytest.approx(569e12, rel=0.01)
    assert work.question < 0.01 * work.prefill


def test_times_are_estimates_that_say_so() -> None:
    speed = Speed(operations=1e15, bandwidth=4e12, source="a table of GPUs")
    plan = plan_film(LONG, TWO_HOURS, speed=speed)
    text = render_plan(plan)
    assert "estimate, right within a factor of two or three: a table of GPUs" in text
    assert "7.5 s for the features" in text
    seconds = plan.to_dict()["seconds"]
    assert seconds["next_first_token"] < 0.03 * seconds["first_token"]
    assert plan_film(LONG, TWO_HOURS).to_dict()["seconds"] is None


def test_this_machine_can_be_measured() -> None:
    speed = measure_speed(seconds=0.02)
    assert 1e8 < speed.operations < 1e15 and 1e8 < speed.bandwidth < 1e13
    free = available_memory()
    assert free is None or 1e7 < free < 1e14


def test_thinning_is_told() -> None:
    plan = plan_film(tiny(), FilmLength(duration=3600, has_subtitles=False))
    assert plan.problem is None and plan.frames_used < plan.num_frames
    assert "all frames would fit at 0.192 frames a second" in render_plan(plan)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FilmLength(duration=0),
        lambda: FilmLength(duration=10, fps=0),
        lambda: PlanSettings(quantisation="2bit"),  # type: ignore[arg-type]
        lambda: PlanSettings(answer_tokens=0),
        lambda: PlanSettings(until=0.0),
    ],
)
def test_settings_that_cannot_work(make: object) -> None:
    with pytest.raises(ConfigError):
        make()  # type: ignore[operator]


def test_usual_cards_are_told() -> None:
    long = plan_film(LONG, FilmLength(duration=9 * 3600, has_subtitles=False), PlanSettings(answer_tokens=64))
    assert long.prompt_tokens > 60_000
    small, large = long.cards
    assert (small.card, large.card) == (24 * GB, 80 * GB) and large.way == ""
    assert small.way is not None and "weights and a cache of 4 bits" in small.way and small.memory <= 24 * GB
    assert "a card of 24 GB: " in render_plan(long) and ", as it is" in render_plan(long)
    larger = plan_film(llama_vid_13b(is_long=True), FilmLength(duration=9 * 3600, has_subtitles=False))
    assert larger.cards[0].way is None and "a card of 24 GB: too small" in render_plan(larger)
    assert larger.cards[1].way and larger.cards[1].memory <= 80 * GB
