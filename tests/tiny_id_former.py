"""Makes a tiny ID-Former that fits the tiny random model, and tells plainly coloured pictures apart."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from movieqa.identity import Box
from movieqa.loaded import open_model
from movieqa.memory.film_identities import crop
from movieqa.memory.id_former_film import FOLDER, FilmIdFormer, FilmIdFormerConfig
from tests.tiny_checkpoint import save_tiny_model
from tests.workspaces import draw_frame

NUM_COLOURS = 6
_MOMENTS = (0, 5, 11)


def save_tiny_people_model(folder: Path, *, is_silent: bool = False) -> Path:
    """Save a tiny random model with an ID-Former of its own.

    The ID-Former is random but for the output of its first attention, which is fitted: the colours of `draw_frame`
    come out at right angles to each other, as a training to tell them apart would have it.

    Args:
        folder: New folder.
        is_silent: Whether it leaves frames as they are, as before any training.
    """
    save_tiny_model(folder)
    loaded = open_model(folder, device="cpu")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        former = FilmIdFormer(FilmIdFormerConfig(vision_width=32, num_heads=2, num_queries=3))
        nn.init.normal_(former.query, std=1.0)
        if not is_silent:
            nn.init.normal_(former.identity_attention.out_proj.weight, std=0.5)
        whole = Box(left=0, top=0, right=1, bottom=1)
        shots = [shot for shot in range(NUM_COLOURS) for _ in _MOMENTS]
        pictures = [crop(draw_frame(moment, shot), whole) for shot in range(NUM_COLOURS) for moment in _MOMENTS]
        patches = loaded.model.encode_frames(loaded.processor.preprocess(pictures))[:, 1:]
        output = former.pooling.out_proj
        output.weight.copy_(torch.eye(32))
        output.bias.zero_()
        read = former.remember(torch.split(patches, 1)).mean(dim=1)
        common = read.mean(dim=0)
        wanted = torch.eye(NUM_COLOURS, 32)[shots] - 1 / NUM_COLOURS
        fitted = torch.linalg.lstsq(read - common, wanted, driver="gelsd", rcond=1e-3).solution
        output.weight.copy_(fitted.T)
        output.bias.copy_(-common @ fitted)
    former.save(folder / FOLDER)
    return folder
