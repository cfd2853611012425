"""Settings files: `movieqa.toml` here, then in the user's configuration folder; flags and `MOVIEQA_*` win over both."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs

from movieqa.errors import ConfigError
from movieqa.storage import read_bounded

FILE_NAME = "movieqa.toml"
_MAX_BYTES = 1 << 20


def load_settings(allowed: Mapping[str, frozenset[str]]) -> dict[str, dict[str, Any]]:
    """Read the settings files into one table of options a verb.

    Args:
        allowed: The options each verb has, by the verb's name.

    Returns:
        Options by verb; the file in the current folder wins over the user's.

    Raises:
        ConfigError: A file is broken, or names a verb or option that does not exist.

    Example:
        A `movieqa.toml` such as::

            [preprocess]
            fps = 2
            subtitle-language = "en"
    """
    settings: dict[str, dict[str, Any]] = {}
    for path in (platformdirs.user_config_path("movieqa") / FILE_NAME, Path(FILE_NAME)):
        for verb, options in _read(path).items():
            if verb not in allowed:
                raise ConfigError(f"{path}: no verb [{verb}]", hint=f"one of {', '.join(sorted(allowed))}")
            if not isinstance(options, dict):
                raise ConfigError(f"{path}: {verb} must be a table", hint=f"write its options under [{verb}]")
            named = {name.replace("-", "_"): value for name, value in options.items()}
            for name in named:
                if name not in allowed[verb]:
                    raise ConfigError(
                        f"{path}: [{verb}] has no option {name!r}", hint=f"one of {', '.join(sorted(allowed[verb]))}"
                    )
            settings.setdefault(verb, {}).update(named)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bounded(path, limit=_MAX_BYTES).decode())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", hint="mend or remove it") from None
