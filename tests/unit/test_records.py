from dataclasses import replace

import numpy as np
import pytest

from movieqa import movie_files
from movieqa.answer import Answer, Span
from movieqa.manifest import FileEntry, StepEntry
from movieqa.movie import Frames, Shot, Subtitle


@pytest.mark.parametrize(
    ("start", "end"), [(1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (0.0, float("inf")), (float("nan"), 1.0)]
)
def test_records_refuse_impossible_intervals(start: float, end: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        Shot(index=0, start=start, end=end, kind="cut")
    with pytest.raises(ValueError, match="interval"):
        Subtitle(start=start, end=end, text="x")


def test_records_refuse_nonsense() -> None:
    shot = Shot(index=0, start=0.0, end=1.0, kind="cut")
    with pytest.raises(ValueError, match="kind of cut"):
        replace(shot, kind="wipe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="zero or more"):
        replace(shot, transition=-1.0)
    with pytest.raises(ValueError, match="empty subtitle"):
        Subtitle(start=0.0, end=1.0, text=" \n ")


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.5], [-1.0], [float("nan")]])
def test_frames_refuse_times_out_of_order(times: list[float]) -> None:
    with pytest.raises(ValueError, match="strictly increasing"):
        Frames(times=np.array(times))


def test_frames_refuse_other_types() -> None:
    with pytest.raises(ValueError, match=r"Float64\[T\]"):
        Frames(times=np.zeros(3, dtype=np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../b", "..\\x", ""])
def test_a_step_never_names_a_file_outside_the_workspace(name: str) -> None:
    with pytest.raises(ValueError, match="inside the workspace"):
        StepEntry(fingerprint="f", files={name: FileEntry(num_bytes=0, digest="d")})


def test_shots_with_gaps_in_their_count_are_refused() -> None:
    text = movie_files.dump_shots([Shot(index=1, start=0.0, end=1.0, kind="start")])
    with pytest.raises(ValueError, match="count from 0"):
        movie_files.load_shots(text.encode())


def test_a_film_without_a_shot_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one shot"):
        movie_files.load_shots(movie_files.dump_shots([]).encode())


def test_an_answer_is_found_only_with_a_moment_that_holds() -> None:
    span = Span(start=4.76, end=7.92, known="heard", score=1.0, quote="the\nbook")
    answer = Answer(question="?", text="t", answerer="extractive", spans=(span,))
    assert answer.is_found
    assert answer.to_dict()["spans"][0]["quote"] == "the\nbook"
    assert str(span) == '[00:00:04.760-00:00:07.920 heard "the book"]'
    assert not replace(answer, spans=(replace(span, known="not found"),)).is_found
