"""Writes the golden curves anew with a plain loop, without deepspeed: `python -m tests.golden.train.make`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from movieqa.train.recipes import RECIPES
from tests.training_runs import run_config, run_plainly, start_of, write_data


def main() -> None:
    """Train every recipe for ten steps and write its losses and gradient norms."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for recipe in RECIPES:
            config = run_config(recipe, start_of(recipe, folder), write_data(folder / "data", recipe))
            text = "".join(f"{loss:.6f} {norm:.6f}\n" for loss, norm in run_plainly(config).curve)
            (Path(__file__).parent / f"{recipe}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
