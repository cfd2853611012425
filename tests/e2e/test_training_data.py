"""What a training run would see, from the command line."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from movieqa import api
from movieqa.errors import MovieQAError
from movieqa.train.data.training_set import open_training_set
from movieqa.train.fields import override
from movieqa.train.opening import trained_processor
from movieqa.train.recipes import find_recipe
from tests.bad_training_data import ASKED, BAD, place
from tests.command import movieqa, movieqa_inside
from tests.tiny_checkpoint import save_tiny_model
from tests.training_data import noise_clip, said, write_picture, write_records

DAMAGED = {
    "empty.json": b"",
    "none.json": b"[]",
    "data.json.gz": gzip.compress(b"[]"),
    "half.json": b"[{}",
    "deep.json": b"[" + b'{"a":' * 100_000,
    "line.jsonl": b'{"a": "' + b"x" * (17 << 20),
    "record.json": b'[{"a": "' + b"x" * (17 << 20),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def test_good_and_bad_samples_are_told(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "a.png")
    noise_clip(tmp_path / "b.mkv")
    (tmp_path / "broken.png").write_text("no picture")
    records = [
        {"image": "a.png", "conversations": ASKED},
        {"video": "b.mkv", "conversations": ASKED},
        {"id": "late", "image": "broken.png", "conversations": ASKED},
        {"id": "gone", "image": "no\u001b[31m.png", "conversations": ASKED},
        {"conversations": said("Is it so?", "Yes.")},
    ]
    write_records(tmp_path / "data.jsonl", records)
    found = movieqa_inside("data", "check", "data.jsonl", "--model", model, "--json")
    assert found.code == 1
    assert found.json["num_samples"] == 4 and found.json["formats"] == {
        "llava-picture": 2,
        "llava-video": 1,
        "text": 1,
    }
    assert found.json["frames"]["total"] == 6
    assert [bad["id"] for bad in found.json["bad"]] == ["gone"]
    assert sum(bucket["num_samples"] for bucket in found.json["histogram"]) == 4
    deep = api.data_check([tmp_path / "data.jsonl"], model=model, deep=True)
    lines = deep.describe().splitlines()
    assert lines[0] == "4 samples, 2 bad"
    assert lines[-1] == "bad: data.jsonl: record 3: broken.png: no picture that can be read"
    assert "\x1b" not in deep.describe()


def test_a_recipe_s_data_are_told_as_it_reads_them(tmp_path: Path, model: Path) -> None:
    """Template, length and what else decides what a sample is; a resumed run must find the same digest."""
    write_picture(tmp_path / "a.png")
    captions = write_records(tmp_path / "data.json", [{"image": "a.png", "conversations": ASKED}] * 3)
    told = api.data_check([captions], model=model, recipe="align", settings=["data.max_length=300"])
    run = override(find_recipe("align"), ["data.max_length=300", f"model.folder={model}", f"data.files={captions}"])
    processor = trained_processor(run)
    read = open_training_set(run.data, processor, processor.config)
    assert told.digest == read.digest and told.tokens is not None and told.tokens.total == read.lengths.sum()
    assert told.tokens.most < 30, "captions stand without a system sentence"
    assert api.data_check([captions], model=model).digest != told.digest
    given = movieqa_inside("data", "check", captions, "--model", model, "--recipe", "align", "--template", "plain_line")
    assert given.code == 0 and given.out.startswith("3 samples, 0 bad")
    unknown = movieqa_inside("data", "check", captions, "--model", model, "--recipe", "align", "--set", "data.fsp=2")
    assert "no field 'data.fsp'; did you mean data.fps" in unknown.complaint
    alone = movieqa_inside("data", "check", captions, "--model", model, "--set", "data.fps=2")
    assert "name it with --recipe" in alone.complaint


def test_every_kind_of_bad_data_is_one_line(tmp_path: Path, model: Path) -> None:
    """All of them in one file, through the real command: each is told once, and the good ones are still good."""
    cases = [bad for bad in BAD.values() if bad.settings is None]
    records = [{"conversations": said("Is it so?", "Yes.")}]
    for number, bad in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        bad.write(folder)
        records += [place(bad.record, folder.name), {"id": "twice", "conversations": said("Is it so?", "Yes.")}]
    write_records(tmp_path / "data.jsonl", records)
    found = movieqa("data", "check", "data.jsonl", "--model", model, "--deep", cwd=tmp_path)
    assert found.code == 1 and "Traceback" not in found.err, found.err
    lines = found.out.splitlines()
    assert lines[0] == f"{len(cases) + 1 + sum(bad.is_late for bad in cases)} samples, {len(cases)} bad"
    told = [line for line in lines if line.startswith("bad: ")]
    by_record = {int(number): line for line in told for number in re.findall(r"data\.jsonl: record (\d+)", line)}
    assert len(told) == len(by_record) == len(cases)
    for number, bad in enumerate(cases):
        assert bad.says in by_record[2 * number + 2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"files": ["no.json"]}, "no.json cannot be read"),
        ({"files": ["."]}, "it is no file"),
        ({"files": ["pipe.json"]}, "it is no file"),
        ({"files": ["empty.json"]}, "no sample to learn from in empty.json"),
        ({"files": ["none.json"]}, "no sample to learn from in none.json"),
        ({"files": ["data.json.gz"]}, "data.json.gz holds no text; give JSON or JSON lines; unpack what is compressed"),
        ({"files": ["half.json"]}, "half.json: it breaks off at byte 3"),
        ({"files": ["deep.json"]}, "deep.json: nested too deeply at byte 1"),
        ({"files": ["line.jsonl"]}, "line.jsonl: a line of more than 16 MB"),
        ({"files": ["record.json"]}, "record.json: damaged, or a record of more than 16 MB, at byte 1"),
        ({"max_length": 3}, "max_length must be at least 16"),
        ({"template": "none"}, "no chat template 'none'"),
        ({"model": "nowhere"}, "nowhere"),
        ({"model": None}, "--model"),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_records(tmp_path / "data.json", [{"conversations": said("Is it so?", "Yes.")}])
    os.mkfifo("pipe.json")
    for name, text in DAMAGED.items():
        Path(name).write_bytes(text)
    with pytest.raises(MovieQAError, match=re.escape(says)) as found:
        api.data_check(**{"files": ["data.json"], "model": model, **arguments})
    assert "\n" not in str(found.value)


def test_everything_that_film_world_builds_is_read(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("skia")
    monkeypatch.chdir(tmp_path)
    api.synthesize_film_world(seed=20, minutes=1.0, out="films/one", fps=12, width=160, height=90, speaks=False)
    built = api.data_build(["films/one"], out="data")
    files = [f"data/{name}.json" for name in built.counts]
    settings: dict[str, Any] = {"model": model, "media": ["data", "films"], "max_length": 16384}
    before = api.data_check(files, **settings)
    assert {bad.reason for bad in before.bad} == {
        "one/film.movieqa is missing; make it with: movieqa preprocess one/film.mp4"
    }
    api.preprocess_movie("films/one/film.mp4", output="films/one/film.movieqa")
    found = api.data_check(files, **settings, deep=True)
    assert found.bad == ()
    assert sum(found.formats.values()) == sum(built.counts.values())
    assert set(found.formats) == {"llava-picture", "llava-video", "film", "ida-vlm", "vtimellm", "text"}
    assert found.describe().startswith(f"{found.num_samples} samples, 0 bad\n")


def test_events_become_records(tmp_path: Path, model: Path) -> None:
    events = {"timestamps": [[0, 9.5], [10, 30]], "sentences": ["A man opens a door.", "He sits down."]}
    (tmp_path / "events.json").write_text(
        json.dumps({"a": {"duration": 40, **events}, "b": {"duration": 400, **events}})
    )
    built = movieqa("data", "build-boundary", "events.json", "--out", "data", "--json", cwd=tmp_path)
    assert built.code == 0
    assert built.json["num_records"] == 1 and built.json["skipped"] == {"a video that is too long": 1}
    noise_clip(tmp_path / "videos" / "a.mkv", num_frames=40)
    found = api.data_check([tmp_path / "data" / "boundary.json"], model=model, media=[tmp_path / "videos"], deep=True)
    assert found.bad == () and found.formats == {"vtimellm": 1} and found.frames is not None
    assert found.frames.total == 100
    refused = movieqa("data", "build-boundary", "no.json", "--out", "data", cwd=tmp_path)
    assert "no.json cannot be read" in refused.complaint


def test_many_bad_samples_are_summed_up(tmp_path: Path, model: Path) -> None:
    write_records(tmp_path / "data.json", [{"conversations": said("Who?", " ")}] * 120)
    lines = api.data_check([tmp_path / "data.json"], model=model).describe().splitlines()
    assert lines[0] == "0 samples, 120 bad" and sum(line.startswith("bad: ") for line in lines) == 100
    assert "and 20 more, which --json tells" in lines
