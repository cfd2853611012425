"""Identity and boundary data from others' annotations, without the traps of the published scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from movieqa.errors import ConfigError
from movieqa.train.data.builders.boundary import build_boundary
from movieqa.train.data.builders.identity import build_identity
from movieqa.train.data.builders.names import NAMES
from movieqa.train.data.config import DataConfig
from movieqa.train.data.formats.reading import read_sample
from movieqa.train.data.training_set import open_training_set
from tests.built_records import check_readable, question, records_of
from tests.tiny_checkpoint import tiny_processor
from tests.training_data import noise_clip, write_picture, write_records


def vcr_line(**changes: Any) -> dict[str, Any]:
    line = {
        "annot_id": "train-0",
        "img_fn": "film/a.jpg",
        "metadata_fn": "film/a.json",
        "objects": ["person", "person", "dog"],
        "question": ["Why", "does", [0], "give", [1], "2", "coins", "?"],
        "answer_choices": [["No", "."], [[0], "and", [1], "are", "friends", "."]],
        "answer_label": 1,
        "rationale_choices": [[[1], "does", "n't", "look", "afraid", "."]],
        "rationale_label": 0,
    }
    return {**line, **changes}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    write_picture(tmp_path / "images" / "film" / "a.jpg", size=(200, 100))
    boxes = [[0, 0, 90, 100, 0.9], [100, 10, 190, 100, 0.9], [0, 0, 10, 10, 0.9]]
    (tmp_path / "images" / "film" / "a.json").write_text(json.dumps({"boxes": boxes, "width": 200, "height": 100}))
    return tmp_path / "images"


def test_vcr_numbers_become_names_and_other_numbers_stay(tmp_path: Path, images: Path) -> None:
    built = build_identity(
        "vcr", write_records(tmp_path / "vcr.jsonl", [vcr_line()]), images=images, out=tmp_path / "out"
    )
    (record,) = records_of(built)
    first, second = re.findall(r"^ ?(\w+) is <img>", question(record), re.MULTILINE)
    assert first != second and {first, second} <= set(NAMES)
    assert question(record).endswith(f"In the image: <img>film/a.jpg</img>\n Why does {first} give {second} 2 coins?")
    assert question(record, 1) == f"{first} and {second} are friends."
    assert question(record, 3) == f"{second} doesn't look afraid."
    assert built.num_pictures == 2
    check_readable(built, images)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"question": ["Where", "is", [2], "?"]}, "somebody is too small"),
        ({"question": ["Who", "?"], "answer_label": 0, "rationale_choices": [["So", "."]]}, "nobody is meant"),
        ({"img_fn": "film/b.jpg"}, "a picture is missing"),
        ({"img_fn": "../../a.jpg"}, "leads out of the media folders"),
        ({"metadata_fn": "../../a.json"}, "a name leads out of the folder"),
        ({"answer_label": 7}, "not a line of VCR"),
        ({"question": ["Where", "is", [9], "?"]}, "not a line of VCR"),
    ],
)
def test_vcr_lines_that_are_left_out(tmp_path: Path, images: Path, changes: dict[str, Any], reason: str) -> None:
    lines = write_records(tmp_path / "vcr.jsonl", [vcr_line(), vcr_line(**changes)])
    built = build_identity("vcr", lines, images=images, out=tmp_path / "out")
    assert built.num_records == 1
    assert any(reason in skipped for skipped in built.skipped), built.skipped


def test_a_reference_is_no_copy_of_its_pixels(tmp_path: Path, images: Path) -> None:
    lines = write_records(tmp_path / "vcr.jsonl", [vcr_line()])
    for out in ("one", "two"):
        build_identity("vcr", lines, images=images, out=tmp_path / out)
    made = sorted((tmp_path / "one").rglob("*.jpg"))
    assert [path.read_bytes() for path in made] == [
        path.read_bytes() for path in sorted((tmp_path / "two").rglob("*.jpg"))
    ]
    whole = np.asarray(Image.open(images / "film" / "a.jpg").convert("RGB")).astype(int)
    crop = np.asarray(Image.open(made[0]).convert("RGB")).astype(int)
    height, width = crop.shape[:2]
    for left in range(200 - width):
        assert np.abs(whole[:height, left : left + width] - crop).mean() > 20


def flickr(tmp_path: Path, sentences: list[str], boxes: dict[str, list[tuple[int, int, int, int]]]) -> Path:
    folder = tmp_path / "flickr"
    (folder / "Sentences").mkdir(parents=True)
    (folder / "Annotations").mkdir()
    (folder / "Sentences" / "77.txt").write_text("\n".join(sentences))
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox>"
        "</object>"
        for name, several in boxes.items()
        for a, b, c, d in several
    )
    (folder / "Annotations" / "77.xml").write_text(f"<annotation>{objects}</annotation>")
    write_picture(tmp_path / "pictures" / "77.jpg", size=(300, 200))
    return folder


def test_flickr30k_people_get_names_of_their_own(tmp_path: Path) -> None:
    sentences = [
        "[/EN#1/people A man] stands beside [/EN#2/people a man] who holds [/EN#3/other a ball] in the street .",
        "[/EN#1/people A man] waits .",
        "[/EN#3/other A ball] lies in the middle of a street that is long and very empty .",
        "[/EN#4/people Three men] walk down a long street in the middle of a sunny afternoon .",
    ]
    boxes = {"1": [(0, 0, 100, 180)], "2": [(120, 0, 220, 180)], "3": [(0, 0, 9, 9)]}
    boxes["4"] = [(0, 0, 90, 90), (100, 0, 190, 90), (200, 0, 290, 90)]
    folder = flickr(tmp_path, sentences, boxes)
    built = build_identity("flickr30k", folder, images=tmp_path / "pictures", out=tmp_path / "out")
    (record,) = records_of(built)
    first, second = re.findall(r"^ ?(\w+) is <img>", question(record), re.MULTILINE)
    assert first != second
    assert question(record, 1) == f"{first} stands beside {second} who holds a ball in the street."
    assert built.skipped == {
        "a caption of few words": 1,
        "nobody is in the caption, or more than five": 1,
        "a phrase is not one person with one box": 1,
    }
    check_readable(built, tmp_path / "pictures")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_that_unfolds_is_not_read(tmp_path: Path, encoding: str) -> None:
    folder = flickr(tmp_path, ["[/EN#1/people A man] stands in the street and looks at a very long train ."], {})
    (folder / "Annotations" / "77.xml").write_text(
        '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', encoding=encoding
    )
    with pytest.raises(ConfigError, match="no sample could be made \\(annotations cannot be read: 1\\)"):
        build_identity("flickr30k", folder, images=tmp_path / "pictures", out=tmp_path / "out")


PEOPLE = {
    "nm1": "Mara Voss / Narrator",
    "nm2": "Otto",
    "nm3": "Noah Lind",
    "nm4": "Norman",
    "nm5": "Guard #2",
    "nm6": "Twin",
    "nm7": "Twin",
}


def movienet(tmp_path: Path) -> Path:
    """Write a film: everybody alone at shots 0 to 6 and 40 to 46, then scenes of several people."""
    folder, bodies = tmp_path / "movienet", []

    def add(shot: int, *people: tuple[str, tuple[int, int, int, int]]) -> None:
        for person, box in people:
            bodies.append(
                {"shot_idx": shot, "img_idx": 0, "resolution": [160, 90], "pid": person, "body": {"bbox": list(box)}}
            )
        write_picture(tmp_path / "frames" / "tt1" / f"shot_{shot:04d}_img_0.jpg", seed=shot, size=(160, 90))

    for start in (0, 40):
        for number, person in enumerate(PEOPLE):
            add(start + number, (person, (10, 0, 120, 90)))
    add(3 + 1000, ("nm1", (0, 0, 60, 90)), ("nm2", (70, 0, 150, 90)))
    add(8, ("nm1", (0, 0, 60, 90)), ("nm2", (70, 0, 150, 90)))
    add(60, ("nm3", (0, 0, 60, 90)), ("others", (70, 0, 150, 90)))
    add(61, ("nm3", (0, 0, 60, 90)), ("nm3", (70, 0, 150, 90)))
    (folder / "annotation").mkdir(parents=True)
    (folder / "meta").mkdir()
    (folder / "annotation" / "tt1.json").write_text(json.dumps({"imdb_id": "tt1", "cast": bodies}))
    cast = [{"id": person, "name": "x", "character": role} for person, role in PEOPLE.items()]
    (folder / "meta" / "tt1.json").write_text(json.dumps({"cast": cast}))
    (folder / "annotation" / "tt2.json").write_text("{}")
    (folder / "meta" / "tt2.json").write_text("{}")
    return folder


def test_movienet_references_are_of_earlier_scenes(tmp_path: Path) -> None:
    built = build_identity("movienet", movienet(tmp_path), images=tmp_path / "frames", out=tmp_path / "out")
    records = records_of(built)
    assert set(built.kinds) == {"location", "matching"}
    for record in records:
        assert not re.search("Guard|Twin|Narrator", question(record)), "no role that is no name, or two people's"
        shots = [int(shot) for shot in re.findall(r"<img>tt1/shot_(\d+)_img_0.jpg</img>", question(record))]
        if record["type"] == "location":
            assert all(reference <= shots[-1] - 10 for reference in shots[:-1])
    located = {question(record, 1).split("</ref>")[0] for record in records if record["type"] == "location"}
    assert located <= {"<ref>Mara Voss", "<ref>Otto", "<ref>Noah Lind"} and located
    matching = [record for record in records if record["type"] == "matching"]
    assert {re.match(r"(.*?) is <img>", question(record))[1] for record in matching} == {  # type: ignore[index]
        "Mara Voss",
        "Otto",
        "Noah Lind",
        "Norman",
    }
    for record in matching:
        reference, *shown = re.findall(r"shot_(\d+)_img_0", question(record))
        right = int(question(record, 1).removeprefix("Image ")) - 1
        assert int(shown[right]) % 40 == int(reference) % 40 and int(shown[right]) > int(reference)
    assert built.skipped["a film whose annotations cannot be read"] == 1
    check_readable(built, tmp_path / "frames")


def test_movienet_references_are_of_other_scenes_where_scenes_are_known(tmp_path: Path) -> None:
    """Ten shots may lie within one scene, and its clothes and light would name the person."""
    folder = movienet(tmp_path)
    file = folder / "annotation" / "tt1.json"
    content = json.loads(file.read_text())
    content["scene"] = [{"id": "scene_0", "shot": [0, 40]}, {"id": "scene_1", "shot": [40, 2000]}]
    file.write_text(json.dumps(content))
    built = build_identity("movienet", folder, images=tmp_path / "frames", out=tmp_path / "out")
    for record in records_of(built):
        if record["type"] == "location":
            *references, asked = (int(shot) for shot in re.findall(r"shot_(\d+)_img_0\.jpg</img>", question(record)))
            assert asked >= 40 and all(reference < 40 for reference in references)
    content["scene"] = [{"id": "scene_0", "shot": [0, 2000]}]
    file.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="no sample could be made"):
        build_identity("movienet", folder, images=tmp_path / "frames", out=tmp_path / "none")


def test_names_that_are_given_are_different() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_builders_refuse_what_is_not_theirs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no identity data 'x'"):
        build_identity("x", tmp_path, images=tmp_path, out=tmp_path)
    with pytest.raises(ConfigError, match="no folder of pictures"):
        build_identity("vcr", tmp_path, images=tmp_path / "no", out=tmp_path)
    with pytest.raises(ConfigError, match="holds no folders annotation and meta"):
        build_identity("movienet", tmp_path, images=tmp_path, out=tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        build_boundary(tmp_path / "no.json", out=tmp_path)


def captions(**videos: Any) -> dict[str, Any]:
    return {
        name: {
            "duration": duration,
            "timestamps": [[a, b] for a, b, _ in events],
            "sentences": [t for _, _, t in events],
        }
        for name, (duration, events) in videos.items()
    }


EVENTS = [(0.5, 10.25, "A man opens a door."), (12.0, 30.0, "He sits down <s9>."), (30.0, 55.0, "A man opens a door")]


def test_events_become_dialogues(tmp_path: Path) -> None:
    videos = {f"v{number}": (60.0, EVENTS) for number in range(60)}
    file = tmp_path / "events.json"
    file.write_text(json.dumps(captions(**videos)))
    built = build_boundary(file, out=tmp_path)
    records = records_of(built)
    assert 4 <= built.kinds["listing"] <= 24 and built.num_records == 60
    for record in records:
        assert record["meta"] == {
            "duration": 60.0,
            "token": {"<s0>": 0.5, "<s1>": 12.0, "<s2>": 30.0, "<e0>": 10.25, "<e1>": 30.0, "<e2>": 55.0},
        }
        assert question(record).startswith("<video>\n")
        texts = [said["value"] for said in record["conversations"]]
        if record["type"] == "listing":
            assert texts[1].startswith("From <s0> to <e0>, a man opens a door. From <s1> to <e1>, he sits down")
        else:
            assert len(texts) == 6
            asked_by_words = [text for text in texts[::2] if "<s" not in text]
            assert not any("opens a door" in text for text in asked_by_words), "two events have these words"
        sample = read_sample(record, DataConfig())
        assert not re.search(r"<[se]\d+>", "".join(turn.text for turn in sample.turns))
    noise_clip(tmp_path / "v0.mkv", num_frames=6)
    processor = tiny_processor()
    one = write_records(tmp_path / "one.json", records[:1])
    data = open_training_set(DataConfig(files=(one,), boundary_frames=9), processor, processor.config)
    assert data[0].media[0].num_frames == 9


@pytest.mark.parametrize(
    ("duration", "events", "reason"),
    [
        (130.0, EVENTS, "a video that is too long"),
        (60.0, EVENTS[:1], "fewer than two events"),
        (50.0, EVENTS, "an event outside its video, or without words"),
        (60.0, [(0, 2, "a"), (4, 20, "b")], "an event of less than three seconds"),
        (60.0, [(0, 20, "a"), (15, 40, "b")], "events that overlap"),
        (100.0, [(0, 4, "a"), (10, 14, "b")], "events too short for their video"),
        (60.0, [(0, 20, ""), (25, 40, "b")], "an event outside its video, or without words"),
        (60.0, [(0, 20, "a"), (25, "soon", "b")], "no list of events"),
    ],
)
def test_videos_that_are_left_out(tmp_path: Path, duration: float, events: list[Any], reason: str) -> None:
    file = tmp_path / "events.json"
    file.write_text(json.dumps(captions(good=(60.0, EVENTS), bad=(duration, events))))
    built = build_boundary(file, out=tmp_path)
    assert built.skipped == {reason: 1} and built.num_records == 1


def test_records_of_events_are_read_too(tmp_path: Path) -> None:
    events = [{"start": start, "end": end, "text": text} for start, end, text in EVENTS]
    lines = write_records(tmp_path / "events.jsonl", [{"video": "a", "duration": 60, "events": events}, {"video": 3}])
    built = build_boundary(lines, out=tmp_path, seed=3)
    assert built.num_records == 1 and built.skipped == {"no list of events": 1}
    again = build_boundary(lines, out=tmp_path / "again", seed=3)
    assert again.path.read_bytes() == built.path.read_bytes()
