"""Every kind of medium becomes an example of the length that was told; what is too long is cut and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from movieqa.builder import WorkspaceBuilder
from movieqa.errors import ConfigError, TrainingError
from movieqa.features import FeatureFacts
from movieqa.prompt import FRAME_SLOT
from movieqa.train.data.batch import collate
from movieqa.train.data.config import DataConfig
from movieqa.train.data.training_set import open_training_set
from tests.bad_training_data import ASKED, Record, asked, write_film
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.training_data import film_features, noise_clip, open_records, said, write_picture, write_records
from tests.workspaces import make_subtitles, make_workspace


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
