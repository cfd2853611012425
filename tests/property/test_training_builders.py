"""Whatever annotations hold, builders leave out what makes no sample, and count it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from movieqa.train.data.builders.boundary import build_boundary
from movieqa.train.data.builders.building import BuiltRecords
from movieqa.train.data.builders.identity import build_identity
from tests.training_data import write_picture

NUMBERS = st.sampled_from([float("inf"), float("nan"), -float("inf"), 1e308, 10**30, -5, 0, 0.5, 10, 80])
VALUES = st.one_of(
    NUMBERS,
    st.lists(NUMBERS, min_size=4, max_size=4),
    st.builds(lambda box: {"bbox": box}, st.lists(NUMBERS, min_size=4, max_size=4)),
    st.sampled_from(
        [None, True, "", "a.jpg", "others", "\0", "../a", "9" * 5000, [], {}, [[]], [[0]], [[-1]], [{}], "x"]
    ),
)


@st.composite
def changed(draw: st.DrawFn, good: dict[str, Any]) -> dict[str, Any]:
    """Return a good annotation with some of its values replaced by anything, or left out."""
    record = json.loads(json.dumps(good))
    for name in draw(st.lists(st.sampled_from(sorted(good)), min_size=1, max_size=3)):
        if draw(st.integers(0, 4)):
            record[name] = draw(VALUES)
        else:
            record.pop(name, None)
    return dict(record)


def check(built: BuiltRecords, num_given: int) -> None:
    """The good one is there, and each of the others is there or counted."""
    assert built.num_records >= 1
    assert built.num_records + sum(built.skipped.values()) >= num_given


VCR = {
    "annot_id": "train-0",
    "img_fn": "a.jpg",
    "metadata_fn": "a.json",
    "question": ["Why", "does", [0], "give", [1], "2", "coins", "?"],
    "answer_choices": [[[0], "and", [1], "are", "friends", "."]],
    "answer_label": 0,
    "rationale_choices": [[[1], "does", "n't", "look", "afraid", "."]],
    "rationale_label": 0,
}
REFCOCO = {"id": 1, "file_name": "a.jpg", "bbox": [100, 10, 80, 80], "split": "train", "image_path": "a.jpg"}
BODY = {"shot_idx": 8, "img_idx": 0, "resolution": [160, 90], "pid": "nm1", "body": {"bbox": [0, 0, 60, 90]}}
EVENTS = {"duration": 60.0, "timestamps": [[0.5, 10], [12, 30]], "sentences": ["A man runs.", "He sits."]}


def write_images(folder: Path) -> Path:
    """Write one picture, and where two people are in it."""
    write_picture(folder / "a.jpg", size=(200, 100))
    (folder / "a.json").write_text(json.dumps({"boxes": [[0, 0, 90, 100], [100, 10, 190, 100]]}))
    return folder


@settings(max_examples=25)
@given(lines=st.lists(changed(VCR), min_size=1, max_size=4))
def test_any_line_of_vcr(lines: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vcr.jsonl").write_text("\n".join(map(json.dumps, [VCR, *lines])))
        built = build_identity("vcr", folder / "vcr.jsonl", images=write_images(folder / "i"), out=folder / "out")
        check(built, len(lines) + 1)


@settings(max_examples=25)
@given(lines=st.lists(changed(REFCOCO), min_size=1, max_size=4))
def test_any_line_of_refcoco(lines: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = write_images(folder / "i")
        write_picture(images / "b.jpg", size=(200, 100))
        good = {**REFCOCO, "file_name": "b.jpg", "image_path": "b.jpg", "bbox": [0, 0, 90, 90]}
        (folder / "r.jsonl").write_text("\n".join(map(json.dumps, [good, *lines])))
        check(build_identity("refcoco", folder / "r.jsonl", images=images, out=folder / "out"), len(lines) + 1)


@settings(max_examples=25)
@given(bodies=st.lists(changed(BODY), min_size=1, max_size=4), scene=VALUES, role=VALUES)
def test_any_annotation_of_movienet(bodies: list[dict[str, Any]], scene: Any, role: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for film, cast, more in (("tt0000001", [], {}), ("tt0000002", bodies, {"scene": scene})):
            alone = [
                {**BODY, "shot_idx": shot, "pid": person, "body": {"bbox": [0, 0, 150, 90]}}
                for shot, person in ((0, "nm1"), (1, "nm2"))
            ]
            both = [
                {**BODY, "shot_idx": 50},
                {**BODY, "shot_idx": 50, "pid": "nm2", "body": {"bbox": [70, 0, 150, 90]}},
            ]
            people = [{"id": "nm1", "character": "Mara"}, {"id": "nm2", "character": "Otto"}]
            people += [{"id": "nm3", "character": role}] if more else []
            for part, content in (("annotation", {"cast": alone + both + cast, **more}), ("meta", {"cast": people})):
                (folder / part).mkdir(exist_ok=True)
                (folder / part / f"{film}.json").write_text(json.dumps(content))
            for shot in (0, 1, 8, 50):
                write_picture(folder / "i" / film / f"shot_{shot:04d}_img_0.jpg", size=(160, 90))
        built = build_identity("movienet", folder, images=folder / "i", out=folder / "out")
        assert built.num_records >= 1


@given(videos=st.lists(changed(EVENTS), min_size=1, max_size=4))
def test_any_list_of_events(videos: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = {"good": EVENTS, **{f"v{number}": video for number, video in enumerate(videos)}}
        (folder / "e.json").write_text(json.dumps(content))
        check(build_boundary(folder / "e.json", out=folder / "out"), len(content))
