"""One stage of a small model's training on film world: trained as `movieqa train` does it, examined on the way."""

from __future__ import annotations

import json
import math
import resource
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from movieqa import api
from movieqa.model import MovieModel, load_model
from movieqa.model.processor import MovieProcessor
from movieqa.prompt import DEFAULT_TEMPLATE

from .film_world_exam import Question, Score, best_constant, choose_pictures, score, take_exam

_SETTINGS = (
    "compute.dtype=fp32",
    "compute.gradient_checkpointing=false",
    "parallel.zero_stage=0",
    "parallel.offload_optimizer=false",
    "schedule.warmup_ratio=0.05",
    "data.max_length=2048",
    "data.repeats_media=false",
    "checkpoint.keep=100",
)
_POINTS = 4
"""Moments of the training at which the model is examined, the last its end."""
_ASKED_BETWEEN = 120


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage.

    Attributes:
        recipe: Its recipe.
        lessons: File of training records.
        settings: Fields of the recipe that are changed besides those that every stage changes.
        questions: Of the test films.
        media: Where their pictures or films lie.
        template: Chat template of the stage.
        chooses: Whether the model chooses between two pictures for an answer, rather than answering.
    """

    recipe: str
    lessons: Path
    settings: Sequence[str]
    questions: Sequence[Question]
    media: Path
    template: str = DEFAULT_TEMPLATE
    chooses: bool = False


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where the training was at one of its moments.

    Attributes:
        step: Updates made.
        loss: Of the training, a mean over the steps since the moment before; None before the first step.
        score: Of some of the test questions.
    """

    step: int
    loss: float | None
    score: Score


@dataclass(frozen=True, kw_only=True)
class Row:
    """Scores of one kind of question, or of all.

    Attributes:
        kind: The kind.
        own: With the film's own pictures.
        chance: What guessing comes to: the commonest answer of each kind, or half.
        blind: With those of another film; None where the model chooses between the two.
    """

    kind: str
    own: Score
    chance: float
    blind: Score | None

    @property
    def is_clear(self) -> bool:
        """Whether the whole 95 % interval is above chance and above the interval of the blind."""
        blind = 0.0 if self.blind is None else self.blind.interval()[1]
        return self.own.interval()[0] > max(self.chance, blind)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a stage came to.

    Attributes:
        recipe: Its recipe.
        model: Folder of the trained model.
        seconds: That the training took, reading of data and export included.
        processor: Seconds of processor time in it.
        curve: Loss and score on the way.
        rows: All questions, then each kind.
    """

    recipe: str
    model: Path
    seconds: float
    processor: float
    curve: Sequence[Point]
    rows: Sequence[Row]


def attend(stage: Stage, model: Path, out: Path) -> Report:
    """Train a stage in a new folder and examine what comes of it."""
    shutil.rmtree(out, ignore_errors=True)
    arguments = {"model": model, "data": [stage.lessons], "settings": [*_SETTINGS, *stage.settings]}
    steps = api.plan_training(stage.recipe, **arguments).steps
    every = math.ceil(steps / _POINTS)
    arguments["settings"].append(f"checkpoint.every={every}")
    started, used = time.perf_counter(), processor_seconds()
    result = api.train_model(stage.recipe, out=out, **arguments)
    seconds, processor = time.perf_counter() - started, processor_seconds() - used
    curve = _curve(stage, model, out)
    return Report(
        recipe=stage.recipe,
        model=result.model,
        seconds=seconds,
        processor=processor,
        curve=curve,
        rows=_rows(stage, result.model, out),
    )


def processor_seconds() -> float:
    """Return the processor time of this process and of all that it started and waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _curve(stage: Stage, model: Path, out: Path) -> list[Point]:
    """Examine the model as it was at each checkpoint, on some of the questions."""
    losses = [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    jump = max(1, len(stage.questions) // _ASKED_BETWEEN)
    questions = stage.questions[::jump]
    loaded, processor = load_model(model), MovieProcessor.from_pretrained(model)
    points, last = [], 0
    for step in [0, *_checkpoints(out)]:
        if step:
            _restore(loaded, out, step)
        examine = choose_pictures if stage.chooses else take_exam
        right = examine(loaded, processor, questions, out, media=[stage.media], template=stage.template)
        loss = sum(losses[last:step]) / (step - last) if step else None
        points.append(Point(step=step, loss=loss, score=score(right)))
        last = step
    return points


def _rows(stage: Stage, model: Path, out: Path) -> list[Row]:
    loaded, processor = load_model(model), MovieProcessor.from_pretrained(model)
    options = {"media": [stage.media], "template": stage.template}
    if stage.chooses:
        own = choose_pictures(loaded, processor, stage.questions, out, **options)
        return [Row(kind="all", own=score(own), chance=0.5, blind=None)]
    own = take_exam(loaded, processor, stage.questions, out, **options)
    blind = take_exam(loaded, processor, stage.questions, out, **options, blind=True)
    constant = best_constant(stage.questions)
    kinds = [one.kind for one in stage.questions]
    rows = []
    for chosen in ("all", *sorted(set(kinds))):
        places = [place for place, kind in enumerate(kinds) if chosen in ("all", kind)]
        seen, guessed, unseen = (score([right[place] for place in places]) for right in (own, constant, blind))
        rows.append(Row(kind=chosen, own=seen, chance=guessed.share, blind=unseen))
    return rows


def _checkpoints(out: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in (out / "checkpoints").glob("step-*"))


@torch.no_grad()
def _restore(model: MovieModel, out: Path, step: int) -> None:
    """Give a model the weights that a run had after a step."""
    places = dict(model.named_parameters(remove_duplicate=False))  # tied weights have two names
    for name, weight in load_file(out / "checkpoints" / f"step-{step:08d}" / "weight-00000.safetensors").items():
        places[name].copy_(weight)
