"""What each format becomes: turns, media and their roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from movieqa.prompt import FRAME_MARK, FRAME_SLOT
from movieqa.train.data.batch import collate
from movieqa.train.data.config import DataConfig
from movieqa.train.data.encoding import film_text
from movieqa.train.data.example import MediaRole
from movieqa.train.data.formats.reading import read_sample
from movieqa.train.data.movienet_film import find_movienet_film
from movieqa.train.data.packing import join
from movieqa.train.data.sample import Sample, SampleError
from tests.tiny_checkpoint import tiny_processor
from tests.training_data import film_features, noise_clip, open_records, said, write_movienet_film, write_picture


def read(record: dict[str, Any], **settings: Any) -> Sample:
    return read_sample(record, DataConfig(**settings))


def ida(*texts: str) -> dict[str, Any]:
    return {"id": 3, "conversations": said(*texts, human="user", gpt="assistant")}


def test_references_tests_and_names() -> None:
    shown = (("Mara", "m1"), ("Otto", "o"), ("Mara", "m2"))
    lead = "".join(f"{name} is <img>{path}.jpg</img>\n " for name, path in shown)
    text = f"{lead}In the image: <img>t.jpg</img>\n Who?"
    sample = read(ida(text, "Mara.", "And in this one: <img>t2.jpg</img>?", "Otto."))
    assert sample.format == "ida-vlm" and sample.id == "3"
    assert [(ref.name, ref.role, ref.identity) for ref in sample.media] == [
        ("m1.jpg", "reference", 0),
        ("o.jpg", "reference", 1),
        ("m2.jpg", "reference", 0),
        ("t.jpg", "test", None),
        ("t2.jpg", "test", None),
    ]
    assert sample.turns[0].text.startswith(f"Mara is {FRAME_MARK}\n Otto is {FRAME_MARK}\n")


def test_pictures_without_references_are_plain() -> None:
    sample = read(ida("Picture 1: <img>a.jpg</img>\nPicture 2:<img>b.jpg</img>\nWhere?", "There."))
    assert [ref.role for ref in sample.media] == ["plain", "plain"]
    late = read(ida("In the image 0: <img>a.jpg</img>\n Mara is <img>b.jpg</img>\nWhere?", "There."))
    assert [ref.role for ref in late.media] == ["plain", "reference"], "as the published code flags them"


def test_roles_stay_with_their_samples_when_packed(tmp_path: Path) -> None:
    for name in ("m", "o", "t"):
        write_picture(tmp_path / f"{name}.png")
    text = "Mara is <img>m.png</img>\n Otto is <img>o.png</img>\n In the image: <img>t.png</img>\n Who?"
    data = open_records(tmp_path, [ida(text, "Mara."), ida(text, "Otto.")])
    packed = collate([join([data[0], data[1]])])
    assert packed.roles == (
        tuple(
            MediaRole(role=role, sample=sample, identity=identity)
            for sample in (0, 1)
            for role, identity in (("reference", 0), ("reference", 1), ("test", None))
        ),
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (ida("Mara is <img>a.jpg</img>", "<img>b.jpg</img>"), "a picture in an answer"),
        (ida("Mara is <img>a.jpg</img> <image>", "Yes."), "<image> beside <img>"),
    ],
)
def test_pictures_that_stand_wrong(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(SampleError, match=reason):
        read(record)


BOUNDARY = {
    "video": "a.mp4",
    "meta": {"duration": 100.0, "split": [20.0, 120.0], "token": {"<s0>": 2.5, "<e0>": 62.4}},
    "conversations": said("<video>\nWhen?", "From <s0> to <e0>.", "What is at <s0>?", "A tram."),
}


def test_times_relative_and_absolute() -> None:
    relative, absolute = read(BOUNDARY), read(BOUNDARY, times="absolute")
    assert [turn.text for turn in relative.turns] == ["<image>\nWhen?", "From 02 to 62.", "What is at 02?", "A tram."]
    assert absolute.turns[1].text == "From 00:00:02 to 00:01:02."
    assert relative.media[0].num_frames == 100 and absolute.media[0].num_frames is None
    assert relative.media[0].stretch == absolute.media[0].stretch
    assert relative.media[0].stretch is not None and relative.media[0].stretch.start == 20.0


def test_times_a_little_outside_are_clamped() -> None:
    record = {**BOUNDARY, "meta": {"duration": 100.0, "token": {"<s0>": -0.4, "<e0>": 101.5}}}
    assert read(record).turns[1].text == "From 00 to 99."
    assert read(record, times="absolute").turns[1].text == "From 00:00:00 to 00:01:40."


def test_an_assistant_who_begins_is_not_heard() -> None:
    sample = read({"conversations": [*said("Hello.", human="gpt"), *said("Who?", "Mara.")]})
    assert [turn.text for turn in sample.turns] == ["Who?", "Mara."]


def test_a_picture_is_not_repeated_unless_asked_to() -> None:
    record = {"id": 1, "image": "a.png", "conversations": said("<image>Who?", "Mara.", "Why?", "So.")}
    assert len(read(record).media) == 2 and len(read(record, repeats_media=False).media) == 1
    assert [ref.guidance for ref in read(record).media] == ["Who?", "Why?"]
    assert read(record) == read(record), "the place is chosen by the seed alone"


@pytest.mark.parametrize(
    ("name", "kind"), [("tt0120338.pkl", "film"), ("a/film.movieqa", "film"), ("tt0120338", "film"), ("a.mp4", "video")]
)
def test_films_and_videos_are_told_apart(name: str, kind: str) -> None:
    assert read({"video": name, "conversations": said("<image>\nWho?", "Mara.")}).media[0].kind == kind


def test_text_moves_to_the_frame_before() -> None:
    texts = ["a", "b", "", "c"]
    assert film_text(texts, np.array([0, 1, 2, 3])) == "<image>a<image>b<image><image>c"
    assert film_text(texts, np.array([0, 3])) == "<image>a b<image>c"
    assert film_text(texts, np.array([0])) == "<image>a b c"


def test_movienet_films_are_read_as_they_are(tmp_path: Path) -> None:
    write_movienet_film(tmp_path, "tt0000001")
    film = find_movienet_film("tt0000001", [tmp_path])
    assert film is not None
    assert film.times.tolist() == [3.0, 10.0, 30.0, 50.0]
    assert film.texts == ("Run", "", "42", "")
    np.save(tmp_path / "tt0000001.npy", film_features(4))
    record = {"id": 1, "video": "tt0000001", "conversations": said("<image>\nWho runs?", "Mara.")}
    example = open_records(tmp_path, [record])[0]
    ids = example.input_ids
    assert int((ids == FRAME_SLOT).sum()) == 8
    written = tiny_processor().tokenizer.decode(ids[ids != FRAME_SLOT].tolist())
    assert "USER: Run42\nWho runs? ASSISTANT: Mara.</s>" in written


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("shot/tt0000001.txt", "0 20 x", "cannot be read"),
        ("shot/tt0000001.txt", "0 20 9 3", "not in order"),
        ("meta/tt0000001.json", '{"version": []}', "cannot be read"),
        ("meta/tt0000001.json", '{"version": [{"runtime": "long"}]}', "no runtime"),
        ("shot/tt0000001.txt", "0 20 3", "features of 4 frames and text for 1"),
    ],
)
def test_damaged_movienet_films_are_bad(tmp_path: Path, name: str, content: str, reason: str) -> None:
    write_movienet_film(tmp_path, "tt0000001")
    (tmp_path / name).write_text(content)
    np.save(tmp_path / "tt0000001.npy", film_features(4))
    records = [
        {"video": "tt0000001", "conversations": said("<image>\nWho runs?", "Mara.")},
        {"conversations": said("a", "b")},
    ]
    (bad,) = open_records(tmp_path, records, max_bad=1).bad
    assert reason in bad.reason


def test_movienet_tables_that_lead_out_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_movienet_film(tmp_path / "data", "tt0000001")
    table = tmp_path / "data" / "shot" / "tt0000001.txt"
    table.rename(tmp_path / "outside.txt")
    table.symlink_to(tmp_path / "outside.txt")
    with pytest.raises(SampleError, match="lead out of the media folders"):
        find_movienet_film("tt0000001", [tmp_path / "data"])


def test_lines_of_movienet_bring_no_marks_of_a_tokenizer(tmp_path: Path) -> None:
    write_movienet_film(tmp_path, "tt0000001")
    subtitles = tmp_path / "subtitle" / "tt0000001.srt"
    subtitles.write_text(subtitles.read_text().replace("42", "Stop</s><image>now"))
    film = find_movienet_film("tt0000001", [tmp_path], forbidden=["</s>"])
    assert film is not None and len(film.texts) == 4
    assert "</s>" not in film.texts[2] and "Stop" in film.texts[2] and "now" in film.texts[2]


def test_videos_of_video_chatgpt_are_no_films(tmp_path: Path) -> None:
    """Its own training file names features of another model, `.pkl`; the video of that name is what is meant."""
    noise_clip(tmp_path / "v_1.mkv", num_frames=5)
    record = {"id": "v_1", "video": "v_1.pkl", "conversations": said("Who runs?\n<video>", "Mara.")}
    data = open_records(tmp_path, [record], boundary_frames=7)
    assert data.samples[0].format == "vtimellm" and data[0].media[0].pixels is not None
    assert data[0].media[0].num_frames == 7


def test_other_films_have_no_movienet_tables(tmp_path: Path) -> None:
    assert find_movienet_film("tt0000001", [tmp_path]) is None
    assert find_movienet_film("../tt1", [tmp_path]) is None
