"""MovieLLM's comparison of long-film answers in its published files (arXiv 2403.01422): old results score again.

Three folders with equally named files hold the truth, one method's answers and another's: one JSON a film, `QA` with
`overview_qa`, `plot_qa` and `temporal_qa`. A judged file has `QA_res` instead, with the judge's replies as they came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movieqa.errors import EvaluationError
from movieqa.eval.readers.moviellm import CATEGORIES, read_moviellm, read_moviellm_answers
from movieqa.storage import read_bounded, write_atomic

from .pairwise import JudgedPair, Pair, Verdict, pair_predictions
from .replies import read_literal, read_reply
from .rubric import Field, Rubric

PUBLISHED_COUNTS: Mapping[str, int] = {"overview": 100, "plot": 200, "temporal": 100}
"""Questions of the whole set, which the published script divides by however many films it is given."""

_PER_FILM: Mapping[str, int] = {"overview": 1, "plot": 2, "temporal": 1}
_MOST_BYTES = 16 * 2**20
_GRADES = Rubric(
    name="published",
    task="",
    criteria=(),
    fields=(Field(name="first one", meaning=""), Field(name="second one", meaning="")),
)


@dataclass(frozen=True, kw_only=True)
class PublishedScores:
    """What the published script prints of one category."""

    category: str
    win_ratio: float
    first: float
    second: float


def read_film_pairs(truth: Path, first: Path, second: Path) -> tuple[Pair, ...]:
    """Read the three folders.

    Raises:
        EvaluationError: A folder or file is missing, or a file is not of this form or of other questions.
    """
    samples = read_moviellm(truth)
    sides = [read_moviellm_answers(folder, samples) for folder in (first, second)]
    unanswered = next((one for side in sides for one in side if one.error is not None), None)
    if unanswered is not None:
        raise EvaluationError(f"{unanswered.sample.id}: {unanswered.error}", hint="all folders need every answer")
    return pair_predictions(*sides)


def read_judged(folder: Path) -> tuple[JudgedPair, ...]:
    """Read judged files, with the verdict that the words mean: "not the first one" is no win, equality is a tie.

    A film lacking an entry is read for those it has; an entry without a readable verdict is unjudged.

    Raises:
        EvaluationError: The folder holds no such files.
    """
    judged: list[JudgedPair] = []
    for path in _files(folder):
        found = _load(path, "QA_res")
        for category in CATEGORIES:
            entries = found.get(category + "_qa", [])
            for number, entry in enumerate(entries if isinstance(entries, list) else []):
                judged.append(_as_judged(f"{path.stem}/{category}/{number}", category, entry))
    return tuple(judged)


def score_as_published(folder: Path) -> tuple[PublishedScores, ...]:
    """Score judged files as the published script does: constant denominators, the word `first` anywhere is a win.

    Raises:
        EvaluationError: A file is one at which that script stops: a category or entry missing, a grade that is text.
    """
    sums = {category: [0.0, 0.0, 0.0] for category in CATEGORIES}
    for path in _files(folder):
        found = _load(path, "QA_res")
        for category, count in _PER_FILM.items():
            entries = found.get(category + "_qa")
            if not isinstance(entries, list) or len(entries) < count:
                raise EvaluationError(
                    f"{path} has fewer than {count} judged {category} questions", hint="judge it again"
                )
            for entry in entries[:count]:
                _add(sums[category], entry, path)
    return tuple(
        PublishedScores(
            category=category,
            win_ratio=wins / PUBLISHED_COUNTS[category],
            first=first / PUBLISHED_COUNTS[category],
            second=second / PUBLISHED_COUNTS[category],
        )
        for category, (wins, first, second) in sums.items()
    )


def judge_as_published(
    truth: Path, first: Path, second: Path, out: Path, ask: Callable[[Pair], str]
) -> tuple[str, ...]:
    """Judge once, the first answer always first; write a judged file for each film whose replies are all literals.

    A film that has its file already is not asked about again, as with the published script.

    Args:
        truth: Folder of the right answers.
        first: Folder of the method's answers.
        second: Folder of the baseline's.
        out: Folder to write into; made where it is missing.
        ask: Puts one pair to the judge and returns its reply.

    Returns:
        Names of the films that are not written, for want of a readable reply.

    Raises:
        EvaluationError: As `read_film_pairs`, or `out` cannot be written.
    """
    films: dict[str, list[Pair]] = {}
    for pair in read_film_pairs(truth, first, second):
        films.setdefault(pair.id.split("/")[0], []).append(pair)
    unwritten: list[str] = []
    for stem, pairs in films.items():
        path = out / f"{stem}.json"
        if path.exists():
            continue
        replies = [read_literal(ask(pair)) for pair in pairs]
        if any(reply is None for reply in replies):
            unwritten.append(stem)
            continue
        results: dict[str, list[Any]] = {category + "_qa": [] for category in CATEGORIES}
        for pair, reply in zip(pairs, replies, strict=True):
            results[pair.category + "_qa"].append(reply)
        title = json.loads(read_bounded(truth / path.name, limit=_MOST_BYTES)).get("movie_title")
        _write(path, {"movie_title": title, "QA_res": results})
    return tuple(unwritten)


def _files(folder: Path) -> Sequence[Path]:
    found = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not found:
        raise EvaluationError(f"{folder} holds no JSON files", hint="give a folder with one file a film")
    return found


def _load(path: Path, key: str) -> dict[str, Any]:
    try:
        value = json.loads(read_bounded(path, limit=_MOST_BYTES))
    except FileNotFoundError:
        raise EvaluationError(f"{path} is missing", hint="all three folders need a file for every film") from None
    except (OSError, ValueError, RecursionError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from None
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise EvaluationError(f"{path} has no {key}", hint="is it a file of this set?")
    return found


def _add(sums: list[float], entry: Any, path: Path) -> None:
    try:
        grades = entry["score"]["first one"], entry["score"]["second one"]
        said = entry["better one"].lower()
    except (KeyError, TypeError, AttributeError):
        raise EvaluationError(f"{path} has an entry without a verdict and two grades", hint="judge it again") from None
    if any(isinstance(grade, bool) or not isinstance(grade, int | float) for grade in grades):
        raise EvaluationError(f"{path} has a grade that is no number", hint="judge it again")
    sums[0] += "first" in said
    sums[1] += grades[0]
    sums[2] += grades[1]


def _as_judged(key: str, category: str, entry: Any) -> JudgedPair:
    pair = Pair(id=key, category=category, question="", reference="", first="", second="")
    said = entry.get("better one") if isinstance(entry, dict) else None
    grades = read_reply(json.dumps(entry["score"]), _GRADES) if isinstance(entry, dict) and "score" in entry else None
    verdict = _meaning(said) if isinstance(said, str) else None
    if verdict is None or grades is None:
        return JudgedPair(pair=pair, verdict=None, reason="the judge's reply cannot be read")
    first, second = float(grades["first one"]), float(grades["second one"])
    return JudgedPair(pair=pair, verdict=verdict, first=first, second=second)


def _meaning(said: str) -> Verdict | None:
    """Return what free words such as "FIRST ONE", "the second answer" or "not the first one" say of the first."""
    words = set(said.lower().replace(",", " ").replace(".", " ").split())
    if words & {"tie", "equal", "equally", "both", "neither", "same"} or {"first", "second"} <= words:
        return "tie"
    if ("first" in words) == ("second" in words):
        return None
    is_first = ("first" in words) != bool(words & {"not", "isn't"})
    return "win" if is_first else "loss"


def _write(path: Path, value: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1))
    except OSError as error:
        raise EvaluationError(f"{path} cannot be written: {error.strerror or error}") from None
