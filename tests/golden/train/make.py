"""Writes the golden curves anew with a plain loop, without deepspeed: `python -m tests.golden.train.make`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from movieqa.train.recipes import RECIPES
from tests.training_runs import plain_curve, run_config, save_model, write_data


def main() -> None:
    """Train every recipe for ten steps and write its losses and gradient norms."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = save_model(folder / "model")
        for recipe in RECIPES:
            curve = plain_curve(run_config(recipe, model, write_data(folder / "data", recipe)))
            text = "".join(f"{loss:.6f} {norm:.6f}\n" for loss, norm in curve)
            (Path(__file__).parent / f"{recipe}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
