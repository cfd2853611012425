"""What a film file is said to hold, and every way in which it is refused."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import psutil
import pytest

from movieqa.errors import MissingDependencyError, VideoError
from movieqa.preprocess import probe as probe_module
from movieqa.preprocess.probe import probe
from movieqa.storage import digest_file
from tests import clips


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.plain(tmp_path_factory.mktemp("probe") / "film.mp4")


def refusal(path: Path) -> str:
    with pytest.raises(VideoError) as caught:
        probe(path)
    assert "\n" not in str(caught.value).replace(str(path), "")
    assert caught.value.hint
    return caught.value.message.removeprefix(f"{path}: ")


def test_tells_the_facts(film: Path) -> None:
    video = probe(film)
    assert (video.name, video.num_bytes, video.digest) == ("film.mp4", film.stat().st_size, digest_file(film))
    assert (video.width, video.height, video.rotation, video.sample_aspect) == (320, 180, 0, 1)
    assert (video.codec, video.pixel_format, video.stream_index) == ("h264", "yuv420p", 0)
    assert (video.rate, video.duration) == (24, 6.0)
    assert "mp4" in video.container
    assert [(stream.kind, stream.codec) for stream in video.streams] == [("video", "h264")]


def test_keeps_the_rate_exact(tmp_path: Path) -> None:
    path = clips.plain(tmp_path / "ntsc.mkv", rate="24000/1001", seconds=1)
    assert probe(path).rate == Fraction(24000, 1001)


@pytest.mark.parametrize(("degrees", "size"), [(90, (180, 320)), (180, (320, 180)), (270, (180, 320))])
def test_tells_the_upright_size(tmp_path: Path, degrees: int, size: tuple[int, int]) -> None:
    video = probe(clips.rotated(tmp_path / "turned.mp4", degrees))
    assert (video.rotation, (video.width, video.height)) == (degrees, size)


def test_tells_the_size_in_square_pixels(tmp_path: Path) -> None:
    video = probe(clips.anamorphic(tmp_path / "wide.mp4"))
    assert (video.width, video.height, video.sample_aspect) == (320, 180, Fraction(4, 3))


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_the_length_does_not_count_what_lies_before_the_start(tmp_path: Path, ending: str) -> None:
    assert probe(clips.start_offset(tmp_path / f"late.{ending}")).duration == pytest.approx(6.0, abs=0.01)


def test_a_stream_of_unknown_length_has_none(tmp_path: Path) -> None:
    assert probe(clips.plain(tmp_path / "raw.h264")).duration == 0.0


def test_chooses_the_default_stream(tmp_path: Path) -> None:
    video = probe(clips.two_videos(tmp_path / "two.mkv"))
    assert (video.stream_index, video.width) == (1, 320)
    assert [stream.is_default for stream in video.streams] == [False, True]


def test_a_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    video = probe(clips.cover_art(tmp_path / "covered.mp4", film=True))
    main = video.streams[video.stream_index]
    assert (video.width, main.codec, main.is_attached_picture) == (320, "h264", False)
    assert any(stream.is_attached_picture for stream in video.streams)


def test_refuses_sound(tmp_path: Path) -> None:
    assert "no video stream (only audio" in refusal(clips.sound_only(tmp_path / "tone.m4a"))
    assert "no video stream (only audio" in refusal(clips.sound_only(tmp_path / "tone.wav"))
    assert "no video stream (only audio" in refusal(clips.cover_art(tmp_path / "album.mp3", film=False))


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    empty, pipe = tmp_path / "empty.mp4", tmp_path / "pipe.mp4"
    empty.touch()
    os.mkfifo(pipe)
    assert refusal(tmp_path / "missing.mp4") == "no such file"
    assert refusal(tmp_path) == "a folder, not a film"
    assert refusal(empty) == "the file is empty"
    assert refusal(pipe) == "not a regular file"
    assert refusal(tmp_path / "null\0byte.mp4") == "no such file"


def test_refuses_what_is_no_film(tmp_path: Path, film: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("Dear diary,\ntoday I went to the cinema.\n" * 99)
    zeros = tmp_path / "zeros.mkv"
    zeros.write_bytes(bytes(100_000))
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(film.read_bytes()[:20_000])
    assert refusal(text) == "not a film ffprobe can read (Invalid data found when processing input)"
    assert refusal(zeros) == "not a film ffprobe can read (Invalid data found when processing input)"
    assert "breaks off before its index" in refusal(torn)


@pytest.mark.parametrize("trick", [clips.playlist, clips.concat_script])
def test_refuses_files_that_name_other_files(tmp_path: Path, film: Path, trick: Callable[[Path, Path], Path]) -> None:
    assert "not a film container" in refusal(trick(tmp_path / "innocent.mp4", film))


def test_refuses_pictures(tmp_path: Path) -> None:
    path = tmp_path / "photo.mp4"
    clips.ffmpeg(*clips.source(), "-frames:v", 1, "-f", "image2", "-c:v", "png", path)
    assert "not a film container" in refusal(path)


@pytest.mark.parametrize(
    "name",
    [
        "http:x.mp4",
        "concat:a.mp4|b.mp4",
        "pipe:0",
        "-i.mp4",
        "%03d.mp4",
        "two words, 'quotes' \"doubled\".mp4",
        "line\nbreak.mp4",
        "映画 фильм.mp4",
    ],
)
def test_a_name_is_only_a_name(tmp_path: Path, film: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(film, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert probe(Path(name)).name == name
    assert probe(tmp_path / name).duration == 6.0


def test_a_name_that_is_no_text_is_shown_as_well_as_can_be(tmp_path: Path, film: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    shutil.copy(film, path)
    assert probe(path).name == "caf\ufffd.mp4"


def test_says_when_ffprobe_is_missing(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"ffprobe is not installed; install ffmpeg"):
        probe(film)


def test_stops_an_ffprobe_that_finds_no_end(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "ffprobe"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(probe_module, "_TIMEOUT", 0.3)
    started = time.monotonic()
    assert "found no end" in refusal(film)
    assert time.monotonic() - started < 10
    assert not [child for child in psutil.Process().children() if "sleep" in child.name()]
