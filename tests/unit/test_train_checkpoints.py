"""A checkpoint holds all of an optimizer, however DeepSpeed spreads it, and nothing else is read as one."""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import get_scheduler

from movieqa.errors import TrainingError
from movieqa.train import checkpoint_files
from movieqa.train.checkpoint_files import plan_shards
from movieqa.train.checkpoints import (
    FOLDER,
    CheckpointFacts,
    find_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from movieqa.train.dependencies import import_deepspeed
from movieqa.train.engine import Engine
from movieqa.train.loop import run_training
from movieqa.train.metrics import read_metrics
from movieqa.train.optimizer_spread import KINDS
from movieqa.train.optimizer_state import forget_trial_step
from movieqa.train.processes import join_processes
from tests.training_runs import run_config, save_model, write_data

EVERY_MOVE = (0, 0, 1, 1, 2, 2, 3, 3, 0, 2, 0, 3, 1, 0, 1, 3, 2, 1, 2)
"""ZeRO stages one after the other: each is followed by each."""


class SmallModel(nn.Module):
    """Weights of odd sizes, one of a single number, one that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 7), nn.Linear(7, 3)
        self.scale = nn.Parameter(torch.ones(1))
        self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)

    def forward(self, numbers: Tensor) -> Tensor:
        return ((self.second(self.first(numbers).tanh()) * self.scale + self.frozen) ** 2).mean()


class SmallEngine(Engine):
    """The engine of a run, around a small model."""

    def __init__(self, stage: int, dtype: torch.dtype = torch.float32, *, offloads: bool = False) -> None:
        deepspeed = import_deepspeed()
        self.processes = join_processes()
        self.dtype = dtype
        torch.manual_seed(0)
        model = SmallModel().to(dtype)
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        groups = [
            {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": 0.1},
            {"params": [weight for weight in trained if weight.ndim == 1], "weight_decay": 0.0},
        ]
        zero: dict[str, Any] = {
            "stage": stage,
            "overlap_comm": False,
            "reduce_bucket_size": 1024,
            "allgather_bucket_size": 1024,
        }
        if offloads:
            zero["offload_optimizer"] = {"device": "cpu"}
        if stage == 3:
            zero["stage3_param_persistence_threshold"] = 6
            zero["offload_param"] = {"device": "cpu" if offloads else "none"}
        self._inner, *_ = deepspeed.initialize(
            model=model,
            optimizer=torch.optim.AdamW(groups, lr=0.01, fused=True),
            lr_scheduler=lambda inner: get_scheduler("cosine", inner, num_warmup_steps=2, num_training_steps=40),
            config={
                "train_micro_batch_size_per_gpu": 1,
                "gradient_clipping": 1.0,
                "bf16": {"enabled": dtype == torch.bfloat16},
                "zero_optimization": zero,
                "zero_allow_untested_optimizer": True,
                "zero_force_ds_cpu_optimizer": False,
                "steps_per_print": 1_000_000,
            },
            dist_init_required=False,
        )
        forget_trial_step(self._inner)

    def step(self, number: int) -> float:
        """Make an update, and return the loss before it."""
        data = torch.randn(4, 5, generator=torch.Generator().manual_seed(number))
        loss = self._inner(data.to(self.dtype))
        self._inner.backward(loss)
        self._inner.step()
        return float(loss.detach())

    def numbers(self) -> dict[tuple[str, str], Tensor]:
        """Return a copy of everything that is kept."""
        state = self.state()
        return {(name, kind): state.read(name, kind).clone() for kind in KINDS for name in state.shapes}


def facts(step: int, **other: Any) -> CheckpointFacts:
    given = {"tokens": 9, "config": "sha256:c", "data": "sha256:d", "world_size": 1, "zero_stage": 0, **other}
    return CheckpointFacts(step=step, **given)


def resume(engine: SmallEngine, out: Path) -> int:
    """Bring an engine to the newest checkpoint, and return its step."""
    found = find_checkpoint(out)
    assert found is not None
    load_checkpoint(engine, *found, facts(0))
    return found[1].step


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_from_each_stage_to_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setattr(checkpoint_files, "SHARD_BYTES", 100)
    whole = SmallEngine(2, dtype)
    engine = SmallEngine(EVERY_MOVE[0], dtype)
    for step, stage in enumerate(EVERY_MOVE):
        if step:
            engine = SmallEngine(stage, dtype)
            assert resume(engine, tmp_path) == step
        assert engine.step(step) == pytest.approx(whole.step(step), abs=1e-6)
        assert engine.learning_rate == whole.learning_rate
        save_checkpoint(engine, facts(step + 1), tmp_path, keep=1)
    ours, theirs = engine.numbers(), whole.numbers()
    assert all(torch.allclose(ours[key], theirs[key], rtol=1e-4, atol=1e-6) for key in theirs)
    assert engine.state().progress == whole.state().progress


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("stage", "offloads"), [(0, False), (1, False), (2, False), (3, False), (1, True), (2, True), (3, True)]
)
def test_on_the_same_stage_to_the_bit(tmp_path: Path, stage: int, offloads: bool, dtype: torch.dtype) -> None:
    whole = SmallEngine(stage, dtype, offloads=offloads)
    for step in range(3):
        whole.step(step)
    save_checkpoint(whole, facts(3), tmp_path, keep=1)
    again = SmallEngine(stage, dtype, offloads=offloads)
    resume(again, tmp_path)
    assert [again.step(step) for step in range(3, 6)] == [whole.step(step) for step in range(3, 6)]
    ours, theirs = again.numbers(), whole.numbers()
    assert all(ours[key].equal(theirs[key]) for key in theirs)


def test_an_optimizer_that_keeps_its_weights_in_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # DeepSpeed makes one of these of its own fused AdamW, which needs a GPU
    monkeypatch.setattr("deepspeed.runtime.engine.FusedAdam", torch.optim.AdamW)
    whole = SmallEngine(0, torch.bfloat16)
    assert not hasattr(whole._inner.optimizer, "fp32_groups")
    whole.step(0)
    save_checkpoint(whole, facts(1), tmp_path, keep=1)
    again = SmallEngine(0, torch.bfloat16)
    resume(again, tmp_path)
    assert again.step(1) == whole.step(1)
    ours, theirs = again.numbers(), whole.numbers()
    assert all(ours[key].equal(theirs[key]) for key in theirs)


def test_without_zero_bfloat16_learns_what_it_learns_with_it(tmp_path: Path) -> None:
    model, data = save_model(tmp_path / "model"), write_data(tmp_path, "align")
    curves = []
    for stage in (0, 1):
        settings = (f"parallel.zero_stage={stage}", "compute.dtype=bf16", "optimizer.lr=0.01", "schedule.max_steps=4")
        run_training(run_config("align", model, data, *settings), tmp_path / str(stage))
        curves.append([step.loss for step in read_metrics(tmp_path / str(stage))])
    assert curves[0] == pytest.approx(curves[1], abs=0.01)


def test_shards_are_bounded_and_hold_each_weight_once() -> None:
    shapes = {"a": (10, 10), "b": (3,), "c": (7,), "d": (4, 4), "e": (1000,)}
    shards = plan_shards(shapes, limit=450)
    for kind in KINDS:
        parts = [shard.names for shard in shards if shard.kind == kind]
        assert [name for names in parts for name in names] == list(shapes)
        sizes = [sum(4 * int(torch.Size(shapes[name]).numel()) for name in names) for names in parts]
        assert all(size <= 450 or len(names) == 1 for size, names in zip(sizes, parts, strict=True))
    assert len({shard.file for shard in shards}) == len(shards) == 3 * 3


def test_weights_lie_in_plain_files_and_the_oldest_go(tmp_path: Path) -> None:
    engine = SmallEngine(2, torch.bfloat16)
    for step in range(1, 4):
        engine.step(step)
        save_checkpoint(engine, facts(step), tmp_path, keep=2)
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["step-00000002", "step-00000003"]
    held = load_file(tmp_path / FOLDER / "step-00000003" / "weight-00000.safetensors")
    weights = {name: weight for name, weight in engine.model.named_parameters() if weight.requires_grad}
    assert held.keys() == weights.keys()
    assert all(held[name].bfloat16().equal(weight) for name, weight in weights.items())
    assert any(not held[name].equal(weight.float()) for name, weight in weights.items())  # they are finer


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Return the only checkpoint of a run in `tmp_path`."""
    engine = SmallEngine(0)
    engine.step(0)
    save_checkpoint(engine, facts(1), tmp_path, keep=1)
    return tmp_path / FOLDER / "step-00000001"


def edit_manifest(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((path / "manifest.json").read_text())
    change(content)
    (path / "manifest.json").write_text(json.dumps(content))


def seal(path: Path) -> None:
    """Make the manifest say of all files what they are now, as one who forges them would."""

    def describe(content: dict[str, Any]) -> None:
        for name, entry in content["files"].items():
            data = (path / name).read_bytes()
            entry |= {"num_bytes": len(data), "digest": f"sha256:{hashlib.sha256(data).hexdigest()}"}

    edit_manifest(path, describe)


def edit_tensors(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(path / "exp_avg-00000.safetensors")
    change(tensors)
    save_file(tensors, path / "exp_avg-00000.safetensors")
    seal(path)


def flip(path: Path) -> None:
    file = path / "weight-00000.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 128
    file.write_bytes(data)


def overwrite(path: Path, data: bytes) -> None:
    (path / "weight-00000.safetensors").write_bytes(data)
    seal(path)


def repeat(path: Path) -> None:
    (path / "exp_avg-00001.safetensors").write_bytes((path / "exp_avg-00000.safetensors").read_bytes())
    edit_manifest(path, lambda content: content["files"].update({"exp_avg-00001.safetensors": {}}))
    seal(path)


HEADER = json.dumps({"first.weight": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (
        lambda path: (path / "weight-00000.safetensors").write_bytes(b"short"),
        r"weight-00000.safetensors is not whole",
    ),
    "gone": (lambda path: (path / "exp_avg-00000.safetensors").unlink(), r"exp_avg-00000.safetensors is not whole"),
    "a bit": (flip, r"weight-00000.safetensors is not what was written"),
    "no safetensors": (lambda path: overwrite(path, b"\xff" * 64), "eader"),
    "a header of terabytes": (lambda path: overwrite(path, len(HEADER).to_bytes(8, "little") + HEADER), "eader|ffset"),
    "a weight is missing": (
        partial(edit_tensors, change=lambda tensors: tensors.pop("first.weight")),
        "exp_avg of first.weight is missing",
    ),
    "one too many": (
        partial(edit_tensors, change=lambda tensors: tensors.update(other=torch.zeros(1))),
        "holds other, which is not trained",
    ),
    "twice": (repeat, "which is not trained or was there before"),
    "another shape": (
        partial(edit_tensors, change=lambda tensors: tensors.update({"scale": torch.zeros(2)})),
        r"scale in exp_avg-00000.safetensors is F32 \(2,\), and F32 \(1,\) is needed",
    ),
    "another type": (
        partial(edit_tensors, change=lambda tensors: tensors.update({"scale": torch.zeros(1).bfloat16()})),
        "scale in exp_avg-00000.safetensors is BF16",
    ),
    "no JSON": (lambda path: (path / "manifest.json").write_text("{"), "Expecting"),
    "deep JSON": (lambda path: (path / "manifest.json").write_text("[" * 100_000), "recursion|Expecting|no"),
    "a list": (lambda path: (path / "manifest.json").write_text("[]"), "."),
    "an earlier schema": (
        partial(edit_manifest, change=lambda content: content.update(schema="movieqa.checkpoint/1")),
        "another version of movieqa wrote it",
    ),
    "no schema": (partial(edit_manifest, change=lambda content: content.pop("schema")), "no 'schema'"),
    "no steps": (partial(edit_manifest, change=lambda content: content.update(step=-1)), "step is -1"),
    "no count": (partial(edit_manifest, change=lambda content: content.update(num_updates=True)), "no counts"),
    "no file": (partial(edit_manifest, change=lambda content: content.update(files=None)), "."),
    "another place": (
        partial(edit_manifest, change=lambda content: content["files"].update({"../../config.json": {}})),
        "is no file of a checkpoint",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_checkpoint_is_one_line(tmp_path: Path, checkpoint: Path, damage: str) -> None:
    change, reason = DAMAGES[damage]
    change(checkpoint)
    with pytest.raises(TrainingError, match=reason) as told:
        resume(SmallEngine(0), tmp_path)
    assert str(told.value).startswith(f"{checkpoint} is damaged (") and "\n" not in str(told.value)
    assert told.value.hint == "remove it; the run goes on from the one before, or anew"


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    found = find_checkpoint(tmp_path)
    assert found is not None and found[0] == checkpoint
    for other, what in (({"config": "sha256:x"}, "settings"), ({"data": "sha256:x"}, "data")):
        with pytest.raises(TrainingError, match=f"is of a run with other {what}; use the same"):
            load_checkpoint(SmallEngine(0), *found, facts(1, **other))


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, checkpoint: Path) -> None:
    engine = SmallEngine(2)
    engine.step(0)
    with (
        small_files(300),
        pytest.raises(TrainingError, match=r"cannot be written \(.*too large.*\); make room") as told,
    ):
        save_checkpoint(engine, facts(2), tmp_path, keep=1)
    assert "\n" not in str(told.value)
    assert list((tmp_path / FOLDER).iterdir()) == [checkpoint]
    save_checkpoint(engine, facts(2), tmp_path, keep=1)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["step-00000002"]


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Let the system refuse to write more than so many bytes into a file, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
