"""MSVD-QA, MSRVTT-QA and ActivityNet-QA: short open questions about short clips.

One list of records, or Video-ChatGPT's pair of files: questions in `..._q.json`, answers in `..._a.json`, aligned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from movieqa.errors import EvaluationError
from movieqa.eval.sample import Sample

from .files import find_files, read_lines, read_rows
from .rows import Row, gather

MSVD_FILES = ("test_qa.json", "test_q.json", "test.json", "*_qa.json")
MSRVTT_FILES = MSVD_FILES
ACTIVITYNET_FILES = ("test_q.json", "*_q.json")
_KINDS = ("motion", "spatial", "temporal", "yes/no", "color", "object", "location", "number", "other")
"""What ActivityNet-QA's types 0 to 8 mean."""
_WORDS = ("what", "who", "how", "when", "where", "which", "why")
_MAPPING = "youtube_mapping.txt"


def read_msvd_qa(source: Path) -> tuple[Sample, ...]:
    """Read MSVD-QA; a numbered clip is named by `youtube_mapping.txt`, where that stands beside, else `vid` and number.

    Raises:
        EvaluationError: The file is not as published.
    """
    (path, *_) = find_files(source, MSVD_FILES)
    clips = _mapping(path.parent / _MAPPING)
    return _read(path, "msvd-qa", lambda name: clips.get(f"vid{name}", f"vid{name}") if name.isdecimal() else name)


def read_msrvtt_qa(source: Path) -> tuple[Sample, ...]:
    """Read MSRVTT-QA, whose clips are `video` and number.

    Raises:
        EvaluationError: The file is not as published.
    """
    (path, *_) = find_files(source, MSRVTT_FILES)
    return _read(path, "msrvtt-qa", lambda name: f"video{name}" if name.isdecimal() else name)


def read_activitynet_qa(source: Path) -> tuple[Sample, ...]:
    """Read ActivityNet-QA, whose clips are `v_` and the video's name; its question types become tags.

    Raises:
        EvaluationError: The files are not as published, or questions and answers do not fit together.
    """
    (path, *_) = find_files(source, ACTIVITYNET_FILES)
    return _read(path, "activitynet-qa", lambda name: f"v_{name}")


def _read(path: Path, benchmark: str, film_of: Callable[[str], str]) -> tuple[Sample, ...]:
    return gather(_samples(path, benchmark, film_of), path)


def _samples(path: Path, benchmark: str, film_of: Callable[[str], str]) -> Iterator[tuple[Row, Sample]]:
    for question, answer in _pairs(path):
        text = question.text("question")
        first = text.split()[0].lower()
        kinds = [f"type:{_KINDS[answer.index('type', len(_KINDS))]}"] if answer.has("type") else []
        yield (
            question,
            question.sample(
                id=question.name("question_id" if question.has("question_id") else "id"),
                film=film_of(question.name("video_name" if question.has("video_name") else "video_id")),
                question=text,
                answer=answer.answer(),
                tags=(f"word:{first if first in _WORDS else 'other'}", *kinds),
                benchmark=benchmark,
            ),
        )


def _pairs(path: Path) -> Iterator[tuple[Row, Row]]:
    """Yield each question with the record that holds its answer."""
    questions = list(read_rows(path))
    if not path.stem.endswith("_q"):
        yield from ((row, row) for row in questions)
        return
    other = path.with_name(f"{path.stem.removesuffix('_q')}_a{path.suffix}")
    answers = list(read_rows(other))
    if len(answers) != len(questions):
        raise EvaluationError(f"{other.name} holds {len(answers)} answers to the {len(questions)} of {path.name}")
    for question, answer in zip(questions, answers, strict=True):
        if answer.has("question_id") and answer.name("question_id") != question.name("question_id"):
            raise answer.fault(f"answers {answer.name('question_id')}, the question is {question.name('question_id')}")
        yield question, answer


def _mapping(path: Path) -> dict[str, str]:
    """Read `youtube_mapping.txt`: a clip's name and its number on each line."""
    if not path.is_file():
        return {}
    clips = {}
    for where, line in read_lines(path):
        parts = line.split()
        if len(parts) != 2:
            raise EvaluationError(f"{where}: a clip's name and its number are expected")
        clips[parts[1]] = parts[0]
    return clips
