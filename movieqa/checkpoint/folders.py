"""Folders that are never half there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from movieqa.errors import CheckpointError


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder that gets the target's name only when everything in it is written.

    Raises:
        CheckpointError: If the target exists, or the disk refuses.
    """
    if target.exists():
        raise CheckpointError(f"{target} exists already", hint="give a new folder")
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():  # safetensors lets nobody but their owner read its files
                file.chmod(partial.stat().st_mode & 0o666)
        partial.rename(target)
    except OSError as error:
        raise CheckpointError(f"{target} cannot be written ({error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
