"""Film world: how fast films are made on one core, in how much memory, and how far guessing gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from movieqa.preprocess.probe import probe
from movieqa.preprocess.scan import ScanConfig, scan_film
from movieqa.train.film_world.guessers import score_guessers
from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.questions.asking import ask

from .film_world_cuts import score_cuts

_MINUTES = (10, 120)
_CHILD = """
import json, os, resource, sys, time
from pathlib import Path
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
started = time.perf_counter()
from movieqa.train.film_world.synthesis import synthesize_film_world
made = synthesize_film_world(seed=1, minutes=float(sys.argv[1]), out=Path(sys.argv[2]))[0]
mine, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
seconds = sum(usage.ru_utime + usage.ru_stime for usage in (mine, others))
wall = time.perf_counter() - started
size = (Path(sys.argv[2]) / "film.mp4").stat().st_size / 2**20
values = {"film": made.duration, "wall": wall, "seconds": seconds, "peak": mine.ru_maxrss / 1024, "size": size}
print(json.dumps(values))
"""


def main() -> None:
    """Print the section."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = {minutes: _make(minutes, folder / str(minutes)) for minutes in _MINUTES}
        cuts = _score_cuts(folder / str(_MINUTES[0]))
    _print_speed(measured)
    print(f"\nHard cuts of the {_MINUTES[0]}-minute film found by the project's own scan: {cuts}\n")
    _print_guessers()


def _make(minutes: int, folder: Path) -> dict[str, float]:
    print(f"making {minutes} minutes", file=sys.stderr)
    command = [sys.executable, "-c", _CHILD, str(minutes), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=dict(os.environ))
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _print_speed(measured: dict[int, dict[str, float]]) -> None:
    print(
        "## Film world\n\nWhole films at 640x360 with sound, truth and questions, by one process on one core. Seconds "
        "on the clock depend on what else the core does, processor seconds do not.\n"
    )
    print("| film | clock | processor | times real time (processor) | peak memory | film.mp4 |")
    print("|---:|---:|---:|---:|---:|---:|")
    for item in measured.values():
        speed = item["film"] / item["seconds"]
        print(
            f"| {item['film']:.0f} s | {item['wall']:.0f} s | {item['seconds']:.0f} s | {speed:.1f} "
            f"| {item['peak']:.0f} MB | {item['size']:.0f} MB |"
        )
    print("\nRequired: 20 times real time, and the two-hour film in less than 420 s.")


def _score_cuts(folder: Path) -> str:
    truth = json.loads((folder / "truth.json").read_text())
    out = folder / "scan"
    out.mkdir()
    path = folder / "film.mp4"
    score = score_cuts(scan_film(path, probe(path), out, ScanConfig()).shots, truth)
    return (
        f"precision {score.precision:.3f}, recall {score.recall:.3f}, F1 {score.f_score:.3f}; "
        f"{score.gradual_found} of {score.num_gradual} dissolves and fades."
    )


def _print_guessers(training: int = 60, testing: int = 30, minutes: float = 10) -> None:
    print("asking and guessing", file=sys.stderr)
    learned = [
        sample for seed in range(training) for sample in ask(make_film(seed=seed, minutes=minutes, split="train"))
    ]
    films = [make_film(seed=5000 + seed, minutes=minutes, split="test") for seed in range(testing)]
    asked = [(film, ask(film)) for film in films]
    scores = score_guessers(learned, asked)
    counts = Counter(tag for _, samples in asked for sample in samples if sample.options for tag in sample.tags)
    print(
        f"Guessing without the film, trained on {training} training films, scored on {testing} test films "
        f"of {minutes:.0f} minutes:\n"
    )
    print(f"| tag | questions | {' | '.join(score.guesser for score in scores)} |\n|---|---:|---:|---:|---:|")
    print(f"| all | {scores[0].num_questions} | {' | '.join(f'{score.overall:.3f}' for score in scores)} |")
    for tag in scores[0].by_tag:
        print(f"| {tag} | {counts[tag]} | {' | '.join(f'{score.by_tag[tag]:.2f}' for score in scores)} |")


if __name__ == "__main__":
    main()
