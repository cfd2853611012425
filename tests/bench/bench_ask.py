"""Measures how long a question takes on a three-hour film: in Python, warm and cold, and as a command."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from movieqa.engine import ExtractiveAnswerer
from movieqa.workspace import Workspace
from tests.workspaces import make_shots, make_subtitles, make_workspace

HOURS = 3
NUM_FRAMES, NUM_SHOTS, NUM_LINES, NUM_WORDS = 10_800, 1_800, 2_500, 6_000
QUESTIONS = (
    "Where does {0} hide the {1} before the {2} arrives?",
    "What does Anna say about the {1}?",
    'When does somebody say "{0} {1}"?',
    "Who mentions the {2} in the second half of the film?",
    "What happens in the last ten minutes?",
    "How many shots are there in the first hour?",
    "Where is the xylophone of the emperor?",
)


def make_film(folder: Path) -> tuple[Workspace, list[list[str]]]:
    """Make a three-hour workspace, its words as unevenly frequent as real ones; return it with its lines' words."""
    random = np.random.default_rng(1)
    letters = np.array(list("aeioubcdfghklmnprst"))
    vocabulary = sorted({"".join(random.choice(letters, random.integers(3, 9))) for _ in range(NUM_WORDS)})
    frequencies = 1 / np.arange(1, len(vocabulary) + 1)
    starts = np.sort(random.uniform(0, HOURS * 3600 - 10, NUM_LINES))
    words = [
        list(random.choice(vocabulary, random.integers(3, 14), p=frequencies / frequencies.sum()))
        for _ in range(NUM_LINES)
    ]
    speakers = random.choice(["Anna", "Tom", "Mara", "Otto"], NUM_LINES)
    cuts = np.unique(np.round(random.uniform(1, HOURS * 3600 - 1, NUM_SHOTS - 1), 3))
    workspace = make_workspace(
        folder,
        shots=make_shots(0, *cuts, HOURS * 3600),
        subtitles=make_subtitles(
            *(
                (round(start, 3), round(start + 2.5, 3), f"{speaker}> {' '.join(line)}")
                for start, speaker, line in zip(starts, speakers, words, strict=True)
            )
        ),
        num_frames=NUM_FRAMES,
    )
    return workspace, words


def write_questions(lines: Sequence[Sequence[str]], *, number: int) -> list[str]:
    """Write questions in the words of random lines."""
    random = np.random.default_rng(2)
    chosen = random.choice(len(lines), number)
    return [QUESTIONS[index % len(QUESTIONS)].format(*lines[line][:3]) for index, line in enumerate(chosen)]


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="runs of everything slow; the median counts")
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory() as folder:
        print("making a three-hour workspace", file=sys.stderr)
        workspace, lines = make_film(Path(folder))
        questions = write_questions(lines, number=200)
        cold = [seconds_of(lambda: ask_cold(workspace.path, questions[0])) for _ in range(repeat)]
        spoiler_free = [
            seconds_of(lambda: ExtractiveAnswerer(workspace).answer(questions[0], until=5400.0)) for _ in range(repeat)
        ]
        answerer = ExtractiveAnswerer(workspace)
        answerer.answer(questions[0])
        warm = [answerer.answer(question).seconds for question in questions]
        longest = seconds_of(lambda: answerer.answer(" ".join(word for line in lines for word in line)[:10_000]))
        command = [sys.executable, "-m", "movieqa"]
        ask = [*command, "ask", str(workspace.path), "--question", questions[0]]
        rows = [
            ("one question, index ready (median of 200)", median(warm), 1.0),
            ("the slowest of the 200", max(warm), 1.0),
            ("a question of 10,000 characters", longest, 1.0),
            ("the first question: open, index, answer", median(cold), 1.0),
            ("the first question with `until` half-way", median(spoiler_free), 1.0),
            ("`movieqa ask` as a command", median(run(ask) for _ in range(repeat)), 3.0),
            ("`movieqa --help` as a command", median(run([*command, "--help"]) for _ in range(repeat)), 0.5),
        ]
    print("## Asking\n")
    print(f"A workspace of {HOURS} hours: {NUM_FRAMES:,} frames, {NUM_SHOTS:,} shots, {NUM_LINES:,} subtitle lines.\n")
    print("| what | seconds | at most |\n|---|---:|---:|")
    for what, seconds, limit in rows:
        print(f"| {what} | {seconds:.3f} | {limit:.1f} |")


def ask_cold(path: Path, question: str) -> None:
    """Ask one question of a workspace that nobody has opened."""
    ExtractiveAnswerer(Workspace.open(path)).answer(question)


def run(command: Sequence[str]) -> float:
    """Run a command that must succeed; return its wall time in seconds."""
    return seconds_of(lambda: subprocess.run(command, check=True, capture_output=True))


if __name__ == "__main__":
    main()
