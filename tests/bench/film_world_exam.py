"""Asks a model for short answers and counts those it would write letter for letter, greedily.

An answer is right when every one of its tokens, the end mark too, is the model's first choice after the right ones
before it: which is exactly when greedy decoding writes it. So one forward pass measures a whole batch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from movieqa.model import Media, MovieModel
from movieqa.model.processor import MovieProcessor
from movieqa.prompt import IGNORED_LABEL
from movieqa.train.data.batch import collate
from movieqa.train.data.config import DataConfig
from movieqa.train.data.example import Example
from movieqa.train.data.training_set import TrainingSet, open_training_set

_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Question:
    """One test question.

    Attributes:
        film: Which film it is about.
        kind: Questions of a kind have the same baseline: its commonest answer.
        record: A training record of one turn.
    """

    film: str
    kind: str
    record: dict[str, Any]

    @property
    def answer(self) -> str:
        """The right answer."""
        return str(self.record["conversations"][-1]["value"])


@dataclass(frozen=True, kw_only=True)
class Score:
    """How many of some questions are right.

    Attributes:
        right: Right answers.
        total: Questions.
    """

    right: int
    total: int

    @property
    def share(self) -> float:
        """Share of right answers."""
        return self.right / self.total

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the share (Wilson)."""
        z, count, share = 1.96, self.total, self.share
        middle = share + z * z / (2 * count)
        spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
        return max(0.0, middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)


def take_exam(
    model: MovieModel,
    processor: MovieProcessor,
    questions: Sequence[Question],
    folder: Path,
    *,
    media: Sequence[Path],
    template: str,
    blind: bool = False,
) -> list[bool]:
    """Return for each question whether it is answered rightly.

    Args:
        model: The model.
        processor: Its processor.
        questions: The questions.
        folder: Where their records are written to be read as training data are.
        media: Folders of pictures and films.
        template: Chat template of the stage.
        blind: Show the pictures of another film: whatever is right then was guessed, or stands in the subtitles.
    """
    samples = _open(questions, folder, model, processor, media=media, template=template)
    others = _other_films(questions)
    right = [False] * len(questions)
    for places in _batches(samples):
        examples = [samples[int(place)] for place in places]
        if blind:
            examples = [_swap(one, samples[others[int(place)]]) for one, place in zip(examples, places, strict=True)]
        for place, is_right in zip(places, _answer(model, examples), strict=True):
            right[int(place)] = is_right
    return right


def choose_pictures(
    model: MovieModel,
    processor: MovieProcessor,
    questions: Sequence[Question],
    folder: Path,
    *,
    media: Sequence[Path],
    template: str,
) -> list[bool]:
    """Return for each answer whether its own picture makes it likelier than a picture of another film.

    Half is chance, whatever the model knows of answers: it is the same answer with either picture. The arguments are
    those of `take_exam`.
    """
    samples = _open(questions, folder, model, processor, media=media, template=template)
    others = _other_films(questions)
    right = [False] * len(questions)
    for places in _batches(samples):
        own = [samples[int(place)] for place in places]
        swapped = [_swap(one, samples[others[int(place)]]) for one, place in zip(own, places, strict=True)]
        is_right = _likelihoods(model, own) > _likelihoods(model, swapped)
        for place, one in zip(places, is_right.tolist(), strict=True):
            right[int(place)] = one
    return right


def score(right: Sequence[bool]) -> Score:
    """Count right answers."""
    return Score(right=sum(right), total=len(right))


def best_constant(questions: Sequence[Question]) -> list[bool]:
    """Return which questions somebody gets right who knows each kind's commonest answer in this very exam."""
    answers: dict[str, list[str]] = {}
    for question in questions:
        answers.setdefault(question.kind, []).append(question.answer)
    commonest = {kind: max(sorted(set(said)), key=said.count) for kind, said in answers.items()}
    return [question.answer == commonest[question.kind] for question in questions]


def _open(
    questions: Sequence[Question],
    folder: Path,
    model: MovieModel,
    processor: MovieProcessor,
    *,
    media: Sequence[Path],
    template: str,
) -> TrainingSet:
    file = folder / "exam.json"
    file.write_text(json.dumps([question.record for question in questions]), encoding="utf-8")
    config = DataConfig(files=(file,), media=tuple(media), template=template, max_length=model.config.max_context)
    return open_training_set(config, processor, model.config)


def _batches(samples: TrainingSet) -> list[NDArray[np.int64]]:
    """Return places of samples of about the same length, a batch each."""
    order = np.argsort(samples.lengths, kind="stable")
    return np.array_split(order, math.ceil(len(order) / _AT_ONCE))


@torch.no_grad()
def _likelihoods(model: MovieModel, examples: Sequence[Example]) -> Float[Tensor, " B"]:
    """Return the logarithm of how likely each answer is."""
    batch = collate(examples)
    targets = batch.labels[:, 1:]
    logits = model(**batch.arguments() | {"labels": None, "logits_to_keep": 0}).logits[:, :-1]
    losses = cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED_LABEL, reduction="none")
    return -losses.sum(dim=1)


@torch.no_grad()
def _answer(model: MovieModel, examples: Sequence[Example]) -> list[bool]:
    batch = collate(examples)
    targets = batch.labels[:, 1:]
    kept = (targets != IGNORED_LABEL).any(dim=0).nonzero()[:, 0]
    chosen = model(**batch.arguments() | {"labels": None, "logits_to_keep": kept}).logits.argmax(dim=-1)
    is_right = (chosen == targets[:, kept]) | (targets[:, kept] == IGNORED_LABEL)
    return [bool(row) for row in is_right.all(dim=1)]


def _other_films(questions: Sequence[Question]) -> list[int]:
    """Return for each question one about another film."""
    dice = np.random.default_rng(0)
    films = np.array([question.film for question in questions])
    return [int(dice.choice(np.flatnonzero(films != film))) for film in films]


def _swap(example: Example, other: Example) -> Example:
    """Show an example the pictures of another one, as many as it has of its own, spread evenly."""
    media = tuple(_as_long(one, other.media[0]) for one in example.media)
    return replace(example, media=media)


def _as_long(own: Media, other: Media) -> Media:
    rows = torch.linspace(0, other.num_frames - 1, own.num_frames).round().long()
    pixels = None if other.pixels is None else other.pixels[rows]
    features = None if other.features is None else other.features[rows]
    return Media(guidance_ids=own.guidance_ids, pixels=pixels, features=features)
