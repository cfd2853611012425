"""Trains a small model on film world through align, instruct and long_video, and examines it after each stage.

Everything is made here, from nothing: films of the training and the test split, their workspaces with stored features,
the data of the stages, tokenizers and random weights. Each stage is one run of `movieqa train` with its recipe, in
sizes that fit so small a model. What is asked of the test films can only be seen in their pictures; beside each score
stand chance, and the same model with the pictures of another film.

The recipes expect a language model that can read and a vision tower that can see. So the model's own first learn that
in plain loops, each without the other: the one from the texts of the training films, the other from their captions, as
CLIP's towers do. To bring them together is what the recipes are for: before `align` no picture says anything to the
language model. With `--work FOLDER` what is made is kept, and another run goes on with the films that are there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from movieqa import api

from .film_world_exam import Question
from .film_world_lessons import (
    caption_questions,
    film_dialogues,
    film_questions,
    picture_dialogues,
    picture_questions,
    read_records,
    readings,
    sights,
    write_lessons,
)
from .film_world_schooling import Report, Stage, attend
from .film_world_student import save_student

_FILMS = {"minutes": 1.5, "width": 96, "height": 80, "fps": 12, "speaks": False}
"""Of little more than the model sees: it cuts a square out of the middle."""
_FRAMES_A_SECOND = 0.5
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is made.

    Attributes:
        train: Training films.
        test: Test films.
        word_steps: Updates of the language model before the stages.
        sight_steps: Updates of the vision tower before the stages.
        epochs: Of align, instruct and long_video.
        asked: Most test questions of an exam.
    """

    train: int = 120
    test: int = 40
    word_steps: int = 300
    sight_steps: int = 600
    epochs: tuple[float, float, float] = (1.5, 1.2, 1.5)
    asked: int = 800


SHORT = Scale(train=60, test=20, epochs=(0.5, 1, 1), asked=400)


def main() -> None:
    """Train, examine and print the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="half the films and less training, to see that it works")
    parser.add_argument("--work", type=Path, help="folder to work in; a temporary one by default")
    arguments = parser.parse_args()
    work, scale = arguments.work, SHORT if arguments.short else Scale()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    started = time.perf_counter()
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        reports = learn(work, scale)
    else:
        with tempfile.TemporaryDirectory() as folder:
            reports = learn(Path(folder), scale)
    print_section(reports, scale, seconds=time.perf_counter() - started)


def learn(work: Path, scale: Scale) -> list[Report]:
    """Make everything in a folder, train the stages one after the other, and return what each came to."""
    films = {"train": work / "films" / "train", "test": work / "films" / "test"}
    data = {split: work / "data" / split for split in films}
    for split, seed, count in (("train", 1000, scale.train), ("test", 61000, scale.test)):
        say(f"{count} films of the {split} split")
        jobs = os.cpu_count() or 1
        api.synthesize_film_world(seed=seed, out=films[split], count=count, jobs=jobs, split=split, **_FILMS)
        api.data_build([films[split]], out=data[split], formats=["align", "instruct", "long_video"])
    say("the model that the stages begin with")
    student = work / "student"
    shutil.rmtree(student, ignore_errors=True)
    losses = save_student(
        student,
        _texts(data["train"]),
        readings(data["train"]),
        sights(data["train"]),
        word_steps=scale.word_steps,
        sight_steps=scale.sight_steps,
        seed=_SEED,
    )
    say(f"its losses are {losses.words:.2f} in words and {losses.sights:.1f} in sights; features of all films")
    _preprocess([*films["train"].iterdir(), *films["test"].iterdir()], student)
    reports: list[Report] = []
    for stage in _stages(films, data, scale):
        say(stage.recipe)
        reports.append(attend(stage, student, work / stage.recipe))
        student = reports[-1].model
        for row in reports[-1].rows:
            say(f"  {row.kind}: {row.own.share:.3f} of {row.own.total}, chance {row.chance:.3f}")
    return reports


def _stages(films: dict[str, Path], data: dict[str, Path], scale: Scale) -> list[Stage]:
    train, test = data["train"], data["test"]
    many = ("schedule.samples_per_step=8", "parallel.micro_batch=8")
    return [
        Stage(
            recipe="align",
            lessons=train / "align.json",
            settings=(*many, "optimizer.lr=2e-3", f"schedule.epochs={scale.epochs[0]}"),
            questions=_some(caption_questions(test), scale.asked),
            media=test,
            template="plain",
            chooses=True,
        ),
        Stage(
            recipe="instruct",
            lessons=write_lessons(train / "pictures.json", picture_dialogues(train)),
            settings=(*many, "optimizer.lr=1.5e-3", f"schedule.epochs={scale.epochs[1]}"),
            questions=_some(picture_questions(test), scale.asked),
            media=test,
        ),
        Stage(
            recipe="long_video",
            lessons=write_lessons(train / "films.json", film_dialogues(train, seed=_SEED)),
            settings=(
                "schedule.samples_per_step=2",
                "parallel.micro_batch=2",
                "optimizer.lr=1e-3",
                f"schedule.epochs={scale.epochs[2]}",
                f"data.media={films['train']}",
            ),
            questions=_some(film_questions(test), scale.asked),
            media=films["test"],
        ),
    ]


def _texts(data: Path) -> list[str]:
    names = ("align", "instruct", "long_video")
    return [turn["value"] for name in names for record in read_records(data, name) for turn in record["conversations"]]


def _some(questions: Sequence[Question], count: int) -> list[Question]:
    """Return questions spread evenly over all of them."""
    step = max(1.0, len(questions) / count)
    return [questions[int(index * step)] for index in range(min(count, len(questions)))]


def _preprocess(films: Sequence[Path], model: Path) -> None:
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(_preprocess_one, sorted(films), [model] * len(films), chunksize=4):
            pass


def _preprocess_one(film: Path, model: Path) -> None:
    torch.set_num_threads(1)
    api.preprocess_movie(film / "film.mp4", output=film / "film.movieqa", model=str(model), fps=_FRAMES_A_SECOND)


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def print_section(reports: Sequence[Report], scale: Scale, *, seconds: float) -> None:
    """Print the section of the page."""
    print(
        f"## Learning film world\n\nA small model trained by three recipes one after the other on {scale.train} films "
        f"of the training split and asked about {scale.test} films of the test split, each about a minute and a half "
        "long. Its language model was taught to read from the training films' texts and its vision tower to see from "
        "their captions, each without the other; the rest began at random. Places, wordings, people and names of the "
        f"test films are partly or wholly other ones. All of it took {seconds / 60:.0f} minutes, the three runs "
        f"{_listed(one.seconds for one in reports)}, in processor time {_listed(one.processor for one in reports)}.\n"
    )
    print("| stage | questions | right | 95 % | chance | pictures of another film | clear |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for report in reports:
        for row in report.rows:
            kind = f"**{report.recipe}**" if row is report.rows[0] else row.kind
            low, high = row.own.interval()
            blind = "" if row.blind is None else f"{row.blind.share:.3f}"
            print(
                f"| {kind} | {row.own.total} | {row.own.share:.3f} | {low:.3f} to {high:.3f} "
                f"| {row.chance:.3f} | {blind} | {'yes' if row.is_clear else 'no'} |"
            )
    print(
        "\nAfter align the model chooses, between its own picture and one of another film, the one that makes a "
        "caption likelier; chance is a half. Later an answer is right when greedy decoding writes it "
        "letter for letter; chance "
        "is each kind's commonest answer in this very exam. Clear: the whole interval is above chance and above that "
        "of the same model shown the pictures of another film. Questions by name and about what is done are too hard "
        "for a model of minutes, and are neither learned nor asked here.\n"
    )
    print("| stage | step | training loss | right of some questions |\n|---|---:|---:|---:|")
    for report in reports:
        for point in report.curve:
            loss = "" if point.loss is None else f"{point.loss:.2f}"
            print(f"| {report.recipe} | {point.step} | {loss} | {point.score.share:.3f} |")


def _listed(seconds: Iterable[float]) -> str:
    return ", ".join(f"{one:.0f} s" for one in seconds)


if __name__ == "__main__":
    main()
