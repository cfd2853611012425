"""A step that takes hours keeps what it finished, through any kind of end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from movieqa.builder import WorkspaceBuilder
from movieqa.manifest import Manifest

FILM = Manifest(source_name="film.mp4", source_digest="sha256:aa", source_bytes=3, versions={"movieqa": "0"})


class Broken(Exception):
    pass


def begin(path: Path, setting: int = 1, *, step: str = "features-m", force: bool = False) -> set[str]:
    """Run a resumable step that writes one shard and breaks off; return what it found."""
    found: set[str] = set()
    with WorkspaceBuilder(path, FILM, force=force) as builder:
        with builder.step("probe", {}) as output:
            (output.folder / "video.json").write_text("{}")
        with pytest.raises(Broken), builder.step(step, {"setting": setting}, is_resumable=True) as output:
            found = {file.name for file in output.folder.iterdir()}
            (output.folder / f"{len(found)}.shard").write_text("shard")
            raise Broken
    return found


def test_a_resumable_step_finds_what_it_finished(tmp_path: Path) -> None:
    path = tmp_path / "w"
    assert begin(path) == set()
    assert begin(path) == {"0.shard"}
    with WorkspaceBuilder(path, FILM) as builder:
        with builder.step("features-m", {"setting": 1}, is_resumable=True) as output:
            assert {file.name for file in output.folder.iterdir()} == {"0.shard", "1.shard"}
        assert set(builder.manifest.steps["features-m"].files) == {"0.shard", "1.shard"}
    names = sorted(file.name for file in path.iterdir())
    assert names == [".lock", "0.shard", "1.shard", "log.jsonl", "manifest.json", "video.json"]


def test_other_settings_start_again_and_leave_nothing_behind(tmp_path: Path) -> None:
    begin(tmp_path / "w", 1)
    assert begin(tmp_path / "w", 2) == set()
    assert len(list((tmp_path / "w").glob(".features-m.*"))) == 1


def test_two_steps_keep_apart(tmp_path: Path) -> None:
    begin(tmp_path / "w", step="features-m")
    assert begin(tmp_path / "w", step="features-m2") == set()
    assert begin(tmp_path / "w", step="features-m.b") == set()
    assert begin(tmp_path / "w", step="features-m") == {"0.shard"}


def test_force_starts_again(tmp_path: Path) -> None:
    begin(tmp_path / "w")
    assert begin(tmp_path / "w", force=True) == set()


def test_an_ordinary_step_keeps_nothing(tmp_path: Path) -> None:
    with WorkspaceBuilder(tmp_path / "w", FILM) as builder, pytest.raises(Broken), builder.step("scan", {}) as output:
        (output.folder / "half").write_text("half")
        raise Broken
    assert not list(tmp_path.glob("w/.scan*"))


def test_a_kill_before_the_first_manifest_leaves_a_workspace_that_can_be_finished(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from movieqa import builder
from tests.unit.test_builder_resume import FILM
builder.sync_folder = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
with builder.WorkspaceBuilder(Path({str(tmp_path / "w")!r}), FILM) as one, one.step("probe", {{}}) as output:
    (output.folder / "video.json").write_text("{{}}")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "w/video.json").exists()
    assert begin(tmp_path / "w") == set()


def test_a_kill_keeps_finished_files(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from movieqa.builder import WorkspaceBuilder
from tests.unit.test_builder_resume import FILM
with WorkspaceBuilder(Path({str(tmp_path / "w")!r}), FILM) as builder:
    with builder.step("features-m", {{"setting": 1}}, is_resumable=True) as output:
        (output.folder / "0.shard").write_text("shard")
        os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], timeout=60, env=dict(os.environ)
    )
    assert done.returncode == -signal.SIGKILL
    assert begin(tmp_path / "w") == {"0.shard"}
