"""Who looks most like somebody: by the nearest tracklets of everybody else, whatever searches them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from movieqa import api
from movieqa.errors import ConfigError
from movieqa.memory.forgetting import forget_person
from movieqa.memory.look_alikes import find_look_alikes
from movieqa.memory.material import read_material
from movieqa.memory.people import find_people
from movieqa.people_files import load_cast
from movieqa.workspace import Workspace
from tests.people_workspaces import make_people_workspace, make_provider

SCENES = ({"red": 3}, {"green": 8}, {"red": 3, "blue": 12}, {"yellow": 6}, {"green": 8}, {"red": 3})
"""Red is person 1, green 2, blue 3, yellow 4; each shot lasts three seconds."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("film")
    return find_people(make_people_workspace(folder, SCENES), make_provider(folder / "models"))


@pytest.fixture
def workspace(tmp_path: Path, found: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return the film with embeddings of known cosines; who is who was decided with those of the provider."""
    copy = Workspace.open(shutil.copytree(found.path, tmp_path / found.path.name))
    material = read_material(copy)
    cast = load_cast(copy)
    owners = [owner.id if (owner := cast.owner(row)) else 0 for row in range(len(material.tracklets))]
    angles = {1: 0.0, 2: 1.2, 3: 0.5, 4: 0.9}
    turns = np.array([angles[one] + 0.01 * row for row, one in enumerate(owners)])
    vectors = np.zeros_like(material.vectors)
    vectors[:, 0], vectors[:, 1] = np.cos(turns), np.sin(turns)
    monkeypatch.setattr("movieqa.memory.look_alikes.read_material", lambda _: replace(material, vectors=vectors))
    return copy


def test_the_most_alike_come_first_with_the_moments_to_look_at(workspace: Workspace) -> None:
    found = find_look_alikes(workspace, "1")
    assert [one.identity.id for one in found] == [3, 4, 2]
    assert [one.is_together for one in found] == [True, False, False]
    assert found[0].score > found[1].score > found[2].score
    assert 6 <= found[0].other_time < 9 and found[0].time in (0.0, 6.0, 15.0)
    assert [one.identity.id for one in api.cast_similar("1", workspace=workspace, most=1)] == [3]


def test_both_backends_agree(workspace: Workspace) -> None:
    for who in ("1", "2", "the person on the left at 00:00:07"):
        assert find_look_alikes(workspace, who, backend="faiss") == find_look_alikes(workspace, who, backend="numpy")


def test_names_and_mistakes(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="nobody is called 'Anna'"):
        find_look_alikes(workspace, "Anna")


def test_who_was_forgotten_looks_like_nobody(tmp_path: Path, found: Workspace) -> None:
    copy = Workspace.open(shutil.copytree(found.path, tmp_path / found.path.name))
    copy = forget_person(copy, "3")
    assert {one.identity.id for one in find_look_alikes(copy, "1")} == {2, 4}
    for id_ in ("2", "4"):
        copy = forget_person(copy, id_)
    assert find_look_alikes(copy, "1") == ()
