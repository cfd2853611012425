"""What a person looks like reaches the language model through identity tokens, whichever slot they have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from PIL import Image
from torch import nn

from movieqa.api.train import make_id_former, make_identity_tokens
from movieqa.train.data.batch import collate
from movieqa.train.data.training_set import TrainingSet, open_training_set
from movieqa.train.opening import OpenedModel, open_model
from movieqa.train.processes import Processes
from movieqa.train.reading import to_micro
from movieqa.train.training_model import TrainingModel
from tests.tiny_id_former import save_tiny_people_model
from tests.training_data import said, write_records
from tests.training_people import embed_example
from tests.training_runs import run_config
from tests.workspaces import draw_frame

COLOURS = ("red", "lime", "cyan", "blue", "pink", "gold")
NAMES = ("Al", "Bo", "Cy", "Di", "Ed", "Fay", "Gus", "Hal")
STEPS, ROWS = 45, 12


def write_people(folder: Path, count: int, *, seed: int, moments: range) -> Path:
    """Write records that ask for the colour of somebody who is only shown as a reference."""
    dice, records = Random(seed), []
    for number in range(count):
        colour, name = dice.choice(COLOURS), dice.choice(NAMES)
        picture = folder / f"{colour}{dice.choice(moments)}.png"
        if not picture.exists():
            shot = COLOURS.index(colour)
            Image.fromarray(draw_frame(int(picture.stem.removeprefix(colour)), shot)).save(picture)
        asked = f"{name} is <img>{picture.name}</img>\nColour of {name}?"
        records.append({"id": f"{seed}-{number}", "conversations": said(asked, colour)})
    return write_records(folder / f"{seed}.json", records)


@torch.no_grad()
def accuracy(opened: OpenedModel, samples: TrainingSet) -> float:
    """Return the share of samples whose colour is told right by its first letter."""
    right = 0
    for index in range(len(samples)):
        example = samples[index]
        embeddings = embed_example(opened.model, opened.id_former, opened.identity_tokens, example)
        letter = int((torch.from_numpy(example.labels) >= 0).nonzero()[1])  # behind the space
        logits = opened.model(inputs_embeds=embeddings[:, :letter], logits_to_keep=1).logits[0, -1]
        right += int(logits.argmax()) == int(example.input_ids[letter])
    return right / len(samples)


def test_a_small_model_learns_what_people_in_slots_look_like(tmp_path: Path) -> None:
    """Names, slots and pictures of the examination are others than those learned from; chance is one sixth."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    start = save_tiny_people_model(tmp_path / "start")
    config = run_config(
        "identity_associate",
        start,
        write_people(tmp_path, 400, seed=1, moments=range(16)),
        "data.people=slots",
        "data.identity_tokens=2",
    )
    exam = replace(config.data, files=(write_people(tmp_path, 40, seed=2, moments=range(16, 24)),))
    opened = open_model(config, make_id_former=make_id_former, make_identity_tokens=make_identity_tokens)
    samples, asked = (open_training_set(data, opened.processor, opened.model.config) for data in (config.data, exam))
    before = accuracy(opened, asked)
    model = TrainingModel(opened.model, id_former=opened.id_former, identity_tokens=opened.identity_tokens)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=3e-3, betas=(0.9, 0.95))
    alone, dice = Processes(rank=0, world_size=1, device=torch.device("cpu")), Random(3)
    for _ in range(STEPS):
        batch = collate([samples[dice.randrange(len(samples))] for _ in range(ROWS)])
        loss = model(to_micro(batch, alone, attention="sdpa", tokens_per_frame=2)) / batch.num_learned
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    model.whole()
    assert before < 0.5 and accuracy(opened, asked) > 0.8
