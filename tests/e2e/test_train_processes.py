"""Two processes under DeepSpeed learn exactly what a plain loop on one process learns.

All runs share one launch of two processes: to start them takes longer than any of the runs. Of recipes that are the
same but for their data one computes activations twice, as all do by default, and one keeps them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from movieqa.model import MovieProcessor, load_model
from movieqa.train.config import TrainConfig
from movieqa.train.metrics import read_metrics
from movieqa.train.recipes import RECIPES
from tests.training_runs import NUM_STEPS, PlainRun, read_curve, run_config, run_plainly, start_of, write_data

pytestmark = pytest.mark.timeout(600)  # all runs are made before the first test
GOLDEN = Path(__file__).parent.parent / "golden" / "train"
STAGES = (2, 3)
KEEPING = ("align", "generated_films", "identity_recognize", "boundary_perceive")
"""Recipes whose activations are kept here."""
WEIGHED = ("instruct", "identity_associate", "boundary_instruct")
"""Recipes whose weights are compared too: all parts but the tower, the ID-Former, a LoRA on a LoRA."""
SHARED = {"across-2": ("long_video", 2), "across-3": ("instruct", 3), "across-people": ("identity_associate", 2)}
"""Runs whose two processes share each sample (sequence parallelism). First by name: nothing of them may stay behind."""
IN_PROPORTION = ("optimizer.eps=1", "optimizer.lr=0.05", "optimizer.clip=1e9")
"""With so large an epsilon and no clipping AdamW adds up gradients: equal weights are equal gradients, in size too."""


def shared_config(name: str, folder: Path, *settings: str) -> TrainConfig:
    recipe, stage = SHARED[name]
    data = folder / "data" / recipe / f"{recipe}.json"
    return run_config(recipe, folder / "model", data, f"parallel.zero_stage={stage}", *IN_PROPORTION, *settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what all runs start from and learn, their configurations in `jobs`."""
    folder = tmp_path_factory.mktemp("processes")
    jobs = folder / "jobs"
    jobs.mkdir()
    for recipe in RECIPES:
        model, data = start_of(recipe, folder), write_data(folder / "data", recipe)
        recomputes = f"compute.gradient_checkpointing={str(recipe not in KEEPING).lower()}"
        for stage in STAGES:
            config = run_config(recipe, model, data, f"parallel.zero_stage={stage}", recomputes)
            (jobs / f"{recipe}-{stage}.json").write_text(config.to_json())
    for name in SHARED:
        config = shared_config(name, folder, "parallel.sequence_parallel=2", "parallel.micro_batch=1")
        (jobs / f"{name}.json").write_text(config.to_json())
    return folder


@pytest.fixture(scope="module")
def plain(folder: Path) -> dict[str, PlainRun]:
    """Return what a plain loop comes to, for the runs whose weights are compared."""
    torch.set_num_threads(1)
    runs = {recipe: run_plainly(TrainConfig.load(folder / "jobs" / f"{recipe}-2.json")) for recipe in WEIGHED}
    return runs | {name: run_plainly(shared_config(name, folder)) for name in SHARED}


@pytest.fixture(scope="module")
def jobs(folder: Path, request: pytest.FixtureRequest) -> Path:
    """Run everything in two processes, and the plain loops meanwhile."""
    # what deepspeed decorates for torch.compile takes seconds to prepare, and nothing is compiled
    surroundings = {"OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"}
    errors = folder / "errors.txt"
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.training_worker", str(folder / "jobs")],
            env={**os.environ, **surroundings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )
    try:
        request.getfixturevalue("plain")
        process.wait(timeout=540)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # the two that it started too
        process.wait()
    assert process.returncode == 0, errors.read_text()[-4000:]
    return folder / "jobs"


def check_curve(run: Path, expected: Sequence[tuple[float, float]]) -> None:
    """Compare a run's losses and gradient norms."""
    told = read_metrics(run)
    assert len(told) == NUM_STEPS
    assert [step.loss for step in told] == pytest.approx([loss for loss, _ in expected], abs=1e-4)
    assert [step.gradient_norm for step in told] == pytest.approx([norm for _, norm in expected], rel=1e-3)


def read_weights(model: Path) -> dict[str, Tensor]:
    """Return all weights of a model's folder, by their names in training."""
    parts = {"": model, "id_former.": model / "id-former", "identity_tokens.": model / "identity-tokens"}
    files = {prefix: next(iter(part.glob("*.safetensors")), None) for prefix, part in parts.items()}
    found = {prefix: load_file(file) for prefix, file in files.items() if file is not None}
    return {f"{prefix}{name}": weight for prefix, weights in found.items() for name, weight in weights.items()}


def check_weights(run: Path, expected: PlainRun, start: dict[str, Tensor]) -> None:
    """Compare what a run made of each weight, in proportion to how far it came from the start."""
    found = read_weights(run / "model")
    assert set(found) == set(expected.weights)
    for name, weight in expected.weights.items():
        if name.startswith("text_decoder.") and name.endswith(".key.bias"):
            continue  # it cancels in the softmax: its gradient is what rounding leaves
        before = start.get(name, torch.zeros_like(weight))
        if before.shape != weight.shape:  # rows for slots were added
            before = torch.zeros_like(weight)
        way, off = weight - before, found[name].view_as(weight) - weight
        assert off.norm() <= 1e-2 * way.norm(), f"{name}: {off.norm():.2e} off, after a way of {way.norm():.2e}"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("recipe", RECIPES)
def test_two_processes_learn_what_one_learns(jobs: Path, recipe: str, stage: int) -> None:
    check_curve(jobs / f"{recipe}-{stage}", read_curve(GOLDEN / f"{recipe}.txt"))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("recipe", WEIGHED)
def test_two_processes_come_to_the_weights_of_one(
    jobs: Path, plain: dict[str, PlainRun], recipe: str, stage: int
) -> None:
    check_weights(jobs / f"{recipe}-{stage}", plain[recipe], read_weights(jobs.parent / "model"))


@pytest.mark.parametrize("name", SHARED)
def test_processes_that_share_a_sample_learn_what_one_learns(jobs: Path, plain: dict[str, PlainRun], name: str) -> None:
    check_curve(jobs / name, plain[name].curve)
    check_weights(jobs / name, plain[name], read_weights(jobs.parent / "model"))


@pytest.mark.parametrize("recipe", WEIGHED)
def test_the_golden_curves_are_those_of_the_plain_loop(plain: dict[str, PlainRun], recipe: str) -> None:
    golden = read_curve(GOLDEN / f"{recipe}.txt")
    assert plain[recipe].curve == [pytest.approx(step, rel=1e-4) for step in golden]


@pytest.mark.parametrize("name", ["instruct-3", "boundary_instruct-3", "identity_associate-3"])
def test_what_was_split_is_exported_whole(jobs: Path, name: str) -> None:
    folder = jobs / name / "model"
    model = load_model(folder)  # strict: a weight that is missing or of another shape is an error
    assert MovieProcessor.from_pretrained(folder).config.template == model.config.template
    before = load_file(jobs.parent / "model" / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    changed = {key.split(".")[0] for key in before if not before[key].equal(after[key])}
    expected = {
        "instruct-3": {"language_model", "content_projector", "context_attention", "text_decoder"},
        "boundary_instruct-3": {"language_model"},
        "identity_associate-3": {"language_model", "content_projector", "context_attention"},
    }
    assert changed - {"query_tokens", "image_norm"} == expected[name]
    assert (folder / "id-former" / "model.safetensors").exists() == name.startswith("identity")
