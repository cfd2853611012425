"""Two processes under DeepSpeed learn exactly what a plain loop on one process learns.

All runs share one launch of two processes: to start them takes longer than any of the runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from movieqa.model import MovieProcessor, load_model
from movieqa.train.metrics import read_metrics
from movieqa.train.recipes import RECIPES
from tests.training_runs import NUM_STEPS, read_curve, run_config, save_model, write_data

GOLDEN = Path(__file__).parent.parent / "golden" / "train"
QUICK = {  # every recipe once; recipes that differ in their data or weights with both stages
    "align": (2,),
    "instruct": (2, 3),
    "long_video": (2,),
    "generated_films": (3,),
    "identity_associate": (3,),
    "identity_recognize": (2,),
    "boundary_align": (2,),
    "boundary_perceive": (2,),
    "boundary_instruct": (3,),
}
SHARED = {"shared-2": ("long_video", 2), "shared-3": ("instruct", 3)}
"""Runs whose two processes share each sample (sequence parallelism)."""


def run_two_processes(folder: Path, wanted: dict[str, tuple[int, ...]], *, shared: bool) -> Path:
    """Run recipes with their ZeRO stages in one launch; the folder gets a folder for each run."""
    model, data, jobs = save_model(folder / "model"), folder / "data", folder / "jobs"
    jobs.mkdir()
    for recipe, stages in wanted.items():
        for stage in stages:
            config = run_config(recipe, model, write_data(data, recipe), f"parallel.zero_stage={stage}")
            (jobs / f"{recipe}-{stage}.json").write_text(config.to_json())
    for name, (recipe, stage) in SHARED.items() if shared else ():
        settings = (f"parallel.zero_stage={stage}", "parallel.sequence_parallel=2", "parallel.micro_batch=1")
        config = run_config(recipe, model, data / recipe / f"{recipe}.json", *settings)
        (jobs / f"z-{name}.json").write_text(config.to_json())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "tests.training_worker", str(jobs)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return jobs


def check_curve(run: Path, recipe: str) -> None:
    """Compare a run with the plain loop's losses and gradient norms."""
    told = read_metrics(run)
    expected = read_curve(GOLDEN / f"{recipe}.txt")
    assert len(told) == NUM_STEPS
    assert [step.loss for step in told] == pytest.approx([loss for loss, _ in expected], abs=1e-4)
    assert [step.gradient_norm for step in told] == pytest.approx([norm for _, norm in expected], rel=1e-3)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_two_processes(tmp_path_factory.mktemp("processes"), QUICK, shared=True)


@pytest.mark.parametrize(("recipe", "stage"), [(recipe, stage) for recipe, some in QUICK.items() for stage in some])
def test_two_processes_learn_what_one_learns(jobs: Path, recipe: str, stage: int) -> None:
    check_curve(jobs / f"{recipe}-{stage}", recipe)


@pytest.mark.parametrize("name", SHARED)
def test_processes_that_share_a_sample_learn_what_one_learns(jobs: Path, name: str) -> None:
    check_curve(jobs / f"z-{name}", SHARED[name][0])


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


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_every_recipe_with_both_stages(tmp_path: Path) -> None:
    jobs = run_two_processes(tmp_path, dict.fromkeys(RECIPES, (2, 3)), shared=False)
    for recipe in RECIPES:
        for stage in (2, 3):
            check_curve(jobs / f"{recipe}-{stage}", recipe)
