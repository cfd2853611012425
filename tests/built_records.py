"""Looks at what builders of training data wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from movieqa.train.data.builders.building import BuiltRecords
from movieqa.train.data.config import DataConfig
from movieqa.train.data.training_set import open_training_set
from tests.tiny_checkpoint import tiny_processor


def records_of(built: BuiltRecords) -> list[dict[str, Any]]:
    """Return the records, which are as many as were told."""
    records: list[dict[str, Any]] = json.loads(built.path.read_text(encoding="utf-8"))
    assert len(records) == built.num_records == sum(built.kinds.values())
    return records


def question(record: dict[str, Any], turn: int = 0) -> str:
    """Return what is said in a turn."""
    return str(record["conversations"][turn]["value"])


def check_readable(built: BuiltRecords, images: Path) -> None:
    """Every record is read by the training set, with all its pictures."""
    processor = tiny_processor()
    config = DataConfig(files=(built.path,), media=(built.path.parent, images), max_length=4096)
    data = open_training_set(config, processor, processor.config)
    assert len(data) == built.num_records and data.bad == ()
    for index in range(len(data)):
        example = data[index]
        assert example.num_learned > 0
        assert {role.role for role in example.roles} == {"reference", "test"}
