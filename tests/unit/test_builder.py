"""The writer of workspaces: whole steps or none, one writer at a time, one film a workspace."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from movieqa import storage
from movieqa.builder import WorkspaceBuilder
from movieqa.errors import WorkspaceError
from movieqa.manifest import Manifest

FILM = Manifest(source_name="film.mp4", source_digest="sha256:aa", source_bytes=3, versions={"movieqa": "0"})
OTHER = Manifest(source_name="other.mp4", source_digest="sha256:bb", source_bytes=4, versions={"movieqa": "0"})


def write_step(builder: WorkspaceBuilder, text: str = "one", *, step: str = "probe", depends_on: int = 1) -> None:
    with builder.step(step, {"setting": depends_on}) as output:
        (output.folder / "deep").mkdir()
        (output.folder / "deep" / f"{step}.txt").write_text(text)
        output.notes.append("a note")


def test_a_finished_step_is_found_again(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        assert builder.is_done("probe", {"setting": 1})
        assert not builder.is_done("probe", {"setting": 2})
        assert not builder.is_done("scan", {"setting": 1})
        assert builder.manifest.steps["probe"].notes == ("a note",)
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == [".lock", "deep", "log.jsonl", "manifest.json"]


def test_a_step_whose_file_is_gone_is_not_done(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
        (tmp_path / "w/deep/probe.txt").unlink()
        assert not builder.is_done("probe", {"setting": 1})


def test_force_forgets(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
    with WorkspaceBuilder(tmp_path / "w", FILM, force=True) as builder:
        assert not builder.is_done("probe", {"setting": 1})


def test_force_leaves_readers_the_old_steps_until_each_is_replaced(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
        write_step(builder, step="scan")
    with WorkspaceBuilder(tmp_path / "w", FILM, force=True) as builder:
        write_step(builder)
        assert builder.is_done("probe", {"setting": 1})
        assert not builder.is_done("scan", {"setting": 1})
        assert Manifest.read(tmp_path / "w").steps.keys() == {"probe", "scan"}
        assert (tmp_path / "w/deep/scan.txt").is_file()


def test_a_step_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder, "one")
        with pytest.raises(RuntimeError), builder.step("probe", {"setting": 2}) as output:
            (output.folder / "half.txt").write_text("half")
            raise RuntimeError
        assert builder.is_done("probe", {"setting": 1})
        assert (tmp_path / "w/deep/probe.txt").read_text() == "one"
        assert not list((tmp_path / "w").rglob("half.txt"))


def test_a_step_done_again_leaves_no_file_of_the_first_time(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
        with builder.step("probe", {"setting": 2}) as output:
            (output.folder / "new.txt").write_text("new")
        assert not (tmp_path / "w/deep/probe.txt").exists()
        assert list(builder.manifest.steps["probe"].files) == ["new.txt"]


def test_another_film_is_refused(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
    for force in (False, True):
        with pytest.raises(WorkspaceError, match=r"another film \(film.mp4\)"):
            WorkspaceBuilder(tmp_path / "w", OTHER, force=force)
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        assert builder.is_done("probe", {"setting": 1})


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("x")
    with pytest.raises(WorkspaceError, match="not a workspace"):
        WorkspaceBuilder(tmp_path, FILM, force=True)
    assert (tmp_path / "holiday.jpg").exists()


def test_a_damaged_manifest_needs_force(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
    (tmp_path / "w/manifest.json").write_text("{")
    with pytest.raises(WorkspaceError, match="--force"):
        WorkspaceBuilder(tmp_path / "w", FILM)
    with WorkspaceBuilder(tmp_path / "w", FILM, force=True) as builder:
        write_step(builder)
        assert builder.is_done("probe", {"setting": 1})


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM), pytest.raises(WorkspaceError, match="another movieqa is writing"):
        WorkspaceBuilder(tmp_path / "w", FILM)
    WorkspaceBuilder(tmp_path / "w", FILM).close()


def test_a_failure_before_any_step_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), WorkspaceBuilder(tmp_path / "w", FILM):
        raise RuntimeError
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"), (errno.EACCES, "cannot be written")],
)
def test_a_disk_that_refuses_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(WorkspaceError, match=says):
            write_step(builder, step="scan")
        monkeypatch.undo()
        assert builder.is_done("probe", {"setting": 1})
        write_step(builder, step="scan")
    assert Manifest.read(tmp_path / "w").steps.keys() == {"probe", "scan"}


def test_write_atomic_keeps_the_old_file_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    storage.write_atomic(path, "old")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="full"):
        storage.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


_WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.unit.test_builder import FILM, write_step
from movieqa.builder import WorkspaceBuilder
with WorkspaceBuilder(Path({path!r}), FILM) as builder:
    print("open", flush=True)
    for number in range(1000):
        for step in ("probe", "scan", "subtitles"):
            write_step(builder, str(number) * 1000, step=step, depends_on=number)
"""


def run_until_killed(path: Path, wait: float) -> None:
    root = str(Path(__file__).parents[2])
    writer = subprocess.Popen([sys.executable, "-c", _WRITER.format(root=root, path=str(path))], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"open\n"
    time.sleep(wait)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()


@pytest.mark.parametrize("wait", [0.0, 0.013, 0.05, 0.11, 0.17, 0.23])
def test_killed_anywhere_the_workspace_tells_the_truth(tmp_path: Path, wait: float) -> None:
    path = tmp_path / "w"
    run_until_killed(path, wait)
    with WorkspaceBuilder(path, FILM) as builder:
        for name, step in builder.manifest.steps.items():
            (number,) = {number for number in range(1000) if builder.is_done(name, {"setting": number})} or {None}
            if number is not None:
                (file,) = step.files
                assert (path / file).read_text() == str(number) * 1000
        for step_name in ("probe", "scan", "subtitles"):
            write_step(builder, "end", step=step_name, depends_on=-1)
    assert not list(path.glob(".*.tmp"))
    content = json.loads((path / "manifest.json").read_text())
    assert content["steps"].keys() == {"probe", "scan", "subtitles"}


def unwritable(path: Path) -> bool:
    try:
        (path / "probe").touch()
    except OSError:
        return True
    return False


def make_read_only(folder: Path) -> Callable[[], None]:
    folder.chmod(0o500)
    return lambda: folder.chmod(0o700)


def test_a_read_only_folder_is_one_clear_line(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    restore = make_read_only(folder)
    try:
        if unwritable(folder):
            with pytest.raises(WorkspaceError, match="cannot be written"):
                WorkspaceBuilder(folder / "w", FILM)
    finally:
        restore()
    with pytest.raises(WorkspaceError, match="--output"):
        WorkspaceBuilder(Path("/proc/movieqa"), FILM)  # root too may not write here


def test_a_step_is_on_disk_before_the_manifest_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync = os.fsync

    def record(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder:
        write_step(builder)
    last_manifest = len(synced) - 1 - synced[::-1].index(".manifest.json.tmp")
    assert "probe.txt" in synced[:last_manifest]
    assert "deep" in synced[synced.index("probe.txt") : last_manifest]


def test_not_even_force_writes_into_a_strangers_folder(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "photo.jpg").touch()
    with pytest.raises(WorkspaceError, match="not a workspace"):
        WorkspaceBuilder(tmp_path / "w", FILM, force=True)
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["photo.jpg"]
