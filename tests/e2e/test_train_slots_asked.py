"""A model learns slots from records of people, and films are asked about with it: all through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from movieqa.loaded import open_model
from movieqa.memory.id_former_film import FilmIdFormer
from movieqa.memory.identity_tokens import IdentityTokens
from movieqa.model.slot_vocabulary import has_person_slots
from movieqa.preprocess.features import add_features
from movieqa.train.metrics import read_metrics
from tests.command import movieqa, movieqa_inside
from tests.tiny_id_former import save_tiny_people_model
from tests.training_data import said, write_records
from tests.workspaces import draw_frame, make_shots, make_workspace

SETTINGS = (
    "compute.dtype=fp32",
    "schedule.samples_per_step=4",
    "schedule.max_steps=2",
    "parallel.micro_batch=4",
    "optimizer.lr=1e-3",
    "data.people=slots",
    "data.identity_tokens=2",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model with an ID-Former and without slots, and records of three people, and train two steps."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("asked")
    save_tiny_people_model(folder / "start")
    for shot, name in enumerate(("ben", "mara", "otto")):
        for moment in (2, 7):
            Image.fromarray(draw_frame(moment, shot)).save(folder / f"{name}{moment}.png")
    lead = "Ben is <img>ben2.png</img>\n Mara is <img>mara2.png</img>\n Otto is <img>otto2.png</img>"
    records = [
        {"id": name, "conversations": said(f"{lead}\n In the image: <img>{name}7.png</img>\n Who is it?", f"{word}.")}
        for name, word in (("ben", "Ben"), ("mara", "Mara"), ("otto", "Otto"))
    ]
    write_records(folder / "people.json", records)
    flags = [f"--set={setting}" for setting in SETTINGS]
    command = ("train", "identity_associate", "--model", "start", "--data", "people.json", "--out", "run")
    done = movieqa(*command, *flags, cwd=folder, env={"OMP_NUM_THREADS": "1"}, timeout=200)
    assert done.code == 0, done.err
    return folder


def test_what_was_trained_is_a_whole_model(folder: Path) -> None:
    model = folder / "run" / "model"
    loaded = open_model(model, device="cpu")
    assert has_person_slots(loaded.processor.tokenizer)
    assert IdentityTokens.load(model / "identity-tokens").config.num_tokens == 2
    before, after = (FilmIdFormer.load(path / "id-former").state_dict() for path in (folder / "start", model))
    assert before.keys() == after.keys()
    assert not before["query"].equal(after["query"]), "the model's own ID-Former went on learning"
    assert torch.dist(before["query"], after["query"]) < 0.5, "from where it was"
    assert len(read_metrics(folder / "run")) == 2


def test_it_answers_about_people_by_slots(folder: Path) -> None:
    model = folder / "run" / "model"
    workspace = make_workspace(folder, shots=make_shots(*range(0, 25, 3)), num_frames=24)
    add_features(workspace, open_model(model, device="cpu"))
    (folder / "cast").mkdir()
    Image.fromarray(draw_frame(7, 1)).save(folder / "cast" / "Mara.png")
    found = movieqa_inside(
        "cast", "find", "--provider", "model", "--model", "run/model", "--cast", "cast", "--json", cwd=folder
    )
    assert found.code == 0, found.err
    assert "Mara" in [one["name"] for one in found.json["people"]]
    asked = ("ask", "--question", "Who runs?", "--model", "run/model", "--answer-tokens", "6", "--json")
    for flags in (("--cast-form", "slots"), ("--cast-form", "slots", "--id-former"), ("--id-former",)):
        answer = movieqa_inside(*asked, *flags, cwd=folder)
        assert answer.code == 0, answer.err
        assert answer.json["answerer"] == "model" and answer.json["usage"]["frames_used"] == 24


def test_the_next_stage_goes_on_with_what_the_model_holds(folder: Path) -> None:
    """A plan of it trains the stored parts; another number of tokens, or none of them, is one clear line."""
    command = ("train", "identity_recognize", "--model", "run/model", "--data", "people.json", "--dry-run")
    planned = movieqa_inside(*command, "--set=data.identity_tokens=2", "--json", cwd=folder)
    assert planned.code == 0, planned.err
    sizes = {part["name"]: part["trained"] for part in planned.json["parts"]}
    assert sizes["identity_tokens"] == 33 * 64 and sizes["id_former"] > 0
    other = movieqa_inside(*command, cwd=folder)
    assert "makes 2 identity tokens of width 64, and the run wants 4 of width 64" in other.complaint
    assert "set data.identity_tokens=2" in other.complaint
    start = ("train", "instruct", "--model", "start", "--data", "people.json", "--dry-run", "--set=data.people=slots")
    assert "the model has no slots for people; add person_slots" in movieqa_inside(*start, cwd=folder).complaint
    adds = "--set=model.trains=language_model,person_slots"
    refused = movieqa_inside(*start, adds, cwd=folder).complaint
    assert (
        "needs identity_tokens, and start holds none (identity-tokens/); add identity_tokens to model.trains" in refused
    )
