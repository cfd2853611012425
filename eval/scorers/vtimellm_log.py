"""Scores a log that VTimeLLM's own `eval.py` wrote, to the number that its `metric.py` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movieqa.errors import EvaluationError
from movieqa.eval.prediction import Prediction
from movieqa.eval.readers.files import read_named
from movieqa.eval.sample import Moment, Sample
from movieqa.eval.score import Scores

from .captioning import Captioning
from .grounding import THRESHOLDS
from .soda import Soda
from .tally import Mark, make_scores, percent

_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class VTimeLLMLog:
    """What such a log holds.

    Attributes:
        captioning: The last answer about each video.
        grounding: One logged overlap a line, with the prediction it belongs to; all wordings of a query.
        num_unread: Lines that are no JSON object, or lack what their task needs.
        num_other: Lines of other tasks.
    """

    captioning: tuple[Prediction, ...]
    grounding: tuple[tuple[Prediction, float], ...]
    num_unread: int
    num_other: int


def read_vtimellm_log(log: Path, annotations: Path) -> VTimeLLMLog:
    """Read a log, JSON lines with `video_id`, `task`, `query_id`, `answer` and `info`.

    Args:
        log: As `eval.py` wrote it; what cannot be read is counted and passed over, as `metric.py` does.
        annotations: `{video: {duration, timestamps, sentences}}`, of the videos that are captioned.

    Raises:
        EvaluationError: A file cannot be read, or a captioned video has no annotation.
    """
    captioned: dict[str, str] = {}
    grounding: list[tuple[Prediction, float]] = []
    unread = other = 0
    for number, row in enumerate(_rows(log)):
        task = row.get("task") if row else None
        if task == "captioning" and isinstance(row.get("answer"), str):
            captioned[str(row.get("video_id"))] = row["answer"]
        elif task == "grounding" and isinstance(row.get("answer"), str) and _overlap(row) is not None:
            video = str(row.get("video_id"))
            name = f"{number}/{video}/{row['info'].get('sentence_id')}/{row.get('query_id')}"
            sample = Sample(id=name, film=video, question="When?", task="moments", benchmark="activitynet-captions")
            grounding.append((Prediction(sample=sample, text=row["answer"]), float(row["info"]["iou"])))
        elif row and task not in ("captioning", "grounding"):
            other += 1
        else:
            unread += 1
    samples = _caption_samples(annotations) if captioned else {}
    unknown = next((video for video in captioned if video not in samples), None)
    if unknown is not None:
        raise EvaluationError(
            f"{log}: {unknown} is not in {annotations}", hint="the original script stops here too; name its annotations"
        )
    return VTimeLLMLog(
        captioning=tuple(Prediction(sample=samples[video], text=answer) for video, answer in captioned.items()),
        grounding=tuple(grounding),
        num_unread=unread,
        num_other=other,
    )


def score_vtimellm_log(log: Path, annotations: Path) -> tuple[Scores, ...]:
    """Return SODA_c, METEOR and CIDEr, and R1@m and mIoU, of what a log holds of each.

    The overlaps are those that `eval.py` logged, rounded to two decimals, pooled over all wordings of a query.

    Raises:
        EvaluationError: A file cannot be read, or a captioned video has no annotation.
        MissingDependencyError: There are captions, and Java or pycocoevalcap is not installed.

    Example:
        >>> [scores.scorer for scores in score_vtimellm_log(Path("log.txt"), Path("val_2.json"))]  # doctest: +SKIP
        ['soda', 'captioning', 'grounding']
    """
    found = read_vtimellm_log(log, annotations)
    scores: list[Scores] = []
    if found.captioning:
        scores += [
            Soda(is_reference_compatible=True).score(found.captioning),
            Captioning(is_reference_compatible=True).score(found.captioning),
        ]
    if found.grounding:
        marks = [_mark(prediction, iou) for prediction, iou in found.grounding]
        values = {f"R1@{threshold}": percent(marks, f"R1@{threshold}") for threshold in THRESHOLDS}
        values["mIoU"] = percent(marks, "iou")
        counts = {"unread_lines": found.num_unread, "other_tasks": found.num_other}
        predictions = [prediction for prediction, _ in found.grounding]
        scores.append(make_scores("grounding", predictions, marks, values, counts=counts))
    return tuple(scores)


def _mark(prediction: Prediction, iou: float) -> Mark:
    reached = {f"R1@{threshold}": float(iou >= threshold) for threshold in THRESHOLDS}
    return Mark(prediction=prediction, values={"iou": iou, **reached}, parsed=prediction.text)


def _rows(log: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the object on each line that is not empty; an empty one for what cannot be read."""
    try:
        with log.open("rb") as lines:
            while line := lines.readline(_LONGEST_LINE):
                if line.strip():
                    yield _row(line)
    except OSError as error:
        raise EvaluationError(f"{log}: {error.strerror}", hint="name the log that eval.py wrote") from None


def _row(line: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _overlap(row: Mapping[str, Any]) -> float | None:
    info = row.get("info")
    iou = info.get("iou") if isinstance(info, dict) else None
    if isinstance(iou, bool) or not isinstance(iou, int | float):
        return None
    return float(iou) if -1 <= iou <= 1 else None


def _caption_samples(annotations: Path) -> dict[str, Sample]:
    samples = {}
    for video, row in read_named(annotations):
        spans, sentences = row.spans("timestamps"), row.texts("sentences")
        if len(spans) != len(sentences):
            raise row.fault(f"{len(spans)} timestamps for {len(sentences)} sentences")
        samples[video] = Sample(
            id=video,
            film=video,
            question="What happens, and when?",
            task="captions",
            spans=tuple(
                Moment(start=start, end=end, caption=text) for (start, end), text in zip(spans, sentences, strict=True)
            ),
            benchmark="activitynet-captions",
            facts={"duration": row.number("duration"), "times": "hundredths"},
        )
    return samples
