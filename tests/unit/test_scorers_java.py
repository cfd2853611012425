"""Caption metrics where Java is missing, hangs, dies or prints nonsense."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from movieqa.errors import EvaluationError, MissingDependencyError
from movieqa.eval.scorers import java
from movieqa.eval.scorers.java import JavaLines, tokenize_lines
from movieqa.eval.scorers.meteor import Pair, meteor
from movieqa.eval.scorers.registry import make_scorer
from tests.scored import answered, captions

RAIN = '[{"event": "Rain falls.", "timestamps": "from 1 to 4"}]'


@pytest.fixture
def fake_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, in which a test puts its own `java`."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "java"


def write_java(path: Path, body: str) -> None:
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    path.chmod(0o755)


@pytest.mark.usefixtures("fake_java")
@pytest.mark.parametrize("name", ["soda", "captioning"])
def test_without_java_one_line_says_how_to_get_it(name: str) -> None:
    with pytest.raises(MissingDependencyError, match=r"need Java, which is not installed; install a runtime"):
        make_scorer(name).score([answered(captions("1", (1, 4, "Rain.")), RAIN)])


@pytest.mark.usefixtures("fake_java")
@pytest.mark.parametrize("name", ["soda", "captioning"])
def test_nothing_to_compare_needs_no_java(name: str) -> None:
    scores = make_scorer(name).score([])
    assert scores.values == {}


def test_without_pycocoevalcap_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"movieqa\[eval\]"):
        tokenize_lines(["a"])


def test_a_program_that_hangs_is_ended_in_time(fake_java: Path, tmp_path: Path) -> None:
    write_java(fake_java, f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    with (
        pytest.raises(EvaluationError, match="no answer"),
        JavaLines([], folder=tmp_path, timeout=1) as program,
    ):
        program.ask(["x" * 10**6], answers=1)
    assert _is_gone(int((tmp_path / "pid").read_text()))


def test_a_program_that_dies_is_said_with_its_last_words(fake_java: Path, tmp_path: Path) -> None:
    write_java(fake_java, "print('first', file=sys.stderr)\nsys.exit('no memory left')")
    with pytest.raises(EvaluationError, match="no memory left"), JavaLines([], folder=tmp_path) as program:
        program.ask(["x"], answers=1)


def test_a_program_is_gone_after_a_fault_of_ours(fake_java: Path, tmp_path: Path) -> None:
    write_java(
        fake_java,
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nfor line in sys.stdin: print(line, flush=True)",
    )
    with pytest.raises(ZeroDivisionError), JavaLines([], folder=tmp_path) as program:
        assert program.ask(["x"], answers=1) == ["x"]
        raise ZeroDivisionError
    assert _is_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("body", ["sys.exit('broken')", "print('one line only')"])
def test_a_tokenizer_that_fails_is_said(fake_java: Path, body: str) -> None:
    write_java(fake_java, body)
    with pytest.raises(EvaluationError, match="the tokenizer gave"):
        tokenize_lines(["a", "b"])


def test_what_meteor_says_must_be_numbers(fake_java: Path) -> None:
    write_java(fake_java, "for line in sys.stdin: print('rubbish', flush=True); print('more', flush=True)")
    with pytest.raises(EvaluationError, match="METEOR answered 'more', no number"):
        meteor([[Pair(hypothesis="a", reference="b")]])


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return subprocess.run(["/bin/ps", "-o", "stat=", "-p", str(process)], capture_output=True).stdout.startswith(b"Z")
