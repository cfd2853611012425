"""Writes a scored run for other programs: as lmms-eval writes its results, or as a Parquet table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from movieqa.errors import EvaluationError, MissingDependencyError
from movieqa.storage import write_atomic

from .log import cannot_write
from .prediction import Prediction
from .score import SampleScore
from .scoring import ScoredRun

FORMATS = (".json", ".parquet")


def export_run(scored: ScoredRun, path: Path) -> None:
    """Write a scored run; the file's ending says how.

    Args:
        scored: The run and its scores.
        path: `.json` for what lmms-eval writes, `.parquet` for a table of one row a sample.

    Raises:
        EvaluationError: Another ending, or the file cannot be written.
        MissingDependencyError: pyarrow is not installed.

    Example:
        >>> export_run(scored, Path("run.parquet"))  # doctest: +SKIP
    """
    check_export(path)
    try:
        if path.suffix == ".json":
            text = json.dumps(as_lmms_results(scored), indent=2, ensure_ascii=False, allow_nan=False)
            write_atomic(path, text.encode(errors="backslashreplace") + b"\n")
        else:
            write_atomic(path, _parquet(scored))
    except OSError as error:
        raise cannot_write(path, error, flag="--export") from error


def check_export(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is scored.

    Raises:
        EvaluationError: Its ending says no format, or it is a folder.
        MissingDependencyError: pyarrow is not installed.
    """
    if path.suffix not in FORMATS:
        raise EvaluationError(f"{path}: no format goes with this ending", hint=f"use {' or '.join(FORMATS)}")
    if path.is_dir():
        raise EvaluationError(f"{path}: this is a folder", hint="name a file in it with --export")
    if path.suffix == ".parquet":
        _pyarrow()


def as_lmms_results(scored: ScoredRun) -> dict[str, Any]:
    """Return a run as lmms-eval writes its `results.json`, with its samples inside, by task.

    The task is the benchmark; where lmms-eval has a filter behind a metric's name, there stands the scorer.
    """
    run = scored.run
    task = str(run.header.data["benchmark"])
    values = {f"{metric},{scores.scorer}": value for scores in scored.scores for metric, value in scores.values.items()}
    by_id = _by_id(scored)
    return {
        "results": {task: {"alias": task, "samples": len(run.predictions), **values}},
        "configs": {task: {"task": task, "dataset_path": run.header.data["name"], "metadata": dict(run.header.data)}},
        "versions": {task: run.header.versions["movieqa"]},
        "n-shot": {task: 0},
        "n-samples": {task: {"original": run.header.data["samples"], "effective": len(run.predictions)}},
        "config": {
            "model": "movieqa",
            "model_args": dict(run.header.settings),
            "batch_size": run.header.settings.get("batch"),
        },
        "model_name": run.header.model["name"],
        "git_hash": run.sessions[-1].get("revision") if run.sessions else None,
        "date": run.sessions[0].get("started") if run.sessions else None,
        "samples": {
            task: [_lmms_sample(index, one, by_id.get(one.sample.id, {})) for index, one in enumerate(run.predictions)]
        },
    }


def _lmms_sample(index: int, prediction: Prediction, scores: dict[str, SampleScore]) -> dict[str, Any]:
    sample = prediction.sample
    parsed = [one.parsed for one in scores.values() if one.parsed is not None]
    return {
        "doc_id": index,
        "doc": {"id": sample.id, "film": sample.film, "question": sample.question, "options": list(sample.options)},
        "target": sample.answer,
        "resps": [[prediction.text]],
        "filtered_resps": parsed[:1] or [prediction.text],
        "token_counts": [{"input_tokens": prediction.prompt_tokens, "output_tokens": prediction.answer_tokens}],
        "error": prediction.error,
        **{f"{metric},{name}": value for name, one in scores.items() for metric, value in one.values.items()},
    }


def _parquet(scored: ScoredRun) -> bytes:
    pyarrow = _pyarrow()
    from pyarrow import parquet

    rows = scored.run.predictions
    texts, numbers = pyarrow.string(), pyarrow.float64()
    columns: dict[str, Any] = {
        "id": pyarrow.array([row.sample.id for row in rows], texts),
        "film": pyarrow.array([row.sample.film for row in rows], texts),
        "benchmark": pyarrow.array([row.sample.benchmark for row in rows], texts),
        "task": pyarrow.array([row.sample.task for row in rows], texts),
        "question": pyarrow.array([row.sample.question for row in rows], texts),
        "options": pyarrow.array([list(row.sample.options) for row in rows], pyarrow.list_(texts)),
        "answer": pyarrow.array([row.sample.answer for row in rows], texts),
        "tags": pyarrow.array([list(row.sample.tags) for row in rows], pyarrow.list_(texts)),
        "status": pyarrow.array([row.status for row in rows], texts),
        "text": pyarrow.array([row.text for row in rows], texts),
        "error": pyarrow.array([row.error for row in rows], texts),
        "span_starts": pyarrow.array([[one.start for one in row.spans] for row in rows], pyarrow.list_(numbers)),
        "span_ends": pyarrow.array([[one.end for one in row.spans] for row in rows], pyarrow.list_(numbers)),
    }
    for name in ("prompt_tokens", "answer_tokens", "frames_used", "frames_dropped", "peak_bytes"):
        columns[name] = pyarrow.array([getattr(row, name) for row in rows], pyarrow.int64())
    columns["seconds"] = pyarrow.array([row.seconds for row in rows], numbers)
    for scores in scored.scores:
        by_id = {one.id: one for one in scores.samples}
        found = [by_id.get(row.sample.id) for row in rows]
        columns[f"{scores.scorer}.parsed"] = pyarrow.array([one.parsed if one else None for one in found], texts)
        for metric in dict.fromkeys(name for one in scores.samples for name in one.values):
            values = [one.values.get(metric) if one else None for one in found]
            columns[f"{scores.scorer}.{metric}"] = pyarrow.array(values, numbers)
    table = pyarrow.table(columns)
    about = json.dumps(scored.run.header.as_row())
    table = table.replace_schema_metadata({"movieqa": about})
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue())


def _by_id(scored: ScoredRun) -> dict[str, dict[str, SampleScore]]:
    found: dict[str, dict[str, SampleScore]] = {}
    for scores in scored.scores:
        for one in scores.samples:
            found.setdefault(one.id, {})[scores.scorer] = one
    return found


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise MissingDependencyError(
            "Parquet needs pyarrow", hint="install it with: pip install 'movieqa[eval]'"
        ) from None
    return pyarrow
