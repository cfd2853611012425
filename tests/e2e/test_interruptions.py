"""Nothing is lost: a run that is killed, interrupted or out of disk goes on, and ends in the same bytes."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.command import command_line, content, movieqa, movieqa_inside


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Path:
    """A folder with the first seconds of a film, and its subtitles."""
    folder = tmp_path_factory.mktemp("short")
    flags = ("-v", "error", "-i", assets / "signs.mp4", "-t", "6", "-c", "copy", folder / "signs.mp4")
    subprocess.run(["ffmpeg", *map(str, flags)], check=True, timeout=60)
    shutil.copy(assets / "signs.srt", folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, short: Path) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    film = copy_film(short, folder)
    assert movieqa("preprocess", film.name, cwd=folder).code == 0
    return content(folder / "signs.movieqa")


def copy_film(short: Path, folder: Path) -> Path:
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(short / name, folder)
    return folder / "signs.mp4"


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command_line("preprocess", "signs.mp4"), cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_for_scan(folder: Path, run: subprocess.Popen[str]) -> None:
    while run.poll() is None and not (folder / "signs.movieqa/.scan.tmp").exists():
        time.sleep(0.002)


@pytest.mark.parametrize("wait", [0.0, 0.1, 0.3, 0.6, 0.8])
def test_killed_at_any_point_it_ends_in_the_same_bytes(
    tmp_path: Path, short: Path, undisturbed: dict[str, bytes], wait: float
) -> None:
    copy_film(short, tmp_path)
    run = start(tmp_path)
    wait_for_scan(tmp_path, run)
    time.sleep(wait)
    children = psutil.Process(run.pid).children(recursive=True) if run.poll() is None else []
    run.kill()
    run.communicate()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, "the scan outlived the command"
    assert movieqa_inside("preprocess", "signs.mp4", cwd=tmp_path).code == 0
    assert content(tmp_path / "signs.movieqa") == undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_so_and_goes_on(
    tmp_path: Path, short: Path, undisturbed: dict[str, bytes], number: signal.Signals
) -> None:
    copy_film(short, tmp_path)
    run = start(tmp_path)
    wait_for_scan(tmp_path, run)
    children = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(number)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 3, err
    assert "interrupted; run the same command again" in err
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert not list((tmp_path / "signs.movieqa").glob(".*.tmp"))
    again = movieqa_inside("preprocess", "signs.mp4", cwd=tmp_path)
    assert "already done" in again.err
    assert content(tmp_path / "signs.movieqa") == undisturbed


def test_two_at_once_are_told_apart(tmp_path: Path, short: Path, undisturbed: dict[str, bytes]) -> None:
    copy_film(short, tmp_path)
    first = start(tmp_path)
    wait_for_scan(tmp_path, first)
    first.send_signal(signal.SIGSTOP)
    second = movieqa_inside("preprocess", "signs.mp4", cwd=tmp_path)
    first.send_signal(signal.SIGCONT)
    assert "another movieqa is writing" in second.complaint
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert content(tmp_path / "signs.movieqa") == undisturbed


def limit_file_size(num_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))


@pytest.mark.parametrize("num_bytes", [200, 3_000, 60_000])
def test_a_disk_that_takes_no_more_is_one_clear_line(
    tmp_path: Path, short: Path, undisturbed: dict[str, bytes], num_bytes: int
) -> None:
    copy_film(short, tmp_path)
    stopped = movieqa("preprocess", "signs.mp4", cwd=tmp_path, before=lambda: limit_file_size(num_bytes))
    assert "disk" in stopped.complaint
    assert not list(tmp_path.glob("signs.movieqa/.*.tmp"))
    assert movieqa_inside("preprocess", "signs.mp4", cwd=tmp_path).code == 0
    assert content(tmp_path / "signs.movieqa") == undisturbed


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small disk needs root on Linux")
def test_a_really_full_disk_is_one_clear_line(tmp_path: Path, short: Path, undisturbed: dict[str, bytes]) -> None:
    film = copy_film(short, tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this root may not mount")
    try:
        stopped = movieqa("preprocess", film, "--output", disk / "w", cwd=tmp_path)
        assert "the disk is full" in stopped.complaint
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        assert movieqa_inside("preprocess", film, "--output", disk / "w", cwd=tmp_path).code == 0
        assert content(disk / "w") == undisturbed
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small disk needs root on Linux")
def test_a_finished_workspace_on_a_read_only_disk_serves(
    tmp_path: Path, short: Path, undisturbed: dict[str, bytes]
) -> None:
    film = copy_film(short, tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this root may not mount")
    try:
        assert movieqa_inside("preprocess", film, "--output", disk / "w", cwd=tmp_path).code == 0
        (disk / "w" / ".lock").unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        again = movieqa_inside("preprocess", film, "--output", disk / "w", cwd=tmp_path)
        assert (again.code, again.err.count("already done")) == (0, 3), again.err
        assert movieqa_inside("ask", disk / "w", "--question", "book", cwd=tmp_path).code == 0
        assert "cannot be written" in movieqa_inside("preprocess", film, "-o", disk / "w", "--fps", "2").complaint
        assert "cannot be written" in movieqa_inside("cast", "find", disk / "w", cwd=tmp_path).complaint
        assert "cannot be written" in movieqa_inside("preprocess", film, "-o", disk / "new").complaint
        assert content(disk / "w") == undisturbed
    finally:
        subprocess.run(["umount", disk], check=True)
