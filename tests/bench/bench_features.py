"""Measures the host memory of the features step for a short film and a long one, and what 8 bits lose.

The vision tower itself is left out, its memory being the model's: in its place come random features of EVA ViT-g's
size, [T, 257, 1408]. Reading, preprocessing, storing, checking and the manifest are the step's own. Published weights
were not at hand, so what 8 bits lose is measured on random rows, even ones and ones with a channel that stands out.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor
from transformers.models.instructblip.configuration_instructblip import InstructBlipVisionConfig

from movieqa.features import bytes_per_frame
from movieqa.loaded import LoadedModel
from movieqa.model import MovieConfig, MovieModel
from movieqa.model.config import tiny
from movieqa.model.tokens import ContextAttention
from movieqa.preprocess.features import FeaturesConfig, add_features, quantise_rows
from tests.tiny_checkpoint import tiny_processor
from tests.workspaces import make_shots, make_workspace

SHORT, LONG = 600, 7200
ROWS, WIDTH = 257, 1408
BATCH = 64  # as on a GPU; without one it is 8, and takes less
SIZE = (854, 480)


class RandomTower(MovieModel):
    """A model whose vision tower gives random features at once."""

    @torch.no_grad()
    def encode_frames(self, pixels: Tensor) -> Tensor:
        """Return random features of the real size."""
        return torch.randn(len(pixels), ROWS, WIDTH)


def measure(num_frames: int) -> None:
    """Print the peak memory of this process before and after the step, in bytes."""
    vision = InstructBlipVisionConfig(
        hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=1, num_attention_heads=16, image_size=224
    )
    config = MovieConfig(**{**tiny().to_dict(), "vision_config": vision.to_dict()})
    loaded = LoadedModel.of(RandomTower(config).eval(), tiny_processor(config), name="random")
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), shots=make_shots(0, num_frames), num_frames=num_frames, size=SIZE)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        add_features(
            workspace, loaded, FeaturesConfig(batch_size=BATCH), announce=lambda line: print(line, file=sys.stderr)
        )
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"before": before, "after": after}))


def measured(num_frames: int) -> int:
    """Return how many bytes the step takes on top of the model, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_features", str(num_frames)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures = json.loads(done.stdout)
    return int(figures["after"]) - int(figures["before"])


@torch.inference_mode()
def quantisation_loss(outlier: float) -> tuple[float, float]:
    """Return the relative error of features in 8 bits, and of the context tokens made of them.

    Args:
        outlier: How many times larger one channel of each row is than the others.
    """
    random = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        attention = ContextAttention(768, WIDTH, 4096)
    queries = torch.randn(8, 32, 768, generator=random)
    features = torch.randn(8, ROWS, WIDTH, generator=random)
    features[..., 7] *= outlier
    values, scale = quantise_rows(features)
    stored = values.float() * scale[..., None]
    whole, kept = attention(queries, features[:, 1:]), attention(queries, stored[:, 1:])
    return relative_error(stored, features), relative_error(kept, whole)


def relative_error(one: Tensor, other: Tensor) -> float:
    """Return the root of the mean squared difference over the root of the mean square."""
    return float((one - other).norm() / other.norm())


def main() -> None:
    """Measure and print the table."""
    short, long = measured(SHORT), measured(LONG)
    print("## Storing features\n")
    print("| film | features on disk | host memory over the model | at most |\n|---|---:|---:|---:|")
    for num_frames, taken in ((SHORT, short), (LONG, long)):
        size = num_frames * bytes_per_frame("float16", ROWS, WIDTH)
        print(f"| {num_frames:,} frames | {size / 1e9:.1f} GB | {taken / 1e9:.2f} GB | 1.5 GB |")
    print(
        f"\nFeatures of EVA ViT-g's size from pictures of {SIZE[0]}x{SIZE[1]}, {BATCH} at a time; random numbers stand "
        f"for the tower. A film {LONG / SHORT:g} times as long takes {long / short:.2f} times the memory.\n"
    )
    print("| rows of features in 8 bits | error of the features | of the context tokens |\n|---|---:|---:|")
    for outlier, what in ((1, "even"), (10, "one channel 10 times larger"), (50, "one channel 50 times larger")):
        features, tokens = quantisation_loss(outlier)
        print(f"| {what} | {features:.2%} | {tokens:.2%} |")


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
