"""The doctor on this very machine, and on machines made ill: real programs, real package metadata, real processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import movieqa
from movieqa import doctor, installed
from movieqa.doctor import examine, render_diagnosis
from movieqa.installed import find_version, is_within, list_packages

ROOT = Path(movieqa.__file__).resolve().parent.parent


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave torch unasked where a test is about something else: its start takes seconds."""
    monkeypatch.setattr(doctor, "_ASK_TORCH", "print('[]')")


def make_program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def make_metadata(folder: Path, name: str, version: str) -> None:
    """Put a package's metadata where Python looks first."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def whats(diagnosis: doctor.Diagnosis) -> str:
    return "\n".join(f"{problem.what} -> {problem.way}" for problem in diagnosis.problems)


def test_this_machine_is_told_as_it_is() -> None:
    diagnosis = examine()
    told = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout
    ffmpeg, ffprobe = diagnosis.programs
    assert ffmpeg.version is not None and told.startswith(f"ffmpeg version {ffmpeg.version} ")
    assert ffprobe.path == shutil.which("ffprobe")
    assert diagnosis.version == movieqa.__version__
    assert Path(diagnosis.where) == ROOT / "movieqa"
    assert diagnosis.decoder == f"PyAV {find_version('av')}"
    assert diagnosis.model is None
    assert 1 <= diagnosis.machine.num_cores <= (os.cpu_count() or 1)
    assert diagnosis.machine.memory_bytes > 100_000_000
    assert diagnosis.ok, whats(diagnosis)


def test_what_is_found_is_json_and_can_be_read(no_torch: None) -> None:
    diagnosis = examine()
    assert json.loads(json.dumps(diagnosis.to_dict()))["ok"] is True
    told = render_diagnosis(diagnosis)
    assert told.endswith("All is well.")
    required = sum(package.is_required for package in diagnosis.packages)
    assert f"  required              {required} of {required}\n" in told
    assert "extractive" in told and "PyAV" in told
    assert max(map(len, told.splitlines())) < 160


def test_the_doctor_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, time\nfrom movieqa import doctor\ndoctor._ASK_TORCH = 'print([])'\nstart = time.process_time()\n"
        "doctor.examine()\nseconds = time.process_time() - start\n"
        "heavy = {'torch', 'av', 'cv2', 'decord', 'transformers', 'onnxruntime', 'scenedetect', 'faiss', 'numpy'}\n"
        "print(seconds, sorted(heavy & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    seconds, heavy = told.split(" ", 1)
    assert heavy.strip() == "[]"
    assert float(seconds) < 1


def test_missing_programs_are_told(no_torch: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    diagnosis = examine()
    assert not diagnosis.ok
    assert "ffmpeg is not on PATH; films cannot be read -> " in whats(diagnosis)
    assert "ffprobe is not on PATH" in whats(diagnosis)
    told = render_diagnosis(diagnosis)
    assert "  ffmpeg                missing\n" in told and "2 problems" in told


def test_programs_that_break_or_hang_are_told(no_torch: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PROGRAM_SECONDS", 0.5)
    make_program(tmp_path, "ffmpeg", "exit 3")
    make_program(tmp_path, "ffprobe", "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    start = time.monotonic()
    found = whats(examine())
    assert f"{tmp_path}/ffmpeg does not run" in found and f"{tmp_path}/ffprobe does not run" in found
    assert time.monotonic() - start < 20


def test_a_package_too_old_and_two_that_clash_are_told(
    no_torch: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_metadata(tmp_path, "pysubs2", "0.2.1")
    make_metadata(tmp_path, "opencv-python", "4.14.0")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = whats(examine())
    assert "pysubs2 0.2.1 does not serve, >=1.8 does -> pip install --upgrade 'pysubs2>=1.8'" in found
    assert "opencv-python-headless, opencv-python overwrite each other's files -> " in found


@pytest.mark.skipif(find_version("torch") is None, reason="asks an installed torch")
def test_a_torch_that_does_not_load_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so.13: no such file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "torch does not load (OSError: libcudart.so.13: no such file) -> " in whats(examine())


@pytest.mark.skipif(find_version("torch") is None, reason="asks an installed torch")
def test_a_torch_that_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor, "_TORCH_SECONDS", 0.5)
    assert "torch did not start within 0.5 s" in whats(examine())


@pytest.mark.skipif(find_version("torch") is None, reason="asks an installed torch")
def test_a_file_called_torch_beside_a_film_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    examine()
    assert not (tmp_path / "ran").exists()


def test_devices_are_told_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [{"kind": "cuda", "name": "NVIDIA H100", "num_bytes": 85_000_000_000}]
    monkeypatch.setattr(doctor, "_ASK_TORCH", f"print('a warning')\nprint({json.dumps(json.dumps(found))})")
    diagnosis = examine()
    if find_version("torch") is not None:
        assert diagnosis.machine.accelerators[0].name == "NVIDIA H100"
        assert "computes on           cuda: NVIDIA H100, 85.0 GB" in render_diagnosis(diagnosis)
    else:
        assert diagnosis.machine.accelerators == ()


def test_the_model_that_is_set_is_told(no_torch: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIEQA_MODEL", str(tmp_path / "gone"))
    assert f"no folder {tmp_path / 'gone'} -> give a model's folder" in whats(examine())
    monkeypatch.setenv("MOVIEQA_MODEL", str(tmp_path))
    assert "holds no model -> " in whats(examine())
    (tmp_path / "config.json").write_text("{}")
    diagnosis = examine()
    assert "holds no model" not in whats(diagnosis)
    assert f"answers               {tmp_path}" in render_diagnosis(diagnosis)
    monkeypatch.setenv("MOVIEQA_MODEL", "someone/a-model")
    assert "no folder" not in whats(examine())


def test_a_cache_that_cannot_be_written_is_told(
    no_torch: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "below"))
    diagnosis = examine()
    assert "cannot be written -> set XDG_CACHE_HOME" in whats(diagnosis)
    assert f"{tmp_path}/file/below/movieqa, read only" in render_diagnosis(diagnosis)


def test_a_folder_removed_underneath_is_told(no_torch: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert "the current folder has been removed -> change to another folder" in whats(examine())


def test_every_package_of_the_project_is_listed_with_its_way() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = {package.name: package for package in list_packages()}
    assert sum(package.is_required for package in listed.values()) == len(project["dependencies"])
    assert listed["decord"].way == "pip install 'movieqa[decord]'"
    assert listed["torch"].extra == "model"
    assert {"faster-whisper", "onnxruntime", "faiss-cpu", "flash-attn", "deepspeed", "opentimelineio"} <= set(listed)
    assert not {"pytest", "ruff", "build", "movieqa"} & set(listed)
    for package in listed.values():
        assert is_within("999999", package.wanted) is ("<" not in package.wanted), package.name


def test_a_checkout_that_is_not_installed_lists_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> str | None:
        return None if name == "movieqa" else find_version(name)

    as_installed = {(package.name, package.extra, package.version) for package in list_packages()}
    monkeypatch.setattr(installed, "find_version", find)
    as_checkout = {(package.name, package.extra, package.version) for package in list_packages()}
    assert as_checkout == as_installed


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("4.14.0.94", ">=4.10,<5", True),
        ("5.0", ">=4.10,<5", False),
        ("4.9", ">=4.10,<5", False),
        ("2.13.0+cpu", ">=2.6", True),
        ("1.0", ">=1.0.0", True),
        ("1.0rc1", ">=1", True),
        ("0.1", "", True),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, wanted: str, expected: bool) -> None:
    assert is_within(version, wanted) is expected


def test_a_bound_that_is_not_understood_is_refused() -> None:
    with pytest.raises(ValueError, match="~=1"):
        is_within("1.0", "~=1.0")
