"""Every option of a run, run: those that only change how it is computed come to the same losses as none of them."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from movieqa.errors import MissingDependencyError, TrainingError
from movieqa.train.config import TrainConfig
from movieqa.train.data.training_set import open_training_set
from movieqa.train.loop import make_order, run_training
from movieqa.train.metrics import read_metrics
from movieqa.train.opening import open_model
from movieqa.train.plan import plan_run
from tests.training_runs import run_config, save_model, write_data

STEPS = ("schedule.max_steps=3",)
PLAIN = ("parallel.zero_stage=0", "parallel.offload_optimizer=false", "compute.gradient_checkpointing=false")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("options")
    save_model(folder / "model")
    return folder


def configure(folder: Path, *settings: str, recipe: str = "instruct") -> TrainConfig:
    data = folder / recipe / f"{recipe}.json"
    if not data.exists():
        write_data(folder, recipe)
    return run_config(recipe, folder / "model", data, *STEPS, *settings)


def losses(out: Path) -> list[float]:
    return [step.loss for step in read_metrics(out)]


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    """Return a run with none of the options."""
    run_training(configure(folder, *PLAIN), folder / "plain")
    return folder / "plain"


@pytest.mark.parametrize(
    "settings",
    [
        ("data.packing=true",),
        ("data.packing=true", "data.max_length=64", "data.num_workers=2"),
        ("parallel.offload_optimizer=false", "parallel.zero_stage=1", "parallel.micro_batch=3"),
        ("compute.gradient_checkpointing=true",),
        ("parallel.zero_stage=3", "parallel.offload_parameters=true"),
    ],
    ids=["packing", "packing in several rows", "stage 1", "activations computed twice", "all in host memory"],
)
def test_how_it_is_computed_changes_no_loss(
    folder: Path, plain: Path, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        run_training(configure(folder, *settings), tmp_path / "run")
    told, expected = read_metrics(tmp_path / "run"), read_metrics(plain)
    assert [step.loss for step in told] == pytest.approx([step.loss for step in expected], abs=2e-5)
    assert [step.gradient_norm for step in told] == pytest.approx([step.gradient_norm for step in expected], rel=1e-4)
    assert [step.tokens for step in told] == [step.tokens for step in expected]
    left, right = (load_file(out / "model" / "model.safetensors") for out in (tmp_path / "run", plain))
    assert max(float((left[name] - right[name]).abs().max()) for name in right) < 2e-5


def test_packed_samples_really_share_rows(folder: Path) -> None:
    config = configure(folder, "data.packing=true", "data.max_length=64")
    opened = open_model(config)
    order = make_order(config, open_training_set(config.data, opened.processor, opened.model.config).lengths)
    micros = order.share(next(order.steps(0)), rank=0, world_size=1, micro_batch=config.parallel.micro_batch)
    assert [[len(row) for row in micro] for micro in micros] == [[2], [2]]


def test_half_precision_stays_near(folder: Path, plain: Path, tmp_path: Path) -> None:
    run_training(configure(folder, "compute.dtype=bf16"), tmp_path / "run")
    assert losses(tmp_path / "run") == pytest.approx(losses(plain), rel=0.01)
    stored = load_file(tmp_path / "run" / "model" / "model.safetensors")
    spoken = {weight.dtype for name, weight in stored.items() if name.startswith("language_model.")}
    assert spoken == {torch.bfloat16}  # what is not trained may keep the numbers that it came with


@pytest.mark.parametrize("bits", ["4bit", pytest.param("8bit", marks=pytest.mark.bench)])
def test_lora_on_quantised_weights_is_exported_whole(folder: Path, tmp_path: Path, bits: str) -> None:
    pytest.importorskip("bitsandbytes")
    config = configure(folder, f"compute.quantisation={bits}", "optimizer.lr=1e-2", recipe="boundary_perceive")
    run_training(config, tmp_path / "run")
    told = losses(tmp_path / "run")
    assert told[-1] < told[0] - 0.05
    before = load_file(folder / "model" / "model.safetensors")
    after = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert before.keys() == after.keys()
    changes = {name: after[name] - before[name] for name in before}
    changed = {name for name, change in changes.items() if change.any()}
    assert changed == {name for name in before if name.startswith("language_model.") and "_proj." in name}
    # nothing of the rounding of the quantised weights is exported: what was added has the rank of what was trained
    query = next(change for name, change in changes.items() if name.endswith("layers.0.self_attn.q_proj.weight"))
    assert torch.linalg.matrix_rank(query, rtol=1e-4) <= config.lora.rank


@pytest.mark.parametrize("setting", ["compute.compile=true", "optimizer.implementation=deepspeed"])
def test_without_a_compiler_what_needs_one_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(MissingDependencyError, match=f"{setting} needs a C\\+\\+ compiler") as caught:
        run_training(configure(folder, setting), tmp_path / "run")
    assert setting.split("=")[0] in caught.value.hint


def test_a_plan_tells_what_the_run_does(folder: Path, plain: Path) -> None:
    plan = plan_run(configure(folder, *PLAIN))
    told = read_metrics(plain)
    assert (plan.steps, plan.tokens) == (len(told), sum(step.tokens for step in told))
    sizes = load_file(plain / "model" / "model.safetensors")
    assert sum(part.whole for part in plan.parts) == sum(weight.numel() for weight in sizes.values())
    before = load_file(folder / "model" / "model.safetensors")
    changed = sum(sizes[name].numel() for name in sizes if not sizes[name].equal(before[name]))
    trained = sum(part.trained for part in plan.parts)
    assert changed <= trained < changed + 10_000  # some weights are trained and have no gradient in these samples


def test_want_of_memory_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"not enough memory \(.*allocate memory") as caught:
        run_training(configure(folder), tmp_path / "run", watch=lambda _: torch.empty(2**57))
    assert "--dry-run" in caught.value.hint


@pytest.mark.bench
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("setting", ["compute.compile=true", "optimizer.implementation=deepspeed"])
def test_what_is_compiled_changes_no_loss(folder: Path, plain: Path, tmp_path: Path, setting: str) -> None:
    run_training(configure(folder, setting), tmp_path / "run")
    assert losses(tmp_path / "run") == pytest.approx(losses(plain), abs=1e-4)
