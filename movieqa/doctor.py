"""The doctor: what this machine offers, what movieqa will use of it, what is wrong, and the way out of each."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

import movieqa
from movieqa.installed import Package, find_version, list_clashes, list_packages

_PROGRAM_SECONDS = 10
_TORCH_SECONDS = 60
_LITTLE_DISK = 1_000_000_000
_ASK_TORCH = """
import json, torch
found = []
if torch.cuda.is_available():
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        found.append({"kind": "cuda", "name": device.name, "num_bytes": device.total_memory})
if torch.backends.mps.is_available():
    found.append({"kind": "mps", "name": "Apple GPU", "num_bytes": torch.mps.recommended_max_memory()})
print(json.dumps(found))
"""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program movieqa runs."""

    name: str
    path: str | None
    """Where it is; None when it is not on PATH."""
    version: str | None
    """As it tells itself; None when it does not run."""


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """A device that torch can compute on beside the CPU."""

    kind: str
    """`cuda` or `mps`."""
    name: str
    num_bytes: int


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the machine offers."""

    system: str
    num_cores: int
    """Those this process may use."""
    memory_bytes: int
    """Of the machine, or of the container around this process when that is less."""
    accelerators: tuple[Accelerator, ...]
    here: str
    """The current folder, where workspaces and reports go unless told otherwise."""
    free_bytes: int
    """Of the disk here."""
    is_here_writable: bool
    cache: str
    is_cache_writable: bool


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that keeps a part of movieqa from working."""

    what: str
    way: str
    """The way out."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What the doctor found."""

    version: str
    where: str
    """The folder movieqa runs from."""
    python: str
    python_path: str
    programs: tuple[Program, ...]
    packages: tuple[Package, ...]
    machine: Machine
    decoder: str
    """What reads the sampled frames."""
    model: str | None
    """What `MOVIEQA_MODEL` names; None when no language model is set and the extractive answerer is used."""
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; what is merely optional and missing is not."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as plain JSON types."""
        return {**asdict(self), "ok": self.ok}


def examine() -> Diagnosis:
    """Examine this machine; no heavy package is imported, torch is asked in a child process.

    Example:
        >>> examine().ok  # doctest: +SKIP
        True
    """
    programs = tuple(_find_program(name) for name in ("ffmpeg", "ffprobe"))
    packages = tuple(list_packages())
    problems: list[Problem] = []
    machine = _examine_machine(problems)
    model = os.environ.get("MOVIEQA_MODEL") or None
    problems += [
        *_program_problems(programs),
        *_package_problems(packages),
        *_model_problems(model, packages),
        *_folder_problems(machine),
    ]
    return Diagnosis(
        version=movieqa.__version__,
        where=str(Path(__file__).resolve().parent),
        python=platform.python_version(),
        python_path=sys.executable,
        programs=programs,
        packages=packages,
        machine=machine,
        decoder=f"PyAV {find_version('av') or '(missing)'}",
        model=model,
        problems=tuple(problems),
    )


def render_diagnosis(diagnosis: Diagnosis) -> str:
    """Write a diagnosis for people."""
    machine = diagnosis.machine
    devices = [f"{one.kind}: {one.name}, {_gigabytes(one.num_bytes)}" for one in machine.accelerators]
    programs = diagnosis.programs
    required = [package for package in diagnosis.packages if package.is_required]
    optional = [package for package in diagnosis.packages if not package.is_required]
    lines = [
        f"movieqa {diagnosis.version}  {diagnosis.where}",
        f"Python {diagnosis.python}  {diagnosis.python_path}",
        machine.system,
        "",
        "Programs",
        *(_row(one.name, f"{one.version or 'no version'}  {one.path}" if one.path else "missing") for one in programs),
        "",
        "Packages",
        _row("required", f"{sum(one.is_suitable for one in required)} of {len(required)}"),
        *(_row(one.name, one.version or f"not installed: {one.way}") for one in optional),
        "",
        "In use",
        _row("frames", diagnosis.decoder),
        _row("answers", diagnosis.model or "extractive: the evidence itself, no language model (set MOVIEQA_MODEL)"),
        _row("computes on", "; ".join(devices) or "CPU"),
        "",
        "Machine",
        _row("cores", str(machine.num_cores)),
        _row("memory", _gigabytes(machine.memory_bytes)),
        _row("disk", f"{_gigabytes(machine.free_bytes)} free in {machine.here}", is_writable=machine.is_here_writable),
        _row("cache", machine.cache, is_writable=machine.is_cache_writable),
        "",
    ]
    if diagnosis.ok:
        return "\n".join([*lines, "All is well."])
    count = len(diagnosis.problems)
    lines.append("One problem" if count == 1 else f"{count} problems")
    lines += [f"  {problem.what}\n    {problem.way}" for problem in diagnosis.problems]
    return "\n".join(lines)


def _row(name: str, value: str, *, is_writable: bool = True) -> str:
    return f"  {name:<22}{value}{'' if is_writable else ', read only'}"


def _find_program(name: str) -> Program:
    path = shutil.which(name)
    if path is None:
        return Program(name=name, path=None, version=None)
    try:
        told = subprocess.run(
            [path, "-version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=_PROGRAM_SECONDS, check=True
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return Program(name=name, path=path, version=None)
    match = re.match(r"\S+ version (\S+)", told)
    return Program(name=name, path=path, version=match[1] if match else None)


def _examine_machine(problems: list[Problem]) -> Machine:
    here = _find_here(problems)
    cache = platformdirs.user_cache_path("movieqa")
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        num_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        accelerators=_ask_torch(problems),
        here=str(here),
        free_bytes=shutil.disk_usage(_existing(here)).free,
        is_here_writable=here.is_dir() and os.access(here, os.W_OK | os.X_OK),
        cache=str(cache),
        is_cache_writable=os.access(_existing(cache), os.W_OK | os.X_OK) and _existing(cache).is_dir(),
    )


def _find_here(problems: list[Problem]) -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        problems.append(Problem(what="the current folder has been removed", way="change to another folder"))
        return Path("/")


def _existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _memory_bytes() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no container, or one without a limit: `max`
        return total


def _ask_torch(problems: list[Problem]) -> tuple[Accelerator, ...]:
    """Ask torch for its devices, in a child process that can be slow, crash or hang without us."""
    if find_version("torch") is None:
        return ()
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _ASK_TORCH],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_TORCH_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        reason = f"did not start within {_TORCH_SECONDS} s"
    else:
        if child.returncode == 0:
            return tuple(Accelerator(**one) for one in json.loads(child.stdout.splitlines()[-1]))
        said = child.stderr.decode(errors="replace").strip().splitlines()
        reason = f"does not load ({said[-1] if said else f'exit status {child.returncode}'})"
    problems.append(Problem(what=f"torch {reason}", way="pip install --force-reinstall torch"))
    return ()


def _program_problems(programs: tuple[Program, ...]) -> Iterator[Problem]:
    way = "brew install ffmpeg" if sys.platform == "darwin" else "apt install ffmpeg, or your system's like"
    for program in programs:
        if program.path is None:
            yield Problem(what=f"{program.name} is not on PATH; films cannot be read", way=way)
        elif program.version is None:
            yield Problem(what=f"{program.path} does not run", way=way)


def _package_problems(packages: tuple[Package, ...]) -> Iterator[Problem]:
    for package in packages:
        if package.version is None and package.is_required:
            yield Problem(what=f"{package.name} is not installed", way=package.way)
        elif package.version is not None and not package.is_suitable:
            yield Problem(
                what=f"{package.name} {package.version} does not serve, {package.wanted} does",
                way=f"pip install --upgrade '{package.name}{package.wanted}'",
            )
    for keep, *others in list_clashes():
        yield Problem(
            what=f"{', '.join((keep, *others))} overwrite each other's files",
            way=f"pip uninstall {' '.join((keep, *others))}, then pip install {keep}",
        )


def _model_problems(model: str | None, packages: tuple[Package, ...]) -> Iterator[Problem]:
    if model is None:
        return
    missing = [one.name for one in packages if one.extra == "model" and not one.is_suitable]
    if missing:
        yield Problem(
            what=f"MOVIEQA_MODEL is set, but {', '.join(missing)} must be installed to run a model",
            way="pip install 'movieqa[model]'",
        )
    path = Path(model)
    if path.is_dir() and not (path / "config.json").is_file():
        yield Problem(what=f"MOVIEQA_MODEL: {model} holds no model", way="make one with: movieqa convert")
    elif not path.is_dir() and (path.is_absolute() or model.startswith((".", "~")) or path.exists()):
        yield Problem(what=f"MOVIEQA_MODEL: no folder {model}", way="give a model's folder or its name on the hub")


def _folder_problems(machine: Machine) -> Iterator[Problem]:
    if machine.free_bytes < _LITTLE_DISK:
        yield Problem(
            what=f"only {_gigabytes(machine.free_bytes)} are free in {machine.here}",
            way="make room, or write elsewhere with --output",
        )
    if not machine.is_cache_writable:
        yield Problem(what=f"{machine.cache} cannot be written", way="set XDG_CACHE_HOME to a folder of yours")


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB"
