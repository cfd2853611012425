"""Asking with the ID-Former of a model: on where asked for, off to the bit, and clear where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from movieqa import api
from movieqa.errors import CheckpointError, ConfigError, MovieQAError, WorkspaceError
from movieqa.loaded import open_model
from movieqa.memory.model_provider import ModelProvider
from movieqa.memory.people import find_people
from movieqa.preprocess.features import add_features
from movieqa.workspace import Workspace
from tests.tiny_checkpoint import save_tiny_model
from tests.tiny_id_former import save_tiny_people_model
from tests.workspaces import make_shots, make_subtitles, make_workspace

QUESTION = "Who takes the key?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make models with an ID-Former, with an untrained one and with none, all with one vision tower."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    save_tiny_people_model(folder / "trained" / "tiny")
    save_tiny_people_model(folder / "silent" / "tiny", is_silent=True)
    save_tiny_model(folder / "none" / "tiny")
    return folder


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Workspace:
    lines = make_subtitles((1.2, 2.8, "Anna> Take the key."))
    plain = make_workspace(tmp_path_factory.mktemp("film"), shots=make_shots(0, 4, 8, 12), subtitles=lines)
    workspace = add_features(plain, open_model(folder / "trained" / "tiny", device="cpu"))
    return find_people(workspace, ModelProvider(folder / "trained" / "tiny", device="cpu"))


def answer(film: Workspace, model: Path, guidance: str, *, id_former: bool) -> str:
    asked = api.ask(
        film,
        QUESTION,
        model=str(model / "tiny"),
        guidance=guidance,  # type: ignore[arg-type]
        device="cpu",
        answer_tokens=12,
        id_former=id_former,
    )
    return asked.text


@pytest.mark.parametrize("guidance", ["question", "film"])
def test_people_change_how_frames_are_read_only_where_asked_for(film: Workspace, folder: Path, guidance: str) -> None:
    plain = answer(film, folder / "none", guidance, id_former=False)
    assert answer(film, folder / "trained", guidance, id_former=False) == plain, "what is not asked for does nothing"
    assert answer(film, folder / "silent", guidance, id_former=True) == plain, "untrained, it changes nothing"
    assert answer(film, folder / "trained", guidance, id_former=True) != plain


def test_a_chat_has_the_same_switch(film: Workspace, folder: Path) -> None:
    model = str(folder / "trained" / "tiny")
    chat = api.chat(film, model=model, guidance="film", device="cpu", answer_tokens=12, id_former=True)
    assert chat.ask(QUESTION).text == answer(film, folder / "trained", "film", id_former=True)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (None, ConfigError, "ID-Former and slots belong to a model; name the model with --model"),
        ("none", CheckpointError, "tiny holds no ID-Former .*; name a model that was trained with one"),
    ],
)
def test_without_an_id_former_it_says_so(
    film: Workspace, folder: Path, model: str | None, error: type[MovieQAError], message: str
) -> None:
    with pytest.raises(error, match=message):
        api.ask(film, QUESTION, model=None if model is None else str(folder / model / "tiny"), id_former=True)


def test_it_needs_the_films_people(tmp_path: Path, folder: Path) -> None:
    model = folder / "trained" / "tiny"
    workspace = add_features(make_workspace(tmp_path), open_model(model, device="cpu"))
    with pytest.raises(WorkspaceError, match="nobody looked for people yet; find the people with: movieqa cast find"):
        api.ask(workspace, QUESTION, model=str(model), id_former=True)
