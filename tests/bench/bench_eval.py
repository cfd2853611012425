"""Measures batch evaluation: what the runner costs beside the model, and what asking together saves."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from transformers import LlamaConfig

from movieqa import api
from movieqa.answer import Answer, Span
from movieqa.answerers import AnswererConfig
from movieqa.api.evaluation_films import FilmShelf
from movieqa.eval.answerers import make_answerer
from movieqa.eval.asking import write_prompt
from movieqa.eval.jobs import OpenFilm, Question
from movieqa.eval.log import RunLog
from movieqa.eval.origin import describe_run
from movieqa.eval.runner import EvaluationConfig, evaluate
from movieqa.eval.sample import Sample
from movieqa.loaded import LoadedModel, open_model
from movieqa.model.config import tiny
from movieqa.preprocess.features import add_features
from movieqa.workspace import Workspace
from tests.evaluation_films import make_films, make_samples
from tests.tiny_checkpoint import save_tiny_model
from tests.workspaces import make_shots, make_subtitles, make_workspace

NUM_FILMS, NUM_QUESTIONS = 10, 1000
NUM_ALONE = 20
"""Questions that are asked one by one; the time of all is worked out from them."""
NUM_FRAMES, NUM_LINES, ANSWER_TOKENS = 120, 24, 8
LONGEST_OVERHEAD = 5.0
LEAST_GAIN = 3.0


@dataclass(frozen=True, kw_only=True)
class InstantDesk:
    """Answers at once: what is left is the runner."""

    def ask(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer every question alike."""
        spans = (Span(start=1.0, end=2.0, known="heard", score=1.0, quote="The key is in the boathouse."),)
        text = "Otto gives Mara the key in the boathouse. " * 3
        return [Answer(question=one.text, text=text, answerer="instant", spans=spans, names=("Otto",)) for one in batch]


@dataclass(frozen=True, kw_only=True)
class InstantShelf(FilmShelf):
    """Opens films as the command does, with an answerer that costs nothing."""

    def open(self, film: str, subtitles: str | None) -> OpenFilm:
        """Open a film."""
        return OpenFilm(desk=InstantDesk(), workspace=super().open(film, subtitles).workspace)


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def run(folder: Path, samples: Sequence[Sample], *, batch: int) -> float:
    """Run an evaluation into a new log, with all that the command does; return the seconds it takes."""
    started = time.perf_counter()
    shelf = InstantShelf(films=folder, workspaces=folder, answers=AnswererConfig(), batch=batch)
    log_path = folder / "run.jsonl"
    log_path.unlink(missing_ok=True)
    header = describe_run(samples, source="qa.jsonl", ask=write_prompt, settings={"batch": batch})
    with RunLog(log_path, header, samples) as log:
        evaluate(samples, ask=write_prompt, opener=shelf, log=log, config=EvaluationConfig(batch=batch))
    return time.perf_counter() - started


def measure_overhead(folder: Path, *, repeat: int) -> list[tuple[str, float]]:
    """Return milliseconds a sample that the runner takes, in batches and one by one."""
    samples = make_samples(make_films(folder, NUM_FILMS), NUM_QUESTIONS)
    rows = []
    for batch in (16, 1):
        seconds = median(run(folder, samples, batch=batch) for _ in range(repeat))
        rows.append((f"{NUM_QUESTIONS:,} samples, {batch} to a batch", seconds / NUM_QUESTIONS * 1000))
    return rows


def make_model(folder: Path) -> LoadedModel:
    """Save and open a random model whose language model has three million parameters."""
    config = tiny(
        text_config=LlamaConfig(
            vocab_size=259,
            hidden_size=256,
            intermediate_size=704,
            num_hidden_layers=4,
            num_attention_heads=8,
            num_key_value_heads=8,
            max_position_embeddings=16384,
            pad_token_id=0,
        )
    )
    config.max_context = 16384
    return open_model(save_tiny_model(folder / "small", config), device="cpu")


def make_long_films(folder: Path, loaded: LoadedModel) -> list[str]:
    """Write films of two minutes with the model's features; return their names."""
    names = []
    for film in range(NUM_FILMS):
        lines = [
            (5.0 * line + 0.5, 5.0 * line + 3.0, f"Anna> Take number {line} of film {film} to the boathouse.")
            for line in range(NUM_LINES)
        ]
        workspace = make_workspace(
            folder,
            name=f"film{film}.mp4",
            shots=make_shots(*range(0, NUM_FRAMES + 1, 10)),
            subtitles=make_subtitles(*lines),
            num_frames=NUM_FRAMES,
        )
        add_features(workspace, loaded)
        names.append(f"film{film}")
    return names


def ask_alone(workspace: Path, sample: Sample, loaded: LoadedModel, guidance: str) -> str:
    """Ask one question as `movieqa.ask` does, with the model open already."""
    config = AnswererConfig(model=loaded.name, guidance=guidance, answer_tokens=ANSWER_TOKENS)  # type: ignore[arg-type]
    answerer = make_answerer(Workspace.open(workspace), config, loaded=loaded)
    return answerer.answer(write_prompt(sample)).text


def measure_gain(folder: Path) -> list[tuple[str, float]]:
    """Return the seconds for all questions: together, and one by one in both kinds of guidance."""
    loaded = make_model(folder)
    films = make_long_films(folder, loaded)
    samples = [
        Sample(
            id=f"q{index}",
            film=films[index % NUM_FILMS],
            question=f"Who takes number {index % NUM_LINES} to the boathouse, and why?",
        )
        for index in range(NUM_QUESTIONS)
    ]
    print("asking together", file=sys.stderr)
    asked = {}

    def together() -> None:
        done = api.evaluate(
            samples,
            out=folder / "run.jsonl",
            films=folder,
            model=str(folder / "small"),
            device="cpu",
            guidance="film",
            answer_tokens=ANSWER_TOKENS,
        )
        asked.update({one.sample.id: one.text for one in done.predictions})

    rows = [("`movieqa eval --guidance film`, opening the model included", seconds_of(together))]
    chosen = samples[:: NUM_QUESTIONS // NUM_ALONE]
    for guidance in ("film", "question"):
        print(f"asking one by one, guidance {guidance}", file=sys.stderr)
        started = time.perf_counter()
        texts = [ask_alone(folder / f"{one.film}.movieqa", one, loaded, guidance) for one in chosen]
        seconds = time.perf_counter() - started
        if guidance == "film":
            assert texts == [asked[one.id] for one in chosen], "asked together, questions have other answers"
        rows.append((f"one by one, guidance `{guidance}`", seconds / len(chosen) * NUM_QUESTIONS))
    return rows


def main() -> None:
    """Measure, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of the runner alone; the median counts")
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory() as folder:
        overhead = measure_overhead(Path(folder), repeat=repeat)
    # A library says on standard output which device it found.
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        gain = measure_gain(Path(folder))
    print("## Batch evaluation\n")
    print("What the runner takes beside whatever answers: reading workspaces, keys, the log and its flushes.\n")
    print("| what | ms a sample | at most |\n|---|---:|---:|")
    for what, milliseconds in overhead:
        print(f"| {what} | {milliseconds:.2f} | {LONGEST_OVERHEAD:.0f} |")
    print(
        f"\n{NUM_QUESTIONS:,} questions about {NUM_FILMS} films of {NUM_FRAMES} frames and {NUM_LINES} lines, "
        f"{ANSWER_TOKENS} tokens an answer, a random language model of three million parameters on "
        f"{torch.get_num_threads()} of {os.cpu_count()} cores. One by one, every question reads its film anew, with "
        f"the model open already; {NUM_ALONE} were asked so, with the same answers, and the time of all worked out.\n"
    )
    print("| how | seconds for all | times as long | at least |\n|---|---:|---:|---:|")
    for index, (what, seconds) in enumerate(gain):
        limit = f"{LEAST_GAIN:.0f}" if index else ""
        print(f"| {what} | {seconds:.0f} | {seconds / gain[0][1]:.1f} | {limit} |")


if __name__ == "__main__":
    main()
