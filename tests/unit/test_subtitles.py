"""Subtitles of real films: which source is used, on which clock, and what is said of it."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pysubs2
import pytest

from movieqa import movie_files
from movieqa.builder import WorkspaceBuilder
from movieqa.errors import ConfigError, MissingDependencyError, SubtitleError
from movieqa.manifest import Manifest
from movieqa.movie import VideoInfo
from movieqa.preprocess import subtitle_streams
from movieqa.preprocess.probe import probe
from movieqa.preprocess.subtitle_streams import read_clock
from movieqa.preprocess.subtitles import SubtitleConfig, SubtitleResult, read_subtitles

ENGLISH = "1\n00:00:00,500 --> 00:00:01,523\n<i>Take</i> it &amp; go.\n\n2\n00:00:02,000 --> 00:00:02,750\n42\n"
FRENCH = ENGLISH.replace("<i>Take</i> it", "Prends-le à l'été")
FORCED = "1\n00:00:00,500 --> 00:00:01,523\n[in Russian] Go.\n"
ASS = """[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.50,0:00:01.50,Default,Anna,0,0,0,,{\\i1}Take{\\i0} it.
"""
VTT = "WEBVTT\n\n00:00.500 --> 00:01.500\n<v Anna>Take it.</v>\n"


def ffmpeg(*arguments: str | Path) -> None:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=60)


def pgs_segment(time: float, kind: int) -> bytes:
    """Write one segment of a Blu-ray subtitle stream: an empty composition (0x16) or the end of a display (0x80)."""
    body = struct.pack(">HHBHBBBB", 64, 48, 0x10, 0, 0x80, 0, 0, 0) if kind == 0x16 else b""
    return b"PG" + struct.pack(">IIBH", int(time * 90_000), 0, kind, len(body)) + body


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make films of four seconds with every kind of subtitle stream, in folders without sidecars."""
    folder = tmp_path_factory.mktemp("clips")
    texts = {"en.srt": ENGLISH, "fr.srt": FRENCH, "forced.srt": FORCED, "anna.ass": ASS, "anna.vtt": VTT}
    for name, text in texts.items():
        (folder / name).write_text(text)
    plain = folder / "plain.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=4", "-f", "lavfi", "-i", "sine=d=4",
           "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", plain)  # fmt: skip
    several = ["-i", plain]
    for name in ("fr.srt", "en.srt", "forced.srt", "anna.ass"):
        several += ["-i", folder / name]
    ffmpeg(*several, *(part for index in range(5) for part in ("-map", str(index))),
           "-c", "copy", "-c:s:0", "srt", "-c:s:1", "srt", "-c:s:2", "srt", "-c:s:3", "ass",
           "-metadata:s:s:0", "language=fre", "-metadata:s:s:1", "language=eng",
           "-metadata:s:s:2", "language=eng", "-metadata:s:s:3", "language=ger",
           "-disposition:s:0", "0", "-disposition:s:1", "default", "-disposition:s:2", "default+forced",
           folder / "several.mkv")  # fmt: skip
    ffmpeg("-i", plain, "-i", folder / "en.srt", "-map", "0", "-map", "1", "-c", "copy", "-c:s", "mov_text",
           folder / "inside.mp4")  # fmt: skip
    ffmpeg("-i", plain, "-i", folder / "anna.vtt", "-map", "0", "-map", "1", "-c", "copy",
           folder / "voices.mkv")  # fmt: skip
    (folder / "pictures.sup").write_bytes(b"".join(pgs_segment(0.5, kind) for kind in (0x16, 0x80)))
    ffmpeg("-i", plain, "-i", folder / "pictures.sup", "-map", "0", "-map", "1", "-c", "copy",
           "-metadata:s:s:0", "language=eng", folder / "pictures.mkv")  # fmt: skip
    return folder


@pytest.fixture
def film(clips: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy a clip to a folder of its own, where sidecars may be put beside it."""

    def copy(name: str, target: str | None = None) -> Path:
        folder = tmp_path / "films"
        folder.mkdir(exist_ok=True)
        return Path(shutil.copy(clips / name, folder / (target or f"film{Path(name).suffix}")))

    return copy


def read(film: Path, config: SubtitleConfig | None = None) -> SubtitleResult:
    video = probe(film)
    out = film.parent / "out"
    out.mkdir(exist_ok=True)
    result = read_subtitles(film, video, out, config or SubtitleConfig())
    written = (out / "subtitles.jsonl").read_bytes()
    assert movie_files.load_subtitles(written) == result.subtitles
    assert len(pysubs2.SSAFile.from_string((out / "subtitles.srt").read_text(), "srt")) == len(result.subtitles)
    shutil.rmtree(out)
    return result


def on_the_clock_of_the_frames(film: Path, stream: int) -> list[float]:
    """Tell the first two lines' starts as PyAV sees them: the packets' times less the first decoded frame's."""
    with av.open(str(film)) as container:
        first = next(container.decode(video=0)).time
        container.seek(0)
        packets = container.demux(container.streams[stream])
        # MP4 fills the time between two lines with packets of an empty text.
        texts = [packet for packet in packets if packet.pts is not None and bytes(packet) not in (b"", b"\x00\x00")]
        times = [float(packet.pts * packet.time_base) for packet in texts]
    assert first is not None
    return [pytest.approx(time - first, abs=0.0015) for time in times[:2]]


def said(result: SubtitleResult) -> list[tuple[float, float, str]]:
    return [(line.start, line.end, line.text) for line in result.subtitles]


def test_nothing_there_is_said_and_written(film: Callable[..., Path]) -> None:
    result = read(film("plain.mkv"))
    assert (result.subtitles, result.source, result.notes) == ((), "none", ("no subtitles found",))


def test_a_stream_inside_comes_out_on_the_clock_of_the_frames(film: Callable[..., Path]) -> None:
    path = film("several.mkv")
    video = probe(path)
    assert read_clock(path, video).first_frame > 0, "the sound's priming delays the pictures in Matroska"
    result = read(path)
    assert [line.text for line in result.subtitles] == ["Take it & go.", "42"]
    assert [line.start for line in result.subtitles] == on_the_clock_of_the_frames(path, 3)
    assert [round(line.end - line.start, 3) for line in result.subtitles] == [1.023, 0.75]
    assert result.source == "stream 3 (eng)"
    assert {line.source for line in result.subtitles} == {"stream 3 (eng)"}
    assert result.notes == ("stream 3 (eng) was chosen; there are also stream 2 (fre), stream 5 (ger), stream 4 (eng)",)


@pytest.mark.parametrize("name", ["inside.mp4", "voices.mkv"])
def test_other_streams_inside(film: Callable[..., Path], name: str) -> None:
    path = film(name)
    result = read(path)
    assert result.subtitles[0].start == on_the_clock_of_the_frames(path, 2)[0]
    assert result.subtitles[0].text.startswith("Take it")
    assert result.source == "stream 2"


def test_speakers_inside_are_kept(film: Callable[..., Path]) -> None:
    (line,) = read(film("voices.mkv")).subtitles
    assert (line.speaker, line.text) == ("Anna", "Take it.")
    (line,) = read(film("several.mkv"), SubtitleConfig(language="de")).subtitles
    assert (line.speaker, line.text) == ("Anna", "Take it.")


@pytest.mark.parametrize(
    ("language", "source"),
    [("fr", "stream 2 (fre)"), ("fra", "stream 2 (fre)"), ("eng", "stream 3 (eng)"), ("de-AT", "stream 5 (ger)")],
)
def test_the_language_is_chosen(film: Callable[..., Path], language: str, source: str) -> None:
    assert read(film("several.mkv"), SubtitleConfig(language=language)).source == source


def test_a_language_that_is_not_there_is_refused_with_what_is(film: Callable[..., Path]) -> None:
    path = film("several.mkv")
    path.with_suffix(".fr.srt").write_text(FRENCH)
    with pytest.raises(SubtitleError) as error:
        read(path, SubtitleConfig(language="it"))
    assert error.value.message == (
        f"{path}: no subtitles in it; there are film.fr.srt (fr), stream 3 (eng) (en), stream 2 (fre) (fr), "
        "stream 5 (ger) (de), stream 4 (eng) (en)"
    )


def test_a_language_is_no_demand_where_there_are_no_subtitles(film: Callable[..., Path]) -> None:
    assert read(film("plain.mkv"), SubtitleConfig(language="it")).notes == ("no subtitles found",)


def test_pictures_of_text_are_told(film: Callable[..., Path]) -> None:
    assert read(film("pictures.mkv")).notes == (
        "no subtitles found (stream 2 (eng) is hdmv_pgs_subtitle: pictures of text, which cannot be read as text)",
    )


def test_a_file_beside_the_film_comes_before_streams(film: Callable[..., Path]) -> None:
    path = film("several.mkv")
    path.with_suffix(".srt").write_text(FRENCH)
    result = read(path)
    assert (result.source, result.subtitles[0].text) == ("film.srt", "Prends-le à l'été & go.")


def test_a_stream_in_the_language_comes_before_a_file_in_an_unknown_one(film: Callable[..., Path]) -> None:
    path = film("several.mkv")
    path.with_suffix(".srt").write_text(FRENCH)
    assert read(path, SubtitleConfig(language="en")).source == "stream 3 (eng)"
    result = read(path, SubtitleConfig(language="it"))
    assert result.source == "film.srt"
    assert "film.srt does not tell its language; taken for it" in result.notes


def test_a_forced_file_is_only_used_when_nothing_else_is_there(film: Callable[..., Path]) -> None:
    inside, bare = film("several.mkv"), film("plain.mkv", "bare.mkv")
    for path in (inside, bare):
        path.with_suffix(".en.forced.srt").write_text(FORCED)
    assert read(inside, SubtitleConfig(language="en")).source == "stream 3 (eng)"
    result = read(bare)
    assert result.source == "bare.en.forced.srt"
    assert any("marked as forced" in note for note in result.notes)


def test_a_file_beside_the_film_is_timed_from_where_players_begin(film: Callable[..., Path], clips: Path) -> None:
    path = film("plain.mkv")
    ffmpeg("-itsoffset", "0.5", "-i", clips / "plain.mkv", "-i", clips / "plain.mkv",
           "-map", "0:v", "-map", "1:a", "-c", "copy", path)  # fmt: skip
    clock = read_clock(path, probe(path))
    assert (clock.playback, round(clock.first_frame, 3)) == (0.0, 0.523)
    path.with_suffix(".srt").write_text(ENGLISH)
    result = read(path)
    assert said(result) == [(0.0, 1.0, "Take it & go."), (1.477, 2.227, "42")]


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_film_that_begins_late_has_its_lines_at_the_same_pictures(
    film: Callable[..., Path], clips: Path, container: str
) -> None:
    source = clips / ("several.mkv" if container == "mkv" else "inside.mp4")
    path = film(source.name)
    ffmpeg("-copyts", "-i", source, "-map", "0", "-c", "copy", "-output_ts_offset", "5", path)
    clock = read_clock(path, probe(path))
    assert clock.first_frame >= 5
    inside = read(path, SubtitleConfig(language="en" if container == "mkv" else None))
    assert inside.source.startswith("stream")
    assert [line.start for line in inside.subtitles] == on_the_clock_of_the_frames(path, 3 if container == "mkv" else 2)
    path.with_suffix(".srt").write_text(ENGLISH)
    beside = read(path)
    assert beside.source == "film.srt"
    assert said(beside) == said(inside)


def test_a_broken_file_beside_the_film_is_noted_and_the_next_source_tried(film: Callable[..., Path]) -> None:
    path = film("several.mkv")
    path.with_suffix(".srt").write_text("not subtitles at all")
    path.with_suffix(".vtt").write_bytes(b"")
    result = read(path)
    assert result.source == "stream 3 (eng)"
    assert result.notes[:2] == ("film.srt: no subtitles in it", "film.vtt: the file is empty")
    assert str(path.parent) not in "".join(result.notes)


def test_subtitles_of_another_film_beside_it_are_noted_and_the_next_source_tried(film: Callable[..., Path]) -> None:
    path = film("several.mkv")
    path.with_suffix(".srt").write_text(ENGLISH.replace("00:00:0", "01:00:0"))
    result = read(path)
    assert result.source == "stream 3 (eng)"
    assert "film.srt: no line in it belongs to this film" in result.notes


def test_a_damaged_stream_is_noted(film: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = film("inside.mp4")
    monkeypatch.setitem(subtitle_streams._WRITERS, "mov_text", ("copy", "srt"))  # which ffmpeg refuses
    result = read(path)
    assert (result.source, len(result.notes)) == ("none", 2)
    assert result.notes[0].startswith("film.mp4: ffmpeg cannot read it (")
    assert str(path.parent) not in "".join(result.notes)


def test_given_files_come_before_everything_and_are_merged(film: Callable[..., Path], tmp_path: Path) -> None:
    path = film("several.mkv")
    path.with_suffix(".srt").write_text(FRENCH)
    first, second = tmp_path / "a.srt", tmp_path / "b.ass"
    first.write_text(ENGLISH)
    second.write_text(ASS)
    result = read(path, SubtitleConfig(files=(first, second)))
    assert result.source == "a.srt, b.ass"
    assert [line.source for line in result.subtitles] == ["b.ass", "a.srt", "a.srt"]


@pytest.mark.parametrize("text", ["", "nothing", ENGLISH.replace("00:00:0", "01:00:0")])
def test_a_given_file_without_lines_for_the_film_is_refused(
    film: Callable[..., Path], tmp_path: Path, text: str
) -> None:
    path = film("several.mkv")
    given = tmp_path / "given.srt"
    given.write_text(text)
    with pytest.raises(SubtitleError, match=r"given\.srt: "):
        read(path, SubtitleConfig(files=(given,)))
    with pytest.raises(SubtitleError, match="no such file"):
        SubtitleConfig(files=(tmp_path / "missing.srt",)).depends_on(path, probe(path))


def test_names_of_every_kind(film: Callable[..., Path]) -> None:
    path = film("several.mkv", 'it\'s "a"\nfilm – фильм 映画 %d [x].mkv')
    assert read(path).source == "stream 3 (eng)"
    path.with_suffix(".en.srt").write_text(ENGLISH)
    assert read(path).source == path.with_suffix(".en.srt").name
    wild = Path(os.fsdecode(os.fsencode(path.parent) + b"/w\xffld.mkv"))
    path.rename(wild)
    wild.with_suffix(".srt").write_text(ENGLISH)
    assert read(wild).source == "w\ufffdld.srt"


def test_a_changed_file_makes_the_step_stale_and_a_moved_film_does_not(film: Callable[..., Path]) -> None:
    path = film("plain.mkv")
    video = probe(path)
    config = SubtitleConfig()
    bare = config.depends_on(path, video)
    path.with_suffix(".srt").write_text(ENGLISH)
    beside = config.depends_on(path, video)
    path.with_suffix(".srt").write_text(FRENCH)
    changed = config.depends_on(path, video)
    assert len({json.dumps(value) for value in (bare, beside, changed)}) == 3
    moved = path.parent.with_name("elsewhere")
    path.parent.rename(moved)
    assert config.depends_on(moved / path.name, video) == changed
    assert str(moved) not in json.dumps(changed)
    assert SubtitleConfig(language="eng").depends_on(moved / path.name, video) != changed
    assert SubtitleConfig(language="eng") == SubtitleConfig(language="en")


@pytest.mark.parametrize("config", [{"language": "English, please"}, {"language": ""}, {"transcribe": " "}])
def test_settings_that_cannot_work_are_refused(config: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        SubtitleConfig(**config)  # type: ignore[arg-type]


def test_the_same_film_gives_the_same_bytes(film: Callable[..., Path], tmp_path: Path) -> None:
    path = film("several.mkv")
    video = probe(path)
    results = []
    for number in range(2):
        folder = tmp_path / f"w{number}"
        source = Manifest(source_name=video.name, source_digest=video.digest, source_bytes=video.num_bytes, versions={})
        with WorkspaceBuilder(folder, source) as builder, builder.step("subtitles", {}) as output:
            output.notes += read_subtitles(path, video, output.folder, SubtitleConfig()).notes
        results.append([(folder / name).read_bytes() for name in ("subtitles.jsonl", "subtitles.srt", "manifest.json")])
    assert results[0] == results[1]


def test_a_missing_tool_is_told(film: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = film("several.mkv")
    video = probe(path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="ffprobe is not installed; install ffmpeg"):
        read_subtitles(path, video, tmp_path, SubtitleConfig())


def test_a_tool_that_finds_no_end_is_killed(tmp_path: Path) -> None:
    with pytest.raises(SubtitleError, match=r"film\.mkv: sleep found no end in 0 s"):
        subtitle_streams.run_tool(["sleep", "60"], Path("film.mkv"), timeout=0.05)


def test_too_much_text_inside_is_refused(film: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subtitle_streams, "MAX_BYTES", 50)
    result = read(film("inside.mp4"))
    assert result.source == "none"
    assert result.notes[0].startswith("film.mp4: stream 2 holds more than 0 MB of text")


def test_the_real_film_and_its_file(assets: Path, tmp_path: Path) -> None:
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(assets / name, tmp_path)
    video: VideoInfo = probe(tmp_path / "signs.mp4")
    progress: list[float] = []
    result = read_subtitles(tmp_path / "signs.mp4", video, tmp_path, SubtitleConfig(), on_progress=progress.append)
    assert (len(result.subtitles), result.source, result.notes) == (10, "signs.srt", ())
    assert said(result)[2] == (4.76, 7.92, '[signs the word "book"]')
    assert progress == [1.0]
