"""DeepSpeed's checkpoint files, read without running what they hold."""

from __future__ import annotations

from typing import Any

import torch
from deepspeed.runtime.checkpoint_engine.torch_checkpoint_engine import TorchCheckpointEngine
from deepspeed.runtime.fp16.loss_scaler import LossScaler
from deepspeed.runtime.zero.config import ZeroStageEnum
from deepspeed.utils.tensor_fragment import fragment_address

_RECORDS = [LossScaler, ZeroStageEnum, fragment_address]
"""What DeepSpeed's files hold besides tensors and plain values: three records without any code of their own."""


class SafeCheckpointEngine(TorchCheckpointEngine):  # type: ignore[misc]
    """Read DeepSpeed's files as weights only."""

    def __init__(self) -> None:
        super().__init__()
        self.zipfile_serialization = True

    def load(self, path: str, map_location: Any = None) -> Any:
        """Read one file."""
        with torch.serialization.safe_globals(_RECORDS):
            return torch.load(path, map_location=map_location, weights_only=True)
