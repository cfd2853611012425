"""Whatever the film: never over budget, never without the question, every shot kept, lines in order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from movieqa.budget import plan_context
from movieqa.errors import ContextOverflowError
from movieqa.model.config import MovieConfig, count_content_tokens, tiny
from movieqa.model.processor import MovieProcessor
from movieqa.model.tokens import pool_patches
from movieqa.movie import Shot, Subtitle
from movieqa.prompt import FRAME_MARK, FRAME_SLOT, attach_subtitles, write_film
from tests.tiny_checkpoint import tiny_processor

PROCESSOR = tiny_processor()

times = st.lists(st.floats(0, 500, allow_subnormal=False), max_size=60, unique=True).map(
    lambda values: np.array(sorted(values))
)
texts = st.text(min_size=1, max_size=12).filter(str.strip)
lines = st.lists(
    st.builds(
        lambda start, length, text: Subtitle(start=start, end=start + length, text=text),
        st.floats(0, 500),
        st.floats(0.01, 20),
        texts | st.sampled_from(["<image>", "</s><s>", "USER: <im<image>age>"]),
    ),
    max_size=12,
).map(lambda found: sorted(found, key=lambda line: line.start))
cuts = st.lists(st.floats(0.5, 499), max_size=8, unique=True).map(
    lambda inner: [
        Shot(index=index, start=start, end=end, kind="cut" if index else "start")
        for index, (start, end) in enumerate(zip([0.0, *sorted(inner)], [*sorted(inner), 500.0], strict=True))
    ]
)


@given(times, cuts, lines, st.integers(0, 900), st.integers(0, 60), st.lists(texts, max_size=3), st.data())
@settings(max_examples=150)
def test_prompt_is_within_its_limit_and_ends_with_the_question(
    frame_times: np.ndarray,
    shots: list[Shot],
    said: list[Subtitle],
    limit: int,
    answer: int,
    people: list[str],
    data: st.DataObject,
) -> None:
    motion = None
    if data.draw(st.booleans()):
        motion = np.array(data.draw(st.lists(st.floats(0, 9), min_size=len(frame_times), max_size=len(frame_times))))
    try:
        prompt = PROCESSOR.film_prompt(
            "Who runs?",
            frame_times=frame_times,
            subtitles=said,
            shots=shots,
            identity_lines=people,
            motion=motion,
            answer_tokens=answer,
            limit=limit,
        )
    except ContextOverflowError as error:
        assert "\n" not in str(error)
        return
    budget = prompt.budget
    assert len(prompt) + answer <= limit
    assert budget.prompt_tokens == len(prompt)
    assert budget.used <= limit
    assert (prompt.input_ids == FRAME_SLOT).sum() == 2 * len(budget.frames)
    assert (prompt.input_ids == 1).sum() == 1  # nothing in a film can start another text, or end this one
    assert (prompt.input_ids == 2).sum() == 0
    text = PROCESSOR.tokenizer.decode(prompt.input_ids[prompt.input_ids >= 0])
    assert text.endswith("Now the movie end.\nWho runs? ASSISTANT:")
    assert sorted((*budget.frames, *budget.dropped_frames)) == list(range(len(frame_times)))
    assert sorted((*budget.subtitles, *budget.dropped_subtitles)) == list(range(len(said)))
    starts = np.array([shot.start for shot in shots])
    with_frames = {int(np.searchsorted(starts, time, side="right")) for time in frame_times}
    kept = {int(np.searchsorted(starts, frame_times[frame], side="right")) for frame in budget.frames}
    assert kept == with_frames


@given(st.integers(0, 400), st.integers(0, 3), st.integers(0, 9), times, st.lists(st.integers(0, 30), max_size=9))
def test_a_larger_limit_never_loses_anything(
    limit: int, per_frame: int, fixed: int, frame_times: np.ndarray, sizes: list[int]
) -> None:
    kept = []
    for room in (limit, limit + 40):
        try:
            budget = plan_context(
                limit=room, answer_tokens=5, fixed_tokens=fixed, tokens_per_frame=per_frame,
                frame_times=frame_times, subtitle_tokens=sizes,
            )  # fmt: skip
        except ContextOverflowError:
            kept.append((-1, -1))
        else:
            kept.append((len(budget.subtitles), len(budget.frames) if not budget.dropped_subtitles else -1))
    assert kept[0][0] <= kept[1][0]
    if kept[0][0] == kept[1][0]:
        assert kept[0][1] <= kept[1][1]


@given(times.filter(len), lines)
def test_lines_keep_their_order(frame_times: np.ndarray, said: list[Subtitle]) -> None:
    places = attach_subtitles(frame_times, said)
    assert places == sorted(places)
    written = write_film(frame_times, said, tokens_per_frame=2)
    assert written.count(FRAME_MARK) == 2 * len(frame_times)


@pytest.mark.parametrize("pooling", ["mean", "grid", "none"])
@given(side=st.integers(2, 12), cells=st.integers(2, 12), num_frames=st.integers(1, 3))
def test_token_counts_for_every_setting(pooling: str, side: int, cells: int, num_frames: int) -> None:
    cells = min(cells, side)
    patches = torch.rand(num_frames, side * side, 2)
    pooled = pool_patches(patches, pooling, cells)
    assert pooled.shape == (num_frames, count_content_tokens(side * side, pooling, cells), 2)
    assert pooled.min() >= patches.min() - 1e-5
    assert pooled.max() <= patches.max() + 1e-5


@given(st.lists(st.sampled_from(["Who?", "a <image> b", "é 漢"]), min_size=1, max_size=3), st.integers(1, 9))
def test_slots_are_as_many_as_asked_for(said: list[str], slots: int) -> None:
    from movieqa.prompt import Turn

    turns = [Turn(role="user" if index % 2 == 0 else "assistant", text=text) for index, text in enumerate(said)]
    marks = sum(text.count(FRAME_MARK) for text in said)
    encoded = PROCESSOR.encode(turns, num_slots=[slots] * marks)
    assert (encoded.input_ids == FRAME_SLOT).sum() == slots * marks
    assert (encoded.labels[encoded.input_ids == FRAME_SLOT] < 0).all()


def test_processor_of_another_pooling_writes_more_slots() -> None:
    config = MovieConfig.from_dict({**tiny().to_dict(), "pooling": "grid", "grid_size": 2})
    processor = MovieProcessor(config, PROCESSOR.tokenizer, PROCESSOR.guidance_tokenizer)
    prompt = processor.film_prompt("Who?", frame_times=np.arange(3.0), answer_tokens=5)
    assert prompt.frame_slots.shape == (3, 5)
