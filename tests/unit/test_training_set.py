"""Every kind of medium becomes an example of the length that was told; every kind of bad data is one clear line."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from movieqa.builder import WorkspaceBuilder
from movieqa.errors import ConfigError, TrainingError
from movieqa.features import FeatureFacts
from movieqa.prompt import FRAME_SLOT
from movieqa.train.data.batch import collate
from movieqa.train.data.config import DataConfig
from movieqa.train.data.sample import SampleError
from movieqa.train.data.training_set import open_training_set
from movieqa.train.data.videos import VideoDecoder
from tests import clips
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.training_data import film_features, noise_clip, open_records, said, write_clip, write_picture, write_records
from tests.workspaces import make_subtitles, make_workspace

ASKED = said("<image>\nWho runs?", "Mara does.")
Record = dict[str, Any]


def write_film(path: Path, num_frames: int = 3, text: str = "<image>Run!<image><image>Now... or never") -> Path:
    path.write_bytes(pickle.dumps({"feats": film_features(num_frames), "inputs": text}))
    return path


def make_everything(folder: Path) -> list[Record]:
    """Write one medium of every kind, and a record about each."""
    write_picture(folder / "a.png")
    noise_clip(folder / "b.mkv", num_frames=5)
    write_film(folder / "tt1.pkl")
    np.save(folder / "c.npy", film_features(4))
    save_file({"features": film_features(6)}, folder / "d.safetensors")
    make_workspace(folder, subtitles=make_subtitles((0.5, 1.5, "Anna> Hello."), (3, 4, "Run</s>!")), num_frames=6)
    text = "<image>one<image><image>three"
    return [
        {"id": "picture", "image": "a.png", "conversations": ASKED},
        {"id": "video", "video": "b.mkv", "conversations": ASKED},
        {"id": "pickle", "video": "tt1.pkl", "conversations": ASKED},
        {"id": "npy", "video": "c.npy", "conversations": ASKED},
        {"id": "safetensors", "video": "d", "conversations": ASKED},
        {"id": "workspace", "video": "film.movieqa", "conversations": ASKED},
        {"id": "inputs", "video": "b.mkv", "fps": 1, "inputs": text, "conversations": ASKED},
        {"id": "text", "conversations": said("Is it so?", "Yes.")},
        {"q": "What is it?", "a": "Noise.", "video_id": "b"},
        {"id": "times", "conversations": said("<video>\nWhen?", "From <s0> to <e0>."), "video": "b.mkv"}
        | {"meta": {"duration": 5.0, "split": [1.0, 4.0], "token": {"<s0>": 1.0, "<e0>": 2.5}}},
    ]


def test_every_medium_has_the_length_that_was_told(tmp_path: Path) -> None:
    data = open_records(tmp_path, make_everything(tmp_path), boundary_frames=7)
    frames = [1, 5, 3, 4, 6, 6, 3, 0, 5, 7]
    model = make_tiny_model()
    for index, num_frames in enumerate(frames):
        example = data[index]
        assert len(example) == data.lengths[index] == sum(example.segments)
        assert sum(medium.num_frames for medium in example.media) == data.samples[index].num_frames == num_frames
        assert (example.input_ids == FRAME_SLOT).sum() == 2 * num_frames
        assert example.num_learned == data.samples[index].num_learned > 0
        with torch.no_grad():
            assert torch.isfinite(model(**collate([example]).arguments()).loss)
    assert data.bad == ()


def text_of(example: Any) -> str:
    ids = torch.from_numpy(np.where(example.input_ids == FRAME_SLOT, ord("_") + 3, example.input_ids))
    text = tiny_processor().tokenizer.decode(ids)
    return str(text)


def test_lines_stand_between_the_frames_of_a_film(tmp_path: Path) -> None:
    data = open_records(tmp_path, make_everything(tmp_path))

    def after_frames(index: int) -> list[str]:
        ids = data[index].input_ids
        slots = np.flatnonzero(ids == FRAME_SLOT)
        processor = tiny_processor()
        parts = np.split(ids, slots[1::2] + 1)[1:]
        texts = [processor.tokenizer.decode(torch.from_numpy(part[part != FRAME_SLOT])) for part in parts]
        return [*texts[:-1], texts[-1].split("\n")[0]]

    assert after_frames(2) == ["Run!", "", "Now or never"], "the published training takes ... out"
    assert after_frames(5) == ["", "Anna: Hello.", "", "Run!", "", ""]
    assert after_frames(6) == ["one", "", "three"]


def test_features_are_those_stored(tmp_path: Path) -> None:
    data = open_records(tmp_path, make_everything(tmp_path))
    (film,) = data[2].media
    assert film.features is not None and film.pixels is None
    assert np.array_equal(film.features.numpy(), film_features(3))


def test_a_video_is_sampled_by_the_second(tmp_path: Path) -> None:
    clip = clips.plain(tmp_path / "film.mp4")
    decoder = VideoDecoder()
    facts = decoder.facts(clip)
    assert facts.duration == pytest.approx(6.0, abs=0.1) and facts.rate == pytest.approx(24)
    pictures = list(decoder.pictures(clip, [0.0, 1.0, 2.0, 2.0, 5.99]))
    assert [picture.shape for picture in pictures] == [(180, 320, 3)] * 5
    assert np.array_equal(pictures[2], pictures[3])
    assert not np.array_equal(pictures[1], pictures[2])
    decoder.close()


def test_pictures_are_those_on_screen(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (12, 32, 48, 3), dtype=np.uint8)
    clip = write_clip(tmp_path / "a.mkv", pixels, rate=4)
    decoder = VideoDecoder()
    shown = list(decoder.pictures(clip, [0.0, 0.24, 0.25, 1.1, 2.99]))
    for picture, frame in zip(shown, [0, 0, 1, 4, 11], strict=True):
        assert np.array_equal(picture, pixels[frame])
    decoder.close()


def test_far_pictures_are_sought(tmp_path: Path) -> None:
    """Key frames are four seconds apart; the pictures are those that decoding everything gives."""
    clip = clips.plain(tmp_path / "film.mp4", size="64x48", rate=12, seconds=60)
    decoder = VideoDecoder()
    every = list(decoder.pictures(clip, [float(second) for second in range(60)]))
    wanted = [0, 1, 13, 14, 40, 59]
    for picture, second in zip(decoder.pictures(clip, [float(second) for second in wanted]), wanted, strict=True):
        assert np.array_equal(picture, every[second]), second
    (late,) = decoder.pictures(clip, [47.0])
    assert np.array_equal(late, every[47])
    decoder.close()


def test_features_of_a_workspace_are_used_where_they_fit(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, num_frames=4, subtitles=make_subtitles((0.5, 1, "Run!")))
    facts = FeatureFacts(
        tower="sha256:x", kind="float16", num_frames=4, num_rows=65, width=32, frames_per_shard=512, loss=0
    )
    with WorkspaceBuilder(workspace.path, workspace.manifest) as builder, builder.step("features-tiny", {}) as output:
        shards = output.folder / "features" / "tiny"
        shards.mkdir(parents=True)
        save_file({"features": film_features(4)}, shards / "00000.safetensors")
        (shards / "features.json").write_text(facts.dump(), encoding="utf-8")
    data = open_records(tmp_path, [{"video": "film.movieqa", "conversations": ASKED}])
    (film,) = data[0].media
    assert film.features is not None and np.array_equal(film.features.numpy(), film_features(4))
    with pytest.raises(TrainingError, match="no features of other"):
        open_records(tmp_path, [{"video": "film.movieqa", "conversations": ASKED}], features="other")


def test_several_turns_on_one_film_have_one_film(tmp_path: Path) -> None:
    write_film(tmp_path / "tt1.pkl")
    talk = said("<image>\nWho runs?", "Mara.", "Where to?", "Home.")
    data = open_records(tmp_path, [{"video": "tt1.pkl", "conversations": talk}])
    (film,) = data[0].media
    assert film.guidance_ids.tolist() == tiny_processor().guidance_ids("Who runs?").tolist()
    assert data[0].num_learned > len("Mara.Home.")


@dataclass(frozen=True, kw_only=True)
class Bad:
    """Something that is wrong with a record, and what the line about it says."""

    record: Record
    says: str
    write: Callable[[Path], object] = lambda folder: None
    settings: dict[str, Any] | None = None


def asked(**record: Any) -> Record:
    return {"conversations": ASKED, **record}


def nan_film(folder: Path) -> None:
    features = film_features(3)
    features[1, 2, 3] = np.nan
    np.save(folder / "x.npy", features)


META = {"duration": 10.0, "token": {"<s0>": 1.0, "<e0>": 14.0}}
BAD = {
    "missing picture": Bad(record=asked(image="no.png"), says="no.png is missing"),
    "missing film": Bad(record=asked(video="tt9.pkl"), says="tt9.pkl is missing"),
    "leads up": Bad(record=asked(image="../a.png"), says="'../a.png' leads out of the media folders"),
    "absolute": Bad(record=asked(image="/etc/passwd"), says="'/etc/passwd' leads out of the media folders"),
    "through a link": Bad(
        record=asked(image="link/a.png"),
        says="'link/a.png' leads out of the media folders",
        write=lambda folder: (
            write_picture(folder.parent / "outside" / "a.png"),
            (folder / "link").symlink_to(folder.parent / "outside"),
        ),
    ),
    "no name": Bad(record=asked(image=7), says="image is no name of a file"),
    "narrow features": Bad(
        record=asked(video="x.npy"),
        says="x.npy: features of shape [100, 768] are not this model's: its frames have 65 rows of 32",
        write=lambda folder: np.save(folder / "x.npy", np.zeros((100, 768), np.float16)),
    ),
    "no class token": Bad(
        record=asked(video="x.npy"),
        says="its frames have 65 rows of 32",
        write=lambda folder: np.save(folder / "x.npy", np.zeros((4, 64, 32), np.float16)),
    ),
    "pickled objects": Bad(
        record=asked(video="x.npy"),
        says="x.npy: no readable features",
        write=lambda folder: np.save(folder / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True),
    ),
    "a program in a pickle": Bad(
        record=asked(video="x.pkl"),
        says="x.pkl: no readable features",
        write=lambda folder: (folder / "x.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR."),
    ),
    "broken safetensors": Bad(
        record=asked(video="x.safetensors"),
        says="x.safetensors: no readable features",
        write=lambda folder: (folder / "x.safetensors").write_bytes(b"\xff" * 100),
    ),
    "frames without text": Bad(
        record=asked(video="x.pkl"),
        says="features of 3 frames and text for 1",
        write=lambda folder: write_film(folder / "x.pkl", text="<image>alone"),
    ),
    "text longer than the film": Bad(
        record=asked(video="b.mkv", inputs="<image>" * 9),
        says="its text has 9 frames, at 1 a second, and the film 4.0 s",
        write=lambda folder: noise_clip(folder / "b.mkv"),
    ),
    "no video": Bad(
        record=asked(video="b.mkv"),
        says="b.mkv: cannot be read (Invalid data found when processing input)",
        write=lambda folder: (folder / "b.mkv").write_text("no video"),
    ),
    "damaged workspace": Bad(
        record=asked(video="film.movieqa"),
        says="manifest",
        write=lambda folder: (folder / "film.movieqa").mkdir(),
    ),
    "empty answer": Bad(record={"conversations": said("Who?", "  ")}, says="turn 2 is an empty answer"),
    "no answer": Bad(record={"conversations": said("Who?")}, says="the conversation does not end with an answer"),
    "no conversation": Bad(record={"id": 1}, says="no conversation"),
    "twice the user": Bad(
        record={"conversations": [*said("Who?"), *said("Who?", "Mara.", "Why?")]},
        says="turn 2 is the user's",
    ),
    "unknown speaker": Bad(record={"conversations": said("Who?", "Mara.", gpt="bot")}, says="turn 2 is said by 'bot'"),
    "no text": Bad(record={"conversations": [{"from": "human", "value": 3}]}, says="turn 1 has no text"),
    "not shown": Bad(record={"image": "a.png", "conversations": said("Who?", "Mara.")}, says="no question shows a.png"),
    "shown twice": Bad(
        record={"image": "a.png", "conversations": said("<image><image>Who?", "Mara.")},
        says="turn 1 has 2 frame marks for one picture",
    ),
    "nothing to show": Bad(
        record={"conversations": ASKED}, says="<image> in a record that names neither image nor video"
    ),
    "shown in an answer": Bad(
        record={"image": "a.png", "conversations": said("<image>Who?", "<image>")},
        says="turn 2 is an answer with a frame mark in it",
        write=lambda folder: write_picture(folder / "a.png"),
    ),
    "two media": Bad(record=asked(image="a.png", video="b.mkv"), says="the record names an image and a video"),
    "a film in two turns": Bad(
        record={"video": "tt1.pkl", "conversations": said("<image>Who?", "Mara.", "<image>Why?", "So.")},
        says="a film stands once, in the first question; found <image> in 2 questions",
    ),
    "two turns where one is allowed": Bad(
        record={"image": "a.png", "conversations": said("<image>Who?", "Mara.", "Why?", "So.")},
        says="2 turns and 2 media where the plain template takes one of each",
        write=lambda folder: write_picture(folder / "a.png"),
        settings={"template": "plain"},
    ),
    "a time beyond the end": Bad(
        record={"conversations": said("<video>When?", "From <s0> to <e0>."), "video": "b.mkv", "meta": META},
        says="<e0> is at 14 s of a video of 10 s",
    ),
    "an unknown symbol of time": Bad(
        record={"conversations": said("<video>When?", "From <s0> to <e7>."), "video": "b.mkv", "meta": META},
        says="<e7> is a symbol of time that meta.token does not know",
    ),
    "times that are none": Bad(
        record={"conversations": said("<video>When?", "Now."), "meta": {"token": {"<s0>": "soon"}}},
        says="meta.token must give seconds by symbol",
    ),
    "a duration that is none": Bad(
        record={"conversations": said("<video>When?", "Now."), "meta": {"duration": -1}}, says="meta.duration=-1"
    ),
    "a part that is none": Bad(
        record={"conversations": said("<video>When?", "Now."), "meta": {"duration": 5, "split": [9, 4]}},
        says="a stretch from 9 to 4 seconds is none",
    ),
    "a part after the end": Bad(
        record={
            "conversations": said("<video>When?", "Now."),
            "video": "b.mkv",
            "meta": {"duration": 5, "split": [9, 14]},
        },
        says="its part begins at 9 s of a video of 4 s",
        write=lambda folder: noise_clip(folder / "b.mkv"),
    ),
    "an img that does not end": Bad(
        record={"conversations": said("Mara is <img>a.png", "Yes.", human="user", gpt="assistant")},
        says="an <img> that does not end",
    ),
    "a question that is too long": Bad(
        record={"conversations": said("Who? " * 500, "Mara.")}, says="nothing to learn is left within 2048"
    ),
}


@pytest.mark.parametrize("name", BAD)
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


LATE = {
    "broken picture": (
        "a.png",
        lambda folder: (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken"),
        "no picture",
    ),
    "half a picture": (
        "a.png",
        lambda folder: write_picture(folder / "a.png").write_bytes((folder / "a.png").read_bytes()[:900]),
        "the picture is damaged",
    ),
    "a bomb": ("a.png", lambda folder: write_bomb(folder / "a.png"), "too large"),
    "not finite": ("x.npy", nan_film, "x.npy: features of frames 0 and on hold numbers that are not finite"),
}


def write_bomb(path: Path) -> None:
    """Write a picture of a few kilobytes that would take hundreds of megabytes."""
    Image.new("1", (9_000, 9_000)).save(path)


@pytest.mark.parametrize("name", LATE)
def test_what_is_found_bad_later_teaches_nothing(tmp_path: Path, name: str) -> None:
    medium, write, reason = LATE[name]
    write(tmp_path)
    kind = "image" if medium.endswith("png") else "video"
    records = [asked(**{kind: medium}), {"conversations": said("Is it so?", "Yes.")}]
    data = open_records(tmp_path, records, max_bad=1)
    assert len(data) == 2 and data.bad == ()
    example = data[0]
    assert example.num_learned == 0 and example.media == () and len(example) == 1
    assert [number for number, _ in example.bad] == [0]
    _ = data[0]
    (bad,) = data.bad
    assert reason in str(bad)
    assert data[1].num_learned > 0
    strict = open_records(tmp_path, records)
    with pytest.raises(TrainingError, match="1 bad samples"):
        _ = strict[0]


def test_a_video_that_breaks_off_is_bad_later(tmp_path: Path) -> None:
    clips.truncated(tmp_path / "film.mp4", keep=0.4)
    data = open_records(tmp_path, [asked(video="film.mp4")], max_bad=1)
    assert data[0].num_learned == 0
    assert "breaks off at" in str(data.bad[0])


def test_a_decoder_that_hangs_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "a.mkv"
    os.mkfifo(fifo)
    decoder = VideoDecoder(stall_seconds=1.5)
    with pytest.raises(SampleError, match=r"its decoder hung and was stopped after 1\.5 s"):
        decoder.facts(fifo)
    clip = noise_clip(tmp_path / "b.mkv")
    decoder = VideoDecoder()
    assert decoder.facts(clip).num_frames == 4, "the next video gets a new decoder"
    decoder.close()


def test_a_sample_that_changed_is_bad(tmp_path: Path) -> None:
    noise_clip(tmp_path / "b.mkv", num_frames=5)
    np.save(tmp_path / "x.npy", film_features(4))
    data = open_records(tmp_path, [asked(video="x.npy")], max_bad=1)
    write_records(tmp_path / "data.json", [asked(video="x.npyy")])
    assert data[0].num_learned == 0
    assert "changed since" in str(data.bad[0])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[{}, {", "damaged at byte"),
        ("[{}", "breaks off"),
        ('[{"a": 1} {"b": 2}]', None),
        ("", None),
        ("[" * 100_000, "nested too deeply|damaged"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, text: str, reason: str | None) -> None:
    file = tmp_path / "data.json"
    file.write_text(text)
    processor = tiny_processor()
    config = DataConfig(files=(file,), max_bad=9)
    with pytest.raises((ConfigError, TrainingError), match=reason or "no sample to learn from|bad samples"):
        open_training_set(config, processor, processor.config)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    processor = tiny_processor()
    with pytest.raises(ConfigError, match="cannot be read"):
        open_training_set(DataConfig(files=(tmp_path / "no.json",)), processor, processor.config)
    with pytest.raises(ConfigError, match="no training data"):
        open_training_set(DataConfig(), processor, processor.config)


def test_lines_and_arrays_hold_the_same_samples(tmp_path: Path) -> None:
    records = [{"id": index, "conversations": said("Wie heißt sie? 🎬" * index, "Mära.")} for index in range(1, 6)]
    records.insert(2, "no object")  # type: ignore[arg-type]
    processor = tiny_processor()
    found = []
    for name in ("a.json", "a.jsonl", "pretty.json"):
        path = write_records(tmp_path / name, records)
        if name.startswith("pretty"):
            path.write_text("\ufeff" + json.dumps(records, indent=3), encoding="utf-8")
        data = open_training_set(DataConfig(files=(path,), max_bad=1), processor, processor.config)
        found.append([data[index].input_ids.tolist() for index in range(len(data))])
        assert [bad.reason for bad in data.bad] == ["a record must be an object, not str"]
    assert found[0] == found[1] == found[2]


def test_a_long_film_loses_frames_and_keeps_its_lines(tmp_path: Path) -> None:
    write_film(tmp_path / "tt1.pkl", 40, "".join(f"<image>{index};" for index in range(40)))
    data = open_records(tmp_path, [asked(video="tt1.pkl")], max_length=340)
    facts, example = data.samples[0], data[0]
    assert facts.cuts.frames == 40 - facts.num_frames > 0
    assert len(example) == data.lengths[0] <= 340
    assert len(example) >= 330, "no more is cut than must be"
    text = text_of(example)
    assert all(f"{index};" in text for index in range(40))
    whole = open_records(tmp_path, [asked(video="tt1.pkl")])
    assert not whole.samples[0].cuts and whole.samples[0].num_frames == 40


def test_a_long_dialogue_loses_its_last_turns(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    talk = said("<image>\nWho?", "Mara.", *("Why is that so, and who says so?", "Because it is.") * 6)
    data = open_records(tmp_path, [{"image": "a.png", "conversations": talk}], max_length=420)
    facts, example = data.samples[0], data[0]
    assert facts.cuts.turns > 0 and not facts.cuts.tokens
    assert len(example.media) == 7 - facts.cuts.turns
    assert text_of(example).endswith("Because it is.</s>")


def test_a_long_answer_loses_its_end(tmp_path: Path) -> None:
    data = open_records(tmp_path, [{"conversations": said("Who?", "Mara. " * 90)}], max_length=300)
    whole = open_records(tmp_path, [{"conversations": said("Who?", "Mara. " * 90)}])
    assert data.samples[0].cuts.tokens == whole.lengths[0] - 300
    assert data.lengths[0] == 300 and data.samples[0].num_learned > 0


def test_weights_repeat_and_choose(tmp_path: Path) -> None:
    processor = tiny_processor()
    files = tuple(
        write_records(tmp_path / f"{name}.json", [{"conversations": said(f"{name}{i}?", "Yes.")} for i in range(10)])
        for name in ("a", "b", "c")
    )
    config = DataConfig(files=files, weights=(1.0, 2.3, 0.2))
    data = open_training_set(config, processor, processor.config)
    counts = [sum(facts.file == file for facts in data.samples) for file in range(3)]
    assert counts == [10, 23, 2]
    again = open_training_set(config, processor, processor.config)
    assert again.digest == data.digest and again.samples == data.samples


def test_the_digest_tells_data_apart(tmp_path: Path) -> None:
    records = [record for record in make_everything(tmp_path) if record.get("video") != "b.mkv"][:6]
    first = open_records(tmp_path, records)
    assert open_records(tmp_path, records, max_bad=5, group_by_length=False).digest == first.digest
    assert open_records(tmp_path, records, fps=0.5).digest != first.digest
    assert open_records(tmp_path, records, max_length=1000).digest != first.digest
    assert open_records(tmp_path, records[:-1]).digest != first.digest


@pytest.mark.parametrize(
    "settings",
    [{"weights": (1.0, 2.0)}, {"weights": (0.0,)}, {"max_length": 3}, {"max_bad": -1}, {"fps": 0}, {"times": "x"}],
)
def test_impossible_settings_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        DataConfig(files=(tmp_path / "a.json",), **settings)


@pytest.mark.parametrize("template", ["nonsense", "chatml", "chatglm3"])
def test_templates_that_this_model_lacks_are_refused(tmp_path: Path, template: str) -> None:
    with pytest.raises(ConfigError, match="template"):
        open_records(tmp_path, [{"conversations": said("Is it so?", "Yes.")}], template=template)
