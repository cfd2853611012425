"""Whatever is asked of whatever film: moments inside it, real quotes, sound scores, and nothing from after `until`."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movieqa.answer import Answer
from movieqa.engine import ExtractiveAnswerer
from movieqa.movie import Subtitle
from movieqa.question import parse_question
from movieqa.retrieval import LineIndex
from movieqa.workspace import Workspace
from tests.harbour_film import LINES, SHOT_BOUNDS
from tests.questions import questions
from tests.workspaces import make_shots, make_subtitles, make_workspace

BABEL = (
    (0.0, 3.0, "鍵は階段の下にあります。"),
    (1.0, 2.0, "Anna> The key! The key!"),
    (1.0, 2.0, "钥匙在楼梯下面。"),
    (2.5, 6.0, "המפתח מתחת למדרגות"),
    (5.0, 5.5, "♪♪"),
    (8.0, 40.0, "المفتاح تحت الدرج"),
    (41.0, 42.0, "J'étais à l'école 😀 avec 42 amis\nhier."),
    (59.0, 75.0, "the film ends in the first ten minutes"),
)


def make_film(folder: Path, name: str, until: float | None = None) -> Workspace:
    """Make one of the films, whole or as if it had stopped at a time."""
    lines, bounds = {
        "harbour": (LINES, SHOT_BOUNDS),
        "babel": (BABEL, (0.0, 1.5, 1.54, 20.0, 60.0)),
        "silent": ((), (0.0, 30.0, 70.0)),
    }[name]
    if until is not None:
        lines = tuple(line for line in lines if line[1] <= until)
        stop = min(until, bounds[-1])
        bounds = (*(bound for bound in bounds if bound < stop), stop)
    folder.mkdir(parents=True, exist_ok=True)
    return make_workspace(folder, shots=make_shots(*bounds), subtitles=make_subtitles(*lines), name=f"{name}.mp4")


FILMS = ("harbour", "babel", "silent")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExtractiveAnswerer]:
    folder = tmp_path_factory.mktemp("films")
    return {name: ExtractiveAnswerer(make_film(folder, name)) for name in FILMS}


def check(answer: Answer, workspace: Workspace, until: float | None) -> None:
    """Check everything that holds for every answer."""
    end = min(workspace.duration, until or workspace.duration)
    window = parse_question(answer.question, end).window
    low, high = (window.start, window.end) if window else (0.0, end)
    lines = {line.text for line in workspace.subtitles if until is None or line.end <= until}
    assert answer.text
    assert len(answer.spans) <= 5
    assert [span.score for span in answer.spans] == sorted((span.score for span in answer.spans), reverse=True)
    for span in answer.spans:
        assert low <= span.start < span.end <= high
        assert 0 <= span.score <= 1
        assert span.known in {"heard", "seen"}
        assert (span.quote is None) == (span.known == "seen")
        if span.quote is not None:
            assert any(line in span.quote for line in lines)
            said = [line for text in lines for line in text.split("\n")]
            assert all(any(quoted.endswith(line) for line in said) for quoted in span.quote.split("\n"))
        if span.keyframe is not None:
            assert span.shot is not None
            shot = workspace.shots[span.shot]
            assert span.keyframe == workspace.keyframe(shot)
            assert (workspace.path / span.keyframe).is_file()
            assert until is None or shot.end <= until
            assert shot.start < span.end
    heard = sorted((span.start, span.end) for span in answer.spans if span.known == "heard")
    assert all(first[1] <= second[0] for first, second in pairwise(heard))


@given(
    name=st.sampled_from(FILMS), question=questions(), until=st.none() | st.floats(0.001, 200.0), repeat=st.booleans()
)
@settings(max_examples=300)
def test_every_answer_is_sound(
    films: dict[str, ExtractiveAnswerer], name: str, question: str, until: float | None, repeat: bool
) -> None:
    answer = films[name].answer(question, until=until)
    check(answer, films[name].workspace, until)
    if repeat:
        assert replace(films[name].answer(question, until=until), seconds=0.0) == replace(answer, seconds=0.0)


@given(
    name=st.sampled_from(FILMS),
    asked=st.lists(questions(), min_size=10, max_size=10),
    until=st.sampled_from([1.0, 1.52, 6.0, 30.0, 42.0, 50.0, 67.0, 95.9, 111.0]) | st.floats(0.1, 130.0),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_until_answers_as_if_the_film_had_stopped_there(
    films: dict[str, ExtractiveAnswerer], tmp_path: Path, name: str, asked: list[str], until: float
) -> None:
    until = round(until, 6)  # shots.csv keeps microseconds
    cut = ExtractiveAnswerer(make_film(tmp_path / f"{name} {until}", name, until))
    for question in [*asked, "How does the film end?", "How long is the film?", "Where is the key?", "What is shown?"]:
        whole_answer, cut_answer = (answerer.answer(question, until=until) for answerer in (films[name], cut))
        assert replace(whole_answer, seconds=0.0) == replace(cut_answer, seconds=0.0)


@given(
    texts=st.lists(st.text(min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=12),
    question=questions(),
    data=st.data(),
)
def test_any_line_can_be_searched_and_is_found_by_itself(texts: list[str], question: str, data: st.DataObject) -> None:
    lines = [Subtitle(start=number * 3.0, end=number * 3.0 + 2, text=text) for number, text in enumerate(texts)]
    index = LineIndex(lines)
    for passage in index.search(index.query(question)):
        assert 0 <= passage.score <= 1
        assert list(passage.lines) == list(range(passage.lines[0], passage.lines[-1] + 1))
    wanted = data.draw(st.sampled_from(range(len(texts))))
    quotation = "".join(letter if letter not in '"\n\r' else " " for letter in texts[wanted])
    query = index.query(f'"{quotation}"')
    if query.terms:
        passages = index.search(query, limit=len(texts))
        said = {number for passage in passages for number in passage.lines}
        assert wanted in said or passages[0].score == 1.0
