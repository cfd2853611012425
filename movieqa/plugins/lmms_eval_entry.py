"""What lmms-eval finds through the entry point `lmms_eval.models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmms_eval.models.registry_v2 import ModelManifest


def manifest() -> ModelManifest:
    """Return the manifest under which lmms-eval knows movieqa: `--model movieqa`."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(model_id="movieqa", chat_class_path="movieqa.plugins.lmms_eval_model.MovieQA")
