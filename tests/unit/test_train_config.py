"""What a run is: published settings, overrides, and errors that name the nearest field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from movieqa.errors import ConfigError
from movieqa.train.config import LoraConfig, TrainConfig
from movieqa.train.fields import override
from movieqa.train.recipes import RECIPES, find_recipe, instruct, long_video

PUBLISHED = {  # learning rate, samples of a step, micro batch, ZeRO stage, tokens, warm-up, weight decay
    "align": (1e-3, 256, 32, 2, 2048, 0.03, 0.0),
    "instruct": (2e-5, 128, 4, 2, 2048, 0.03, 0.0),
    "long_video": (2e-5, 8, 1, 2, 65536, 0.03, 0.0),
    "generated_films": (2e-5, 8, 1, 2, 65536, 0.03, 0.0),
    "identity_associate": (5e-6, 128, 2, 3, 2048, 0.01, 0.1),
    "identity_recognize": (5e-6, 128, 2, 3, 2048, 0.01, 0.1),
    "boundary_align": (1e-3, 128, 16, 3, 2048, 0.03, 0.0),
    "boundary_perceive": (1e-4, 128, 8, 3, 2048, 0.03, 0.0),
    "boundary_instruct": (1e-4, 128, 8, 2, 2048, 0.03, 0.0),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_hold_what_was_published(name: str) -> None:
    run = find_recipe(name)
    assert run.recipe == name
    assert PUBLISHED[name] == (
        run.optimizer.lr,
        run.schedule.samples_per_step,
        run.parallel.micro_batch,
        run.parallel.zero_stage,
        run.data.max_length,
        run.schedule.warmup_ratio,
        run.optimizer.weight_decay,
    )


@pytest.mark.parametrize("name", RECIPES)
def test_runs_come_back_from_json(name: str) -> None:
    run = find_recipe(name)
    assert TrainConfig.from_json(run.to_json()) == run


def test_fields_are_changed_as_their_types_say() -> None:
    changed = override(
        long_video(),
        [
            "optimizer.lr=1e-6",
            "schedule.max_steps=7",
            "data.packing=yes",
            "model.trains=content_projector,text_decoder",
            "data.files=a.json, b.json",
            "schedule.kind=linear",
        ],
    )
    assert (changed.optimizer.lr, changed.schedule.max_steps, changed.data.packing) == (1e-6, 7, True)
    assert changed.model.trains == ("content_projector", "text_decoder")
    assert [str(file) for file in changed.data.files] == ["a.json", "b.json"]
    assert override(changed, ["schedule.max_steps=none"]).schedule.max_steps is None


def test_settings_are_checked_together() -> None:
    shared = override(instruct(), ["parallel.sequence_parallel=2", "parallel.micro_batch=1"])
    assert shared.parallel.sequence_parallel == 2
    adapted = override(instruct(), ["lora.rank=8", "model.trains=content_projector"])
    assert adapted.lora.rank == 8


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("optimizer.learning_rat=1", "no field 'optimizer.learning_rat'; did you mean optimizer."),
        ("optimiser.lr=1", "no field 'optimiser.lr'; did you mean optimizer?"),
        ("optimizer.lr=fast", "optimizer.lr=fast must be a number"),
        ("schedule.samples_per_step=1.5", "must be a whole number"),
        ("parallel.zero_stage=4", "is not one of 0, 1, 2, 3"),
        ("compute.compile=perhaps", "must be true or false"),
        ("optimizer.lr", "has no value"),
        ("optimizer=1", "is a section"),
        ("seed.x=1", "has no fields"),
        ("model.trains=wheels", "is not one of"),
        ("parallel.micro_batch=0", "must be at least 1"),
        ("parallel.sequence_parallel=2", "one at a time"),
        ("parallel.offload_parameters=true", "needs parallel.zero_stage=3"),
        ("lora.rank=8", "whole and by LoRA at once"),
        ("compute.quantisation=4bit", "cannot be trained whole"),
    ],
)
def test_wrong_settings_are_one_clear_line(setting: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        override(instruct(), [setting])
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_unknown_recipes_and_damaged_files() -> None:
    with pytest.raises(ConfigError, match="recipes: align, instruct"):
        find_recipe("algin")
    with pytest.raises(ConfigError, match="did you mean optimizer"):
        TrainConfig.from_json('{"recipe": "align", "optimiser": {}}')
    with pytest.raises(ConfigError, match="no JSON"):
        TrainConfig.from_json("{")
    with pytest.raises(ConfigError, match="nothing is trained"):
        replace(instruct(), model=replace(instruct().model, trains=()))


def test_the_digest_is_of_what_decides_the_weights() -> None:
    run = instruct()
    same = ["parallel.zero_stage=0", "logging.every=5", "checkpoint.keep=9", "compute.loss_tile=7"]
    assert override(run, same).digest == run.digest
    assert override(run, ["optimizer.lr=1"]).digest != run.digest
    assert replace(run, lora=LoraConfig(alpha=1)).digest != run.digest
