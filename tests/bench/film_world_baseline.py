"""How far the film's own lines get without a model: the options they choose on film world, chance beside it.

`python -m tests.bench.film_world_baseline` makes 24 films of six minutes (without drawing them: only their lines are
read), asks every question that has options through `movieqa eval`'s function, and prints a table.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pysubs2

from movieqa import api
from movieqa.eval.run import read_run
from movieqa.eval.scorers.registry import make_scorer
from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.questions.asking import questions_jsonl
from movieqa.train.film_world.records import Film
from movieqa.train.film_world.truth import film_srt
from tests.workspaces import make_shots, make_subtitles, make_workspace

_SEEDS = range(2000, 2024)  # on which nothing was chosen
_MINUTES = 6


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = [make_film(seed=seed, minutes=_MINUTES, split="test") for seed in _SEEDS]
        (folder / "qa.jsonl").write_text("".join(map(questions_jsonl, films)), encoding="utf-8")
        for film in films:
            _write_workspace(folder, film)
        api.evaluate(folder / "qa.jsonl", out=folder / "run.jsonl", benchmark="movieqa", task=("choice",))
        run = read_run(folder / "run.jsonl")
    predictions = run.predictions
    assert run.counts["answered"] == len(predictions)
    scores = make_scorer("choice").score(predictions)
    num_unanswered = scores.counts["unanswered"]
    right = round(scores.values["accuracy"] / 100 * len(predictions))
    print(f"| questions | chance | accuracy | an option chosen | right where one is |\n{'|---:' * 5}|")
    chosen = len(predictions) - num_unanswered
    chance = sum(1 / len(one.sample.options) for one in predictions) / len(predictions)
    print(
        f"| {len(predictions)} | {chance:.3f} | {right / len(predictions):.3f} "
        f"| {chosen / len(predictions):.3f} | {right / chosen:.3f} |"
    )


def _write_workspace(folder: Path, film: Film) -> None:
    (asked,) = {json.loads(line)["film"] for line in questions_jsonl(film).splitlines()}
    lines = pysubs2.SSAFile.from_string(film_srt(film), format_="srt")
    make_workspace(
        folder,
        name=f"{asked}.mp4",
        shots=make_shots(0, film.duration),
        subtitles=make_subtitles(*((line.start / 1000, line.end / 1000, line.plaintext) for line in lines)),
        num_frames=2,
    )


if __name__ == "__main__":
    main()
