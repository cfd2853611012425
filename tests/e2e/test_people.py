"""Who is on screen, by name, through the command line, on real people."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.command import movieqa, movieqa_inside


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Path:
    folder = tmp_path_factory.mktemp("people")
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(assets / name, folder)
    done = movieqa("preprocess", "signs.mp4", "--cast", assets / "cast", cwd=folder)
    assert done.code == 0, done.err
    assert "5 people, 5 of them named" in done.err
    return folder


def test_every_shot_is_named_as_the_truth_says(folder: Path, assets: Path) -> None:
    truth = json.loads((assets / "signs.truth.json").read_text())["shots"]
    done = movieqa_inside("export", "--people", "json", cwd=folder)
    assert done.code == 0, done.err
    people = done.json["people"] if isinstance(done.json, dict) else done.json
    found = {shot: one["name"] for one in people for shot in one["shots"]}
    assert found == {index: f"person-{shot['person']}" for index, shot in enumerate(truth)}


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("When does person-B first appear?", 2.52, 4.56),
        ("Who is on screen at 00:00:11?", 10.24, 11.72),
        ("How long is person-C on screen?", 4.56, 8.12),
    ],
)
def test_questions_about_people_are_answered_from_the_memory(
    folder: Path, question: str, start: float, end: float
) -> None:
    answer = movieqa_inside("ask", "--question", question, "--json", cwd=folder).json
    assert (answer["spans"][0]["start"], answer["spans"][0]["end"]) == (start, end)
    assert answer["spans"][0]["known"] == "seen"


def test_people_are_found_together_and_apart(folder: Path) -> None:
    moments = movieqa_inside("find", "--with", "person-A", "--min-seconds", "2", "--json", cwd=folder).json
    assert [(moment["start"], moment["end"]) for moment in moments] == [(0.0, 2.52), (8.12, 10.24)]
    assert movieqa_inside("find", "--with", "person-A", "--with", "person-B", cwd=folder).out == "never\n"
    assert "Nobody" in movieqa_inside("find", "--with", "Nobody", cwd=folder).complaint


def test_what_is_found_goes_to_other_programs(folder: Path) -> None:
    search = ("find", "--with", "person-A", "--min-seconds", "2")
    done = movieqa_inside(*search, "--export", "edl", "--output", "moments.edl", cwd=folder)
    assert (done.code, done.out) == (0, "moments.edl\n"), done.err
    assert (folder / "moments.edl").read_text() == movieqa_inside(*search, "--export", "edl", cwd=folder).out
    assert "00:00:08:03 00:00:10:06 00:00:02:13 00:00:04:16" in (folder / "moments.edl").read_text()
    assert "--export" in movieqa_inside(*search, "--output", "moments.csv", cwd=folder).complaint


def test_corrections_hold_and_can_be_undone(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "signs.movieqa", tmp_path / "signs.movieqa")
    assert movieqa_inside("cast", "name", "the person at 00:00:11", "Dora", cwd=tmp_path).code == 0
    assert "Dora" in movieqa_inside("cast", "list", cwd=tmp_path).out
    assert "Dora" in movieqa_inside("cast", "history", cwd=tmp_path).out
    assert movieqa_inside("cast", "undo", cwd=tmp_path).code == 0
    assert "Dora" not in movieqa_inside("cast", "list", cwd=tmp_path).out
    assert movieqa_inside("cast", "purge", cwd=tmp_path).code == 0
    assert "movieqa cast find" in movieqa_inside("cast", "list", cwd=tmp_path).complaint


def test_a_cast_folder_that_cannot_be_used(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "signs.movieqa", tmp_path / "signs.movieqa")
    (tmp_path / "cast").mkdir()
    (tmp_path / "cast/Anna.jpg").write_text("no picture")
    assert "Anna.jpg" in movieqa_inside("cast", "find", "--cast", "cast", cwd=tmp_path).complaint
    assert "5" in movieqa_inside("cast", "list", cwd=tmp_path).out


def test_a_picture_without_a_face_is_left_out_with_one_line(folder: Path, assets: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "signs.movieqa", tmp_path / "signs.movieqa")
    (tmp_path / "cast/Anna").mkdir(parents=True)
    shutil.copy(assets / "cast/person-A.jpg", tmp_path / "cast/Anna/1.jpg")
    Image.new("RGB", (64, 64)).save(tmp_path / "cast/Anna/2.png")
    done = movieqa_inside("cast", "find", "--cast", "cast", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.count("note  left out, as no face was found in cast/Anna/2.png\n") == 1
    (tmp_path / "cast/Anna/1.jpg").unlink()
    assert (
        "no face found in cast/Anna/2.png" in movieqa_inside("cast", "find", "--cast", "cast", cwd=tmp_path).complaint
    )


def test_people_older_than_the_scan_do_not_stop_other_questions(folder: Path, assets: Path, tmp_path: Path) -> None:
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(assets / name, tmp_path)
    shutil.copytree(folder / "signs.movieqa", tmp_path / "signs.movieqa")
    assert movieqa_inside("preprocess", "signs.mp4", "--fps", "2", cwd=tmp_path).code == 0
    answer = movieqa_inside("ask", "--question", "When is the word book signed?", "--json", cwd=tmp_path).json
    assert answer["spans"][0]["start"] == 4.76
    assert any("Who is on screen was not used" in note for note in answer["notes"])
    assert "movieqa cast find" in movieqa_inside("cast", "list", cwd=tmp_path).complaint
