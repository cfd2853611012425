"""One clear line when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from movieqa.errors import ConfigError


@contextmanager
def explain_memory(what: str) -> Iterator[None]:
    """Turn a lack of memory into one line that says what to do.

    Args:
        what: What memory was needed for, such as `the prompt`.

    Raises:
        ConfigError: If memory runs out inside.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _no_memory(what, error) from error
    except RuntimeError as error:
        if "allocate memory" not in str(error):
            raise
        raise _no_memory(what, error) from error


def _no_memory(what: str, error: Exception) -> ConfigError:
    reason = str(error).strip().splitlines()[0]
    return ConfigError(
        f"not enough memory for {what} ({reason})",
        hint="load the model in 4 bits, read the prompt in chunks, quantise the cache, or allow fewer tokens",
    )
