"""The command in odd surroundings: pipes, closed and full streams, poor locales, interruptions, places, settings."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import command_line, movieqa, movieqa_inside
from tests.workspaces import make_subtitles, make_workspace

LINES = make_subtitles((0.5, 1.5, "Otto> Take the key, Mara."), (2.5, 3.5, "The letter is in the piano."))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("film"), subtitles=LINES).path


def test_a_reader_that_leaves_early_is_no_error(film: Path) -> None:
    running = subprocess.Popen(
        command_line("ask", film, "--question", "key"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdout is not None
    running.stdout.close()
    assert running.stderr is not None
    with running.stderr:
        assert running.stderr.read() == b""
    assert running.wait() == 0


@pytest.mark.parametrize("flags", [["ask", "--question", "key"], ["info", "--json"], ["export", "--shots", "csv"]])
def test_a_result_that_cannot_be_written_is_one_line(film: Path, flags: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command_line(flags[0], film, *flags[1:]), stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert done.returncode == 2
    assert done.stderr == (
        "movieqa: the result cannot be written (No space left on device); see where standard output goes\n"
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_matter(film: Path, closed: str, tmp_path: Path) -> None:
    command = f'"$@" {closed}'
    arguments = command_line("export", film, "--shots", "csv", "--output", tmp_path / "shots.csv")
    done = subprocess.run(["sh", "-c", command, "sh", *arguments], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "shots.csv").read_text().count("\n") == 4


def test_a_terminal_that_lacks_letters_gets_their_codes(film: Path) -> None:
    env = {"PYTHONIOENCODING": "latin-1"}
    done = movieqa("ask", film, "--question", "Where is the piano?", cwd=film.parent, env=env)
    assert done.code == 0, done.err
    assert "\\u201cThe letter is in the piano.\\u201d" in done.out
    done = movieqa("ask", film, "--question", "piano — ¿ñ?", "--json", cwd=film.parent, env=env)
    assert done.json["question"] == "piano — ¿ñ?"


def test_a_folder_whose_name_is_no_text_makes_valid_json(film: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.movieqa"
    shutil.copytree(os.fsencode(film), odd)
    done = subprocess.run([*command_line("info", "--json"), odd], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert os.fsencode(json.loads(done.stdout)["path"]) == odd
    done = subprocess.run([*command_line("report"), odd], capture_output=True, timeout=120)
    assert done.stdout == os.fsencode(tmp_path) + b"/\xff.html\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_loads_or_waits(film: Path, number: signal.Signals) -> None:
    for moment in ("as soon as it listens", "while it waits for a question"):
        running = subprocess.Popen(
            command_line("chat", film), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        status = Path(f"/proc/{running.pid}/status")
        while not _is_caught(status, signal.SIGTERM):
            time.sleep(0.002)
        if moment.startswith("while"):
            time.sleep(1.0)
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
        assert (running.returncode, out) == (3, ""), moment
        assert err == "movieqa: interrupted; run the same command again to go on\n", moment


def _is_caught(status: Path, number: signal.Signals) -> bool:
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return bool(int(fields["SigCgt"], 16) & (1 << (number - 1)))


def test_a_workspace_is_found_from_inside_and_reported_beside_it(film: Path) -> None:
    assert movieqa_inside("ask", "--question", "key", cwd=film).out.startswith("00:00:00.500")
    for place in (".", "../film.movieqa/", film):
        done = movieqa_inside("report", place, "--json", cwd=film)
        assert done.code == 0, done.err
        assert (film / done.json["report"]).resolve() == film.with_suffix(".html")


@pytest.mark.parametrize("output", [".", "", "/"])
@pytest.mark.parametrize("verb", ["report", "export"])
def test_a_folder_is_no_place_for_a_file(film: Path, verb: str, output: str) -> None:
    assert "this is a folder" in movieqa_inside(verb, film, "--output", output, cwd=film.parent).complaint


def test_a_strangers_folder_stays_as_it_is(tmp_path: Path, assets: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/sea.jpg").touch()
    done = movieqa_inside("preprocess", assets / "signs.mp4", "--output", "photos", cwd=tmp_path)
    assert "not a workspace" in done.complaint
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["sea.jpg"]


def test_a_variable_and_a_settings_file_hold_questions_with_spaces(film: Path, tmp_path: Path) -> None:
    variable = {"MOVIEQA_ASK_QUESTION": "Who takes the key?\nWhere is the letter?"}
    asked = movieqa_inside("ask", film, "--json", cwd=tmp_path, env=variable).json
    assert [answer["question"] for answer in asked] == ["Who takes the key?", "Where is the letter?"]
    (tmp_path / "movieqa.toml").write_text('[ask]\nquestion = "Who takes the key?"\n')
    assert movieqa_inside("ask", film, "--json", cwd=tmp_path).json["question"] == "Who takes the key?"
    (tmp_path / "movieqa.toml").write_text('[ask]\nquestion = ["key", "letter"]\n')
    assert len(movieqa_inside("ask", film, "--json", cwd=tmp_path).json) == 2


def test_every_flag_can_stand_in_a_settings_file_by_its_name(film: Path, tmp_path: Path) -> None:
    (tmp_path / "movieqa.toml").write_text('[ask]\njson = true\nmax-spans = 1\n[find]\nwith = "Otto"\n')
    assert len(movieqa_inside("ask", film, "--question", "key", cwd=tmp_path).json["spans"]) == 1
    assert "nobody looked for people yet" in movieqa_inside("find", film, cwd=tmp_path).complaint
    (tmp_path / "movieqa.toml").write_text("[ask]\nas_json = true\n")
    assert "json" in movieqa_inside("ask", film, "--question", "key", cwd=tmp_path).complaint


def test_several_answers_stand_under_their_questions(film: Path) -> None:
    done = movieqa_inside("ask", film, "--question", "Who takes the key?", "--question", "elephant", cwd=film.parent)
    assert done.out.startswith("> Who takes the key?\n00:00:00.500-00:00:01.500 Otto: “Take the key, Mara.”\n")
    assert "\n\n> elephant\nNothing in the film's subtitles supports an answer.\n" in done.out


def test_a_chat_says_a_line_once_and_steers_no_terminal(tmp_path: Path) -> None:
    lines = make_subtitles((0.5, 1.5, "Take the key, \x1b[31mMara.\x9b2J"))
    film = make_workspace(tmp_path, subtitles=lines).path
    done = movieqa_inside("chat", film, cwd=tmp_path, stdin="key\n")
    assert done.out.count("Mara.") == 1
    assert "\x1b" not in done.out
    assert "\x9b" not in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered(tmp_path: Path, shell: str) -> None:
    # Named, because what typer finds by itself is the shell that runs the tests, which may be none it knows.
    env = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = movieqa("--show-completion", shell, cwd=tmp_path, env=env)
    assert done.code == 0, done.err
    assert "_COMPLETE" in done.out


def test_completion_knows_verbs_and_choices(tmp_path: Path) -> None:
    for typed, words in (("movieqa pre", ["preprocess"]), ("movieqa export --shots ", ["csv", "edl", "otio", "vtt"])):
        env = {
            **os.environ,
            "_MOVIEQA_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(typed.count(" ")),
        }
        command = Path(sys.executable).with_name("movieqa")
        done = subprocess.run([command], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.stdout.split() == words
