"""Guessers: how far one gets without the film; a good set of questions leaves them at chance.

The options-only guesser sees nothing but the options, the question-only guesser the question too; both learn on the
questions of training films. The subtitles-only retriever reads the film's lines and looks for the option they speak
of most.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import bm25s
import numpy as np
from numpy.typing import NDArray

from .dice import Dice
from .questions.sample import LETTERS, Sample
from .records import Film

_FEATURES = 1 << 15
_WORD = re.compile(r"[a-z]+|\d+")


@dataclass(frozen=True, kw_only=True)
class GuessScore:
    """How often a guesser is right."""

    guesser: str
    overall: float
    by_tag: dict[str, float]
    num_questions: int


def score_guessers(
    training: Sequence[Sample], films: Sequence[tuple[Film, Sequence[Sample]]]
) -> tuple[GuessScore, ...]:
    """Train the guessers on questions of training films and score all three on those of test films."""
    learning = [sample for sample in training if sample.options]
    asked = [sample for _, samples in films for sample in samples if sample.options]
    scores = []
    for name, sees_question in (("options only", False), ("question only", True)):
        weights = _learn(learning, sees_question=sees_question)
        right = [_guess(weights, sample, sees_question=sees_question) == sample.answer for sample in asked]
        scores.append(_score(name, asked, right))
    right = [_retrieve(lines, sample) == sample.answer for lines, samples in _with_lines(films) for sample in samples]
    scores.append(_score("subtitles only", asked, right))
    return tuple(scores)


def _score(name: str, samples: Sequence[Sample], right: Sequence[bool]) -> GuessScore:
    by_tag: dict[str, list[bool]] = defaultdict(list)
    for sample, is_right in zip(samples, right, strict=True):
        for tag in sample.tags:
            by_tag[tag].append(is_right)
    return GuessScore(
        guesser=name,
        overall=float(np.mean(right)),
        by_tag={tag: float(np.mean(values)) for tag, values in sorted(by_tag.items())},
        num_questions=len(right),
    )


def _learn(
    samples: Sequence[Sample], *, sees_question: bool, epochs: int = 12, rate: float = 0.08
) -> NDArray[np.float64]:
    """Fit a linear choice between the options by stochastic gradient descent."""
    weights = np.zeros(_FEATURES)
    prepared = [(_features(sample, sees_question=sees_question), LETTERS.index(sample.answer)) for sample in samples]
    for epoch in range(epochs):
        for rows, answer in Dice("guesser", epoch).shuffled(prepared):
            scores = np.array([weights[row].sum() / np.sqrt(len(row)) for row in rows])
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            for index, row in enumerate(rows):
                np.add.at(weights, row, rate * ((index == answer) - shares[index]) / np.sqrt(len(row)))
    return weights


def _guess(weights: NDArray[np.float64], sample: Sample, *, sees_question: bool) -> str:
    scores = [weights[row].sum() / np.sqrt(len(row)) for row in _features(sample, sees_question=sees_question)]
    return LETTERS[int(np.argmax(scores))]


def _features(sample: Sample, *, sees_question: bool) -> list[NDArray[np.int64]]:
    """Return the hashed features of every option: its words, its rank among the others, what it shares with them."""
    words = [_WORD.findall(option.lower()) for option in sample.options]
    question = set(_WORD.findall(sample.question.lower()))
    lengths = [len(option) for option in sample.options]
    numbers = [[float(word) for word in option if word.isdigit()] for option in words]
    values = [option[-1] if len(set(map(len, numbers))) == 1 and option else 0.0 for option in numbers]
    sums = [sum(number * 60 ** (len(option) - 1 - place) for place, number in enumerate(option)) for option in numbers]
    shared = [sum(len(set(mine) & set(other)) for other in words) for mine in words]
    rows = []
    for index, option in enumerate(words):
        names = {f"w {word}" for word in option}
        names |= {f"2 {first} {second}" for first, second in pairwise(option)}
        names |= {
            f"place {index}",
            f"length {_rank(lengths, index)}",
            f"value {_rank(values, index)}",
            f"sum {_rank(sums, index)}",
        }
        names |= {f"shared {_rank(shared, index)}", f"repeats {len(option) - len(set(option))}"}
        if sees_question:
            overlap = len(question & set(option))
            opening = " ".join(_WORD.findall(sample.question.lower())[:2])
            names |= {
                f"overlap {overlap}",
                f"overlap rank {_rank([len(question & set(other)) for other in words], index)}",
            }
            names |= {f"{opening} {name}" for name in list(names)}
            names |= {f"q {asked} {word}" for asked in question for word in option}
        rows.append(np.array(sorted(zlib.crc32(name.encode()) % _FEATURES for name in names), np.int64))
    return rows


def _rank(values: Sequence[float], index: int) -> str:
    below = sum(value < values[index] for value in values)
    return f"{below} {sum(value == values[index] for value in values)}"


def _with_lines(
    films: Sequence[tuple[Film, Sequence[Sample]]],
) -> list[tuple[list[tuple[float, str]], list[Sample]]]:
    return [
        (
            [(event.end, event.text) for event in film.events if event.text],
            [sample for sample in samples if sample.options],
        )
        for film, samples in films
    ]


def _retrieve(lines: list[tuple[float, str]], sample: Sample) -> str:
    """Return the letter of the option that the lines speak of most, together with the question."""
    heard = [text for end, text in lines if sample.until is None or end <= sample.until]
    windows = [" ".join(heard[start : start + 3]) for start in range(max(1, len(heard)))]
    if not any(windows):
        return LETTERS[0]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(windows, stopwords="en", show_progress=False), show_progress=False)
    best, letter = -1.0, LETTERS[0]
    for place, option in enumerate(sample.options):
        asked = bm25s.tokenize([f"{sample.question} {option}"], stopwords="en", show_progress=False)
        _, scores = index.retrieve(asked, k=1, show_progress=False)
        if float(scores[0, 0]) > best:
            best, letter = float(scores[0, 0]), LETTERS[place]
    return letter
