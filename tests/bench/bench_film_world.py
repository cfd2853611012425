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

_MINUTES = (10, 60)
_CHILD = """
import json, os, resource, sys, time
from pathlib import Path
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from movieqa.train.film_world.synthesis import synthesize_film_world
made = synthesize_film_world(seed=1, minutes=float(sys.argv[1]), out=Path(sys.argv[2]))[0]
mine, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
seconds = sum(usage.ru_utime + usage.ru_stime for usage in (mine, others))
print(json.dumps({"film": made.duration, "seconds": seconds, "peak": mine.ru_maxrss / 1024}))
"""
_TOLERANCE = 1.01 / 24
"""Seconds a found cut may be away: one frame."""


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
    print("## Film world\n\nWhole films at 640x360 with sound, truth and questions, on one core; processor seconds.\n")
    print("| film | processor seconds | times real time | peak memory |\n|---:|---:|---:|---:|")
    for item in measured.values():
        speed = item["film"] / item["seconds"]
        print(f"| {item['film']:.0f} s | {item['seconds']:.0f} s | {speed:.1f} | {item['peak']:.0f} MB |")
    two_hours = 7200 / (measured[max(measured)]["film"] / measured[max(measured)]["seconds"])
    print(f"\nAt that speed a two-hour film takes {two_hours / 60:.1f} minutes.")


def _score_cuts(folder: Path) -> str:
    truth = json.loads((folder / "truth.json").read_text())
    out = folder / "scan"
    out.mkdir()
    path = folder / "film.mp4"
    found = scan_film(path, probe(path), out, ScanConfig()).shots
    hard = [shot["start"] for shot in truth["shots"] if shot["cut"] == "cut"]
    soft = [(shot["start"], shot["transition"]) for shot in truth["shots"] if shot["transition"] > 0]
    told = [shot.start for shot in found if shot.kind == "cut"]
    told = [time for time in told if not any(abs(time - middle) <= length / 2 + 0.1 for middle, length in soft)]
    right = sum(any(abs(time - other) <= _TOLERANCE for other in told) for time in hard)
    precision, recall = right / len(told), right / len(hard)
    gradual = [shot.start for shot in found if shot.kind in ("dissolve", "fade")]
    met = sum(any(abs(time - middle) <= length for time in gradual) for middle, length in soft)
    score = 2 * precision * recall / (precision + recall)
    return f"precision {precision:.3f}, recall {recall:.3f}, F1 {score:.3f}; {met} of {len(soft)} dissolves and fades."


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
