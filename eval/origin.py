"""Where a run comes from: digests of model and data, versions, revision, machine."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import movieqa
from movieqa.errors import EvaluationError
from movieqa.storage import digest_file

from .rows import RunHeader, digest_content
from .sample import Sample

_LIBRARIES = ("av", "bm25s", "numpy", "PyStemmer")
_MODEL_LIBRARIES = ("torch", "transformers")
_MODEL_FILES = (".json", ".safetensors", ".model", ".txt", ".jinja")
_GIT_SECONDS = 10


def describe_run(
    samples: Sequence[Sample],
    *,
    source: str,
    ask: Callable[[Sample], str],
    settings: dict[str, Any],
    model: str | None = None,
    folder: Path | None = None,
) -> RunHeader:
    """Describe what a run depends on.

    Args:
        samples: All samples, in order.
        source: The samples' name, without folders.
        ask: Puts a sample into words.
        settings: What was asked for, by flag.
        model: The model's folder or hub name; None where the film's own evidence answers.
        folder: Where the model is.

    Raises:
        EvaluationError: There are no samples, or one of their numbers is none.
    """
    if not samples:
        raise EvaluationError(f"{source}: there are no samples in it", hint="look at its format: movieqa eval --list")
    try:
        data = digest_content([asdict(sample) for sample in samples])
    except ValueError as error:
        raise EvaluationError(f"{source}: a number of the samples is none ({error})") from None
    return RunHeader(
        settings=settings,
        model={"name": "extractive"}
        if folder is None
        else {"name": Path(str(model)).name, "digest": digest_model(folder)},
        data={
            "name": source,
            "benchmark": ", ".join(dict.fromkeys(sample.benchmark for sample in samples)),
            "samples": len(samples),
            "films": len({sample.film for sample in samples}),
            "digest": data,
        },
        prompt=digest_content([ask(sample) for sample in samples]),
        versions=_versions(("movieqa", *_LIBRARIES, *(_MODEL_LIBRARIES if folder is not None else ()))),
    )


def digest_model(folder: Path) -> str:
    """Return the digest of every file of a model: weights, configuration, tokenizers."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _MODEL_FILES)
    return digest_content({path.relative_to(folder).as_posix(): digest_file(path) for path in files})


def describe_session() -> dict[str, Any]:
    """Say when, by which revision and on what kind of machine a run goes on; equal runs may differ in it."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "revision": find_revision(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def find_revision() -> str | None:
    """Return the checkout's git revision, with `+` where files differ from it; None outside a checkout."""
    root = Path(movieqa.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        revision = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None  # no git, or a repository that it does not trust
    return revision + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=_GIT_SECONDS,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    )
    return done.stdout.strip()


def _versions(names: Sequence[str]) -> dict[str, str]:
    found = {"movieqa": movieqa.__version__}
    for name in names:
        try:
            found.setdefault(name, version(name))
        except PackageNotFoundError:
            found[name] = "absent"
    return found
