"""Finds the workspace a person means when they name none."""

from __future__ import annotations

from pathlib import Path

from movieqa.errors import WorkspaceError
from movieqa.manifest import FILE_NAME, Manifest
from movieqa.workspace import SUFFIX


def find_workspace(folder: Path) -> Path:
    """Return the folder itself where it is a workspace, else the only workspace in it, or the one changed last.

    Raises:
        WorkspaceError: There is none.
    """
    if (folder / FILE_NAME).is_file():
        return folder
    manifests = [path for path in folder.glob(f"*/{FILE_NAME}") if path.is_file() and _is_workspace(path.parent)]
    if not manifests:
        raise WorkspaceError(f"no workspace in {folder.absolute()}", hint="make one with: movieqa preprocess FILM")
    return max(manifests, key=lambda path: (path.stat().st_mtime_ns, path.parent.name)).parent


def _is_workspace(folder: Path) -> bool:
    """Tell a workspace by its name, damaged or not, or by its manifest where it was named with --output."""
    if folder.name.endswith(SUFFIX):
        return True
    try:
        return bool(Manifest.read(folder).steps)
    except WorkspaceError:
        return False  # a manifest of something else


def default_output(film: Path) -> Path:
    """Return the workspace a film gets when no output is named: its name with `.movieqa`, in the current folder."""
    return Path(f"{film.stem}{SUFFIX}")
