"""Measures 32 pictures of a micro batch together and one by one: `python -m tests.bench.train_pictures`."""

from __future__ import annotations

import time
from statistics import median

import torch
from torch.utils.checkpoint import checkpoint

from movieqa.model import Media, MovieModel
from movieqa.model.config import tiny
from movieqa.train.bundles import read_parts, split_media
from movieqa.train.recipes import instruct
from movieqa.train.trainable import choose_trainable
from movieqa.train.training_model import FrameEncoder, Piece

PICTURES = 32
ROUNDS = 7


def alone(model: MovieModel, media: list[Media]) -> None:
    """Encode each picture by itself, forward and backward."""
    tokens = []
    for one in media:
        features = model.encode_frames(one.pixels)
        tokens.append(checkpoint(read_parts, model, list(split_media(one, features, size=1)), use_reentrant=False))
    torch.cat(tokens).square().sum().backward()


def main() -> None:
    """Measure in turns, so that what else runs hits both, and print the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, recipe = MovieModel(tiny()), instruct()
    choose_trainable(model, recipe.model.trains)
    frames = FrameEncoder(model.eval(), None, recomputes=recipe.compute.gradient_checkpointing)
    size = model.config.image_size
    media = [
        Media(guidance_ids=torch.arange(5, 15 + number % 8), pixels=torch.randn(1, 3, size, size))
        for number in range(PICTURES)
    ]
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        alone(model, media)
        middle = time.process_time()
        frames([[Piece(media=one)] for one in media]).square().sum().backward()
        rounds.append((middle - started, time.process_time() - middle))
    before, after = (median(one) for one in zip(*rounds, strict=True))
    ratio = median(one / other for one, other in rounds)
    print(f"| {PICTURES} pictures, processor time, one thread | one by one | together | times as fast |")
    print(f"|---|---:|---:|---:|\n| tiny encoders | {before:.2f} s | {after:.2f} s | {ratio:.1f} |")


if __name__ == "__main__":
    main()
