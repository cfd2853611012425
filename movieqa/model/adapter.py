"""Adapters that training left beside a model's weights: they are added to the weights whenever the model is loaded."""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from movieqa.errors import CheckpointError, MissingDependencyError

if TYPE_CHECKING:
    from .modeling import MovieModel

FOLDER = "adapter"
"""Folder of a LoRA (arXiv 2106.09685) that was not merged, inside a model's folder."""


def import_peft() -> Any:
    """Return peft.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    # what peft asks transformers by an old name is nothing that a user could change
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
    try:
        return import_module("peft")
    except ImportError as error:
        raise MissingDependencyError(f"LoRA needs peft ({error})", hint='pip install "movieqa[train]"') from error


def merge_adapter(model: MovieModel, folder: Path) -> None:
    """Add the adapter in a model's folder, if it holds one, to the language model's weights.

    Args:
        model: The model, loaded from the folder.
        folder: The folder.

    Raises:
        CheckpointError: If the adapter is damaged, or one of another model.
        MissingDependencyError: If peft is not installed.
    """
    adapter = folder / FOLDER
    if not adapter.is_dir():
        return
    if not (adapter / "adapter_model.safetensors").is_file():  # peft would look for a pickle
        raise CheckpointError(f"{adapter} holds no adapter_model.safetensors", hint="export it again")
    peft = import_peft()
    try:
        merged = peft.PeftModel.from_pretrained(model.language_model, adapter).merge_and_unload()
    except (ValueError, RuntimeError, OSError, KeyError, TypeError, SafetensorError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise CheckpointError(
            f"{adapter} does not fit the model beside it ({reason})", hint="export it again"
        ) from error
    model.language_model = merged
