"""Training data from film world: the records of every system, true to the film they come from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("skia")

from movieqa import api
from movieqa.errors import ConfigError
from movieqa.train.data.config import DataConfig
from movieqa.train.data.formats.reading import read_sample
from movieqa.train.data.places import find_medium
from movieqa.train.film_world.formats.building import FORMATS, BuiltData, build_training_data
from movieqa.train.film_world.formats.folder import read_film_folder
from movieqa.train.film_world.synthesis import synthesize_film_world

Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    synthesize_film_world(seed=20, minutes=2.2, out=folder, count=2, size=(160, 90), speaks=False)
    return folder


@pytest.fixture(scope="module")
def built(films: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltData:
    return build_training_data([films], tmp_path_factory.mktemp("data") / "data")


@pytest.fixture(scope="module")
def records(built: BuiltData) -> Records:
    return {name: json.loads((built.folder / f"{name}.json").read_text()) for name in FORMATS}


def test_every_format_has_records(built: BuiltData, records: Records) -> None:
    assert built.num_films == 2
    assert built.counts == {name: len(records[name]) for name in FORMATS}
    assert all(count >= 2 for count in built.counts.values()), built.counts


def test_all_pictures_are_there(built: BuiltData, records: Records) -> None:
    text = json.dumps(records)
    paths = set(re.findall(r"pictures/[\w./-]+\.jpg", text))
    assert len(paths) == built.num_pictures > 20
    for path in paths:
        picture = cv2.imread(str(built.folder / path))
        assert picture is not None and picture.shape == (90, 160, 3)


def test_dialogues_alternate_and_show_the_film_once(records: Records) -> None:
    for name in ("align", "instruct", "long_video", "boundary"):
        mark = "<video>" if name == "boundary" else "<image>"
        for record in records[name]:
            turns = record["conversations"]
            assert [turn["from"] for turn in turns] == ["human", "gpt"] * (len(turns) // 2)
            assert mark in turns[0]["value"] and sum(turn["value"].count(mark) for turn in turns) == 1
            assert all(turn["value"].strip() for turn in turns)


def test_the_training_reader_takes_every_record_and_finds_its_media(
    films: Path, built: BuiltData, records: Records
) -> None:
    wanted = {
        "align": {"llava-picture"},
        "instruct": {"llava-video", "llava-picture"},
        "long_video": {"film"},
        "identity": {"ida-vlm"},
        "boundary": {"vtimellm"},
        "text": {"text"},
    }
    for name in FORMATS:
        for record in records[name]:
            sample = read_sample(record, DataConfig())
            assert sample.format in wanted[name]
            assert bool(sample.media) == (name != "text")
            for medium in sample.media:
                if medium.kind == "film":  # its workspace is made from the film beside it
                    assert (films / medium.name).with_suffix(".mp4").is_file()
                else:
                    assert find_medium(medium, (built.folder, films)).is_file()


def test_stage_one_has_one_turn_and_no_names(films: Path, records: Records) -> None:
    names = {name for folder in films.iterdir() if folder.is_dir() for name in read_film_folder(folder).names.values()}
    for record in records["align"]:
        assert len(record["conversations"]) == 2
        assert not any(re.search(rf"\b{name}\b", record["conversations"][1]["value"]) for name in names)


def test_the_long_film_is_its_workspace_with_every_line(films: Path, built: BuiltData, records: Records) -> None:
    """What `long_video.json` names can be made, and holds the film's frames and lines."""
    named = {record["video"] for record in records["long_video"]}
    assert named == {f"{folder.name}/film.movieqa" for folder in films.iterdir() if folder.is_dir()}
    assert all(set(record) == {"id", "video", "conversations"} for record in records["long_video"])
    assert all(len(record["conversations"]) == 2 for record in records["long_video"])
    name = min(named)
    workspace = api.preprocess_movie((films / name).with_suffix(".mp4"), output=films / name)
    truth = read_film_folder((films / name).parent).truth
    assert [line.text for line in workspace.subtitles] == [event["text"] for event in truth["events"] if event["text"]]
    times = set(workspace.frames.times.round(3).tolist())
    assert all(sample["time"] in times for sample in truth["samples"]), "truth has no frame of its own"


def test_questions_about_pictures_are_answered_by_the_truth(films: Path, records: Records) -> None:
    folders = {folder.name: folder for folder in map(read_film_folder, films.iterdir())}
    asked = set()
    for record in (record for record in records["instruct"] if "image" in record):
        name, time = record["id"].split("-picture-")
        truth = folders[name].truth
        sample = next(item for item in truth["samples"] if abs(item["time"] - float(time)) < 0.01)
        scene = [scene for scene in truth["scenes"] if scene["start"] <= sample["time"]][-1]
        place = next(place for place in truth["places"] if place["id"] == scene["place"])
        people = [item["person"] for item in sample["people"] if item["how"] in ("front", "side", "back", "partly")]
        turns = [turn["value"].removeprefix("<image>\n") for turn in record["conversations"]]
        told = dict(zip(turns[::2], turns[1::2], strict=True))
        asked |= set(told)
        assert told["Where is this?"].lower() == f"{place['phrase']}."
        assert told["Is this inside or outside?"] == ("Outside." if place["is_outside"] else "Inside.")
        assert told["What part of the day is it?"].lower() == f"{scene['day_part']}."
        words = ("nobody", "one", "two", "three", "four", "five", "six")
        assert told["How many people can be seen?"].lower() == f"{words[len(people)]}."
        colours = [answer for question, answer in told.items() if question.startswith("Which colour")]
        assert len(colours) == (len(people) == 1)
        for colour in colours:
            person = next(item for item in truth["people"] if item["id"] == people[0])
            stay = next(stay for stay in scene["stays"] if stay["person"] == people[0])
            assert colour.lower() == f"{person['outfits'][stay['outfit']]['top_color']}."
    assert len(asked) >= 5


def test_questions_about_a_films_places_are_answered_by_the_truth(films: Path, records: Records) -> None:
    truths = {folder.name: folder.truth for folder in map(read_film_folder, films.iterdir())}
    kinds: dict[str, list[str]] = {}
    for record in records["long_video"]:
        name = "-".join(record["id"].split("-")[:4])
        kind = "-".join(record["id"].split("-")[4:-1])
        truth = truths[name]
        phrases = {place["id"]: place["phrase"] for place in truth["places"]}
        question, answer = (turn["value"].removeprefix("<image>\n") for turn in record["conversations"])
        first, last = truth["scenes"][0], truth["scenes"][-1]
        ends = {
            "begin": phrases[first["place"]],
            "end": phrases[last["place"]],
            "light": last["day_part"],
        }
        if kind in ends:
            assert answer.lower() == f"{ends[kind]}."
        elif kind == "shown":
            shown = any(f"film {phrases[scene['place']]}?" in question for scene in truth["scenes"])
            assert answer == ("Yes." if shown else "No.")
        elif kind == "line":
            (event,) = [event for event in truth["events"] if question.endswith(f"said: {event['text']}")]
            assert answer.lower() == f"{phrases[event['place']]}."
        kinds.setdefault(kind, []).append(answer)
    assert set(ends) | {"shown", "line"} <= set(kinds)
    assert kinds["shown"].count("Yes.") == kinds["shown"].count("No.") > 0


def test_boundaries_are_the_events_of_the_film(films: Path, records: Records) -> None:
    truths = {f"{folder.name}/film.mp4": read_film_folder(folder).truth for folder in films.iterdir()}
    for record in records["boundary"]:
        start, end = record["meta"]["split"]
        assert record["meta"]["duration"] == pytest.approx(end - start, abs=0.002)
        spans = {
            (round(event["start"] - start, 3), round(event["end"] - start, 3))
            for event in truths[record["video"]]["events"]
        }
        tokens = record["meta"]["token"]
        for rank in range(len(tokens) // 2):
            assert (tokens[f"<s{rank}>"], tokens[f"<e{rank}>"]) in spans
        used = set(re.findall(r"<[se]\d+>", json.dumps(record["conversations"])))
        assert used == set(tokens)


def test_references_show_only_the_person_and_come_from_other_scenes(films: Path, records: Records) -> None:
    folders = [read_film_folder(folder) for folder in films.iterdir()]
    truths = {folder.name: folder for folder in folders}
    kinds = set()
    for record in records["identity"]:
        kinds.add(record["type"])
        folder = truths[record["film"]]
        ids = {name: person for person, name in folder.names.items()}
        scenes = folder.truth["scenes"]

        def scene_at(time: float, scenes: list[dict[str, Any]] = scenes) -> str:
            return str(next(scene["id"] for scene in scenes if scene["start"] <= time < scene["end"]))

        question = record["conversations"][0]["value"]
        for name, time in re.findall(r"(\w+) is <img>pictures/[\w-]+/([\d.]+)\.jpg", question):
            sample = next(item for item in folder.truth["samples"] if abs(item["time"] - float(time)) < 0.01)
            assert [item["person"] for item in sample["people"]] == [ids[name]]
            if "time" in record:
                assert scene_at(float(time)) != scene_at(record["time"])
    assert {"location", "caption", "QA", "matching"} <= kinds
    assert [record["id"] for record in records["identity"]] == list(range(len(records["identity"])))


def test_sequences_show_each_event_where_it_happens(films: Path, records: Records) -> None:
    folders = {folder.name: folder for folder in map(read_film_folder, films.iterdir())}
    found = 0
    for record in records["identity"]:
        question, answer = (turn["value"] for turn in record["conversations"])
        if record["type"] != "caption" or "In the following images: " not in question:
            continue
        folder = folders[record["film"]]
        shown = question.split("In the following images: ")[1]
        times = [float(time) for time in re.findall(r"<img>pictures/[\w-]+/([\d.]+)\.jpg", shown)]
        told = answer.rsplit(", all of it", 1)[0].split(", then ")
        assert 2 <= len(times) == len(told) <= 4 and times == sorted(times)
        named = re.findall(r"(\w+) is <img>", question)
        for time, text in zip(times, told, strict=True):
            events = [event for event in folder.truth["events"] if event["start"] <= time < event["end"]]
            (event,) = [event for event in events if event["action"] != "say"]
            assert text.startswith(folder.names[event["agent"]]) and folder.names[event["agent"]] in named
            assert event["other"] is None or folder.names[event["other"]] in text
        found += 1
    assert found >= 2


def test_matching_has_one_right_picture(films: Path, records: Records) -> None:
    folders = {folder.name: folder for folder in map(read_film_folder, films.iterdir())}
    matching = [record for record in records["identity"] if record["type"] == "matching"]
    assert matching
    for record in matching:
        folder = folders[record["film"]]
        question, answer = (turn["value"] for turn in record["conversations"])
        name = question.split(" is <img>")[0]
        person = next(identity for identity, known in folder.names.items() if known == name)
        shown = re.findall(r"Image (\d): <img>pictures/[\w-]+/([\d.]+)\.jpg", question)
        right = []
        for rank, time in shown:
            sample = next(item for item in folder.truth["samples"] if abs(item["time"] - float(time)) < 0.01)
            if person in {item["person"] for item in sample["people"]}:
                right.append(f"Image {rank}")
        assert right == [answer] and len(shown) == 4


def test_building_twice_gives_the_same(films: Path, built: BuiltData, tmp_path: Path) -> None:
    again = build_training_data([films], tmp_path / "again")
    for name in FORMATS:
        assert (again.folder / f"{name}.json").read_bytes() == (built.folder / f"{name}.json").read_bytes()


def test_bad_input_is_one_clear_line(films: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no films in"):
        build_training_data([tmp_path], tmp_path / "out")
    with pytest.raises(ConfigError, match="no format 'webvid'"):
        build_training_data([films], tmp_path / "out", formats=["webvid"])
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write there"):
        build_training_data([films], tmp_path / "file" / "out")
    unfinished = tmp_path / "films" / "00000001"
    unfinished.mkdir(parents=True)
    (unfinished / "recipe.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds no finished film"):
        build_training_data([tmp_path / "films"], tmp_path / "out")
    (unfinished / "film.mp4").write_bytes(b"")
    (unfinished / "qa.jsonl").write_text("")
    (unfinished / "truth.json").write_text("[not json")
    with pytest.raises(ConfigError, match="damaged"):
        build_training_data([tmp_path / "films"], tmp_path / "out")
    (unfinished / "truth.json").write_text('{"schema": "other"}')
    with pytest.raises(ConfigError, match="is not movieqa"):
        build_training_data([tmp_path / "films"], tmp_path / "out")
