"""What a user can get wrong, or a stranger can send: each is one clear line, exit code 2, nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command import content, movieqa, movieqa_inside
from tests.workspaces import make_workspace


def preprocess_fails(film: str, folder: Path) -> str:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    complaint = movieqa_inside("preprocess", film, cwd=folder).complaint
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not list(folder.rglob("*.movieqa"))
    return complaint


def test_no_such_film(tmp_path: Path) -> None:
    assert "missing.mp4: no such file" in preprocess_fails("missing.mp4", tmp_path)


def test_a_folder_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").mkdir()
    assert "film.mp4" in preprocess_fails("film.mp4", tmp_path)


@pytest.mark.parametrize("data", [b"", b"just a text\n" * 100, bytes(5_000), bytes(range(256)) * 40])
def test_a_file_that_is_no_film(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "film.mp4").write_bytes(data)
    assert "film.mp4" in preprocess_fails("film.mp4", tmp_path)


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=60)


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", tmp_path / "film.mp4")
    assert "no video" in preprocess_fails("film.mp4", tmp_path)


SECRET = "the-secret-of-this-machine"


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{film}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/film.ts\n",
        "ffconcat version 1.0\nfile '{film}'\n",
        "concat:{film}|{film}",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><Period></Period></MPD>",
        "RIFF\nv=0\nm=video 5004 RTP/AVP 96\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    ],
)
@pytest.mark.parametrize("name", ["film.mp4", "film.m3u8", "film.mkv"])
def test_a_playlist_never_opens_another_file(tmp_path: Path, assets: Path, text: str, name: str) -> None:
    (tmp_path / name).write_text(text.format(film=assets / "signs.mp4"))
    preprocess_fails(name, tmp_path)


@pytest.mark.parametrize(
    "name", ["concat:signs.mp4|signs.mp4", "http://127.0.0.1:9/film.mp4", "file:signs.mp4", "pipe:0", "-"]
)
def test_a_protocol_is_not_a_file_name(tmp_path: Path, assets: Path, name: str) -> None:
    shutil.copy(assets / "signs.mp4", tmp_path)
    complaint = movieqa_inside("preprocess", "--", name, cwd=tmp_path).complaint
    assert "no such file" in complaint


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Path:
    """The first second of a film."""
    film = tmp_path_factory.mktemp("second") / "plain.mp4"
    ffmpeg("-i", assets / "signs.mp4", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast", "-an", film)
    return film


ODD_NAMES = ("a film", 'it\'s "quoted"', "two\nlines", "Фильм 電影 🎬", "concat:x", "-v", "%d", "a,b;c")


@pytest.mark.parametrize("name", [f"{stem}.mp4" for stem in ODD_NAMES])
def test_any_file_name_works(tmp_path: Path, second: Path, name: str) -> None:
    shutil.copy(second, tmp_path / name)
    done = movieqa("preprocess", "--json", "--", name, cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.json["film"] == name
    stem = name.removesuffix(".mp4")
    asked = movieqa_inside("ask", "--question", "How does the film end?", "--", f"{stem}.movieqa", cwd=tmp_path)
    assert asked.code == 0, asked.err
    assert movieqa_inside("report", "--", f"{stem}.movieqa", cwd=tmp_path).code == 0


def test_a_name_that_is_no_text_works(tmp_path: Path, second: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    shutil.copy(second, tmp_path / name)
    done = movieqa("preprocess", name, "--output", "w", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.json["film"] == "caf\ufffd.mp4"
    assert movieqa("report", "w", cwd=tmp_path).code == 0


def test_a_name_with_newlines_stays_on_one_line(tmp_path: Path) -> None:
    assert "two\\nlines.mp4" in preprocess_fails("two\nlines.mp4", tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path, assets: Path) -> None:
    shutil.copy(assets / "signs.mp4", tmp_path)
    done = movieqa_inside("preprocess", "signs.mp4", "--output", "/proc/signs.movieqa", cwd=tmp_path)
    assert "--output" in done.complaint
    assert "--output" in movieqa_inside("preprocess", "signs.mp4", "--output", "signs.mp4", cwd=tmp_path).complaint


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--fps", "0"], "fps"),
        (["--fps", "-1"], "fps"),
        (["--fps", "nan"], "fps"),
        (["--max-frames", "0"], "max"),
        (["--detector", "magic"], "magic"),
        (["--detector", "transnet"], "transnet"),
        (["--subtitles", "none.srt"], "none.srt"),
    ],
)
def test_a_flag_that_cannot_work(tmp_path: Path, assets: Path, flags: list[str], says: str) -> None:
    shutil.copy(assets / "signs.mp4", tmp_path)
    assert says in movieqa_inside("preprocess", "signs.mp4", *flags, cwd=tmp_path).complaint
    assert not list(tmp_path.glob("*.movieqa/.*.tmp"))


def test_subtitles_of_several_languages(tmp_path: Path, assets: Path) -> None:
    for language, text in (("eng", "hello"), ("ger", "hallo")):
        (tmp_path / f"{language}.txt").write_text(f"1\n00:00:00,500 --> 00:00:01,500\n{text}\n")
    inputs = [flag for language in ("eng", "ger") for flag in ("-f", "srt", "-i", tmp_path / f"{language}.txt")]
    tags = ["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger"]
    maps = ["-map", "0:v", "-map", "1", "-map", "2", "-t", "2", "-c:v", "copy", "-c:s", "srt"]
    ffmpeg("-i", assets / "signs.mp4", *inputs, *maps, *tags, tmp_path / "film.mkv")
    for language, text in (("en", "hello"), ("de", "hallo")):
        done = movieqa_inside("preprocess", "film.mkv", "--subtitle-language", language, cwd=tmp_path)
        assert done.code == 0, done.err
        assert text in (tmp_path / "film.movieqa/subtitles.srt").read_text()
    complaint = movieqa_inside("preprocess", "film.mkv", "--subtitle-language", "fr", cwd=tmp_path).complaint
    assert "fr" in complaint
    assert "eng" in complaint
    assert "ger" in complaint or "deu" in complaint
    assert text in (tmp_path / "film.movieqa/subtitles.srt").read_text()  # what was there is still there


def test_settings_with_a_mistake_are_told(tmp_path: Path) -> None:
    (tmp_path / "movieqa.toml").write_text("[preprocess]\nfsp = 2\n")
    assert "movieqa.toml: [preprocess] has no option 'fsp'" in movieqa_inside("doctor", cwd=tmp_path).complaint


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("asked")).path


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "needs a question"),
        (["--question", ""], "empty"),
        (["--question", "  \n"], "empty"),
        (["--question", "word " * 20_000], "more than 10,000"),
        (["--question", "x", "--until", "soon"], "not a time"),
        (["--question", "x", "--until", "0"], "later than"),
    ],
)
def test_a_question_that_cannot_be_asked(asked: Path, flags: list[str], says: str) -> None:
    assert says in movieqa_inside("ask", asked, *flags, cwd=asked.parent).complaint


@pytest.mark.parametrize("verb", [["ask", "--question", "x"], ["chat"], ["report"], ["export"], ["info"]])
def test_a_missing_or_newer_workspace(asked: Path, tmp_path: Path, verb: list[str]) -> None:
    assert "no workspace in" in movieqa_inside(*verb, cwd=tmp_path).complaint
    newer = Path(shutil.copytree(asked, tmp_path / "newer.movieqa"))
    manifest = json.loads((newer / "manifest.json").read_text())
    (newer / "manifest.json").write_text(json.dumps(manifest | {"schema": 99}))
    assert "newer movieqa" in movieqa_inside(verb[0], newer, *verb[1:], cwd=tmp_path).complaint
    (newer / "manifest.json").write_text("{")
    assert "damaged" in movieqa_inside(verb[0], newer, *verb[1:], cwd=tmp_path).complaint


def test_a_report_that_cannot_be_written_leaves_nothing(asked: Path) -> None:
    before = content(asked)
    assert "--output" in movieqa_inside("report", asked, "--output", "/proc/page.html", cwd=asked.parent).complaint
    assert "--output" in movieqa_inside("export", asked, "--output", "/proc/x.csv", cwd=asked.parent).complaint
    assert content(asked) == before


def test_debug_shows_the_trace(tmp_path: Path) -> None:
    done = movieqa("info", "--debug", cwd=tmp_path)
    assert done.code == 2
    assert "Traceback" in done.err


def test_a_film_without_one_readable_picture_leaves_nothing(tmp_path: Path, assets: Path) -> None:
    data = bytearray((assets / "signs.mp4").read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4 if data.index(b"moov") > start else len(data)
    data[start:end] = bytes(end - start)
    (tmp_path / "film.mp4").write_bytes(data)
    assert "film.mp4" in preprocess_fails("film.mp4", tmp_path)
