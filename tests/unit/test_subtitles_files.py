"""Subtitle files beside a film, and cues on the film's clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from movieqa.errors import SubtitleError
from movieqa.movie import Subtitle
from movieqa.preprocess import subtitle_files
from movieqa.preprocess.languages import is_language, known_language, mismatch
from movieqa.preprocess.subtitle_cues import Cue, settle_cues
from movieqa.preprocess.subtitle_files import find_sidecars, fingerprint, read_subtitle_file

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"


def names(film: Path) -> list[str]:
    return [sidecar.name for sidecar in find_sidecars(film)]


def test_sidecars_are_found_and_ranked(tmp_path: Path) -> None:
    film = tmp_path / "My.Film (2019).mkv"
    wanted = [".srt", ".ASS", ".en.srt", ".pt-BR.VTT", ".en.sdh.srt", ".English.ssa", ".eng.forced.srt"]
    for suffix in (*wanted, ".mkv", ".nfo", ".en.srt.bak"):
        (tmp_path / f"My.Film (2019){suffix}").write_text(SRT)
    (tmp_path / "My.Film.srt").write_text(SRT)
    (tmp_path / "My.Film (2019).de.srt").mkdir()
    assert names(film) == [f"My.Film (2019){suffix}" for suffix in wanted]
    languages = {sidecar.name[len("My.Film (2019)") :]: sidecar.language for sidecar in find_sidecars(film)}
    assert languages == {
        ".srt": None,
        ".ASS": None,
        ".en.srt": "en",
        ".pt-BR.VTT": "pt-BR",
        ".en.sdh.srt": "en",
        ".English.ssa": None,
        ".eng.forced.srt": "en",
    }
    assert [sidecar.is_forced for sidecar in find_sidecars(film)] == [False] * 6 + [True]


def test_sidecars_of_another_film_are_left_to_it(tmp_path: Path) -> None:
    for name in ("film.mkv", "film.part2.mkv", "film.srt", "film.part2.srt", "filmed.srt", "film2.srt"):
        (tmp_path / name).write_text(SRT)
    assert names(tmp_path / "film.mkv") == ["film.srt"]
    assert names(tmp_path / "film.part2.mkv") == ["film.part2.srt"]


def test_hi_is_hindi_unless_a_language_stands_before_it(tmp_path: Path) -> None:
    for name in ("film.hi.srt", "film.en.hi.srt"):
        (tmp_path / name).write_text(SRT)
    found = {sidecar.name: sidecar.language for sidecar in find_sidecars(tmp_path / "film.mkv")}
    assert found == {"film.hi.srt": "hi", "film.en.hi.srt": "en"}


@pytest.mark.parametrize(
    ("film", "sidecar"),
    [
        ("Ame\N{COMBINING ACUTE ACCENT}lie.mkv", "Am\N{LATIN SMALL LETTER E WITH ACUTE}lie.fr.srt"),
        ("Am\N{LATIN SMALL LETTER E WITH ACUTE}lie.mkv", "AME\N{COMBINING ACUTE ACCENT}LIE.fr.srt"),
        ("straße.mkv", "STRASSE.fr.srt"),
    ],
)
def test_names_that_look_alike_are_alike(tmp_path: Path, film: str, sidecar: str) -> None:
    (tmp_path / sidecar).touch()
    assert [(found.name, found.language) for found in find_sidecars(tmp_path / film)] == [(sidecar, "fr")]


def test_no_folder_no_sidecars(tmp_path: Path) -> None:
    assert find_sidecars(tmp_path / "nowhere" / "film.mkv") == ()


@pytest.mark.parametrize(
    ("wanted", "tag", "expected"),
    [
        ("en", "eng", 0),
        ("fra", "fre", 0),
        ("de", "ger", 0),
        ("deu", "ger", 0),
        ("pt", "pt-BR", 1),
        ("pt_br", "pt-BR", 0),
        ("no", "nob", 1),
        ("zh", "chi", 0),
        ("da", "no", None),
        ("en", "fr", None),
        ("en", "und", None),
        ("en", "", None),
        ("en", "not a tag", None),
    ],
)
def test_languages_are_compared_by_meaning(wanted: str, tag: str, expected: int | None) -> None:
    assert mismatch(wanted, tag) == expected


def test_what_is_a_language() -> None:
    assert known_language(" ENG ") == "en"
    assert not is_language("part2")
    assert not is_language("2019")


def test_a_guessed_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes("1\n00:00:01,000 --> 00:00:02,000\nDas Mädchen heißt Zoë, schöne Grüße\n".encode("cp1252"))
    read = read_subtitle_file(path)
    assert read.cues[0].text == "Das Mädchen heißt Zoë, schöne Grüße"
    assert read.notes == ("film.srt: does not say its encoding; read as cp1252 (save it as UTF-8 if that is wrong)",)


@pytest.mark.parametrize("data", [b"", b"\n \r\n", b"\x00" * 100])
def test_an_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes(data)
    with pytest.raises(SubtitleError, match="the file is empty"):
        read_subtitle_file(path)


def test_faults_of_the_file_system_are_told(tmp_path: Path) -> None:
    with pytest.raises(SubtitleError, match="no such file"):
        read_subtitle_file(tmp_path / "film.srt")
    with pytest.raises(SubtitleError, match="not a regular file"):
        read_subtitle_file(tmp_path)
    os.mkfifo(tmp_path / "pipe.srt")
    with pytest.raises(SubtitleError, match="not a regular file"):
        fingerprint(tmp_path / "pipe.srt")
    with pytest.raises(SubtitleError, match="cannot be read"):
        read_subtitle_file(Path("a\x00b.srt"))


def test_a_file_too_large_is_refused_unread_and_told_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    with path.open("wb") as file:
        file.truncate(subtitle_files.MAX_BYTES + 1)
    with pytest.raises(SubtitleError, match="larger than 32 MB"):
        read_subtitle_file(path)
    assert fingerprint(path) == f"{subtitle_files.MAX_BYTES + 1} bytes"


def test_a_picture_called_srt_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50)
    with pytest.raises(SubtitleError, match="no subtitles in it"):
        read_subtitle_file(path)


def settle(*cues: tuple[float, float, str], shift: float = 0.0, film_end: float = 100.0) -> tuple[list[str], list[str]]:
    settled = settle_cues(
        [Cue(start=start, end=end, text=text) for start, end, text in cues],
        shift=shift,
        film_end=film_end,
        source="f",
    )
    return [f"{line.start:g}-{line.end:g} {line.text}" for line in settled.subtitles], list(settled.notes)


def test_cues_are_ordered_and_may_overlap() -> None:
    lines, notes = settle((5, 6, "c"), (1, 9, "b"), (1, 2, "a"), (1, 2, "a2"), (1.5, 3, "d"))
    assert lines == ["1-2 a", "1-2 a2", "1-9 b", "1.5-3 d", "5-6 c"]
    assert notes == []


def test_times_are_mended_and_counted() -> None:
    lines, notes = settle((5, 5, "no length"), (9, 7, "backwards"), (1, 2, ""))
    assert lines == ["5-7 no length", "9-11 backwards"]
    assert notes == [
        "f: 1 cue without text, left out",
        "f: 2 cues with no length or a negative one, given 2 s",
    ]


def test_cues_outside_the_film_are_left_out_and_counted() -> None:
    lines, notes = settle(
        (0, 0.5, "early"), (0.5, 1.5, "half"), (99, 105, "long"), (100.5, 101, "just"), (101, 102, "late"), shift=-1.0
    )
    assert lines == ["0-0.5 half", "98-104 long", "99.5-100 just"]
    assert notes == ["f: 1 cue before the film's first frame, left out", "f: 1 cue after the film's end, left out"]
    assert settle((360_000, 360_001, "x"), film_end=0.0) == (["360000-360001 x"], [])


def test_subtitles_of_another_film_are_suspected() -> None:
    _, notes = settle((1, 2, "a"), (200, 201, "b"), (300, 301, "c"))
    assert notes[-1] == "f: most of it lies after the film's end; it may belong to another film"


def test_equal_cues_are_merged_and_others_are_not() -> None:
    cues = [
        Cue(start=1, end=2, text="a"),
        Cue(start=1, end=2, text="a"),
        Cue(start=1, end=2, text="a", speaker="Anna"),
        Cue(start=2, end=3, text="a"),
    ]
    settled = settle_cues(cues, shift=0, film_end=0, source="f")
    assert settled.subtitles == (
        Subtitle(start=1, end=2, text="a", source="f"),
        Subtitle(start=1, end=2, text="a", speaker="Anna", source="f"),
        Subtitle(start=2, end=3, text="a", source="f"),
    )
    assert settled.notes == ("f: 1 cue told twice, merged",)
