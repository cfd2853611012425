"""A film of random features with some words in it, for benchmarks of models: what a model does costs the same."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from movieqa.builder import WorkspaceBuilder
from movieqa.features import FACTS_FILE, FOLDER, FeatureFacts, shard_name, step_name
from movieqa.loaded import LoadedModel
from movieqa.workspace import Workspace
from tests.workspaces import make_shots, make_subtitles, make_workspace

FRAMES_PER_SHARD = 512
SECONDS_PER_SHOT, SECONDS_PER_LINE = 36, 18


def make_random_film(folder: Path, loaded: LoadedModel, num_frames: int) -> Workspace:
    """Make a film of one frame a second with random features for a model."""
    lines = [(SECONDS_PER_LINE * n, SECONDS_PER_LINE * n + 3, "He says it.") for n in range(num_frames // 18)]
    bounds = sorted({*range(0, num_frames, SECONDS_PER_SHOT), num_frames})
    workspace = make_workspace(
        folder, shots=make_shots(*bounds), subtitles=make_subtitles(*lines), num_frames=num_frames
    )
    config = loaded.model.config
    facts = FeatureFacts(
        tower=loaded.tower,
        kind="float16",
        num_frames=num_frames,
        num_rows=1 + config.num_patches,
        width=int(config.vision.hidden_size),
        frames_per_shard=FRAMES_PER_SHARD,
        loss=0.0,
    )
    device = loaded.model.device
    random = torch.Generator(device).manual_seed(0)
    with (
        WorkspaceBuilder(workspace.path, workspace.manifest) as builder,
        builder.step(step_name(loaded.name), {}) as output,
    ):
        target = output.folder / FOLDER / loaded.name
        target.mkdir(parents=True)
        for index in range(facts.num_shards):
            count = min(FRAMES_PER_SHARD, num_frames - index * FRAMES_PER_SHARD)
            features = torch.randn(count, facts.num_rows, facts.width, generator=random, device=device).half()
            save_file({"features": features.cpu()}, target / shard_name(index))
        (target / FACTS_FILE).write_text(facts.dump())
    return Workspace.open(workspace.path)
