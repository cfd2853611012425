"""Samples survive being written and read, in our form and in published ones; prompts name every option."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movieqa.errors import EvaluationError
from movieqa.eval.asking import write_prompt
from movieqa.eval.benchmarks import list_benchmarks, read_samples
from movieqa.eval.readers.own import dump_samples
from movieqa.eval.sample import LETTERS, Moment, Reference, Sample
from tests.benchmark_files import write_json, write_text

SHARED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=12
)
times = st.floats(-1e6, 1e6)
moments = st.builds(Moment, start=times, end=times, caption=st.none() | words)
facts = st.dictionaries(words, words | st.integers(-(10**6), 10**6) | times | st.booleans(), max_size=3)
sides = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Draw a sample of any task."""
    task: Any = draw(st.sampled_from(["choice", "open", "yes_no", "moments", "captions", "box"]))
    options = tuple(draw(st.lists(words, min_size=1, max_size=26))) if task == "choice" else ()
    answer = draw(st.sampled_from(LETTERS[: len(options)])) if options else draw(words)
    (left, right), (top, bottom) = draw(sides), draw(sides)
    return Sample(
        id=draw(names),
        film=draw(names),
        question=draw(words),
        task=task,
        options=options,
        answer=draw(st.none() | st.just(answer)),
        other_answers=tuple(draw(st.lists(words, max_size=2))),
        spans=tuple(draw(st.lists(moments, max_size=3))),
        box=draw(st.none() | st.just((left, top, right, bottom))),
        time=draw(st.none() | times),
        until=draw(st.none() | times),
        subtitles=draw(st.none() | words),
        references=tuple(draw(st.lists(st.builds(Reference, name=words, image=names), max_size=2))),
        pictures=tuple(draw(st.lists(words, max_size=2))),
        tags=tuple(draw(st.lists(words, max_size=2))),
        benchmark=draw(st.sampled_from([benchmark.name for benchmark in list_benchmarks()])),
        facts=draw(facts),
    )


@SHARED
@given(drawn=st.lists(samples(), min_size=1, max_size=4, unique_by=lambda sample: sample.id))
def test_what_is_written_is_read(drawn: list[Sample], tmp_path: Path) -> None:
    path = write_text(tmp_path / "own.jsonl", dump_samples(drawn))
    assert read_samples(path) == tuple(drawn)


@SHARED
@given(drawn=samples(), place=st.integers(0, 2))
def test_an_id_is_used_once(drawn: Sample, place: int, tmp_path: Path) -> None:
    others = [replace(drawn, id=f"other {number}") for number in range(2)]
    others.insert(place, drawn)
    path = write_text(tmp_path / "own.jsonl", dump_samples([*others, drawn]))
    with pytest.raises(EvaluationError, match=rf"line 4: .*was used before, at own.jsonl, line {place + 1}"):
        read_samples(path)


@SHARED
@given(drawn=st.lists(samples(), min_size=1, max_size=3, unique_by=lambda sample: sample.id))
def test_prompts_hold_question_and_options_but_no_answer(drawn: list[Sample]) -> None:
    for sample in drawn:
        prompt = write_prompt(sample)
        assert all(option in prompt for option in sample.options)
        if sample.options:
            unknown = replace(sample, answer=None)
            assert write_prompt(unknown) == prompt and sample.question in prompt


@SHARED
@given(
    content=st.dictionaries(
        names,
        st.tuples(st.floats(0.1, 1e4), st.lists(st.tuples(times, times, words), max_size=3)),
        min_size=1,
        max_size=3,
    )
)
def test_captions_are_read_as_published(content: dict[str, tuple[float, list[Any]]], tmp_path: Path) -> None:
    published = {
        video: {
            "duration": duration,
            "timestamps": [[start, end] for start, end, _ in events],
            "sentences": [text for _, _, text in events],
        }
        for video, (duration, events) in content.items()
    }
    path = write_json(tmp_path / "val_2.json", published)
    captions = read_samples(path, benchmark="activitynet-captions", tasks=("captions",))
    inverse = {
        sample.film: {
            "duration": sample.facts["duration"],
            "timestamps": [[span.start, span.end] for span in sample.spans],
            "sentences": [span.caption for span in sample.spans],
        }
        for sample in captions
    }
    assert inverse == published


@SHARED
@given(options=st.lists(words, min_size=2, max_size=5, unique=True), right=st.integers(0, 1))
def test_choices_are_read_as_published(options: list[str], right: int, tmp_path: Path) -> None:
    record = {
        "video_id": "k",
        "id": "k_0",
        "video_path": "k.mp4",
        "question": "?",
        "duration_group": 15,
        "candidates": options,
        "correct_choice": right,
    }
    (sample,) = read_samples(write_json(tmp_path / "lvb_val.json", [record]))
    assert (list(sample.options), sample.answer_text) == (options, options[right])


_KEYS = st.sampled_from(["id", "film", "question", "options", "answer", "spans", "task", "facts", "time", "references"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@SHARED
@given(record=st.dictionaries(_KEYS, _JSON))
def test_any_record_is_read_or_refused_in_one_line(record: dict[str, Any], tmp_path: Path) -> None:
    path = write_text(tmp_path / "own.jsonl", json.dumps(record) + "\n")
    try:
        (sample,) = read_samples(path, benchmark="movieqa")
    except EvaluationError as error:
        assert str(error).startswith("own.jsonl, line 1") and "\n" not in str(error)
    else:
        assert read_samples(write_text(path, dump_samples([sample]))) == (sample,)
