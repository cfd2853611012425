"""What a run tells while it runs reaches its lines, TensorBoard and Weights & Biases, and a resume repeats nothing."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from movieqa.errors import ConfigError
from movieqa.train.config import LoggingConfig
from movieqa.train.metrics import FILE, MetricsLog, StepMetrics, read_metrics


def step_metrics(step: int, loss: float) -> StepMetrics:
    return StepMetrics(
        step=step,
        epoch=0,
        loss=loss,
        learning_rate=1e-3,
        gradient_norm=1.5,
        tokens=100,
        learned=20,
        seconds=0.5,
        tokens_per_second=200.0,
        mfu=None,
        memory_gb=1.0,
        num_bad=0,
    )


def tell(out: Path, config: LoggingConfig, losses: dict[int, float], *, start: int = 0) -> None:
    with closing(MetricsLog(out, config, start=start)) as log:
        for step, loss in losses.items():
            log.write(step_metrics(step, loss), is_last=step == 5)


def wandb_records(content: bytes) -> Iterator[Any]:
    """Yield what a file of Weights & Biases holds: LevelDB's log format behind a head of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    at, parts = 7, b""
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:  # no record's head fits into the rest of a block
            at += 32768 - at % 32768
            continue
        size, kind = struct.unpack_from("<HB", content, at + 4)
        parts += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            record = Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def test_lines_are_written_every_so_often_and_at_the_end(tmp_path: Path) -> None:
    tell(tmp_path, LoggingConfig(every=2), {step: float(step) for step in range(1, 6)})
    assert [line.step for line in read_metrics(tmp_path)] == [2, 4, 5]


def test_lines_after_a_resume_replace_those_that_were_lost(tmp_path: Path) -> None:
    tell(tmp_path, LoggingConfig(), {1: 3.0, 2: 2.0, 3: 9.0})
    with (tmp_path / FILE).open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "epo')  # as a kill leaves it
    tell(tmp_path, LoggingConfig(), {3: 1.0}, start=2)
    assert [(line.step, line.loss) for line in read_metrics(tmp_path)] == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_tensorboard_shows_each_step_once(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    config = LoggingConfig(tensorboard=True)
    tell(tmp_path, config, {1: 3.0, 2: 2.0, 3: 9.0})
    tell(tmp_path, config, {3: 1.0, 4: 0.5}, start=2)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 3.0), (2, 2.0), (3, 1.0), (4, 0.5)]
    told = set(events.Tags()["scalars"])
    assert {"learning_rate", "gradient_norm", "tokens_per_second", "memory_gb"} <= told
    assert "mfu" not in told  # it was not known


def test_weights_and_biases_keeps_a_run_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    tell(tmp_path / "films", LoggingConfig(wandb="movies"), {1: 3.0, 2: 2.0})
    (file,) = (tmp_path / "films" / "wandb").glob("offline-run-*/*.wandb")
    end = time.monotonic() + 60  # its own process writes the file, and may still be at it
    while not any(record.HasField("exit") for record in wandb_records(file.read_bytes())) and time.monotonic() < end:
        time.sleep(0.05)
    names, told = [], []
    for record in wandb_records(file.read_bytes()):
        if record.HasField("run"):
            names.append((record.run.project, record.run.display_name))
        if record.HasField("history"):
            items = {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
            told.append((json.loads(items["step"]), json.loads(items["loss"])))
    assert names[0] == ("movies", "films")
    assert told == [(1, 3.0), (2, 2.0)]


def test_weights_and_biases_without_a_key_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb").teardown()  # it remembers the mode of an earlier run of this process
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no key in a file there
    monkeypatch.setenv("WANDB_SILENT", "true")
    with pytest.raises(ConfigError, match=r"Weights & Biases does not take the run \(.*wandb login") as caught:
        MetricsLog(tmp_path / "films", LoggingConfig(wandb="movies"), start=0)
    assert "WANDB_MODE=offline" in caught.value.hint
    assert not (tmp_path / "films" / FILE).exists()
