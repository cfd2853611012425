"""What a run would train, read, need and take, told before anything is loaded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from torch import nn

from movieqa.accelerator import choose_accelerator
from movieqa.model import MovieConfig, MovieModel

from .config import TrainConfig
from .data.training_set import open_training_set
from .loop import count_steps, make_order
from .opening import (
    MakeIdentityTokens,
    MakeIdFormer,
    choose_weights,
    fingerprint,
    make_people_parts,
    trained_processor,
)
from .operations import count_operations, peak_operations
from .trainable import PartSize, part_sizes

_USED_OF_GPU, _USED_OF_CPU = 0.4, 0.5
"""Shares of a device's arithmetic that a run is taken to use: of its makers' figure, and of a measured product."""
_QUANTISED_BYTES = {"none": None, "8bit": 1.02, "4bit": 0.55}


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """Bytes on one device, calculated.

    Attributes:
        weights: All weights, split as the ZeRO stage says.
        gradients: Of trained weights.
        optimizer: Means, squares and float32 copies of trained weights.
        activations: Of the longest micro batch, with what the loss needs.
        host: What offload moves to host memory.
    """

    weights: float
    gradients: float
    optimizer: float
    activations: float
    host: float

    @property
    def total(self) -> float:
        """All that is on the device."""
        return self.weights + self.gradients + self.optimizer + self.activations


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A run, before it is started.

    Attributes:
        recipe: Name of the recipe.
        parts: How much of each part is trained.
        num_samples: Good samples.
        num_bad: Bad ones.
        tokens: Positions that the whole run reads.
        longest: Tokens of the longest sample.
        steps: Updates of the weights.
        samples_per_step: Over all processes.
        processes: How many.
        memory: On each device.
        seconds: Estimate of the whole run; None where the device is not known.
        basis: What the estimate is made of.
    """

    recipe: str
    parts: tuple[PartSize, ...]
    num_samples: int
    num_bad: int
    tokens: int
    longest: int
    steps: int
    samples_per_step: int
    processes: int
    memory: MemoryPlan
    seconds: float | None
    basis: str

    def __str__(self) -> str:
        """Write the plan for people."""
        memory = self.memory
        lines = [f"{self.recipe}: trained numbers by part"]
        lines += [f"  {part.name:28} {part.trained:>15,} of {part.whole:>15,}" for part in self.parts]
        lines += [
            f"  {'all':28} {sum(part.trained for part in self.parts):>15,} of "
            f"{sum(part.whole for part in self.parts):>15,}",
            f"data: {self.num_samples:,} samples ({self.num_bad} bad), {self.tokens:,} tokens in the run, "
            f"longest {self.longest:,}",
            f"steps: {self.steps:,} of {self.samples_per_step} samples, {self.processes} process"
            f"{'es' if self.processes > 1 else ''}",
            f"memory of each device, calculated: {memory.total / 1e9:.2f} GB (weights {memory.weights / 1e9:.2f}, "
            f"gradients {memory.gradients / 1e9:.2f}, optimizer {memory.optimizer / 1e9:.2f}, activations "
            f"{memory.activations / 1e9:.2f}); host memory for offload: {memory.host / 1e9:.2f} GB",
            "time: not known for this device"
            if self.seconds is None
            else f"time: about {_duration(self.seconds)} ({self.basis})",
        ]
        return "\n".join(lines)


def plan_run(
    config: TrainConfig,
    *,
    processes: int = 1,
    make_id_former: MakeIdFormer | None = None,
    make_identity_tokens: MakeIdentityTokens | None = None,
    progress: bool = False,
) -> TrainingPlan:
    """Plan a run: its data is read once, its model only as sizes.

    Args:
        config: The run.
        processes: How many there will be.
        make_id_former: Makes the ID-Former of recipes that train one.
        make_identity_tokens: Makes what makes identity tokens of recipes that train it.
        progress: Show a bar on standard error while data is read.

    Raises:
        ConfigError: If settings cannot work.
        TrainingError: If data is bad.
        CheckpointError: If the folder holds no model.
    """
    choose_accelerator()
    processor = trained_processor(config)
    model_config = processor.config
    samples = open_training_set(
        config.data, processor, model_config, read_tower=partial(fingerprint, config), progress=progress
    )
    with torch.device("meta"):
        model = MovieModel(model_config)
        id_former, identity_tokens = make_people_parts(
            config, model_config, make_id_former=make_id_former, make_identity_tokens=make_identity_tokens
        )
        choose_weights(config, model, processor, id_former=id_former, identity_tokens=identity_tokens)
    order = make_order(config, samples.lengths)
    steps = count_steps(config, order)
    share = steps / order.steps_per_epoch
    longest = int(samples.lengths.max())
    frames = sum(facts.num_frames for facts in samples.samples)
    needed = share * count_operations(model).of(samples.lengths.tolist(), num_frames=frames, num_pictures=frames)
    speed, basis = _speed(config)
    return TrainingPlan(
        recipe=config.recipe,
        parts=part_sizes(model, id_former=id_former, identity_tokens=identity_tokens),
        num_samples=len(samples),
        num_bad=len(samples.bad),
        tokens=sum(int(samples.lengths[step.samples].sum()) for step in islice(order.from_step(0), steps)),
        longest=longest,
        steps=steps,
        samples_per_step=config.schedule.samples_per_step,
        processes=processes,
        memory=plan_memory(
            config,
            model,
            beside=[part for part in (id_former, identity_tokens) if part is not None],
            longest=longest,
            processes=processes,
        ),
        seconds=None if speed is None else needed / speed / processes,
        basis=basis,
    )


def plan_memory(
    config: TrainConfig, model: MovieModel, *, beside: Sequence[nn.Module] = (), longest: int, processes: int
) -> MemoryPlan:
    """Calculate what a run takes on each device.

    Args:
        config: The run.
        model: The model, also without storage (`meta`), its trained weights chosen.
        beside: What stands beside it: an ID-Former, what makes identity tokens.
        longest: Tokens of the longest sample.
        processes: How many share the work.
    """
    size = 2 if config.compute.dtype == "bf16" else 4
    stage, language = config.parallel.zero_stage, model.config.language
    everything = [weight for module in (model, *beside) for weight in module.parameters()]
    whole = sum(weight.numel() for weight in everything)
    spoken = sum(weight.numel() for weight in model.language_model.parameters())
    trained = sum(weight.numel() for weight in everything if weight.requires_grad)
    split = {at: processes if stage >= at else 1 for at in (1, 2, 3)}
    of_language = _QUANTISED_BYTES[config.compute.quantisation] or size
    weights = (whole - spoken) * size + spoken * of_language / split[3]
    gradients = trained * size / split[2]
    optimizer = trained * (12 if size == 2 or stage else 8) / split[1]
    host = 0.0
    if config.parallel.offload_optimizer and stage:
        host, optimizer = optimizer * processes, 0.0
    return MemoryPlan(
        weights=weights,
        gradients=gradients,
        optimizer=optimizer,
        activations=_activations(config, model.config, longest, size, int(language.vocab_size)),
        host=host,
    )


def _activations(config: TrainConfig, model: MovieConfig, longest: int, size: int, vocabulary: int) -> float:
    """Calculate what one micro batch of the longest samples keeps until its gradients are known."""
    language = model.language
    width, inner = int(language.hidden_size), int(language.intermediate_size)
    tokens = longest * config.parallel.micro_batch / config.parallel.sequence_parallel
    one_layer = tokens * (10 * width + 4 * inner) * size
    layers = int(language.num_hidden_layers)
    kept = layers * tokens * width * size + one_layer if config.compute.gradient_checkpointing else layers * one_layer
    if config.compute.offload_activations:
        kept = one_layer
    tile = min(config.compute.loss_tile, tokens) * vocabulary * 12
    head = 4 * vocabulary * width if "language_model" in config.model.trains else 0
    return kept + 3 * tokens * width * size + tile + head


def _speed(config: TrainConfig) -> tuple[float | None, str]:
    """Return operations a second of one device, and what this was taken from."""
    if torch.cuda.is_available() or config.logging.peak_tflops is not None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        peak = peak_operations(device, config.logging.peak_tflops)
        basis = f"{_USED_OF_GPU:.0%} of the device's peak, activations computed twice"
        return (None if peak is None else peak * _USED_OF_GPU * 3 / 4), basis
    left, right = torch.randn(512, 512), torch.randn(512, 512)
    started, rounds = time.perf_counter(), 0
    while time.perf_counter() - started < 0.1:
        left @ right
        rounds += 1
    measured = rounds * 2 * 512**3 / (time.perf_counter() - started)
    return measured * _USED_OF_CPU * 3 / 4, f"half of {measured / 1e9:.0f} GFLOP/s, measured now on this CPU"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
