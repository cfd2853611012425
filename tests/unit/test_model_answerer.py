"""A model's answer with its evidence. The tiny random model writes nonsense; all that is around it is checked."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from movieqa.answer import Answer
from movieqa.decoding import Decoding
from movieqa.engine import Answerer
from movieqa.errors import ConfigError
from movieqa.loaded import LoadedModel
from movieqa.model_answerer import ModelAnswerer
from movieqa.preprocess.features import add_features
from movieqa.session import FilmSession, Guidance, SessionConfig
from movieqa.workspace import Workspace
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_subtitles, make_workspace


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    torch.set_num_threads(1)
    return LoadedModel.of(make_tiny_model(), tiny_processor(), name="tiny")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, loaded: LoadedModel) -> Workspace:
    lines = make_subtitles((1.2, 2.8, "Anna> Take the key."), (5.1, 6.4, "No!"), (11.2, 13.0, "It was you."))
    folder = tmp_path_factory.mktemp("film")
    return add_features(make_workspace(folder, shots=make_shots(0, 4, 9, 14), subtitles=lines), loaded)


def answerer(film: Workspace, loaded: LoadedModel, guidance: Guidance = "question", **options: int) -> ModelAnswerer:
    config = SessionConfig(guidance=guidance, decoding=Decoding(max_new_tokens=10), **options)  # type: ignore[arg-type]
    return ModelAnswerer(FilmSession(film, loaded, config))


@pytest.mark.parametrize("guidance", ["question", "film"])
def test_an_answer_is_whole(film: Workspace, loaded: LoadedModel, guidance: Guidance) -> None:
    one = answerer(film, loaded, guidance)
    assert isinstance(one, Answerer)
    answer = one.answer("  Who takes the key? ", until=8.0)
    assert (answer.question, answer.answerer, answer.until) == ("Who takes the key?", "tiny", 8.0)
    assert answer.text and answer.usage is not None and answer.usage.answer_tokens == 10
    assert answer.usage.frames_used == 8 and answer.usage.subtitles_used == 2
    assert answer.spans and all(0 <= span.start < span.end <= 8.0 for span in answer.spans)
    assert "The answer was cut off at 10 tokens." in answer.notes
    assert answer.seconds >= answer.usage.seconds > 0
    assert answer.to_dict()["usage"]["frames_used"] == 8


def same(one: Answer, other: Answer) -> bool:
    return (one.text, one.spans, one.names, one.notes) == (other.text, other.spans, other.names, other.notes)


@pytest.mark.parametrize("guidance", ["question", "film"])
def test_many_are_as_one_and_streaming_is_as_waiting(film: Workspace, loaded: LoadedModel, guidance: Guidance) -> None:
    one = answerer(film, loaded, guidance)
    questions = ["Who takes the key?", "Why?"]
    answers = one.answer_many(questions)
    for question, answer in zip(questions, answers, strict=True):
        stream = one.stream(question)
        pieces = []
        while True:
            try:
                pieces.append(next(stream))
            except StopIteration as done:
                streamed: Answer = done.value
                break
        assert "".join(pieces) == answer.text
        assert same(answer, streamed) and same(answer, one.answer(question))


def test_what_did_not_fit_is_told(film: Workspace, loaded: LoadedModel) -> None:
    whole = answerer(film, loaded).session.prompt("Why?")
    notes = answerer(film, loaded, limit=len(whole) + 10 - 4).answer("Why?").notes
    assert notes[0].startswith("Not all of the film fitted into the model's context: 12 of 14 frames, 3 of 3 subtitle")


def test_bad_questions_are_one_clear_line(film: Workspace, loaded: LoadedModel, tmp_path: Path) -> None:
    one = answerer(film, loaded)
    with pytest.raises(ConfigError, match="the question is empty"):
        one.answer(" ")
    with pytest.raises(ConfigError, match="10,001 characters"):
        one.answer("a" * 10_001)
    with pytest.raises(ConfigError, match="until"):
        one.answer("Who?", until=-1.0)
    with pytest.raises(ConfigError, match="max_spans"):
        ModelAnswerer(one.session, max_spans=6)
