"""Opening workspaces, whole and broken."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from movieqa.errors import WorkspaceError
from movieqa.finding import default_output, find_workspace
from movieqa.summary import render_summary, summarise
from movieqa.workspace import Workspace
from tests.workspaces import make_workspace


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def copy(whole: Workspace, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole.path, tmp_path / "copy.movieqa"))


def test_a_moved_workspace_opens(copy: Path, whole: Workspace) -> None:
    opened = Workspace.open(copy)
    opened.verify()
    assert opened.shots == whole.shots
    assert opened.subtitles == whole.subtitles
    assert opened.duration == whole.shots[-1].end
    assert (opened.frames.times == whole.frames.times).all()


def test_shot_at_finds_the_shot_on_screen(whole: Workspace) -> None:
    for shot in whole.shots:
        assert whole.shot_at(shot.start) == shot
        assert whole.shot_at((shot.start + shot.end) / 2) == shot
    assert whole.shot_at(1e9) == whole.shots[-1]
    assert (whole.path / whole.keyframe(whole.shots[0])).is_file()


def edit_manifest(folder: Path, edit: Callable[[dict], None]) -> None:
    content = json.loads((folder / "manifest.json").read_text())
    edit(content)
    (folder / "manifest.json").write_text(json.dumps(content))


OUTSIDE = {"../x": {"num_bytes": 1, "digest": "d"}}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda w: (w / "manifest.json").write_text("[]"), "damaged"),
        (lambda w: (w / "manifest.json").write_text('{"schema": 1}'), "damaged .no 'steps'"),
        (lambda w: (w / "manifest.json").write_text("[" * 100_000), "damaged"),
        (lambda w: (w / "manifest.json").write_bytes(b"\xff\xfe"), "damaged"),
        (lambda w: (w / "manifest.json").unlink(), "not a workspace"),
        (lambda w: edit_manifest(w, lambda m: m.update(schema=99)), "newer movieqa"),
        (lambda w: edit_manifest(w, lambda m: m["steps"].pop("scan")), r"unfinished \(scan is not done\)"),
        (lambda w: edit_manifest(w, lambda m: m["steps"]["scan"]["files"].update(OUTSIDE)), "inside"),
        (lambda w: (w / "shots.csv").unlink(), "shots.csv: damaged .it is missing"),
        (lambda w: (w / "proxy.mp4").write_bytes(b"x"), "proxy.mp4: damaged .its size changed"),
    ],
)  # fmt: skip
def test_a_broken_workspace_is_one_clear_line(copy: Path, damage: Callable[[Path], None], says: str) -> None:
    damage(copy)
    with pytest.raises(WorkspaceError, match=says) as caught:
        Workspace.open(copy)
    assert "\n" not in str(caught.value)


def test_changed_bytes_of_the_same_size_are_noticed(copy: Path) -> None:
    for name, read in (("shots.csv", "shots"), ("video.json", "video"), ("frames.npy", "frames")):
        data = bytearray((copy / name).read_bytes())
        data[-2] ^= 1
        (copy / name).write_bytes(data)
        with pytest.raises(WorkspaceError, match=f"{name}: damaged .its content changed"):
            getattr(Workspace.open(copy), read)
    with pytest.raises(WorkspaceError, match="content changed"):
        Workspace.open(copy).verify()


def test_a_link_out_of_the_workspace_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "shots.csv").rename(tmp_path / "elsewhere.csv")
    (copy / "shots.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(WorkspaceError, match=r"shots\.csv: damaged"):
        Workspace.open(copy)


def test_no_such_workspace(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no such workspace; make one with: movieqa preprocess FILM"):
        Workspace.open(tmp_path / "nothing.movieqa")


def test_the_newest_workspace_here_is_found(copy: Path, tmp_path: Path) -> None:
    assert find_workspace(tmp_path) == copy
    newer = Path(shutil.copytree(copy, tmp_path / "a.movieqa"))
    os.utime(newer / "manifest.json", ns=(0, (copy / "manifest.json").stat().st_mtime_ns + 1))
    assert find_workspace(tmp_path) == newer
    assert find_workspace(newer) == newer
    with pytest.raises(WorkspaceError, match="no workspace in"):
        find_workspace(newer / "keyframes")


def test_a_workspace_of_any_name_is_found(tmp_path: Path) -> None:
    made = make_workspace(tmp_path)
    named = made.path.rename(tmp_path / "the harbour")
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "manifest.json").write_text('{"manifest_version": 3}')
    assert find_workspace(tmp_path) == named


def test_the_default_output_is_named_after_the_film() -> None:
    assert default_output(Path("/films/My film.final.mkv")) == Path("My film.final.movieqa")


def test_a_summary_counts_what_is_there(whole: Workspace) -> None:
    summary = summarise(whole, verify=True)
    assert sum(summary.num_shots.values()) == len(whole.shots)
    assert summary.num_subtitles == len(whole.subtitles)
    assert "verified" in render_summary(summary)
    json.dumps(summary.to_dict())
