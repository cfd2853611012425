"""Which packages movieqa can use are installed, told from their metadata without importing one of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*(?P<versions>[^;]*)(?:;.*?\bextra\s*==\s*['\"](?P<extra>[^'\"]+)['\"])?"
)
_FOR_DEVELOPERS = frozenset({"test", "check", "dev"})
_BESIDE = {
    "faiss-cpu": "pip install faiss-cpu",
    "flash-attn": "pip install flash-attn --no-build-isolation",
    "deepspeed": "pip install deepspeed",
}
"""Packages that no extra brings, and how to get them."""
_SAME_IMPORT = (
    ("decord", "eva-decord", "decord2"),
    ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu12", "faiss-gpu-cu11"),
    ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    ("scenedetect-headless", "scenedetect"),
)
"""Packages that write into the same folder, the one we want first."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package movieqa uses, here or not."""

    name: str
    extra: str
    """The extra that brings it; empty for what movieqa always needs and for packages that stand beside it."""
    is_required: bool
    wanted: str
    """The versions that serve, such as `>=2.6`; empty when any does."""
    version: str | None
    """The version installed; None when it is not."""
    way: str
    """The command that gets it."""

    @property
    def is_suitable(self) -> bool:
        """Whether it is installed in a version that serves."""
        return self.version is not None and is_within(self.version, self.wanted)


def list_packages() -> list[Package]:
    """List every package movieqa can use: the required ones, the extras', and those that stand beside it."""
    packages = [_package(requirement) for requirement in _requirements()]
    named = {package.name for package in packages}
    for name, way in _BESIDE.items():
        if name not in named:
            alike = next((group for group in _SAME_IMPORT if name in group), (name,))
            version = next(filter(None, map(find_version, alike)), None)
            packages.append(Package(name=name, extra="", is_required=False, wanted="", version=version, way=way))
    unique = {package.name: package for package in reversed(packages)}
    return [package for package in packages if unique[package.name] is package]


def find_version(name: str) -> str | None:
    """Return a package's installed version, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def list_clashes() -> list[tuple[str, ...]]:
    """List groups of installed packages that overwrite each other's files, the one to keep first."""
    groups = (tuple(name for name in group if find_version(name)) for group in _SAME_IMPORT)
    return [group for group in groups if len(group) > 1]


def is_within(version: str, wanted: str) -> bool:
    """Return whether a version satisfies bounds such as `>=4.10,<5`, compared by its numbers alone.

    Example:
        >>> is_within("4.14.0.94", ">=4.10,<5"), is_within("5.0.0", ">=4.10,<5")
        (True, False)
    """
    number = _numbers(version)
    for bound in filter(None, (part.strip() for part in wanted.split(","))):
        if bound.startswith(">="):
            is_met = number >= _numbers(bound)
        elif bound.startswith("<"):
            is_met = number < _numbers(bound)
        else:
            raise ValueError(f"a bound is written with >= or <, got {bound!r}")
        if not is_met:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    release = re.search(r"\d+(?:\.\d+)*", version)
    parts = [int(part) for part in release.group().split(".")] if release else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _package(requirement: re.Match[str]) -> Package:
    name, extra = requirement["name"].lower().replace("_", "-"), requirement["extra"] or ""
    return Package(
        name=name,
        extra=extra,
        is_required=not extra,
        wanted=requirement["versions"].strip(" ()"),
        version=find_version(name),
        way=f"pip install 'movieqa[{extra}]'"
        if extra
        else f"pip install '{name}{requirement['versions'].strip(' ()')}'",
    )


def _requirements() -> Iterator[re.Match[str]]:
    for line in metadata.requires("movieqa") or [] if find_version("movieqa") else _read_checkout():
        match = _REQUIREMENT.match(line)
        if match and match["extra"] not in _FOR_DEVELOPERS and match["name"].lower() != "movieqa":
            yield match


def _read_checkout() -> Iterator[str]:
    """Read the requirements of a checkout that is not installed."""
    path = Path(__file__).resolve().parent.parent / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    yield from project["dependencies"]
    for extra, lines in project["optional-dependencies"].items():
        yield from (f'{line}; extra == "{extra}"' for line in lines)
