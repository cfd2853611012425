"""movieqa understands whole films: preprocess once, ask many times, see the moment that proves each answer.

Example:
    >>> import movieqa
    >>> workspace = movieqa.preprocess_movie("film.mp4")  # doctest: +SKIP
    >>> movieqa.ask(workspace, "Who takes the key?").text  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

_root = Path(__file__).resolve().parent.parent
if (_root / "setup.py").is_file() and (_root / "preprocess" / "__init__.py").is_file():
    __path__.append(str(_root))  # a checkout: preprocess/, memory/, train/ and eval/ stand beside this folder

__version__ = "0.1.0"

if TYPE_CHECKING:
    from movieqa.answer import Answer, Span
    from movieqa.api import ask, open_workspace, preprocess_movie
    from movieqa.errors import MovieQAError
    from movieqa.movie import Frames, Shot, Subtitle, VideoInfo
    from movieqa.workspace import Workspace

_HOME = {
    "Answer": "answer",
    "Frames": "movie",
    "MovieQAError": "errors",
    "Shot": "movie",
    "Span": "answer",
    "Subtitle": "movie",
    "VideoInfo": "movie",
    "Workspace": "workspace",
    "ask": "api",
    "open_workspace": "api",
    "preprocess_movie": "api",
}

__all__ = [
    "Answer",
    "Frames",
    "MovieQAError",
    "Shot",
    "Span",
    "Subtitle",
    "VideoInfo",
    "Workspace",
    "__version__",
    "ask",
    "open_workspace",
    "preprocess_movie",
]


def __getattr__(name: str) -> Any:
    """Load public names on first use, so that `import movieqa` stays light."""
    if name not in _HOME:
        raise AttributeError(f"module 'movieqa' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"movieqa.{_HOME[name]}"), name)
