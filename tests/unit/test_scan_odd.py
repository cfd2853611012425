"""Odd films: each is used as far as it can be read, and what was lost or filled in is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from movieqa.errors import VideoError
from movieqa.preprocess.probe import probe
from movieqa.preprocess.scan import ScanConfig, ScanResult, scan_film
from tests import clips

CODECS = {
    "hevc.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"),
    "av1.mp4": ("-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p"),
    "ten-bit.mkv": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
    "ten-bit-hevc.mkv": ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
    "colour-4-4-4.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-b:v", "2M", "-bf", "2"),
    "h264.avi": (*clips.X264, "-bf", "2"),
    "h264.ts": clips.X264,
}


def scan(path: Path, config: ScanConfig | None = None) -> ScanResult:
    out = path.parent / "out"
    out.mkdir()
    result = scan_film(path, probe(path), out, config or ScanConfig())
    assert len(list((out / "keyframes").iterdir())) == len(result.shots)
    assert len(clips.stamps(out / "proxy.mp4")) == len(result.frames)
    return result


def proxy_pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path.parent / "out" / "proxy.mp4")) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24")).astype(int) for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", CODECS)
def test_reads_every_codec(tmp_path: Path, name: str) -> None:
    result = scan(clips.encoded(tmp_path / name, *CODECS[name]))
    assert [shot.start for shot in result.shots] == pytest.approx([0, 2, 4], abs=0.0006)
    assert result.frames.times.tolist() == pytest.approx([0, 1, 2, 3, 4, 5], abs=0.0006)
    assert result.shots[-1].end == pytest.approx(6, abs=0.0015)
    assert result.notes == ()


def test_a_stream_without_times(tmp_path: Path) -> None:
    result = scan(clips.plain(tmp_path / "raw.h264"))
    assert [shot.start for shot in result.shots] == [0, 2, 4]
    assert result.notes == (
        "144 of 144 pictures had no usable time: theirs follows from the average rate of 24.000 frames a second",
    )


def test_a_film_that_breaks_off(tmp_path: Path) -> None:
    path = clips.truncated(tmp_path / "torn.mp4")
    result = scan(path)
    assert 2 < result.shots[-1].end < 5
    assert [shot.start for shot in result.shots][:2] == [0, 2]
    assert len(result.frames) == int(np.ceil(result.shots[-1].end))
    assert any(note.startswith("the film breaks off at 00:00:0") and "of 00:00:06.000" in note for note in result.notes)


def test_a_film_that_is_damaged_in_the_middle(tmp_path: Path) -> None:
    result = scan(clips.corrupt(tmp_path / "noisy.mp4"))
    assert result.shots[-1].end == 6
    assert any("the file is damaged" in note for note in result.notes)


def test_a_container_that_boasts(tmp_path: Path) -> None:
    path = clips.over_reporting(tmp_path / "boast.mkv")
    assert probe(path).duration == 6000
    result = scan(path)
    assert result.shots[-1].end == pytest.approx(6, abs=0.002)
    assert result.notes == ("the film breaks off at 00:00:05.999 of 01:40:00.000: the rest could not be read",)


def test_uneven_times_are_exact(tmp_path: Path) -> None:
    path = clips.variable_rate(tmp_path / "uneven.mp4")
    stamps = np.array(clips.stamps(path))
    result = scan(path)
    for time in [*(shot.start for shot in result.shots), *result.frames.times]:
        assert np.abs(stamps - time).min() < 1e-6
    first_of_second = [float(stamps[stamps >= cut / clips.RATE - 1e-6][0]) for cut in clips.CUTS]
    assert [shot.start for shot in result.shots] == pytest.approx([0, *first_of_second], abs=1e-6)


def test_a_gap_repeats_nothing(tmp_path: Path) -> None:
    result = scan(clips.gap(tmp_path / "gap.mp4"))
    assert result.frames.times.tolist() == pytest.approx([0, 1, 2, 103, 104, 105], abs=1e-6)
    assert [shot.start for shot in result.shots] == pytest.approx([0, 2, 104], abs=1e-6)
    assert result.shots[-1].end == pytest.approx(106, abs=1e-5)


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_times_count_from_the_first_picture(tmp_path: Path, ending: str) -> None:
    result = scan(clips.start_offset(tmp_path / f"late.{ending}"))
    assert [shot.start for shot in result.shots] == pytest.approx([0, 2, 4], abs=1e-6)
    assert result.notes == ()


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_films_stand_upright(tmp_path: Path, degrees: int) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    upright = clips.plain(plain / "film.mp4")
    scan(upright)
    turned = clips.rotated(tmp_path / "turned.mp4", degrees)
    scan(turned)
    pairs = zip(proxy_pictures(turned), proxy_pictures(upright), strict=True)
    assert max(np.abs(one - np.rot90(other, -degrees // 90)).mean() for one, other in pairs) < 3


def test_anamorphic_films_get_their_shape(tmp_path: Path) -> None:
    path = clips.anamorphic(tmp_path / "wide.mp4")
    scan(path)
    picture = proxy_pictures(path)[0]
    assert picture.shape == (180, 320, 3)
    plain = clips.plain(tmp_path / "plain.mp4")
    with av.open(str(plain)) as container:
        square = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert np.abs(picture - square).mean() < 12


@pytest.mark.parametrize(
    ("filters", "shape"),
    [
        ("scale=641:361,setsar=1", (360, 640, 3)),
        ("scale=2:2,setsar=1", (2, 2, 3)),
        ("scale=1:1,setsar=1", (2, 2, 3)),
        ("scale=1921:1081,setsar=1", (480, 852, 3)),
        ("scale=2000:16,setsar=1", (16, 2000, 3)),
        ("scale=16:3000,setsar=1", (2048, 10, 3)),
    ],
)
def test_odd_sizes(tmp_path: Path, filters: str, shape: tuple[int, int, int]) -> None:
    path = clips.encoded(
        tmp_path / "odd.mp4",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv444p",
        filters=filters,
        seconds=1,
    )
    result = scan(path)
    assert proxy_pictures(path)[0].shape == shape
    assert result.shots[-1].end == 1


def test_a_size_that_changes(tmp_path: Path) -> None:
    path = clips.size_change(tmp_path / "joined.ts")
    result = scan(path)
    assert result.shots[-1].end == pytest.approx(6, abs=1e-3)
    assert [shot.start for shot in result.shots] == pytest.approx([0, 1, 2, 3, 4, 5], abs=1e-3)
    assert "the picture size changes within the film (240x180, 320x180)" in result.notes
    pictures = proxy_pictures(path)
    assert {picture.shape for picture in pictures} == {(180, 320, 3)}
    assert pictures[-1][:, :36].mean() < 8 < pictures[-1][:, 60:260].mean()  # black bars beside the narrower part


def test_one_frame_is_a_film(tmp_path: Path) -> None:
    result = scan(clips.single_frame(tmp_path / "one.mp4"))
    assert [(shot.start, shot.end) for shot in result.shots] == [(0, pytest.approx(1 / 24, abs=1e-6))]
    assert result.frames.times.tolist() == [0]


@pytest.mark.parametrize("make", [clips.two_videos, lambda path: clips.cover_art(path, film=True)])
def test_only_the_main_stream_counts(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "several.mp4")
    result = scan(path)
    assert [shot.start for shot in result.shots] == [0, 2, 4]
    assert proxy_pictures(path)[0].shape == (180, 320, 3)


def test_a_film_without_one_readable_picture(tmp_path: Path) -> None:
    path = clips.plain(tmp_path / "film.mkv", seconds=1)
    video = probe(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"\x1f\x43\xb6\x75") + 4  # the first cluster
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(VideoError, match="not one picture could be read"):
        scan_film(path, video, tmp_path / "out", ScanConfig())
