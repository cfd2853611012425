"""Measures are kept between runs, and taken again where anything they follow from has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from movieqa.train.data import measures, training_set
from tests.training_data import open_records, said, write_picture

RECORDS = [
    {"image": "a.png", "conversations": said("<image>\nWho?", "Mara.")},
    {"conversations": said("Is it so?", "Yes. " * 60)},
]


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Keep measures of small files too, in a cache of this test, and note each file that is measured."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(measures, "_LEAST_SAMPLES", 1)
    measured: list[Path] = []
    scan = training_set._scan

    def noted(number: int, path: Path, *rest: Any, **more: Any) -> Any:
        measured.append(path)
        return scan(number, path, *rest, **more)

    monkeypatch.setattr(training_set, "_scan", noted)
    return measured


def test_a_second_run_measures_nothing(tmp_path: Path, counted: list[Path]) -> None:
    write_picture(tmp_path / "a.png")
    first = open_records(tmp_path, RECORDS, max_length=300)
    second = open_records(tmp_path, RECORDS, max_length=300)
    assert len(counted) == 1
    assert second.samples == first.samples and second.digest == first.digest
    assert second.samples[1].cuts.tokens > 0
    assert second[0].input_ids.tolist() == first[0].input_ids.tolist()


@pytest.mark.parametrize("change", ["medium", "records", "settings", "template"])
def test_what_changed_is_measured_again(tmp_path: Path, counted: list[Path], change: str) -> None:
    write_picture(tmp_path / "a.png")
    open_records(tmp_path, RECORDS)
    records, more = RECORDS, {}
    if change == "medium":
        write_picture(tmp_path / "a.png", size=(50, 60))
    elif change == "records":
        records = RECORDS[:1]
    elif change == "settings":
        more = {"max_length": 310}
    else:
        more, records = {"template": "plain_line"}, RECORDS[:1]
    open_records(tmp_path, records, **more)
    assert len(counted) == 2


def test_data_with_a_bad_sample_is_measured_every_time(tmp_path: Path, counted: list[Path]) -> None:
    assert len(open_records(tmp_path, RECORDS, max_bad=1)) == 1
    write_picture(tmp_path / "a.png")
    assert len(open_records(tmp_path, RECORDS, max_bad=1)) == 2
    assert len(counted) == 2


def test_a_damaged_or_unwritable_cache_is_no_hindrance(tmp_path: Path, counted: list[Path]) -> None:
    write_picture(tmp_path / "a.png")
    first = open_records(tmp_path, RECORDS)
    (kept,) = (tmp_path / "cache" / "movieqa" / "training").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert open_records(tmp_path, RECORDS).samples == first.samples
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.write_text("a file where the folder should be")
    assert open_records(tmp_path, RECORDS).samples == first.samples
    assert len(counted) == 3


def test_old_measures_are_thrown_away(tmp_path: Path, counted: list[Path]) -> None:
    write_picture(tmp_path / "a.png")
    for number in range(10):
        open_records(tmp_path, RECORDS, max_length=300 + number)
    assert len(list((tmp_path / "cache" / "movieqa" / "training").iterdir())) == 8
