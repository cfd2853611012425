"""Runs lmms-eval itself on a small local task with a tiny random checkpoint, and checks what it writes.

    python -m tests.ecosystem.run_lmms_eval [--python PYTHON]

Without --python it makes an environment of its own, some three gigabytes and several minutes: lmms-eval asks for an
older PyAV than movieqa is pinned to, and for torchvision, whose presence breaks a CPU torch.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from movieqa.eval.sample import Moment, Reference, Sample
from movieqa.plugins.lmms_eval_task import write_task
from tests.tiny_checkpoint import save_tiny_model

ROOT = Path(__file__).parents[2]
VERSION = "0.7.3"
SAMPLES = (
    Sample(id="1", film="signs.mp4", question="Which word?", task="choice", options=("book", "door"), answer="A"),
    Sample(id="2", film="signs", question="the word book is signed", task="moments", spans=(Moment(start=4, end=8),)),
    Sample(
        id="3",
        film="faces",
        question="Which picture shows Ann? <image> <image>",
        task="choice",
        options=("Image 1", "Image 2"),
        answer="A",
        pictures=("red.png", "green.png"),
        references=(Reference(name="Ann", image="red.png"),),
    ),
)


def main() -> None:
    """Run the proof; an assertion fails where it does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="an environment that has lmms-eval and movieqa")
    given = parser.parse_args().python
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = given or make_environment(folder / "environment")
        results, rows = run(python, folder)
    assert [len(row["filtered_resps"]) > 0 for row in rows] == [True] * len(SAMPLES), rows
    assert rows[0]["token_counts"][0]["input_tokens"] > 0
    metrics = {key.split(",")[0] for key in results["results"]["movieqa_local"]}
    expected = {"choice_correct", "grounding_iou", "matching_correct"}
    assert expected <= metrics, metrics
    print(f"lmms-eval {VERSION} ran movieqa on {len(rows)} samples: {', '.join(sorted(expected))}")


def make_environment(folder: Path) -> Path:
    """Install lmms-eval and this checkout, and take out what breaks a CPU torch."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    for arguments in (
        ("install", "-q", "-c", ROOT / "constraints.txt", "torch"),
        ("install", "-q", f"lmms-eval=={VERSION}"),
        ("install", "-q", "-e", f"{ROOT}[model]"),
        ("uninstall", "-q", "-y", "torchvision"),
    ):
        subprocess.run([python, "-m", "pip", "--disable-pip-version-check", *arguments], check=True, timeout=1800)
    return python


def run(python: Path, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run lmms-eval, and return its results and its samples in order."""
    films = folder / "films"
    films.mkdir()
    shutil.copy(ROOT / "tests" / "assets" / "signs.mp4", films)
    for name in ("red", "green"):
        Image.new("RGB", (64, 48), name).save(films / f"{name}.png")
    model = save_tiny_model(folder / "tiny")
    task = write_task(SAMPLES, name="movieqa_local", films=films, folder=folder / "task")
    command = [python, "-m", "lmms_eval", "--model", "movieqa"]
    command += ["--model_args", f"model={model},workspaces={folder / 'workspaces'}", "--batch_size", "2"]
    command += ["--include_path", task.folder, "--tasks", task.name, "--log_samples", "--output_path", folder / "out"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")}
    subprocess.run(command, check=True, timeout=600, cwd=folder, env=environment)
    (samples,) = (folder / "out").rglob("*_samples_*.jsonl")
    (results,) = (folder / "out").rglob("*_results.json")
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    return json.loads(results.read_text()), sorted(rows, key=lambda row: int(row["doc_id"]))


if __name__ == "__main__":
    main()
