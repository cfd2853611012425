"""RefCOCO in each published form becomes grounding samples, and nothing of what others measure on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from movieqa.errors import ConfigError, MissingDependencyError
from movieqa.train.data.builders.identity import build_identity
from movieqa.train.data.builders.parquet_rows import read_parquet_rows
from tests.built_records import check_readable, question, records_of
from tests.training_data import write_picture, write_records


@pytest.fixture
def images(tmp_path: Path) -> Path:
    write_picture(tmp_path / "images" / "film" / "a.jpg", size=(200, 100))
    return tmp_path / "images"


def test_refcoco_takes_training_objects_once(tmp_path: Path, images: Path) -> None:
    write_picture(images / "film" / "b.jpg", size=(200, 100))
    lines = [
        {"id": 1, "file_name": "film/a.jpg", "bbox": [100, 10, 80, 80], "split": "train"},
        {"id": 2, "file_name": "film/a.jpg", "bbox": [100, 10, 80, 80], "split": "train"},
        {"id": 3, "file_name": "film/b.jpg", "bbox": [0, 0, 90, 90], "split": "val"},
        {"id": 4, "file_name": "film/a.jpg", "bbox": [0, 0, 9, 9], "split": "train"},
        {"id": 5, "file_name": "film/a.jpg", "bbox": [0, 0, 90, 100], "split": "train"},
        {"id": 6},
        {"id": 7, "file_name": "film/b.jpg", "bbox": [0, 0, 90, 90], "split": "train"},
        {"id": 8, "file_name": "film/a.jpg", "bbox": [0, 0, 90], "split": "train"},
        {"id": 9, "file_name": "../a.jpg", "bbox": [0, 0, 90, 90], "split": "train"},
        {"id": 10, "file_name": "film/c.jpg", "bbox": [0, 0, 90, 90], "split": "train"},
    ]
    built = build_identity("refcoco", write_records(tmp_path / "r.json", lines), images=images, out=tmp_path / "out")
    first, second = records_of(built)
    assert [first["id"], second["id"]] == ["1", "5"]
    assert question(first, 1) == "<ref>Picture 1</ref><box>(500,100),(900,900)</box>"
    assert built.skipped == {
        "the same object again": 1,
        "not of the training split": 1,
        "a picture that another split shows": 1,
        "the object is too small": 1,
        "no expression of RefCOCO": 2,
        "a picture is missing or damaged": 2,
    }
    check_readable(built, images)


def parquet_row(number: int, box: list[float], split: str = "train") -> dict[str, Any]:
    """Return a row as it is published: corners in `bbox`, an object's number in `file_name`."""
    left, top, width, height = box
    name = f"COCO_train2014_{number:012d}"
    return {
        "sent_ids": [1, 2],
        "file_name": f"{name}_3.jpg",
        "ref_id": number,
        "split": split,
        "sentences": [{"raw": "the lady", "sent": "the lady", "sent_id": 1, "tokens": ["the", "lady"]}],
        "raw_anns": json.dumps({"bbox": box, "segmentation": [[0.5] * 400], "id": number}),
        "raw_image_info": json.dumps({"file_name": f"{name}.jpg", "width": 200, "height": 100}),
        "image_path": f"coco/train2014/{name}.jpg",
        "bbox": [left, top, left + width, top + height],
        "captions": ["the lady"],
    }


def write_parquet(path: Path, rows: list[dict[str, Any]], **settings: Any) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, **settings)
    return path


@pytest.mark.parametrize("where", ["coco/train2014", "train2014", "."])
def test_refcoco_is_read_as_parquet(tmp_path: Path, where: str) -> None:
    """In the form in which it is published, a file or a folder, wherever COCO's pictures are."""
    pictures = tmp_path / "pictures"
    for number in (1, 2):
        write_picture(pictures / where / f"COCO_train2014_{number:012d}.jpg", seed=number, size=(200, 100))
    rows = [parquet_row(1, [100, 10, 80, 80]), parquet_row(1, [0, 0, 90, 100]), parquet_row(2, [0, 0, 50, 50])]
    file = write_parquet(tmp_path / "sets" / "refcoco" / "train.parquet", rows, row_group_size=2)
    built = build_identity("refcoco", file, images=pictures, out=tmp_path / "out")
    assert [question(record, 1) for record in records_of(built)] == [
        "<ref>Picture 1</ref><box>(500,100),(900,900)</box>",
        "<ref>Picture 1</ref><box>(0,0),(450,1000)</box>",
        "<ref>Picture 1</ref><box>(0,0),(250,500)</box>",
    ]
    check_readable(built, pictures)
    write_parquet(tmp_path / "sets" / "refcocog" / "val.parquet", [parquet_row(1, [0, 0, 90, 100], "val")])
    held = build_identity("refcoco", tmp_path / "sets", images=pictures, out=tmp_path / "held")
    assert held.num_records == 1 and held.skipped == {
        "a picture that another split shows": 2,
        "not of the training split": 1,
    }


def test_parquet_of_other_tools_is_read(tmp_path: Path, images: Path) -> None:
    """Corners where only they are told, width and height where the picture is only named."""
    row = {"split": "train", "image_path": "film/a.jpg", "bbox": [100, 10, 180, 90]}
    file = write_parquet(tmp_path / "a.parquet", [row])
    (first,) = records_of(build_identity("refcoco", file, images=images, out=tmp_path / "one"))
    file = write_parquet(
        tmp_path / "b.parquet", [{"split": "train", "file_name": "film/a.jpg", "bbox": [100, 10, 80, 80]}]
    )
    (second,) = records_of(build_identity("refcoco", file, images=images, out=tmp_path / "two"))
    assert question(first, 1) == question(second, 1) == "<ref>Picture 1</ref><box>(500,100),(900,900)</box>"


def test_a_text_that_unfolds_takes_no_memory(tmp_path: Path) -> None:
    """Two thousand rows share a text of 4 MB: 8 GB if each had its own."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    shared = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 2_000, pyarrow.int32()), ["x" * (4 << 20)])
    parquet.write_table(pyarrow.table({"split": shared, "bbox": [[0.0]] * 2_000}), tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 5 << 20
    rows = list(read_parquet_rows(tmp_path / "bomb.parquet", ["split", "bbox"]))
    assert len(rows) == 2_000 and rows[0] == {"split": None, "bbox": [0.0]}
    assert pyarrow.default_memory_pool().max_memory() < 256 << 20


@pytest.mark.parametrize("damage", ["half", "text", "empty"])
def test_damaged_parquet_is_one_line(tmp_path: Path, images: Path, damage: str) -> None:
    file = write_parquet(tmp_path / "train.parquet", [parquet_row(1, [0, 0, 90, 90])])
    whole = file.read_bytes()
    file.write_bytes({"half": whole[: len(whole) // 2], "text": b"no parquet", "empty": b""}[damage])
    with pytest.raises(ConfigError, match=r"train\.parquet is no Parquet file that can be read") as found:
        build_identity("refcoco", file, images=images, out=tmp_path / "out")
    assert "\n" not in str(found.value) and not (tmp_path / "out").exists()


def test_pickles_of_refer_are_not_run(tmp_path: Path, images: Path) -> None:
    (tmp_path / "refs(unc).p").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(ConfigError, match="is a pickle, and reading one can run any program; give RefCOCO as Parquet"):
        build_identity("refcoco", tmp_path / "refs(unc).p", images=images, out=tmp_path / "out")
    with pytest.raises(ConfigError, match="holds no Parquet files of RefCOCO"):
        build_identity("refcoco", tmp_path, images=images, out=tmp_path / "out")


def test_parquet_without_its_package(tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"")
    with pytest.raises(MissingDependencyError, match=r'pip install "movieqa\[eval\]"'):
        build_identity("refcoco", tmp_path / "a.parquet", images=images, out=tmp_path / "out")
