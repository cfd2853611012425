"""Every kind of bad data is one clear line, and no other sample takes its place."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from movieqa.errors import ConfigError, TrainingError
from movieqa.train.data.config import DataConfig
from movieqa.train.data.record_files import RecordFile
from movieqa.train.data.training_set import open_training_set
from tests import clips
from tests.bad_training_data import BAD, asked
from tests.tiny_checkpoint import tiny_processor
from tests.training_data import film_features, noise_clip, open_records, said, write_picture, write_records


@pytest.mark.parametrize("name", [name for name, bad in BAD.items() if not bad.is_late])
def test_bad_data_is_one_clear_line(tmp_path: Path, name: str) -> None:
    bad, folder = BAD[name], tmp_path / "data"
    folder.mkdir()
    bad.write(folder)
    good = {"id": "good", "conversations": said("Is it so?", "Yes.")}
    caption = {"id": "good", "image": "good.png", "conversations": said("<image>", "Noise.")}
    if bad.settings:
        write_picture(folder / "good.png")
    records = [{"id": "bad-one", **bad.record}, caption if bad.settings else good]
    data = open_records(folder, records, max_bad=1, **(bad.settings or {}))
    (found,) = data.bad
    assert bad.says in str(found)
    expected = str(bad.record.get("id", "bad-one"))
    assert str(found).startswith(f"data.json: record 1 ({expected}): ") and "\n" not in str(found)
    assert len(data) == 1, "no other sample takes its place"
    with pytest.raises(TrainingError, match="1 bad samples, and at most 0 are allowed"):
        open_records(folder, records, **(bad.settings or {}))


@pytest.mark.parametrize("name", [name for name, bad in BAD.items() if bad.is_late])
def test_what_is_found_bad_later_teaches_nothing(tmp_path: Path, name: str) -> None:
    BAD[name].write(tmp_path)
    records = [BAD[name].record, {"conversations": said("Is it so?", "Yes.")}]
    data = open_records(tmp_path, records, max_bad=1)
    assert len(data) == 2 and data.bad == ()
    example = data[0]
    assert example.num_learned == 0 and example.media == () and len(example) == 1
    assert [number for number, _ in example.bad] == [0]
    _ = data[0]
    (bad,) = data.bad
    assert BAD[name].says in str(bad) and "\n" not in str(bad)
    assert data[1].num_learned > 0
    strict = open_records(tmp_path, records)
    with pytest.raises(TrainingError, match="1 bad samples"):
        _ = strict[0]


def test_a_video_that_breaks_off_is_bad_later(tmp_path: Path) -> None:
    clips.truncated(tmp_path / "film.mp4", keep=0.4)
    data = open_records(tmp_path, [asked(video="film.mp4")], max_bad=1)
    assert data[0].num_learned == 0
    assert "breaks off at" in str(data.bad[0])


def test_a_sample_that_changed_is_bad(tmp_path: Path) -> None:
    noise_clip(tmp_path / "b.mkv", num_frames=5)
    np.save(tmp_path / "x.npy", film_features(4))
    data = open_records(tmp_path, [asked(video="x.npy")], max_bad=1)
    write_records(tmp_path / "data.json", [asked(video="x.npyy")])
    assert data[0].num_learned == 0
    assert "changed since" in str(data.bad[0])


def test_a_damaged_file_is_not_half_used(tmp_path: Path) -> None:
    """What comes before the damage is no training set."""
    (tmp_path / "data.json").write_text(json.dumps([{"conversations": said("a", "b")}] * 3)[:-2])
    processor = tiny_processor()
    with pytest.raises(ConfigError, match=r"data\.json: damaged at byte \d+"):
        open_training_set(DataConfig(files=(tmp_path / "data.json",), max_bad=9), processor, processor.config)
    with pytest.raises(ConfigError, match="no training data"):
        open_training_set(DataConfig(), processor, processor.config)


def test_a_file_in_one_line_takes_little_memory(tmp_path: Path) -> None:
    """As arrays of half a million records are published: 12 MB here, read piece by piece."""
    one = json.dumps({"conversations": said("word " * 500, "word " * 500)})
    (tmp_path / "data.json").write_text(f"[{','.join([one] * 2400)}]")
    tracemalloc.start()
    count = sum(1 for _ in RecordFile(tmp_path / "data.json").scan())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2400 and (tmp_path / "data.json").stat().st_size > 11 << 20
    assert peak < 5 << 20
