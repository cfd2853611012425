"""A run's log: rows only come, a run goes on where it was killed, and equal runs have equal content."""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.log import RunLog
from movieqa.eval.origin import describe_run, describe_session, digest_model, find_revision
from movieqa.eval.prediction import Prediction
from movieqa.eval.rows import FilmRow, RunHeader
from movieqa.eval.run import read_run
from movieqa.eval.sample import Moment, Reference, Sample

SAMPLES = (
    Sample(id="a", film="one", question="Who?", answer="Otto", tags=("kind:who", "easy")),
    Sample(
        id="b",
        film="two",
        question="Which \ud800 word? 鍵",
        task="choice",
        options=("book", "door"),
        answer="B",
        spans=(Moment(start=1.0, end=2.5),),
        references=(Reference(name="Mara", image="cast/mara.jpg"),),
        box=None,
        until=9.0,
        facts={"level": 2, "is_hard": True, "note": None},
    ),
    Sample(id="c", film="one", question="Where?", task="box", box=(0.1, 0.2, 0.3, 0.4), pictures=("1.jpg", "2.jpg")),
)
PREDICTIONS = (
    Prediction(sample=SAMPLES[0], text="Otto.", spans=(Moment(start=0.5, end=1.0),), names=("Otto",), seconds=0.25),
    Prediction(sample=SAMPLES[1], status="refused", error="it does not fit", peak_bytes=17),
    Prediction(sample=SAMPLES[2], status="failed", error="RuntimeError: broken", prompt_tokens=4, answer_tokens=2),
)
FILMS = (FilmRow(film="one", duration=12.0, seconds=0.1), FilmRow(film="two", error="gone"))


def header(samples: tuple[Sample, ...] = SAMPLES, **settings: object) -> RunHeader:
    return describe_run(
        samples, source="qa.jsonl", ask=lambda sample: sample.question, settings={"batch": 2, **settings}
    )


def written(path: Path) -> Path:
    with RunLog(path, header(), SAMPLES) as log:
        log.add(film=FILMS[0], predictions=PREDICTIONS[::2])
        log.add(film=FILMS[1], predictions=PREDICTIONS[1:2])
        log.finish()
    return path


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    run = read_run(written(tmp_path / "run.jsonl"))
    assert run.predictions == PREDICTIONS
    assert tuple(run.films.values()) == FILMS
    assert run.header == header()
    assert run.is_finished and run.is_intact
    assert run.counts == {"answered": 1, "refused": 1, "failed": 1, "missing": 0}


def test_rows_end_in_the_order_of_the_samples(tmp_path: Path) -> None:
    rows = lines(written(tmp_path / "run.jsonl"))
    assert [row["kind"] for row in rows] == ["run", "film", "film", "sample", "sample", "sample", "end"]
    assert [row["sample"]["id"] for row in rows[3:6]] == ["a", "b", "c"]  # type: ignore[index]


def test_content_leaves_out_what_is_measured_and_nothing_else(tmp_path: Path) -> None:
    first = read_run(written(tmp_path / "first.jsonl"))
    with RunLog(tmp_path / "second.jsonl", header(), SAMPLES, session={"started": "later"}) as log:
        log.add(film=replace(FILMS[1], seconds=9.0))
        log.add(predictions=[replace(prediction, seconds=7.0, peak_bytes=5) for prediction in PREDICTIONS[::-1]])
        log.add(film=FILMS[0])
        log.finish()
    assert read_run(tmp_path / "second.jsonl").content == first.content
    with RunLog(tmp_path / "third.jsonl", header(), SAMPLES) as log:
        log.add(film=FILMS[0], predictions=[*PREDICTIONS[:2], replace(PREDICTIONS[2], answer_tokens=3)])
        log.add(film=FILMS[1])
        log.finish()
    assert read_run(tmp_path / "third.jsonl").content != first.content


def test_a_log_cut_anywhere_goes_on_to_the_same_content(tmp_path: Path) -> None:
    whole = read_run(written(tmp_path / "whole.jsonl")).content
    with RunLog(tmp_path / "run.jsonl", header(), SAMPLES) as log:
        log.add(film=FILMS[0], predictions=PREDICTIONS[::2])
        log.add(film=FILMS[1], predictions=PREDICTIONS[1:2])
    data = (tmp_path / "run.jsonl").read_bytes()
    start = data.index(b"\n") + 1
    dice = random.Random(7)
    for cut in {start, len(data), *(dice.randrange(start, len(data)) for _ in range(40))}:
        path = tmp_path / "cut.jsonl"
        path.write_bytes(data[:cut])
        with RunLog(path, header(), SAMPLES) as log:
            assert path.read_bytes().endswith(b"\n")
            for film in FILMS:
                if film.film not in log.films:
                    log.add(film=film)
            log.add(predictions=[one for one in PREDICTIONS if one.sample.id not in log.done])
            log.finish()
        assert read_run(path).content == whole
        assert len(read_run(path).sessions) == 2


def test_one_process_writes_a_log(tmp_path: Path) -> None:
    with (
        RunLog(tmp_path / "run.jsonl", header(), SAMPLES),
        pytest.raises(EvaluationError, match=r"another movieqa is writing this log"),
    ):
        RunLog(tmp_path / "run.jsonl", header(), SAMPLES)
    RunLog(tmp_path / "run.jsonl", header(), SAMPLES).close()


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (header(batch=3), r"settings batch was 2 and is 3 now"),
        (
            replace(header(), model={"name": "other", "digest": "sha256:1"}),
            r"model digest was absent and is sha256:1 now",
        ),
        (header(SAMPLES[:2]), r"data digest was sha256:[0-9a-f]+\.\.\. and is"),
        (replace(header(), prompt="sha256:2"), r"the questions were put in other words"),
        (replace(header(), versions={"movieqa": "9"}), r"versions .* was .* and is"),
    ],
)
def test_another_run_is_not_mixed_in(tmp_path: Path, other: RunHeader, difference: str) -> None:
    path = written(tmp_path / "run.jsonl")
    before = path.read_bytes()
    with pytest.raises(EvaluationError, match=difference):
        RunLog(path, other, SAMPLES[: other.data["samples"]])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"my diary, no line of it a log", b"{}\n", b'{"kind": "film"}\n', b'{"kind": "run", "schema": 99}\n']
)
def test_a_file_that_is_no_log_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "diary.txt"
    path.write_bytes(content)
    with pytest.raises(EvaluationError):
        RunLog(path, header(), SAMPLES)
    assert path.read_bytes() == content
    with pytest.raises(EvaluationError):
        read_run(path)


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b'"soon"'])
def test_a_number_that_is_none_names_its_line(tmp_path: Path, value: bytes) -> None:
    path = written(tmp_path / "run.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"start": 0.5', b'"start": ' + value))
    with pytest.raises(EvaluationError, match=r"run\.jsonl, line 4: damaged"):
        read_run(path)


def test_a_finished_log_that_was_edited_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"Otto."', b'"Mara."'))
    run = read_run(path)
    assert not run.is_intact
    assert run.notes == (f"{path} was changed after it was finished",)


def test_what_failed_can_be_asked_again(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl")
    with RunLog(path, header(), SAMPLES) as log:
        assert log.is_finished
    with RunLog(path, header(), SAMPLES, redo_failed=True) as log:
        assert log.done == {"a", "b"}
        assert set(log.films) == {"one"}
        log.add(film=FilmRow(film="two"), predictions=[Prediction(sample=SAMPLES[2], text="here")])
        log.finish()
    assert read_run(path).counts == {"answered": 2, "refused": 1, "failed": 0, "missing": 0}


def test_a_number_that_is_none_never_gets_into_a_log(tmp_path: Path) -> None:
    with RunLog(tmp_path / "run.jsonl", header(), SAMPLES) as log:
        with pytest.raises(EvaluationError, match="a number that is none"):
            log.add(predictions=[replace(PREDICTIONS[0], spans=(Moment(start=float("nan"), end=1.0),))])
        assert "a" not in log.done
        assert len(lines(tmp_path / "run.jsonl")) == 1


def test_a_session_names_the_revision() -> None:
    root = Path(__file__).parent.parent.parent
    if not (root / ".git").exists():
        assert find_revision() is None
        return
    head = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert str(find_revision()).removesuffix("+") == head.stdout.strip()
    assert set(describe_session()) == {"started", "revision", "python", "machine"}


def test_a_model_is_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "bert" / "vocab.txt").write_text("a")
    first = digest_model(tmp_path)
    (tmp_path / "notes.md").write_text("no part of the model")
    assert digest_model(tmp_path) == first
    (tmp_path / "bert" / "vocab.txt").write_text("b")
    assert digest_model(tmp_path) != first


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match=r"cannot be written"):
        RunLog(tmp_path / "file" / "run.jsonl", header(), SAMPLES)
    with pytest.raises(EvaluationError, match=r"this is a folder"):
        RunLog(tmp_path, header(), SAMPLES)
