"""The features step takes no more memory for a long film than for a short one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import resource, sys, tempfile
from pathlib import Path
import torch
from transformers.models.instructblip.configuration_instructblip import InstructBlipVisionConfig
from movieqa.loaded import LoadedModel
from movieqa.model.config import MovieConfig, tiny
from movieqa.preprocess.features import add_features
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_workspace

torch.set_num_threads(1)
vision = InstructBlipVisionConfig(
    hidden_size=768, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4, image_size=112
)
config = MovieConfig(**{**tiny().to_dict(), "vision_config": vision.to_dict()})
loaded = LoadedModel.of(make_tiny_model(config), tiny_processor(), name="wide")

def run(num_frames):
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), shots=make_shots(0, num_frames), num_frames=num_frames)
        add_features(workspace, loaded)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

run(48)
print(run(64), run(512))
"""


def test_memory_does_not_grow_with_the_film() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        timeout=200,
        capture_output=True,
        text=True,
        check=True,
    )
    short, long = map(int, done.stdout.split())
    written = 512 * 65 * 768 * 2 / 2**20  # 49 MiB, of which nothing may stay
    assert long - short < 0.4 * written, (short, long)
