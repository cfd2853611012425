"""Saving a model says nothing on standard output, where results belong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAVE = "import sys; from movieqa.model import MovieModel; from movieqa.model.config import tiny; "
SAVE += "MovieModel(tiny()).save_pretrained(sys.argv[1])"


def test_saving_is_silent_where_deepspeed_is_installed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAVE, tmp_path / "model"], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == ""
    assert (tmp_path / "model" / "model.safetensors").exists()
