"""Any benchmark that movieqa reads, as a task of lmms-eval: a folder for its `--include_path`.

The folder holds the task's YAML, its documents, and a `utils.py` that points back here: replies are read and scored
by movieqa's own scorers, for whichever model lmms-eval runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movieqa.errors import EvaluationError
from movieqa.storage import write_atomic

if TYPE_CHECKING:
    from movieqa.eval.sample import Sample

_MARK = "<image>"
_BY_TASK: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "choice": ("choice", ("correct",)),
    "yes_no": ("yes_no", ("correct",)),
    "open": ("token_f1", ("f1",)),
    "moments": ("grounding", ("iou",)),
    "box": ("box", ("iou", "hit")),
}
"""Scorer, and the values of single samples whose mean is reported. Dense captions need more than single samples."""
_TOKENS: Mapping[str, int] = {"choice": 16, "yes_no": 16, "open": 128, "moments": 32, "box": 64}
_UTILS = '''"""Points lmms-eval to movieqa's own reading and scoring."""

from movieqa.plugins.lmms_eval_task import doc_to_messages, doc_to_text, doc_to_visual, process_results

__all__ = ["doc_to_messages", "doc_to_text", "doc_to_visual", "process_results"]
'''


@dataclass(frozen=True, kw_only=True)
class WrittenTask:
    """A task that was written.

    Attributes:
        name: What `--tasks` takes.
        folder: What `--include_path` takes.
        num_samples: Documents in it.
        num_left_out: Samples that lmms-eval's tasks cannot hold: dense captions, and what has no right answer.
    """

    name: str
    folder: Path
    num_samples: int
    num_left_out: int


def write_task(samples: Sequence[Sample], *, name: str, films: Path, folder: Path) -> WrittenTask:
    """Write samples as a task.

    Args:
        samples: What to ask.
        name: The task's name: letters, digits and underscores.
        films: Folder that the samples' films and pictures are relative to.
        folder: Where to write; made where it is missing.

    Raises:
        EvaluationError: The name cannot be one, no sample is left, a film is missing, or the folder cannot be written.
    """
    if not re.fullmatch(r"[A-Za-z]\w{0,60}", name):
        raise EvaluationError(f"{name!r} cannot be a task's name", hint="letters, digits and underscores can")
    kept = [sample for sample in samples if sample.task in _BY_TASK and _has_answer(sample)]
    if not kept:
        raise EvaluationError("none of the samples can be in a task of lmms-eval")
    lines = "".join(json.dumps(_document(sample, films), ensure_ascii=False) + "\n" for sample in kept)
    metrics = sorted(
        {f"{scorer}_{value}" for sample in kept for scorer, values in [_scoring(sample)] for value in values}
    )
    settings: dict[str, Any] = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": str((folder / f"{name}.jsonl").absolute())},
        "test_split": "train",
        "output_type": "generate_until",
        "doc_to_target": "target",
        "generation_kwargs": {"max_new_tokens": max(_TOKENS[sample.task] for sample in kept), "until": []},
        "metric_list": [{"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in metrics],
        "metadata": {"version": 1},
    }
    functions = "".join(
        f"{key}: !function utils.{key}\n"
        for key in ("doc_to_messages", "doc_to_text", "doc_to_visual", "process_results")
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / f"{name}.jsonl", lines)
        write_atomic(folder / "utils.py", _UTILS)
        write_atomic(folder / f"{name}.yaml", _yaml(settings) + functions)
    except OSError as error:
        raise EvaluationError(f"{folder} cannot be written: {error.strerror or error}") from None
    return WrittenTask(name=name, folder=folder, num_samples=len(kept), num_left_out=len(samples) - len(kept))


def doc_to_messages(doc: Mapping[str, str], lmms_eval_specific_kwargs: Any = None) -> list[dict[str, Any]]:
    """Return a document as one user's message."""
    return [{"role": "user", "content": json.loads(doc["parts"])}]


def doc_to_text(doc: Mapping[str, str], lmms_eval_specific_kwargs: Any = None) -> str:
    """Return a document's text, for models that take no messages."""
    return "\n".join(part["text"] for part in json.loads(doc["parts"]) if part["type"] == "text")


def doc_to_visual(doc: Mapping[str, str]) -> list[Any]:
    """Return a document's film or pictures, for models that take no messages."""
    from movieqa.pictures import open_picture

    parts = [part for part in json.loads(doc["parts"]) if part["type"] != "text"]
    return [open_picture(Path(part["url"])) if part["type"] == "image" else part["url"] for part in parts]


def process_results(doc: Mapping[str, str], results: Sequence[str]) -> dict[str, float]:
    """Return the values of one reply, by movieqa's scorers."""
    from movieqa.eval.prediction import Prediction
    from movieqa.eval.rows import load_sample

    sample = load_sample(json.loads(doc["sample"]))
    name, values = _scoring(sample)
    (scored,) = _scorer(name).score([Prediction(sample=sample, text=results[0])]).samples
    return {f"{name}_{value}": scored.values[value] for value in values}


def _document(sample: Sample, films: Path) -> dict[str, str]:
    from movieqa.eval.asking import write_prompt

    text = write_prompt(sample)
    parts: list[dict[str, str]] = []
    if sample.pictures:
        for reference in sample.references:
            parts += [_text(f"{reference.name} is"), _image(films / reference.image, sample)]
        for place, piece in enumerate(text.split(_MARK)):
            if place:
                parts.append(_image(films / sample.pictures[place - 1], sample))
            if piece.strip():
                parts.append(_text(piece.strip()))
    else:
        parts = [{"type": "video", "url": str(_found(films / sample.film, sample))}, _text(text)]
    return {
        "id": sample.id,
        "parts": json.dumps(parts, ensure_ascii=False),
        "target": str(sample.answer_text or ""),
        "sample": json.dumps(asdict(sample), ensure_ascii=False),
    }


def _found(path: Path, sample: Sample) -> Path:
    """Return a film's path; a name without an ending is completed."""
    if path.is_file():
        return path.absolute()
    others = sorted(other for other in path.parent.glob(f"{path.name}.*") if other.suffix != ".srt" and other.is_file())
    if not others:
        raise EvaluationError(f"sample {sample.id}: {path} is missing", hint="say where the films are with --films")
    return others[0].absolute()


def _text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def _image(path: Path, sample: Sample) -> dict[str, str]:
    return {"type": "image", "url": str(_found(path, sample))}


def _has_answer(sample: Sample) -> bool:
    return bool(sample.spans) if sample.task == "moments" else sample.answer is not None or sample.box is not None


def _scoring(sample: Sample) -> tuple[str, tuple[str, ...]]:
    return ("matching", ("correct",)) if sample.task == "choice" and sample.pictures else _BY_TASK[sample.task]


@cache
def _scorer(name: str) -> Any:
    from movieqa.eval.scorers.registry import make_scorer

    return make_scorer(name)


def _yaml(settings: Mapping[str, Any]) -> str:
    """Write settings as YAML: every value is JSON, which YAML is a superset of."""
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in settings.items())
