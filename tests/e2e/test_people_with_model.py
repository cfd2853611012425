"""A model's ID-Former through the command line: it recognises drawn figures, and films are read with them in mind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from movieqa.loaded import open_model
from movieqa.preprocess.features import add_features
from tests.command import movieqa, movieqa_inside
from tests.tiny_id_former import save_tiny_people_model
from tests.workspaces import draw_frame, make_shots, make_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a film of eight shots; the last two show the figures of the first two again."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("figures")
    workspace = make_workspace(folder, shots=make_shots(*range(0, 25, 3)), num_frames=24)
    add_features(workspace, open_model(save_tiny_people_model(folder / "tiny-people"), device="cpu"))
    (folder / "cast").mkdir()
    Image.fromarray(draw_frame(7, 1)).save(folder / "cast" / "Rex the dog.png")
    return folder


def test_figures_are_found_and_named(folder: Path) -> None:
    done = movieqa(
        "cast", "find", "--provider", "model", "--model", "tiny-people", "--cast", "cast", "--json", cwd=folder
    )
    assert done.code == 0, done.err
    people = done.json["people"]
    assert [one["shots"] for one in people] == [[0, 6], [1, 7], [2], [3], [4], [5]]
    assert [one["name"] for one in people] == [None, "Rex the dog", None, None, None, None]
    assert done.json["provider"] == "model"
    answer = movieqa_inside("ask", "--question", "When does Rex the dog first appear?", "--json", cwd=folder).json
    assert (answer["spans"][0]["start"], answer["spans"][0]["end"]) == (3.0, 6.0)
    asked = ("ask", "--question", "Who runs?", "--model", "tiny-people", "--answer-tokens", "8", "--json")
    with_people = movieqa_inside(*asked, "--id-former", cwd=folder)
    assert with_people.code == 0, with_people.err
    assert with_people.json["answerer"] == "tiny-people" and with_people.json["usage"]["frames_used"] == 24
