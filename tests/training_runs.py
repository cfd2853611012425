"""Small runs of every recipe: data in its published format, and a plain loop on one process to compare with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import get_scheduler

from movieqa.api.train import make_id_former, make_identity_tokens
from movieqa.memory.id_former_film import FilmIdFormer
from movieqa.memory.identity_tokens import open_identity_tokens
from movieqa.model import MovieModel, MovieProcessor, adapter, load_model
from movieqa.model.config import tiny
from movieqa.prompt import DEFAULT_TEMPLATE, find_template
from movieqa.train.config import TrainConfig
from movieqa.train.data.example import Example
from movieqa.train.data.training_set import TrainingSet, open_training_set
from movieqa.train.fields import override
from movieqa.train.loop import make_order
from movieqa.train.opening import ID_FORMER, OpenedModel, open_model
from movieqa.train.recipes import RECIPES
from movieqa.train.trainable import named_weights
from tests.tiny_checkpoint import byte_tokenizer, letter_tokenizer, make_tiny_model
from tests.training_data import film_features, said, write_records
from tests.training_people import embed_example

NUM_SAMPLES = 20
NUM_STEPS = 10
_WEIGHTS = "model.safetensors"
_WORDS = ("red", "blue", "cold", "late", "far", "old", "wet", "soft", "dark", "tall")


def save_model(folder: Path) -> Path:
    """Save a tiny model without dropout, so that runs on one process and on two can be compared.

    It is as small as a model with every kind of weight can be: a step takes as long as there are modules and tokens, so
    the encoders have two layers, and the tokenizer knows the words that are in most samples.
    """
    config = tiny()
    config.qformer.hidden_dropout_prob = config.qformer.attention_probs_dropout_prob = 0.0
    config.qformer.num_hidden_layers = config.vision.num_hidden_layers = 2
    tokenizer = byte_tokenizer()
    told = find_template(DEFAULT_TEMPLATE).system.split()
    tokenizer.add_tokens([f" {word}" for word in (*told, *_WORDS, "USER:", "ASSISTANT:")] + list(_WORDS))
    config.language.vocab_size = len(tokenizer)
    make_tiny_model(config).save_pretrained(folder)
    MovieProcessor(config, tokenizer, letter_tokenizer()).save_pretrained(folder)
    return folder


def add_adapter(model: Path, folder: Path) -> Path:
    """Save a model beside a LoRA that an earlier stage did not merge."""
    shutil.copytree(model, folder)
    opened = open_model(run_config("boundary_perceive", folder, folder))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        for weight in trained(opened).values():
            weight.normal_(std=0.05)
    opened.adapters.save_pretrained(folder / adapter.FOLDER)
    return folder


def forget(model: Path, fresh: Path, folder: Path, *parts: str) -> Path:
    """Save a model with some parts as they were in the one that it began as."""
    shutil.copytree(model, folder)
    old = {name: weight for name, weight in load_file(fresh / _WEIGHTS).items() if name.startswith(parts)}
    save_file(load_file(model / _WEIGHTS) | old, folder / _WEIGHTS, metadata={"format": "pt"})
    return folder


def write_data(folder: Path, recipe: str) -> Path:
    """Write 20 records of a recipe with their media, which no other recipe has, and return their file."""
    make = _MAKERS[recipe]
    folder = folder / recipe
    folder.mkdir(parents=True, exist_ok=True)
    first = 1000 * list(_MAKERS).index(recipe)
    records = [make(folder, number, first + number) for number in range(NUM_SAMPLES)]
    return write_records(folder / f"{recipe}.json", records)


def run_config(recipe: str, model: Path, data: Path, *settings: str) -> TrainConfig:
    """Return a recipe's run on small data: ten steps, float32, no dropout."""
    small = (
        "compute.dtype=fp32",
        "schedule.samples_per_step=4",
        "schedule.epochs=2",
        "schedule.max_steps=none",
        "parallel.micro_batch=2",
        "lora.dropout=0",
        "compute.loss_tile=16",
        "data.boundary_frames=5",
        "data.max_length=400",
        "checkpoint.every=1000",
    )
    config = override(RECIPES[recipe](), [*small, *settings])
    return replace(config, model=replace(config.model, folder=str(model)), data=replace(config.data, files=(data,)))


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainRun:
    """What a plain loop came to.

    Attributes:
        curve: The loss and the gradient's norm of each step.
        weights: Of the whole model, adapters merged, by their names.
    """

    curve: list[tuple[float, float]]
    weights: dict[str, Tensor]


def run_plainly(config: TrainConfig, num_steps: int = NUM_STEPS) -> PlainRun:
    """Train in a plain loop without deepspeed, one sample after the other, by the model's own forward pass."""
    torch.manual_seed(config.seed)
    opened = open_model(config, make_id_former=seeded_id_former, make_identity_tokens=make_identity_tokens)
    samples = open_training_set(config.data, opened.processor, opened.model.config)
    order = make_order(config, samples.lengths)
    weights = trained(opened)
    decays = [[weight for weight in weights.values() if (weight.ndim > 1) == is_matrix] for is_matrix in (True, False)]
    groups = [
        {"params": some, "weight_decay": decay}
        for some, decay in zip(decays, (config.optimizer.weight_decay, 0.0), strict=True)
    ]
    betas = (config.optimizer.beta1, config.optimizer.beta2)
    optimizer = torch.optim.AdamW(groups, lr=config.optimizer.lr, betas=betas, eps=config.optimizer.eps)
    total = int(order.steps_per_epoch * config.schedule.epochs)
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=1, num_training_steps=total)
    curve = []
    for step in takewhile(lambda step: step.number < num_steps, order.from_step(0)):
        loss = sum((_loss(opened, samples, int(index)) for index in step.samples), torch.zeros(()))
        learned = sum(samples[int(index)].num_learned for index in step.samples)
        (loss / learned).backward()
        for weight in weights.values():  # what a step's samples do not reach has no gradient, but it has momentum
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        norm = nn.utils.clip_grad_norm_(weights.values(), config.optimizer.clip)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        curve.append((loss.item() / learned, norm.item()))
    if opened.adapters is not None:
        opened.model.language_model = opened.adapters.merge_and_unload()
    whole = named_weights(opened.model, id_former=opened.id_former, identity_tokens=opened.identity_tokens)
    return PlainRun(curve=curve, weights={name: weight.detach() for name, weight in whole})


def trained(opened: OpenedModel) -> dict[str, nn.Parameter]:
    """Return trained weights by name."""
    weights = named_weights(opened.model, id_former=opened.id_former, identity_tokens=opened.identity_tokens)
    return {name: weight for name, weight in weights if weight.requires_grad}


def seeded_id_former(config: Any, folder: str | None) -> FilmIdFormer:
    """Make the same new ID-Former each time, one that is not silent: else half of it would have no gradient."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        former: FilmIdFormer = make_id_former(config, folder)
        nn.init.normal_(former.identity_attention.out_proj.weight, std=0.1)
    return former


def _loss(opened: OpenedModel, samples: TrainingSet, index: int) -> Tensor:
    """Return the summed loss of one sample, by the model's own forward pass."""
    example = samples[index]
    embeddings = embed_example(opened.model, opened.id_former, opened.identity_tokens, example)
    labels = torch.from_numpy(example.labels)[None]
    loss: Tensor = opened.model(inputs_embeds=embeddings, labels=labels, num_items_in_batch=1).loss
    return loss


def answer_accuracy(folder: Path, config: TrainConfig) -> float:
    """Return the share of samples all of whose answers an exported model writes letter for letter, greedily."""
    model = load_model(folder)
    processor = MovieProcessor.from_pretrained(folder)
    samples = open_training_set(config.data, processor, model.config)
    former, tokens = None, open_identity_tokens(folder)
    if (folder / ID_FORMER).is_dir():
        former = FilmIdFormer.load(folder / ID_FORMER)
    return float(np.mean([_answers(model, former, tokens, samples[index]) for index in range(len(samples))]))


@torch.no_grad()
def _answers(model: MovieModel, former: Any, tokens: Any, example: Example) -> bool:
    """Tell whether each answer is written, the answers before it as they should be."""
    whole = embed_example(model, former, tokens, example)
    learned = np.flatnonzero(example.labels >= 0)
    for places in np.split(learned, np.flatnonzero(np.diff(learned) > 1) + 1):
        prompt = whole[:, : places[0]]
        written = model.generate(inputs_embeds=prompt, max_new_tokens=len(places), do_sample=False)
        if written[0].tolist() != example.labels[places].tolist():
            return False
    return True


def _answer(number: int) -> str:
    return f"{_WORDS[number % 10]} {_WORDS[(number * 7 + number // 10) % 10]}"


def _picture(path: Path, *, seed: int) -> None:
    """Write a picture of 16 colours: pooled over its patches, noise would look the same in all pictures."""
    colours = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(colours).resize((40, 30), Image.Resampling.NEAREST).save(path)


def _captions(folder: Path, number: int, seed: int) -> dict[str, Any]:
    _picture(folder / f"{number}.png", seed=seed)
    return {"id": number, "image": f"{number}.png", "conversations": said("<image>\nWhat is it?", _answer(number))}


def _dialogues(folder: Path, number: int, seed: int) -> dict[str, Any]:
    if number % 5 == 4:
        return {"id": number, "conversations": said(f"What is {number}?", _answer(number))}
    if number % 5 == 3:
        np.save(folder / f"{number}.npy", film_features(3, seed=seed))
        conversation = said("<image>\nWhat happens?", _answer(number))
        return {"id": number, "video": f"{number}.npy", "conversations": conversation}
    _picture(folder / f"{number}.png", seed=seed)
    conversation = said("<image>\nWhat is it?", _answer(number), "How?", _answer(number + 3))
    return {"id": number, "image": f"{number}.png", "conversations": conversation}


def _films(folder: Path, number: int, seed: int) -> dict[str, Any]:
    if number % 5 == 4:
        return {"id": number, "conversations": said(f"Once upon a time {number}. What is it?", _answer(number))}
    num_frames = 3 + number % 4
    np.save(folder / f"{number}.npy", film_features(num_frames, seed=seed))
    text = "<image>".join(["", *(f"line {index}" for index in range(num_frames))])
    conversation = said("<image>\nWho?", _answer(number))
    return {"id": number, "video": f"{number}.npy", "inputs": text, "conversations": conversation}


def _identities(folder: Path, number: int, seed: int) -> dict[str, Any]:
    if number % 5 == 4:
        return _captions(folder, number, seed)
    for name in ("a", "b", "c"):
        _picture(folder / f"{number}{name}.png", seed=3 * seed + ord(name))
    references = f"Anna is <img>{number}a.png</img>\n Ben is <img>{number}b.png</img>"
    human = f"{references}\n In the image: <img>{number}c.png</img>\n Who is it?"
    return {"id": number, "conversations": said(human, _answer(number), human="user", gpt="assistant")}


def _boundaries(folder: Path, number: int, seed: int) -> dict[str, Any]:
    np.save(folder / f"{number}.npy", film_features(5, seed=seed))
    conversation = said("<video>\nWhen is it?", "From <s0> to <e0>.", "What is it?", _answer(number))
    times = {"<s0>": float(number), "<e0>": float(number + 20)}
    return {
        "id": number,
        "video": f"{number}.npy",
        "conversations": conversation,
        "meta": {"duration": 100.0, "token": times},
    }


_MAKERS: dict[str, Callable[[Path, int, int], dict[str, Any]]] = {
    "align": _captions,
    "instruct": _dialogues,
    "long_video": _films,
    "generated_films": _films,
    "identity_associate": _identities,
    "identity_recognize": _identities,
    "boundary_align": _captions,
    "boundary_perceive": _boundaries,
    "boundary_instruct": _boundaries,
}


def start_of(recipe: str, folder: Path) -> Path:
    """Return what a recipe starts from, saved once in the folder; one starts from a LoRA of the stage before."""
    model = folder / "model"
    if not model.exists():
        save_model(model)
    if recipe != "boundary_instruct":
        return model
    adapted = folder / "adapted"
    return adapted if adapted.exists() else add_adapter(model, adapted)


def read_curve(path: Path) -> list[tuple[float, float]]:
    """Read a golden curve: a loss and a gradient's norm a line."""
    pairs = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return [(float(loss), float(norm)) for loss, norm in pairs]
