"""The people on the report's page: who they are, when, with whom; renamed without looking at the film again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from movieqa.cast_page import CastPage
from movieqa.errors import WorkspaceError
from movieqa.memory.cast import name_person
from movieqa.memory.forgetting import forget_person
from movieqa.memory.people import find_people
from movieqa.people_files import load_cast
from movieqa.report import write_report
from movieqa.workspace import Workspace
from tests.casts import make_cast
from tests.people_workspaces import make_people_workspace, make_provider
from tests.unit.test_report import HOSTILE, Parsed, parse
from tests.workspaces import make_shots, make_workspace

SCENES = ({"red": 3}, {"red": 3, "green": 12}, {}, {"green": 8}, {"red": 3})
"""Red is person 1, green person 2; each shot lasts three seconds."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("film")
    return find_people(make_people_workspace(folder, SCENES), make_provider(folder / "models"))


@pytest.fixture
def workspace(tmp_path: Path, found: Workspace) -> Workspace:
    return Workspace.open(shutil.copytree(found.path, tmp_path / found.path.name))


def page_of(workspace: Workspace) -> Parsed:
    return parse(write_report(workspace, workspace.path.with_suffix(".html")))


def words(page: Parsed) -> str:
    return " ".join(page.text.split())


def test_everybody_has_a_face_times_and_company(workspace: Workspace) -> None:
    page = page_of(workspace)
    assert [row["data-label"] for row in page.all("li", class_="person")] == ["person 1", "person 2"]
    lanes = page.all("div", class_="lane")
    assert [lane["data-spans"] for lane in lanes] == ["0.000 6.000 12.000 15.000", "3.000 6.000 9.000 12.000"]
    assert page.all("path", d="M0.00 5H400.00M800.00 5H1000.00")
    text = words(page)
    assert "person 1 9.0 s in 3 shots, 00:00:00–00:00:15 with person 2 3.0 s" in text
    assert "Recognised by onnx" in text and "People2" in text
    links = [link["href"] for link in page.all("a")]
    assert {"#person-1", "#person-2", "#q=%40person%201", "#shot-1", "#shot-5"} <= set(links)
    faces = [image["src"] for image in page.all("img", width="160", height="160")]
    assert len(faces) == 2 and all(face.startswith("data:image/jpeg;base64,") for face in faces)


def test_cards_say_who_is_in_them(workspace: Workspace) -> None:
    text = words(page_of(workspace))
    assert "2 cut 00:00:03.000–00:00:06.000 3.0 s person 1 person 2 3 cut" in text
    assert "3 cut 00:00:06.000–00:00:09.000 3.0 s 4 cut" in text, "nobody is in the third shot"


def test_names_change_without_looking_at_the_film_again(workspace: Workspace) -> None:
    proxy = workspace.path / "proxy.mp4"
    proxy.write_bytes(bytes(proxy.stat().st_size))  # no frame can be read any more
    text = words(page_of(name_person(workspace, "2", "Zoë Ross")))
    assert "with Zoë Ross 3.0 s" in text and "person 2" not in text


def test_who_was_forgotten_is_not_on_the_page(workspace: Workspace) -> None:
    page = page_of(forget_person(workspace, "2"))
    assert [row["data-label"] for row in page.all("li", class_="person")] == ["person 1"]
    assert "person 2" not in words(page)


def test_a_hostile_name_is_text_wherever_it_stands(workspace: Workspace) -> None:
    harmless = page_of(workspace)
    cast = load_cast(workspace)
    one, two = cast.identities
    hostile = replace(two, name=f'"{HOSTILE}\u202e', name_source="user")
    page = page_of_cast(workspace, replace(cast, identities=(one, hostile), unseen=(HOSTILE,), notes=(HOSTILE,)))
    assert page.blocks["script"] == harmless.blocks["script"] and page.blocks["style"] == harmless.blocks["style"]
    assert not any("onerror" in attrs or attrs.get("src") == "x" for _, attrs in page.tags)
    assert page.all("li", class_="person")[1]["data-label"] == f'"{HOSTILE}'
    assert page.text.count(HOSTILE) == 6, "row, company, two shots, the cast folder's name, a note"


def page_of_cast(workspace: Workspace, cast: object) -> Parsed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("movieqa.report.load_cast", lambda _: cast)
        return page_of(workspace)


def test_people_of_an_earlier_scan_are_left_out_with_a_note(workspace: Workspace) -> None:
    steps = dict(workspace.manifest.steps)
    files = {**steps["scan"].files}
    files["proxy.mp4"] = replace(files["proxy.mp4"], digest="sha256:" + "0" * 64)
    steps["scan"] = replace(steps["scan"], files=files)
    workspace.manifest = replace(workspace.manifest, steps=steps)
    page = page_of(workspace)
    assert not page.all("section", id="people")
    assert "people not shown: " in words(page) and "movieqa cast find" in words(page)


@pytest.mark.parametrize("content", [None, b"no picture"], ids=["missing", "damaged"])
def test_a_face_that_cannot_be_read_is_named(workspace: Workspace, content: bytes | None) -> None:
    thumbnail = load_cast(workspace).identities[0].thumbnail
    assert thumbnail is not None
    (workspace.path / thumbnail).unlink()
    if content is not None:
        (workspace.path / thumbnail).write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"thumbnails.*damaged .*; find the people again with: movieqa cast find"):
        page_of(workspace)


def test_a_film_nobody_looked_for_people_in_says_nothing_of_them(tmp_path: Path) -> None:
    page = page_of(make_workspace(tmp_path))
    assert not page.all("section", id="people") and "People" not in page.text
    assert "lanes" not in page.blocks["script"][0]


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (21.0, ["0:00", "0:05", "0:10", "0:15"]),
        (7200.0, ["0:00", "15:00", "30:00", "45:00", "1:00:00", "1:15:00", "1:30:00", "1:45:00"]),
        (0.4, ["0:00"]),
    ],
)
def test_the_ruler_shows_round_moments(tmp_path: Path, seconds: float, labels: list[str]) -> None:
    workspace = make_workspace(tmp_path, shots=make_shots(0, seconds), num_frames=3)
    ruler = CastPage(workspace, make_cast(workspace, {"Mara": [0]})).ruler()
    assert [mark.label for mark in ruler] == labels
    assert all(0 <= float(mark.place.rstrip("%")) < 92 for mark in ruler)


def test_a_glance_in_a_long_film_is_still_to_be_seen(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, shots=make_shots(0, 7190, 7200), num_frames=720)
    rows = list(CastPage(workspace, make_cast(workspace, {"Mara": [1], "Otto": [0]})).rows())
    assert [row.identity.name for row in rows] == ["Otto", "Mara"], "who is longest on screen comes first"
    assert rows[1].line == "M998.50 5H1000.00" and rows[1].face is None
