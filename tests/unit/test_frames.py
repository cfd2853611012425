"""Both frame readers, held to one contract."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest

from movieqa import movie_files
from movieqa.builder import WorkspaceBuilder
from movieqa.errors import ConfigError, MissingDependencyError, WorkspaceError
from movieqa.frames import Decoder, FrameReader, open_frames
from movieqa.manifest import FileEntry, Manifest
from movieqa.preprocess.probe import probe
from movieqa.preprocess.scan import ScanConfig, scan_film
from movieqa.workspace import Workspace
from tests import clips

DECODERS: tuple[Decoder, ...] = get_args(Decoder)


def make_workspace(film: Path, folder: Path, config: ScanConfig) -> Workspace:
    video = probe(film)
    source = Manifest(source_name=video.name, source_digest=video.digest, source_bytes=video.num_bytes, versions={})
    with WorkspaceBuilder(folder, source) as builder:
        with builder.step("probe", {}) as output:
            (output.folder / "video.json").write_text(movie_files.dump_video(video))
        with builder.step("scan", {}) as output:
            scan_film(film, video, output.folder, config)
        with builder.step("subtitles", {}) as output:
            (output.folder / "subtitles.jsonl").write_text("")
    return Workspace.open(folder)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("frames")
    return make_workspace(clips.gap(folder / "film.mp4"), folder / "film.movieqa", ScanConfig(fps=12))


@pytest.fixture(scope="module")
def pictures(workspace: Workspace) -> np.ndarray:
    with av.open(str(workspace.proxy_path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.fixture(params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> Decoder:
    chosen: Decoder = request.param
    return chosen


def assert_same(read: np.ndarray, expected: np.ndarray) -> None:
    assert read.dtype == np.uint8
    assert read.shape == expected.shape
    if len(read):
        assert np.abs(read.astype(int) - expected).mean(axis=(1, 2, 3)).max() < 2


ORDERS = {
    "all": list(range(72)),
    "backwards": list(range(71, -1, -1)),
    "one": [40],
    "last": [71],
    "none": [],
    "repeated": [5, 5, 70, 5, 0, 70],
    "random": [int(index) for index in np.random.default_rng(3).integers(0, 72, 50)],
    "sparse": [0, 30, 60],
}


@pytest.mark.parametrize("order", ORDERS)
def test_reads_in_any_order(workspace: Workspace, pictures: np.ndarray, decoder: Decoder, order: str) -> None:
    with open_frames(workspace, decoder=decoder) as frames:
        assert isinstance(frames, FrameReader)
        assert frames.num_frames == len(workspace.frames) == len(pictures) == 72
        assert_same(frames.read(ORDERS[order]), pictures[ORDERS[order]])


def test_reads_again_and_again(workspace: Workspace, pictures: np.ndarray, decoder: Decoder) -> None:
    with open_frames(workspace, decoder=decoder) as frames:
        for indices in ([3, 4], [5], [6, 50], [4], [49], [51, 52], [71], [0]):
            assert_same(frames.read(indices), pictures[indices])


def test_reads_numpy_indices_and_ranges(workspace: Workspace, pictures: np.ndarray, decoder: Decoder) -> None:
    with open_frames(workspace, decoder=decoder) as frames:
        assert_same(frames.read(range(10, 30, 7)), pictures[10:30:7])
        assert_same(frames.read(list(np.array([9, 8]))), pictures[[9, 8]])


@pytest.mark.parametrize("index", [-1, 72, 10**12])
def test_refuses_what_is_not_there(workspace: Workspace, decoder: Decoder, index: int) -> None:
    with open_frames(workspace, decoder=decoder) as frames:
        with pytest.raises(ConfigError, match=f"no frame {index}; there are 72, from 0"):
            frames.read([0, index])
        assert frames.read([0]).shape == (1, 180, 320, 3)


def test_refuses_unknown_decoders(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="choose auto, pyav or decord"):
        open_frames(workspace, decoder="magic")  # type: ignore[arg-type]


def test_says_when_decord_is_missing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "decord", None)
    with pytest.raises(MissingDependencyError, match=r"movieqa\[decord\]"):
        open_frames(workspace, decoder="decord")


def with_proxy(workspace: Workspace, folder: Path, data: bytes) -> Workspace:
    """Return a workspace whose manifest vouches for another proxy, as a stranger's would."""
    folder.mkdir()
    for name in ("frames.npy", "shots.csv"):
        (folder / name).write_bytes((workspace.path / name).read_bytes())
    (folder / "proxy.mp4").write_bytes(data)
    scan = workspace.manifest.steps["scan"]
    kept = {name: entry for name, entry in scan.files.items() if name in ("frames.npy", "shots.csv")}
    step = replace(scan, files={**kept, "proxy.mp4": FileEntry.of(folder / "proxy.mp4")})
    return Workspace(folder, replace(workspace.manifest, steps={"scan": step}))


@pytest.mark.parametrize("trick", ["text", "playlist", "other codec", "two streams", "too large", "empty"])
def test_refuses_a_strangers_trick(workspace: Workspace, tmp_path: Path, decoder: Decoder, trick: str) -> None:
    path = tmp_path / "trick.mp4"
    match trick:
        case "text":
            path.write_text("not a film")
        case "playlist":
            clips.playlist(path, workspace.proxy_path)
        case "other codec":
            clips.encoded(path, "-c:v", "mpeg4")
        case "two streams":
            clips.two_videos(path)
        case "too large":
            clips.encoded(path, *clips.X264, filters="scale=2560:1440", seconds=0.5)
        case "empty":
            path.touch()
    strange = with_proxy(workspace, tmp_path / "strange", path.read_bytes())
    with pytest.raises(WorkspaceError, match="damaged"):
        open_frames(strange, decoder=decoder)


def test_notices_missing_frames(workspace: Workspace, tmp_path: Path, decoder: Decoder) -> None:
    short = clips.plain(tmp_path / "short.mp4", seconds=2)
    with (
        open_frames(with_proxy(workspace, tmp_path / "strange", short.read_bytes()), decoder=decoder) as frames,
        pytest.raises(WorkspaceError, match="damaged"),
    ):
        frames.read([71])


def test_notices_damage(workspace: Workspace, tmp_path: Path, decoder: Decoder) -> None:
    data = bytearray(workspace.proxy_path.read_bytes())
    start = data.rindex(b"mdat") + 4
    data[start + 2000 :] = bytes(len(data) - start - 2000)
    with (
        open_frames(with_proxy(workspace, tmp_path / "strange", bytes(data)), decoder=decoder) as frames,
        pytest.raises(WorkspaceError, match="damaged"),
    ):
        frames.read(range(72))


IDLE = """
import sys, time
import psutil
from movieqa.frames import open_frames
from movieqa.workspace import Workspace
frames = open_frames(Workspace.open(sys.argv[1]), decoder=sys.argv[2])
frames.read([10])
process = psutil.Process()
before = process.memory_info().rss
time.sleep(1.5)
print((process.memory_info().rss - before) >> 20)
"""


@pytest.fixture(scope="module")
def long_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("idle")
    film = clips.repeated(folder / "film.mp4", 5, size="854x480", seconds=3)
    return make_workspace(film, folder / "film.movieqa", ScanConfig(fps=24))


def test_a_reader_at_rest_does_not_grow(long_workspace: Workspace, decoder: Decoder) -> None:
    command = [sys.executable, "-c", IDLE, str(long_workspace.path), decoder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 20
