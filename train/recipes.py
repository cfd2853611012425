"""The stages of LLaMA-VID, IDA-VLM, VTimeLLM and MovieLLM, each a function that returns a whole run.

The hyper-parameters are the published ones; every field can be changed (`replace`, or `--set` on the command line).
Sizes of micro batches are those that were used on one GPU of 80 GB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from movieqa.errors import ConfigError
from movieqa.prompt import DEFAULT_TEMPLATE

from .config import (
    CheckpointConfig,
    LoraConfig,
    ModelConfig,
    OptimizerConfig,
    ParallelConfig,
    ScheduleConfig,
    TrainConfig,
)
from .data.config import DataConfig

Recipe = Callable[[], TrainConfig]


def align() -> TrainConfig:
    """Return LLaMA-VID's stage 1: pictures and videos with captions teach the projectors (arXiv 2311.17043).

    Example:
        >>> align().model.trains
        ('content_projector', 'context_attention')
    """
    return TrainConfig(
        recipe="align",
        model=ModelConfig(trains=("content_projector", "context_attention")),
        data=DataConfig(template="plain", pad_pictures=False),
        optimizer=OptimizerConfig(lr=1e-3),
        schedule=ScheduleConfig(samples_per_step=256),
        parallel=ParallelConfig(micro_batch=32),
    )


def instruct() -> TrainConfig:
    """Return LLaMA-VID's stage 2: dialogues about pictures, videos and texts teach all but the vision tower.

    Example:
        >>> instruct().schedule.samples_per_step
        128
    """
    return TrainConfig(
        recipe="instruct",
        model=ModelConfig(trains=("language_model", "content_projector", "context_attention", "text_decoder")),
        data=DataConfig(template=DEFAULT_TEMPLATE),
        optimizer=OptimizerConfig(lr=2e-5),
        parallel=ParallelConfig(micro_batch=4, offload_optimizer=True),
    )


def long_video() -> TrainConfig:
    """Return LLaMA-VID's stage 3: whole films with subtitles, positions stretched to 65,536 tokens.

    Example:
        >>> long_video().data.max_length
        65536
    """
    return TrainConfig(
        recipe="long_video",
        model=ModelConfig(trains=("language_model", "content_projector")),
        data=DataConfig(template=DEFAULT_TEMPLATE, max_length=65536),
        optimizer=OptimizerConfig(lr=2e-5),
        schedule=ScheduleConfig(samples_per_step=8),
        parallel=ParallelConfig(offload_optimizer=True),
        checkpoint=CheckpointConfig(every=200),
    )


def generated_films() -> TrainConfig:
    """Return MovieLLM's tuning: `long_video` on film features and questions about generated films (arXiv 2403.01422).

    Example:
        >>> generated_films().optimizer == long_video().optimizer
        True
    """
    return replace(long_video(), recipe="generated_films")


def identity_associate() -> TrainConfig:
    """Return IDA-VLM's stage 1: references of people and pictures of them teach the ID-Former (arXiv 2407.07577).

    No script of it was published; checkpoint names tell of 3,000 steps, the rest is stage 2's. For LoRA instead of
    the whole language model, as also published: `lora.rank=64 lora.alpha=16 optimizer.lr=1e-5`, without
    `language_model` in `model.trains`, on q, k, v, o, gate and up projections.

    Each record is written by chance with names, as published, or with slots: the trained model is asked in both ways,
    with names where it is measured beside IDA-VLM, with slots where a film's people are renamed or not known by name.

    Example:
        >>> identity_associate().schedule.max_steps
        3000
    """
    whole = identity_recognize()
    return replace(whole, recipe="identity_associate", schedule=replace(whole.schedule, max_steps=3000))


def identity_recognize() -> TrainConfig:
    """Return IDA-VLM's stage 2: the same on frames of films, with ordinary data among them.

    Example:
        >>> identity_recognize().optimizer.weight_decay
        0.1
    """
    return TrainConfig(
        recipe="identity_recognize",
        model=ModelConfig(
            trains=(
                "language_model",
                "content_projector",
                "context_attention",
                "id_former",
                "person_slots",
                "identity_tokens",
            )
        ),
        data=DataConfig(template=DEFAULT_TEMPLATE, people="both"),
        optimizer=OptimizerConfig(lr=5e-6, beta2=0.95, weight_decay=0.1),
        schedule=ScheduleConfig(epochs=8, warmup_ratio=0.01),
        parallel=ParallelConfig(micro_batch=2, zero_stage=3),
        checkpoint=CheckpointConfig(every=500, keep=10),
    )


def boundary_align() -> TrainConfig:
    """Return VTimeLLM's stage 1: captions teach the projector (arXiv 2311.18445).

    Example:
        >>> boundary_align().model.trains
        ('content_projector',)
    """
    return TrainConfig(
        recipe="boundary_align",
        model=ModelConfig(trains=("content_projector",)),
        data=DataConfig(template="plain_line"),
        optimizer=OptimizerConfig(lr=1e-3),
        parallel=ParallelConfig(micro_batch=16, zero_stage=3),
        checkpoint=CheckpointConfig(every=24000),
    )


def boundary_perceive() -> TrainConfig:
    """Return VTimeLLM's stage 2: events and their times teach a LoRA of the language model.

    Example:
        >>> boundary_perceive().lora.rank
        64
    """
    return TrainConfig(
        recipe="boundary_perceive",
        data=DataConfig(template=DEFAULT_TEMPLATE),
        optimizer=OptimizerConfig(lr=1e-4),
        schedule=ScheduleConfig(epochs=2),
        parallel=ParallelConfig(micro_batch=8, zero_stage=3),
        lora=LoraConfig(rank=64, alpha=128),
        checkpoint=CheckpointConfig(every=50000),
    )


def boundary_instruct() -> TrainConfig:
    """Return VTimeLLM's stage 3: dialogues about times teach a second LoRA on the merged first.

    Example:
        >>> boundary_instruct().parallel.zero_stage
        2
    """
    perceive = boundary_perceive()
    return replace(perceive, recipe="boundary_instruct", parallel=replace(perceive.parallel, zero_stage=2))


RECIPES: MappingProxyType[str, Recipe] = MappingProxyType(
    {
        recipe.__name__: recipe
        for recipe in (
            align,
            instruct,
            long_video,
            identity_associate,
            identity_recognize,
            boundary_align,
            boundary_perceive,
            boundary_instruct,
            generated_films,
        )
    }
)
"""Every recipe by its name."""


def find_recipe(name: str) -> TrainConfig:
    """Return a recipe's run.

    Raises:
        ConfigError: If there is no recipe of that name.
    """
    if name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}", hint=f"recipes: {', '.join(RECIPES)}")
    return RECIPES[name]()
