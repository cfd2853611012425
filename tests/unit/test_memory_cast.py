"""What people say about the cast: it is applied, checked, undone, and survives every re-processing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from movieqa.errors import ConfigError, WorkspaceError
from movieqa.identity import Cast
from movieqa.intervals import Interval
from movieqa.memory.cast import (
    add_references,
    history,
    merge_people,
    name_person,
    split_person,
    tell_apart,
    undo_edit,
)
from movieqa.memory.forgetting import forget_person, purge_people
from movieqa.memory.material import EMBEDDINGS
from movieqa.memory.onnx_faces import OnnxProvider
from movieqa.memory.people import find_people
from movieqa.memory.references import read_cast
from movieqa.people_files import FOLDER, IDENTITIES, load_cast
from movieqa.workspace import Workspace
from tests.people_workspaces import make_other_provider, make_people_workspace, make_provider, write_photo

SCENES = (
    {"red": 3},
    {"green": 8},
    {"red": 3, "green": 12},
    {"blue": 6},
    {"red": 9, "blue": 14},
    {"yellow": 4},
    {"red": 3},
)
"""Red is person 1, green 2, blue 3, yellow 4; each shot lasts three seconds."""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> OnnxProvider:
    return make_provider(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_people_workspace(tmp_path_factory.mktemp("film"), SCENES)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, plain: Workspace, provider: OnnxProvider) -> Workspace:
    return find_people(copy(plain, tmp_path_factory.mktemp("found")), provider)


@pytest.fixture
def workspace(tmp_path: Path, found: Workspace) -> Workspace:
    return copy(found, tmp_path)


def copy(workspace: Workspace, folder: Path) -> Workspace:
    return Workspace.open(shutil.copytree(workspace.path, folder / workspace.path.name))


def labels(workspace: Workspace) -> dict[int, str]:
    return {one.id: one.label for one in load_cast(workspace).identities}


def shots(workspace: Workspace) -> dict[int, tuple[int, ...]]:
    return {one.id: one.shots for one in load_cast(workspace).identities}


def content(workspace: Workspace) -> bytes:
    return (workspace.path / IDENTITIES).read_bytes()


def test_people_are_numbered_in_film_order_and_kept_apart(workspace: Workspace) -> None:
    assert shots(workspace) == {1: (0, 2, 4, 6), 2: (1, 2), 3: (3, 4), 4: (5,)}
    cast = load_cast(workspace)
    red = cast.find("person 1")
    assert (red.first, red.last, red.screen_time) == (0.0, 21.0, 12.0)
    assert [(one.identity.id, one.seconds) for one in cast.together(red)] == [(2, 3.0), (3, 3.0)]
    assert [one.id for one in cast.on_screen(7.0)] == [1, 2]
    assert red.thumbnail is not None
    assert (workspace.path / red.thumbnail).read_bytes()[:2] == b"\xff\xd8"
    assert len(cast.appearances(red)) == 12


def test_naming_by_number_name_and_place(workspace: Workspace) -> None:
    workspace = name_person(workspace, "1", "Julia")
    workspace = name_person(workspace, "the person on the right at 00:00:07", "Otto")
    workspace = name_person(workspace, "at 10", "Mara")
    assert labels(workspace) == {1: "Julia", 2: "Otto", 3: "Mara", 4: "person 4"}
    assert load_cast(workspace).find("  julia ").id == 1


def test_two_who_get_one_name_become_one(workspace: Workspace) -> None:
    workspace = name_person(name_person(workspace, "2", "Otto"), "4", "otto")
    cast = load_cast(workspace)
    assert shots(workspace)[2] == (1, 2, 5)
    assert cast.find("4").id == 2
    assert cast.find("4").name == "Otto"


def test_two_on_screen_together_do_not_become_one_by_name(workspace: Workspace) -> None:
    workspace = name_person(workspace, "1", "Julia")
    before = content(workspace)
    with pytest.raises(ConfigError, match=r"both are on screen at 6\.0 s"):
        name_person(workspace, "2", "Julia")
    assert content(workspace) == before
    assert len(history(workspace)) == 1


def test_merging_keeps_the_named_one_and_splitting_takes_out(workspace: Workspace) -> None:
    workspace = merge_people(name_person(workspace, "4", "Mara"), "3", "4")
    assert shots(workspace)[4] == (3, 4, 5)
    assert labels(workspace) == {1: "person 1", 2: "person 2", 4: "Mara"}
    assert load_cast(workspace).get(3) == load_cast(workspace).get(4)
    workspace = split_person(workspace, "Mara", [Interval(start=9, end=10)])
    assert shots(workspace)[4] == (4, 5)
    assert shots(workspace)[5] == (3,)
    assert labels(workspace)[5] == "person 5"


def test_telling_a_moment_apart_takes_it_out(workspace: Workspace) -> None:
    workspace = tell_apart(name_person(workspace, "1", "Julia"), "the person on the left at 7", "Julia")
    assert shots(workspace)[1] == (0, 4, 6)
    assert shots(workspace)[5] == (2,)
    with pytest.raises(ConfigError, match="edit 2 says they are not the same"):
        merge_people(workspace, "1", "5")


def test_edits_in_conflict_are_told_with_both_numbers(workspace: Workspace) -> None:
    workspace = name_person(workspace, "1", "Julia")
    with pytest.raises(ConfigError, match=r"edit 1 named the same person Julia; undo one of them"):
        name_person(workspace, "1", "Anna")
    workspace = name_person(workspace, "4", "Anna")
    with pytest.raises(ConfigError, match="edits 1 and 2 named them Julia and Anna"):
        merge_people(workspace, "1", "4")
    workspace = tell_apart(workspace, "2", "3")
    with pytest.raises(ConfigError, match="edit 3 says they are not the same"):
        merge_people(workspace, "2", "3")


def test_undo_restores_byte_for_byte_and_can_be_undone(workspace: Workspace) -> None:
    states = [content(workspace)]
    workspace = name_person(workspace, "1", "Julia")
    states.append(content(workspace))
    workspace = merge_people(workspace, "2", "4")
    states.append(content(workspace))
    workspace = undo_edit(workspace)
    assert content(workspace) == states[1]
    workspace = undo_edit(workspace)
    assert content(workspace) == states[0]
    workspace = undo_edit(workspace, 4)
    assert content(workspace) == states[1]
    assert [line.is_active for line in history(workspace)] == [True, False, True, False, True]
    with pytest.raises(ConfigError, match="no edit 2 holds"):
        undo_edit(workspace, 2)


def test_undoing_what_a_later_edit_needs_is_told(workspace: Workspace) -> None:
    workspace = split_person(workspace, "1", [Interval(start=0, end=1)])
    workspace = name_person(workspace, "5", "Zoe")
    workspace = name_person(workspace, "1", "Julia")
    with pytest.raises(ConfigError, match="edit 3 would no longer hold"):
        undo_edit(workspace, 1)


def test_edits_and_numbers_survive_another_provider(workspace: Workspace, tmp_path: Path) -> None:
    workspace = name_person(workspace, "3", "Mara")
    workspace = merge_people(workspace, "2", "4")
    workspace = split_person(workspace, "1", [Interval(start=0, end=1)])
    workspace = tell_apart(workspace, "the person on the right at 13", "Mara")
    before = labels(workspace), shots(workspace)
    other = make_other_provider(tmp_path / "other")
    workspace = find_people(workspace, other)
    assert load_cast(workspace).provider == "sface"
    assert (labels(workspace), shots(workspace)) == before
    assert not load_cast(workspace).notes
    workspace = find_people(workspace, other, force=True)
    assert (labels(workspace), shots(workspace)) == before


def test_running_again_does_nothing_and_finds_the_same(workspace: Workspace, provider: OnnxProvider) -> None:
    files = {name: entry.digest for name, entry in workspace.files.items()}
    looked: list[int] = []
    again = find_people(workspace, provider, on_progress=lambda done, total: looked.append(done))
    assert not looked
    forced = find_people(again, provider, force=True, on_progress=lambda done, total: looked.append(done))
    assert looked == list(range(1, 22))
    assert {name: entry.digest for name, entry in forced.files.items()} == files
    forced.verify()


def test_a_photo_is_described_once(
    tmp_path: Path, workspace: Workspace, provider: OnnxProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photo(tmp_path / "cast" / "Julia.png", "red")
    monkeypatch.setattr("movieqa.memory.cast_step.describe_face", None)  # what was checked is not looked at again
    named = add_references(workspace, read_cast(tmp_path / "cast", provider), provider)
    assert labels(named)[1] == "Julia"


def test_photos_name_at_once_or_later(tmp_path: Path, plain: Workspace, provider: OnnxProvider) -> None:
    folder = tmp_path / "cast"
    write_photo(folder / "Julia.png", "red")
    write_photo(folder / "Otto" / "a.png", "green")
    write_photo(folder / "Otto" / "b.jpg", "green")
    write_photo(folder / "Nobody.png", "cyan")
    at_once = find_people(copy(plain, tmp_path), provider, cast=read_cast(folder, provider))
    assert labels(at_once)[1] == "Julia"
    assert labels(at_once)[2] == "Otto"
    assert load_cast(at_once).unseen == ("Nobody",)
    first = content(at_once)
    later = add_references(find_people(purge_people(at_once), provider), read_cast(folder, provider), provider)
    assert content(later) == first
    with pytest.raises(ConfigError, match="in the cast folder, but nobody on screen fits"):
        load_cast(later).find("nobody")


def test_a_name_from_a_photo_can_be_taken_away(tmp_path: Path, found: Workspace, provider: OnnxProvider) -> None:
    write_photo(tmp_path / "cast" / "Julia.png", "red")
    workspace = find_people(copy(found, tmp_path), provider, cast=read_cast(tmp_path / "cast", provider))
    workspace = tell_apart(workspace, "1", "Julia")
    assert labels(workspace)[1] == "person 1"
    with pytest.raises(ConfigError, match="says this person is not Julia"):
        name_person(workspace, "1", "Julia")
    assert labels(undo_edit(workspace))[1] == "Julia"


def _bytes_of(workspace: Workspace) -> bytes:
    skipped = {workspace.path / "proxy.mp4", *(workspace.path / "keyframes").iterdir()}
    return b"".join(
        path.read_bytes() for path in sorted(workspace.path.rglob("*")) if path.is_file() and path not in skipped
    )


def _rows(workspace: Workspace, cast: Cast, who: str) -> list[bytes]:
    vectors = np.load(workspace.path / EMBEDDINGS, allow_pickle=False)
    return [vectors[tracklet].tobytes() for tracklet in cast.find(who).tracklets]


def test_forgetting_leaves_nothing_of_one_and_everything_of_others(
    tmp_path: Path, found: Workspace, provider: OnnxProvider
) -> None:
    write_photo(tmp_path / "cast" / "Julia.png", "red")
    write_photo(tmp_path / "cast" / "Otto.png", "green")
    workspace = find_people(copy(found, tmp_path), provider, cast=read_cast(tmp_path / "cast", provider))
    workspace = name_person(workspace, "3", "Mara")
    workspace = merge_people(workspace, "Mara", "4")
    cast = load_cast(workspace)
    gone, others = _rows(workspace, cast, "Julia"), _rows(workspace, cast, "Otto")
    face = (workspace.path / str(cast.find("Julia").thumbnail)).read_bytes()
    photo = next((workspace.path / FOLDER / "references").glob("*1.jpg")).read_bytes()
    before = _bytes_of(workspace)
    assert all(row in before for row in [*gone, *others, face, photo, b"Julia"])

    workspace = forget_person(workspace, "Julia")
    after = _bytes_of(workspace)
    assert not any(row in after for row in [*gone, face, photo, b"Julia"])
    assert all(row in after for row in others)
    assert labels(workspace) == {2: "Otto", 3: "Mara"}
    assert shots(workspace) == {2: (1, 2), 3: (3, 4, 5)}
    workspace.verify()

    again = find_people(workspace, provider, force=True)
    assert labels(again) == {2: "Otto", 3: "Mara"}
    assert not any(row in _bytes_of(again) for row in gone)
    back = find_people(undo_edit(again, 3), provider)
    assert shots(back)[5] == (0, 2, 4, 6), "whoever is found again gets a number nobody had"


def test_forgetting_takes_a_given_name_out_of_the_history(workspace: Workspace) -> None:
    workspace = forget_person(name_person(workspace, "2", "Ottokar"), "Ottokar")
    assert b"Ottokar" not in _bytes_of(workspace)
    assert [line.text for line in history(workspace)] == ["person 2 is (forgotten)", "somebody was forgotten"]
    assert 2 not in labels(workspace)


def test_purging_leaves_no_trace(workspace: Workspace) -> None:
    workspace = purge_people(name_person(workspace, "1", "Julia"))
    assert not (workspace.path / FOLDER).exists()
    assert b"Julia" not in _bytes_of(workspace)
    with pytest.raises(WorkspaceError, match="nobody looked for people yet"):
        load_cast(workspace)
    workspace.verify()


def test_faces_of_an_earlier_result_do_not_lie_about(workspace: Workspace, provider: OnnxProvider) -> None:
    workspace = name_person(workspace, "1", "Julia")
    left_behind = workspace.path / FOLDER / "thumbnails" / "999999.jpg"
    left_behind.write_bytes(b"a face of an earlier result")
    workspace = find_people(workspace, provider)
    assert not left_behind.exists()
    assert labels(workspace)[1] == "Julia"
    workspace.verify()


def test_a_changed_log_is_refused(workspace: Workspace) -> None:
    workspace = name_person(workspace, "1", "Julia")
    log = workspace.path / FOLDER / "edits.jsonl"
    log.write_text(log.read_text().replace("Julia", "Anna"))
    with pytest.raises(WorkspaceError, match=r"edits\.jsonl: damaged \(line 1: it was changed"):
        name_person(workspace, "2", "Otto")


def test_a_changed_embedding_is_refused(workspace: Workspace) -> None:
    path = workspace.path / EMBEDDINGS
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WorkspaceError, match=r"embeddings\.npy: damaged \(its content changed\)"):
        name_person(workspace, "2", "Otto")


def test_a_killed_edit_leaves_the_old_cast_or_the_new_one(
    workspace: Workspace, provider: OnnxProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from movieqa import people_files

    def stop(cast: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(people_files, "dump_cast", stop)
        name_person(workspace, "1", "Julia")
    assert labels(Workspace.open(workspace.path))[1] == "person 1"
    assert labels(find_people(Workspace.open(workspace.path), provider))[1] == "Julia"


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ("Gandalf", "nobody is called 'Gandalf'; known are person 1, person 2"),
        ("99", "nobody is called '99'"),
        ("", "nobody is called ''"),
        ("the person on the left at 01:00:00", "nobody is on screen at 01:00:00"),
        ("third from the left at 7", "only 2 people are on screen"),
        ("at 7", "2 people are on screen at 00:00:07.000: from left to right person 1, person 2"),
        ("person 4 at 7", "person 4 is not on screen"),
        ("the person at 99:99:99", "not a time"),
    ],
)
def test_an_edit_about_nobody_is_one_clear_line(workspace: Workspace, who: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        name_person(workspace, who, "Julia")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not history(workspace)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb\x07", "person 7", "12", "#3"])
def test_a_name_must_be_one(workspace: Workspace, name: str) -> None:
    with pytest.raises(ConfigError, match="not a name"):
        name_person(workspace, "1", name)


def test_the_history_is_plain_json_lines(workspace: Workspace) -> None:
    workspace = name_person(workspace, "the largest at 7", "Julia")
    (line,) = (workspace.path / FOLDER / "edits.jsonl").read_text().splitlines()
    edit = json.loads(line)
    assert (edit["verb"], edit["name"], edit["number"]) == ("name", "Julia", 1)
    assert edit["who"]["is_moment"]
