"""Features on disk: the tower's own numbers, deterministic bytes, resumable, refused when they are another model's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from movieqa.builder import WorkspaceBuilder
from movieqa.errors import CheckpointError, ConfigError, WorkspaceError
from movieqa.features import FrameFeatures, bytes_per_frame, step_name
from movieqa.frames import open_frames
from movieqa.loaded import LoadedModel, chosen_model, open_model
from movieqa.preprocess import features as step_module
from movieqa.preprocess.features import FeaturesConfig, FeaturesStep, add_features, quantise_rows
from movieqa.workspace import Workspace
from tests.tiny_checkpoint import make_tiny_model, save_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_workspace

NUM_FRAMES = 11
SMALL = FeaturesConfig(frames_per_shard=4, batch_size=3)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return LoadedModel.of(make_tiny_model(), tiny_processor(), name="tiny")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("film"), shots=make_shots(0, 5, 11), num_frames=NUM_FRAMES).path


@pytest.fixture
def workspace(film: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(shutil.copytree(film, tmp_path / "film.movieqa"))


def shards(workspace: Workspace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((workspace.path / "features/tiny").iterdir())}


def whole(workspace: Workspace, loaded: LoadedModel) -> torch.Tensor:
    with open_frames(workspace) as frames, torch.inference_mode():
        pixels = loaded.processor.preprocess(list(frames.read(range(NUM_FRAMES))))
        return loaded.model.encode_frames(pixels)


def test_what_is_read_is_what_the_tower_gave(workspace: Workspace, loaded: LoadedModel) -> None:
    lines: list[str] = []
    fractions: list[float] = []
    done = add_features(workspace, loaded, SMALL, announce=lines.append, on_progress=fractions.append)
    features = FrameFeatures.open(done, "tiny", tower=loaded.tower)
    expected = whole(workspace, loaded)
    torch.testing.assert_close(features.read(range(NUM_FRAMES)).float(), expected, rtol=1e-3, atol=1e-3)
    assert torch.equal(features.read([7, 0, 7]), features.read(range(NUM_FRAMES))[[7, 0, 7]])
    assert list(shards(done)) == ["00000.safetensors", "00001.safetensors", "00002.safetensors", "features.json"]
    assert len(lines) == 1
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert 0 < features.facts.loss < 1e-3
    done.verify()


def test_the_disk_it_takes_is_told_before(workspace: Workspace, loaded: LoadedModel) -> None:
    lines: list[str] = []
    done = add_features(workspace, loaded, SMALL, announce=lines.append)
    size = NUM_FRAMES * bytes_per_frame("float16", 65, 32)
    assert lines[0].startswith(f"11 frames; {size / 1e6:.1f} MB to write, ")
    written = sum(len(data) for name, data in shards(done).items() if name.endswith(".safetensors"))
    assert size < written < size + 3 * 600


def test_bytes_do_not_depend_on_interruptions(workspace: Workspace, loaded: LoadedModel, tmp_path: Path) -> None:
    other = Workspace.open(shutil.copytree(workspace.path, tmp_path / "other.movieqa"))
    undisturbed = shards(add_features(workspace, loaded, SMALL))
    calls = 0

    def stop(fraction: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:  # in the middle of the second shard
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_features(other, loaded, SMALL, on_progress=stop)
    lines: list[str] = []
    assert shards(add_features(other, loaded, SMALL, announce=lines.append)) == undisturbed
    assert lines[0].startswith("11 frames, 4 of them are there")
    assert not list(other.path.glob(".features*"))


def test_a_kill_keeps_finished_shards(film: Path, loaded: LoadedModel, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "tiny")
    places = [shutil.copytree(film, tmp_path / f"{name}.movieqa") for name in "ab"]
    script = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from movieqa.loaded import open_model
from movieqa.preprocess.features import FeaturesConfig, add_features
from movieqa.workspace import Workspace
kill = lambda fraction: fraction > 0.6 and os.kill(os.getpid(), signal.SIGKILL)
add_features(Workspace.open(sys.argv[1]), open_model(sys.argv[2]), FeaturesConfig(frames_per_shard=4), on_progress=kill)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, places[0], model],
        cwd=Path(__file__).parents[2],
        timeout=120,
        env=dict(os.environ),
    )
    assert done.returncode == -signal.SIGKILL
    config, opened = FeaturesConfig(frames_per_shard=4), open_model(model)
    lines: list[str] = []
    resumed = add_features(Workspace.open(places[0]), opened, config, announce=lines.append)
    assert lines[0].startswith("11 frames, 4 of them are there")
    assert shards(resumed) == shards(add_features(Workspace.open(places[1]), opened, config))


def test_a_second_run_does_nothing(workspace: Workspace, loaded: LoadedModel) -> None:
    done = add_features(workspace, loaded, SMALL)
    with WorkspaceBuilder(done.path, done.manifest) as builder:
        assert FeaturesStep(loaded, SMALL).run(builder) is None
        assert not builder.is_done(
            step_name("tiny"), FeaturesStep(loaded, FeaturesConfig()).depends_on(builder.manifest)
        )


def test_eight_bits_take_half_and_say_what_they_lose(workspace: Workspace, loaded: LoadedModel) -> None:
    done = add_features(workspace, loaded, FeaturesConfig(kind="int8", frames_per_shard=4))
    features = FrameFeatures.open(done, "tiny", tower=loaded.tower)
    expected = whole(workspace, loaded)
    stored = features.read(range(NUM_FRAMES)).float()
    measured = float((stored - expected).square().mean().sqrt() / expected.square().mean().sqrt())
    assert 0 < features.facts.loss < 0.01
    assert measured == pytest.approx(features.facts.loss, rel=0.05)
    assert done.steps["features-tiny"].notes == (
        f"stored in 8 bits with a relative error of {features.facts.loss:.2%}",
    )
    assert features.motion().shape == (NUM_FRAMES,)


def test_rows_are_scaled_one_by_one() -> None:
    rows = torch.tensor([[[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [1e-4, 5e-5, -1e-4]]])
    values, scale = quantise_rows(rows)
    assert values.tolist() == [[[64, -127, 32], [0, 0, 0], [127, 64, -127]]]
    torch.testing.assert_close(values.float() * scale[..., None], rows, rtol=0, atol=2.0 / 127)


def test_a_still_shot_does_not_move(workspace: Workspace, loaded: LoadedModel) -> None:
    motion = FrameFeatures.open(add_features(workspace, loaded, SMALL), "tiny", tower=loaded.tower).motion()
    assert motion[0] == 0 and np.argmax(motion) == 5, motion  # the one cut is before frame 5


def test_features_of_another_model_are_refused(workspace: Workspace, loaded: LoadedModel) -> None:
    other = LoadedModel.of(make_tiny_model(seed=1), tiny_processor(), name="tiny")
    done = add_features(workspace, loaded, SMALL)
    with pytest.raises(WorkspaceError, match="features of another model that is also called tiny; make them again"):
        FrameFeatures.open(done, "tiny", tower=other.tower)
    with pytest.raises(WorkspaceError, match=r"no features of model big \(there are some of tiny\)"):
        FrameFeatures.open(done, "big", tower=loaded.tower)


def test_a_tower_keeps_its_fingerprint_on_disk(tmp_path: Path, loaded: LoadedModel) -> None:
    opened = open_model(save_tiny_model(tmp_path / "tiny"))
    assert opened.tower == loaded.tower and opened.name == "tiny"
    assert open_model(tmp_path / "tiny", precision="bfloat16").tower == loaded.tower


def test_damage_is_named(workspace: Workspace, loaded: LoadedModel) -> None:
    done = add_features(workspace, loaded, SMALL)
    shard = done.path / "features/tiny/00001.safetensors"
    data = shard.read_bytes()
    shard.write_bytes(data[:-8])
    with pytest.raises(WorkspaceError, match=r"00001.safetensors: damaged"):
        FrameFeatures.open(done, "tiny", tower=loaded.tower)
    shard.write_bytes((done.path / "features/tiny/00002.safetensors").read_bytes())
    with pytest.raises(WorkspaceError, match=r"00001.safetensors: damaged .its tensors are not those"):
        FrameFeatures.open(done, "tiny", tower=loaded.tower)
    shard.unlink()
    with pytest.raises(WorkspaceError, match=r"00001.safetensors: damaged"):
        FrameFeatures.open(done, "tiny", tower=loaded.tower)
    facts = done.path / "features/tiny/features.json"
    facts.write_text(json.dumps({"schema": 1}))
    with pytest.raises(WorkspaceError, match=r"features.json: damaged"):
        FrameFeatures.open(done, "tiny", tower=loaded.tower)


def test_a_damaged_shard_of_an_interrupted_run_is_made_again(workspace: Workspace, loaded: LoadedModel) -> None:
    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_features(workspace, loaded, SMALL, on_progress=stop)
    (kept,) = workspace.path.glob(".features-tiny.*/features/tiny/00000.safetensors")
    kept.write_bytes(kept.read_bytes()[:100])
    FrameFeatures.open(add_features(workspace, loaded, SMALL), "tiny", tower=loaded.tower)


def test_a_full_disk_is_told_before_anything_is_computed(
    workspace: Workspace, loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(
        WorkspaceError, match=r"11 frames take 0.0 MB, and the disk has 0.0 MB left; make room, keep them"
    ):
        add_features(workspace, loaded, SMALL)
    assert "features-tiny" not in Workspace.open(workspace.path).steps


def test_numbers_that_are_none_are_refused(workspace: Workspace) -> None:
    model = make_tiny_model()
    with torch.no_grad():
        model.vision_tower.encoder.layers[1].mlp.fc1.bias[0] = float("nan")
    with pytest.raises(CheckpointError, match="model tiny: its vision tower gives numbers that are not finite"):
        add_features(workspace, LoadedModel.of(model, tiny_processor(), name="tiny"), SMALL)


@pytest.mark.parametrize("options", [{"kind": "int4"}, {"frames_per_shard": 0}, {"batch_size": 0}])
def test_settings_that_cannot_work(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        FeaturesConfig(**options)  # type: ignore[arg-type]


def test_a_frame_that_is_not_there(workspace: Workspace, loaded: LoadedModel) -> None:
    features = FrameFeatures.open(add_features(workspace, loaded, SMALL), "tiny", tower=loaded.tower)
    with pytest.raises(ConfigError, match="frames 0 to 10"):
        features.read([11])


def test_shards_are_plain_safetensors(workspace: Workspace, loaded: LoadedModel) -> None:
    done = add_features(workspace, loaded, SMALL)
    with safe_open(done.path / "features/tiny/00002.safetensors", framework="np") as file:
        assert file.get_tensor("features").shape == (3, 65, 32)


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".hidden"])
def test_a_model_name_is_a_folder_name(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a model's name"):
        LoadedModel.of(make_tiny_model(), tiny_processor(), name=name)


def test_wrong_model_folders_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no model 'nobody/nothing'"):
        open_model("nobody/nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        open_model(tmp_path / "empty")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(CheckpointError, match="'llama', not a movieqa model"):
        open_model(tmp_path / "other")
    with pytest.raises(CheckpointError, match="is a file"):
        open_model(tmp_path / "other/config.json")
    model = save_tiny_model(tmp_path / "tiny")
    with pytest.raises(ConfigError, match="no device"):
        open_model(model, device="cuda:9")
    with pytest.raises(ConfigError, match="precision"):
        open_model(model, precision="int3")  # type: ignore[arg-type]


def test_the_model_comes_from_the_flag_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_model(None) is None
    monkeypatch.setenv("MOVIEQA_MODEL", "there")
    assert (chosen_model(None), chosen_model("here")) == ("there", "here")
