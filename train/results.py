"""What a run gave, told from one process to another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from movieqa.storage import write_atomic

_FILE = "result.json"


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What a run gave.

    Attributes:
        model: The trained model's folder.
        steps: Updates of the weights, those before a resume included.
        resumed_from: Updates that were made before this start.
        loss: Of the last step; None where no step was left to make.
        num_bad: Bad samples.
    """

    model: Path
    steps: int
    resumed_from: int
    loss: float | None
    num_bad: int


def write_result(folder: Path, result: TrainResult) -> None:
    """Leave the result for whoever started this process."""
    write_atomic(folder / _FILE, json.dumps(asdict(result), default=str))


def read_result(folder: Path) -> TrainResult:
    """Return what `write_result` wrote."""
    content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return TrainResult(**{**content, "model": Path(content["model"])})
