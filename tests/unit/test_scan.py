"""The scan of a film: what it finds, what it leaves behind, and how its child process ends."""

from __future__ import annotations

import _thread
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest

from movieqa import movie_files
from movieqa.errors import ConfigError, MissingDependencyError, VideoError
from movieqa.preprocess import scan as scan_module
from movieqa.preprocess.probe import probe
from movieqa.preprocess.scan import ScanConfig, ScanResult, scan_film
from tests import clips


def scan(path: Path, out: Path, config: ScanConfig | None = None) -> ScanResult:
    out.mkdir()
    return scan_film(path, probe(path), out, config or ScanConfig())


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.plain(tmp_path_factory.mktemp("scan") / "film.mp4")


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.repeated(tmp_path_factory.mktemp("long") / "film.mp4", 10, size="640x360")


def test_finds_every_cut_of_real_footage(assets: Path, tmp_path: Path) -> None:
    truth = json.loads((assets / "signs.truth.json").read_text())
    result = scan(assets / "signs.mp4", tmp_path / "out")
    assert [(shot.start, shot.end) for shot in result.shots] == [
        (shot["start"], shot["end"]) for shot in truth["shots"]
    ]
    assert [shot.kind for shot in result.shots] == ["start"] + ["cut"] * 9
    assert result.frames.times.tolist() == [float(second) for second in range(21)]
    assert result.notes == ()


def test_writes_what_it_returns(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = scan(film, out)
    assert [(shot.start, shot.end) for shot in result.shots] == [(0, 2), (2, 4), (4, 6)]
    assert movie_files.load_shots((out / "shots.csv").read_bytes()) == result.shots
    assert movie_files.load_frames((out / "frames.npy").read_bytes()).times.tolist() == result.frames.times.tolist()
    keyframes = sorted((out / "keyframes").iterdir())
    assert [path.name for path in keyframes] == ["0001.jpg", "0002.jpg", "0003.jpg"]
    assert {path.name for path in out.iterdir()} == {"shots.csv", "frames.npy", "proxy.mp4", "keyframes"}
    for path, shot in zip(keyframes, result.shots, strict=True):
        shown = cv2.imread(str(path))
        inside = shot.start + 1  # sampled at 0 and 1, 2 and 3, 4 and 5: both are equally near to the middle
        candidates = [picture_at(film, time) for time in (inside - 1, inside)]
        assert min(float(np.abs(shown.astype(int) - picture).mean()) for picture in candidates) < 6


def picture_at(film: Path, seconds: float) -> np.ndarray:
    with av.open(str(film)) as container:
        for frame in container.decode(video=0):
            if frame.time >= seconds - 1e-6:
                return np.asarray(frame.to_ndarray(format="bgr24"))
    raise AssertionError(f"no picture at {seconds}")


def test_the_proxy_plays_in_real_time(film: Path, tmp_path: Path) -> None:
    result = scan(film, tmp_path / "out", ScanConfig(fps=4))
    proxy = tmp_path / "out" / "proxy.mp4"
    assert clips.stamps(proxy) == pytest.approx(result.frames.times.tolist(), abs=1e-6)
    assert b"ftyp" in proxy.read_bytes()[:16]
    with av.open(str(proxy)) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
        assert "creation_time" not in container.metadata
    for picture, seconds in zip(pictures, result.frames.times, strict=True):
        assert float(np.abs(picture.astype(int) - picture_at(film, seconds)).mean()) < 8


def test_the_same_film_gives_the_same_bytes(film: Path, tmp_path: Path) -> None:
    scan(film, tmp_path / "first")
    scan(film, tmp_path / "second")
    assert digests(tmp_path / "first") == digests(tmp_path / "second")


def test_large_films_become_small(tmp_path: Path) -> None:
    path = clips.plain(tmp_path / "large.mp4", size="1280x720", seconds=1)
    scan(path, tmp_path / "out")
    assert cv2.imread(str(tmp_path / "out" / "keyframes" / "0001.jpg")).shape == (480, 854, 3)


@pytest.mark.parametrize("fps", [0.5, 1, 3, 24, 100])
def test_samples_at_the_rate_asked_for(film: Path, tmp_path: Path, fps: float) -> None:
    times = scan(film, tmp_path / "out", ScanConfig(fps=fps)).frames.times
    stamps = np.arange(144) / 24
    slots = np.arange(0, stamps[-1] + 1e-9, 1 / fps)
    wanted = sorted({float(stamps[stamps >= slot - 1e-9][0]) for slot in slots})
    assert times.tolist() == pytest.approx(wanted, abs=1e-6)


def test_every_shot_has_a_frame(tmp_path: Path) -> None:
    film = clips.plain(tmp_path / "short.mp4", seconds=3)
    result = scan(film, tmp_path / "out", ScanConfig(fps=0.2))
    assert [shot.start for shot in result.shots] == [0, 1, 2]
    owners = [
        next(shot.index for shot in result.shots if shot.start <= time < shot.end) for time in result.frames.times
    ]
    assert owners == [0, 1, 2]
    assert result.frames.times[1] == pytest.approx(1.5, abs=0.3)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_limit_holds_whatever_the_container_claims(tmp_path: Path, limit: int) -> None:
    film = clips.plain(tmp_path / "raw.h264")  # of unknown length
    result = scan(film, tmp_path / "out", ScanConfig(max_frames=limit))
    assert len(result.frames) == limit
    assert len(clips.stamps(tmp_path / "out" / "proxy.mp4")) == limit
    assert bool([note for note in result.notes if "have none of their own" in note]) == (limit < 3)
    if limit >= 3:
        assert {
            result.shots.index(shot)
            for shot in result.shots
            for time in result.frames.times
            if shot.start <= time < shot.end
        } == {0, 1, 2}


def test_a_limit_spreads_the_frames(film: Path, tmp_path: Path) -> None:
    times = scan(film, tmp_path / "out", ScanConfig(fps=24, max_frames=12)).frames.times
    assert times.tolist() == pytest.approx([second / 2 for second in range(12)])


def test_tells_how_far_it_is(long_film: Path, tmp_path: Path) -> None:
    heard: list[float] = []
    (tmp_path / "out").mkdir()
    scan_film(long_film, probe(long_film), tmp_path / "out", ScanConfig(), on_progress=heard.append)
    assert heard == sorted(heard)
    assert all(0 <= fraction <= 1 for fraction in heard)


@pytest.mark.parametrize(
    "settings", [{"fps": 0}, {"fps": float("nan")}, {"max_frames": 0}, {"detector": "magic"}, {"stall_seconds": 0}]
)
def test_refuses_settings_that_cannot_work(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        ScanConfig(**settings)


def test_settings_that_change_the_result_are_told(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"one")
    variants = [ScanConfig(), ScanConfig(fps=2), ScanConfig(max_frames=9), ScanConfig(detector="content")]
    told = [json.dumps(config.depends_on(), sort_keys=True) for config in variants]
    assert len(set(told)) == len(told)
    assert ScanConfig(stall_seconds=5).depends_on() == ScanConfig().depends_on()
    with_model = ScanConfig(detector="transnet", transnet=model)
    before = with_model.depends_on()
    model.write_bytes(b"another")
    assert with_model.depends_on() != before


def test_says_what_a_detector_lacks(film: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match="TransNetV2 as an ONNX file"):
        scan(film, tmp_path / "out", ScanConfig(detector="transnet"))


def test_a_full_disk_is_an_os_error(film: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "keyframes").mkdir(parents=True)
    (tmp_path / "out" / "keyframes" / "0001.jpg").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        scan_film(film, probe(film), tmp_path / "out", ScanConfig())


def scanner_of(parent: int) -> psutil.Process:
    """Wait for a process's scanning child."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for process in psutil.Process(parent).children():
            with suppress(psutil.NoSuchProcess):  # ffprobe comes and goes
                if "scan_child" in " ".join(process.cmdline()):
                    return process
        time.sleep(0.02)
    raise AssertionError("no child was started")


@contextmanager
def meddling(meddle: Callable[[psutil.Process], None]) -> Iterator[list[psutil.Process]]:
    """Do something to the child, once it has begun to work, while the body runs."""
    met: list[psutil.Process] = []

    def wait_and_meddle() -> None:
        met.append(scanner_of(os.getpid()))
        while met[0].is_running() and met[0].cpu_times().user < 0.9:
            time.sleep(0.02)
        meddle(met[0])

    thread = threading.Thread(target=wait_and_meddle)
    thread.start()
    try:
        yield met
    finally:
        thread.join(60)
    assert not met[0].is_running() or met[0].status() == psutil.STATUS_ZOMBIE


def test_stops_a_decoder_that_hangs(long_film: Path, tmp_path: Path) -> None:
    config = ScanConfig(fps=24, stall_seconds=1.5)
    with meddling(lambda process: process.suspend()), pytest.raises(VideoError, match="the decoder hung after 00:00:"):
        scan(long_film, tmp_path / "out", config)


def test_tells_of_a_decoder_that_crashes(long_film: Path, tmp_path: Path) -> None:
    with (
        meddling(lambda process: process.send_signal(signal.SIGSEGV)),
        pytest.raises(VideoError, match=r"the decoder crashed after 00:00:.*\(SIGSEGV\)"),
    ):
        scan(long_film, tmp_path / "out", ScanConfig(fps=24))


def test_tells_of_a_child_that_cannot_start(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_START_CHILD", "raise SystemExit('nothing works')")
    with pytest.raises(VideoError, match=r"crashed after 00:00:00.000 of film \(nothing works\)"):
        scan(film, tmp_path / "out")


def test_an_interrupt_stops_the_child(long_film: Path, tmp_path: Path) -> None:
    with meddling(lambda _: _thread.interrupt_main()), pytest.raises(KeyboardInterrupt):
        scan(long_film, tmp_path / "out", ScanConfig(fps=24))


def test_the_child_does_not_outlive_its_parent(long_film: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from movieqa.preprocess.probe import probe; from movieqa.preprocess.scan import ScanConfig, scan_film\n"
        f"film = Path({str(long_film)!r}); scan_film(film, probe(film), Path({str(tmp_path)!r}), ScanConfig(fps=24))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as parent:
        scanner = scanner_of(parent.pid)
        parent.kill()
    scanner.wait(timeout=20)
