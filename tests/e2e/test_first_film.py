"""The main job on real footage, through the command line: a film becomes a workspace, a question gets an answer."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

import movieqa as library
from tests.command import content, movieqa, movieqa_inside


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Path:
    """Return a folder where signs.mp4 was preprocessed and then taken away."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(assets / name, folder)
    done = movieqa("preprocess", "signs.mp4", cwd=folder)
    assert done.code == 0, done.err
    assert "10 shots" in done.out
    for step in ("probe", "scan", "subtitles"):
        assert sum(line.startswith(step) for line in done.err.splitlines()) == 1, done.err
    assert "%" not in done.err  # no bar where nobody watches
    (folder / "signs.mp4").unlink()
    (folder / "signs.srt").unlink()
    return folder


def test_all_nine_cuts_are_exact(folder: Path, assets: Path) -> None:
    truth = json.loads((assets / "signs.truth.json").read_text())
    with (folder / "signs.movieqa/shots.csv").open() as file:
        shots = list(csv.DictReader(file))
    assert [(float(shot["start"]), float(shot["end"])) for shot in shots] == [
        (shot["start"], shot["end"]) for shot in truth["shots"]
    ]
    assert [shot["kind"] for shot in shots] == ["start"] + ["cut"] * 9


def test_a_question_gets_the_moment_that_proves_the_answer(folder: Path) -> None:
    done = movieqa("ask", "--question", "When is the word book signed?", cwd=folder)
    assert done.code == 0, done.err
    assert "00:00:04.760-00:00:07.920" in done.out
    assert '[signs the word "book"]' in done.out
    assert "language model" in done.out  # says that none is in use
    assert "signs.movieqa" in done.err  # says which workspace was taken


def test_the_same_answer_as_json(folder: Path) -> None:
    answer = movieqa("ask", "signs.movieqa", "--question", "When is the word book signed?", "--json", cwd=folder).json
    (span,) = answer["spans"]
    assert (span["start"], span["end"], span["known"], span["shot"]) == (4.76, 7.92, "heard", 2)
    assert (folder / "signs.movieqa" / span["keyframe"]).is_file()
    assert answer["is_found"] is True


def test_what_the_film_does_not_hold_is_not_found(folder: Path) -> None:
    answer = movieqa_inside("ask", "--question", "When is the word elephant signed?", "--json", cwd=folder).json
    assert answer["spans"] == []
    assert answer["is_found"] is False


def test_several_questions_at_once_and_from_python(folder: Path) -> None:
    questions = ["When is the word eat signed?", "How does the film end?"]
    answers = movieqa_inside(
        "ask", *(part for one in questions for part in ("--question", one)), "--json", cwd=folder
    ).json
    from_python = library.ask(folder / "signs.movieqa", questions)
    assert [answer["text"] for answer in answers] == [answer.text for answer in from_python]
    assert answers[0]["spans"][0]["start"] == 10.44
    assert max(span["end"] for span in answers[1]["spans"]) == pytest.approx(20.84)


def test_until_shows_nothing_later(folder: Path) -> None:
    for question in ("When is the word night signed?", "How does the film end?", "Which words are signed?"):
        done = movieqa_inside("ask", "--question", question, "--until", "8.5", "--json", cwd=folder)
        assert done.code == 0, done.err
        assert all(span["end"] <= 8.5 for span in done.json["spans"])
        assert "night" not in done.json["text"]


def test_a_chat_answers_line_by_line(folder: Path) -> None:
    typed = "When is the word bird signed?\n/until 00:00:02\nWhen is the word bird signed?\n/until soon\n\n/quit\n"
    done = movieqa("chat", "signs.movieqa", "--json", cwd=folder, stdin=typed)
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert first["spans"][0]["start"] == 2.72
    assert second["is_found"] is False
    assert "not a time: 'soon'" in done.err


def test_a_report_and_every_export_are_written(folder: Path) -> None:
    done = movieqa_inside("report", cwd=folder)
    page = (folder / done.out.strip()).read_text()
    assert "signs.mp4" in page
    assert "data:image/jpeg;base64," in page
    for kind, mark in (
        ("csv", "00:00:04.560"),
        ("edl", "TITLE"),
        ("otio", "Timeline"),
        ("vtt", "WEBVTT"),
    ):
        done = movieqa_inside("export", "--shots", kind, "--output", f"shots.{kind}", cwd=folder)
        assert done.code == 0, done.err
        text = (folder / f"shots.{kind}").read_text()
        assert mark in text
        assert movieqa_inside("export", "--shots", kind, cwd=folder).out.strip() == text.strip()


def test_a_report_answers_as_far_as_it_may(folder: Path) -> None:
    asked = ("report", "--question", "When is the word night signed?", "--output", "night.html")
    answers = []
    for until in ((), ("--until", "8.5")):
        assert movieqa_inside(*asked, *until, cwd=folder).code == 0
        answers.append((folder / "night.html").read_text().split('<p class="says"')[1].split("</article>")[0])
    assert "00:00:18.840" in answers[0] and "knowing the film up to" not in answers[0]
    assert "00:00:18.840" not in answers[1] and "knowing the film up to 00:00:08.500" in answers[1]
    assert "not a time" in movieqa_inside(*asked, "--until", "soon", cwd=folder).complaint


def test_info_tells_what_there_is(folder: Path) -> None:
    summary = movieqa_inside("info", "--verify", "--json", cwd=folder).json
    assert summary["num_shots"] == {"start": 1, "cut": 9}
    assert summary["num_subtitles"] == 10
    assert summary["is_verified"] is True
    assert summary["num_frames"] >= 21


def test_doctor_tells_what_is_installed(folder: Path) -> None:
    done = movieqa("doctor", cwd=folder)
    assert done.code == 0, done.out
    assert "ffmpeg" in done.out
    assert movieqa_inside("doctor", "--json", cwd=folder).json["ok"] is True


def test_repeating_does_nothing_and_forcing_gives_the_same_bytes(folder: Path, assets: Path, tmp_path: Path) -> None:
    before = content(folder / "signs.movieqa")
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(assets / name, tmp_path)
    shutil.copytree(folder / "signs.movieqa", tmp_path / "signs.movieqa")
    repeated = movieqa_inside("preprocess", "signs.mp4", cwd=tmp_path)
    assert repeated.err.count("already done") == 3
    assert content(tmp_path / "signs.movieqa") == before
    forced = movieqa_inside("preprocess", "signs.mp4", "--force", cwd=tmp_path)
    assert "already done" not in forced.err
    assert content(tmp_path / "signs.movieqa") == before


def test_a_changed_setting_redoes_only_what_depends_on_it(folder: Path, assets: Path, tmp_path: Path) -> None:
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(assets / name, tmp_path)
    shutil.copytree(folder / "signs.movieqa", tmp_path / "signs.movieqa")
    (tmp_path / "movieqa.toml").write_text("[preprocess]\nfps = 2\n")
    from_file = movieqa_inside("preprocess", "signs.mp4", "--json", cwd=tmp_path)
    assert from_file.err.count("already done") == 2
    assert from_file.json["num_frames"] >= 42
    from_variable = movieqa_inside(
        "preprocess", "signs.mp4", "--json", cwd=tmp_path, env={"MOVIEQA_PREPROCESS_FPS": "3"}
    )
    assert from_variable.json["num_frames"] >= 63
    from_flag = movieqa_inside(
        "preprocess", "signs.mp4", "--json", "--fps", "1", cwd=tmp_path, env={"MOVIEQA_PREPROCESS_FPS": "3"}
    )
    assert from_flag.json["num_frames"] < 42
    assert content(tmp_path / "signs.movieqa") == content(folder / "signs.movieqa")


def test_the_workspace_of_another_film_is_not_mixed(folder: Path, assets: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(folder / "signs.movieqa", tmp_path / "signs.movieqa"))
    (tmp_path / "signs.mp4").write_bytes((assets / "signs.mp4").read_bytes() + b"\0")
    before = content(workspace)
    assert "another film" in movieqa_inside("preprocess", "signs.mp4", cwd=tmp_path).complaint
    assert content(workspace) == before
    assert movieqa_inside("preprocess", "signs.mp4", "--output", "other", cwd=tmp_path).code == 0


def test_help_teaches_every_verb(tmp_path: Path) -> None:
    root = movieqa("--help", cwd=tmp_path)
    for verb in ("preprocess", "ask", "chat", "report", "export", "info", "doctor"):
        assert verb in root.out
        shown = movieqa_inside(verb, "--help", cwd=tmp_path)
        assert shown.code == 0
        assert "--json" in shown.out
    assert movieqa("--version", cwd=tmp_path).out == f"movieqa {library.__version__}\n"
