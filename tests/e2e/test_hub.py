"""A model goes to a hub whole, comes back by its name, and is then there without the hub; no network is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.hub import Files, local_hub
from tests.tiny_checkpoint import save_tiny_model

PUSH = """
import sys
from movieqa.loaded import open_model
loaded = open_model(sys.argv[1])
loaded.model.push_to_hub("me/film-model")
loaded.processor.push_to_hub("me/film-model")
"""
OPEN = """
import sys, torch
from movieqa.loaded import open_model
from movieqa.model import MovieModel, MovieProcessor
loaded, made = open_model("me/film-model"), open_model(sys.argv[1])
assert loaded.name == "film-model" and loaded.tower == made.tower
for name, tensor in made.model.state_dict().items():
    assert torch.equal(loaded.model.state_dict()[name], tensor), name
again = MovieModel.from_pretrained("me/film-model")
assert torch.equal(again.query_tokens, made.model.query_tokens)
texts = ["Who gives the key?", "[DEC] 42"]
processor = MovieProcessor.from_pretrained("me/film-model")
for text in texts:
    assert torch.equal(processor.guidance_ids(text), made.processor.guidance_ids(text))
"""


def run(script: str, model: Path, *, home: Path, address: str | None) -> None:
    hub = {"HF_HUB_OFFLINE": "1"} if address is None else {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": address}
    done = subprocess.run(
        [sys.executable, "-c", script, str(model)],
        env={**os.environ, **hub, "HF_HOME": str(home), "HF_TOKEN": "hf_test", "NO_PROXY": "127.0.0.1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_pushed_whole_and_opened_by_name(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "film-model")
    home = tmp_path / "home"
    with local_hub() as (address, repositories):
        run(PUSH + OPEN, model, home=home, address=address)
        pushed: Files = repositories["me/film-model"]
    saved = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    assert set(pushed) - {"README.md"} == saved  # what is there is what a folder holds: nothing is missing offline
    assert not any(name.endswith((".bin", ".pt", ".pth", ".pkl")) for name in pushed)
    run(OPEN, model, home=home, address=None)  # from the cache
