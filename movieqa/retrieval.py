"""Finds the lines that carry a question's words: what a word weighs, and the fewest lines that hold them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import bm25s
import numpy as np
from numpy.typing import NDArray

from movieqa.folding import fold
from movieqa.languages import guess_language
from movieqa.movie import Subtitle
from movieqa.question import TimeWindow
from movieqa.words import Analyzer, Phrase, Query, is_unspaced, split_words

MAX_LINES = 5
"""A passage is at most so many neighbouring lines,"""
MAX_SECONDS = 20.0
"""and so long, unless it is a single line."""

_MIN_COVERAGE = 0.5  # of the question's weight must be in a passage
_MIN_OF_BEST = 0.7  # of the best passage's score, for any other one
_LINE_COST = 0.05  # what a further line takes off the score: a word must weigh more to be worth a line
_BM25_SHARE = 0.05  # of the score: it orders passages that hold the same words
_DECIMALS = 6  # of a score: what differs by less is equal, and film order decides


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Neighbouring lines that support an answer."""

    lines: tuple[int, ...]
    """Indexes of the lines, ascending."""
    score: float
    """0 to 1: the share of the question's weight the lines carry, less a little for every further line."""


class LineIndex:
    """An index of a film's lines; all it knows, such as how rare a word is, comes from these lines alone.

    Args:
        lines: Ordered by start.

    Example:
        >>> texts = ("Hello.", "Take the key.", "No.")
        >>> index = LineIndex([Subtitle(start=i, end=i + 1, text=text) for i, text in enumerate(texts)])
        >>> [passage.lines for passage in index.search(index.query("Who takes the key?"))]
        [(1,)]
    """

    def __init__(self, lines: Sequence[Subtitle]) -> None:
        self.lines = tuple(lines)
        self._starts = np.array([line.start for line in self.lines])
        self._ends = np.array([line.end for line in self.lines])
        words = [split_words(line.text) for line in self.lines]
        folded = {word: fold(word) for line in words for word in line}
        source = self.lines[0].source if self.lines else ""
        self.language = guess_language((folded[word] for line in words for word in line), source=source)
        self._analyzer = Analyzer(self.language)
        self._ids: dict[str, int] = {}
        self._spellings: dict[str, str] = {}
        self._postings: list[list[int]] = []
        self._bm25 = bm25s.BM25()
        self._index_keys(words, folded)
        texts = [f"{' '.join(folded[word] for word in line)} " if line else "" for line in words]
        self._text = " " + "".join(texts)
        self._offsets = list(accumulate((len(text) for text in texts[:-1]), initial=1))

    def _index_keys(self, words: Sequence[list[str]], folded: dict[str, str]) -> None:
        speakers = {line.speaker: split_words(line.speaker) for line in self.lines if line.speaker}
        ids = []
        for number, (spoken, line) in enumerate(zip(words, self.lines, strict=True)):
            keys = self._analyzer.keys(spoken) + self._analyzer.keys(speakers.get(line.speaker or "", []))
            ids.append([self._ids.setdefault(key, len(self._ids)) for key in keys])
            self._postings.extend([] for _ in range(len(self._ids) - len(self._postings)))
            for key in dict.fromkeys(ids[-1]):
                self._postings[key].append(number)
        keys_of = ((spelling, self._analyzer.key(word)) for word, spelling in folded.items())
        self._spellings = {spelling: key for spelling, key in keys_of if key in self._ids}
        if self._ids:
            self._bm25.index((ids, dict(self._ids)), show_progress=False)

    def query(self, text: str) -> Query:
        """Return what a question looks for in these lines."""
        return self._analyzer.query(text, self._ids, self._spellings)

    def search(
        self, query: Query, *, window: TimeWindow | None = None, limit: int = 5, least: float = _MIN_COVERAGE
    ) -> tuple[Passage, ...]:
        """Return the passages that support an answer, best first; equally good ones in film order.

        A word weighs the more the rarer it is, and a word the film does not know weighs most. A passage supports an
        answer when it carries enough of the question's weight and is not far worse than the best one.

        Args:
            query: What to look for.
            window: Only lines in this part of the film are searched.
            limit: The most passages returned.
            least: The share of the question's weight that is enough; no passage carries nothing of it.
        """
        weights = {term.key: term.factor * self._rarity(term.key) for term in query.terms}
        phrases = [(list(self._places(phrase)), sum(map(self._rarity, phrase.keys))) for phrase in query.phrases]
        total = sum(weights.values()) + sum(weight for _, weight in phrases)
        if not self.lines or not total:
            return ()
        counts = [(self._running_count(key), weight) for key, weight in weights.items() if key in self._ids]
        relevance = _running_sum(self._relevance(query))
        candidates = []
        for num_lines, allowed in self._runs(window):
            coverage = np.zeros(len(allowed))
            for count, weight in counts:
                coverage += weight * (count[num_lines:] > count[:-num_lines])
            for places, weight in phrases:
                coverage += weight * _holds(places, num_lines, len(allowed))
            coverage /= total
            bm25 = relevance[num_lines:] - relevance[:-num_lines]
            order = 1 - _BM25_SHARE + _BM25_SHARE * bm25 / (bm25.max() or 1.0)
            scores = np.round(coverage * order * (1 - _LINE_COST * (num_lines - 1)), _DECIMALS)
            firsts = np.flatnonzero(allowed & (coverage >= least - 1e-9) & (coverage > 0))
            candidates.append((scores[firsts], firsts, np.full(len(firsts), num_lines)))
        return self._choose(*(np.concatenate(part) for part in zip(*candidates, strict=True)), limit=limit)

    def _rarity(self, key: str) -> float:
        number = len(self._postings[self._ids[key]]) if key in self._ids else 0
        return math.log(1 + (len(self.lines) - number + 0.5) / (number + 0.5))

    def _running_count(self, key: str) -> NDArray[np.int64]:
        mask = np.zeros(len(self.lines), dtype=np.int64)
        mask[self._postings[self._ids[key]]] = 1
        return np.concatenate(([0], np.cumsum(mask)))

    def _relevance(self, query: Query) -> NDArray[np.float64]:
        ids = [self._ids[term.key] for term in query.terms if term.key in self._ids]
        if not ids:
            return np.zeros(len(self.lines))
        return np.asarray(self._bm25.get_scores(ids), dtype=np.float64)

    def _runs(self, window: TimeWindow | None) -> Iterator[tuple[int, NDArray[np.bool_]]]:
        """Yield, for every number of lines, at which lines a passage of that many may begin."""
        outside = [window is not None and not window.holds(line.start, line.end) for line in self.lines]
        num_outside = np.concatenate(([0], np.cumsum(outside)))
        ends = self._ends
        for num_lines in range(1, min(MAX_LINES, len(self.lines)) + 1):
            if num_lines > 1:
                ends = np.maximum(ends[:-1], self._ends[num_lines - 1 :])
            is_short = (num_lines == 1) | (ends - self._starts[: len(ends)] <= MAX_SECONDS)
            yield num_lines, is_short & (num_outside[num_lines:] == num_outside[:-num_lines])

    def _places(self, phrase: Phrase) -> Iterator[tuple[int, int]]:
        """Yield the first and last line of every place where a phrase is said."""
        before, after = ("" if is_unspaced(letter) else " " for letter in (phrase.text[0], phrase.text[-1]))
        wanted = before + phrase.text + after
        place = self._text.find(wanted)
        while place >= 0:
            first = place + len(before)
            last = first + len(phrase.text) - 1
            yield bisect_right(self._offsets, first) - 1, bisect_right(self._offsets, last) - 1
            place = self._text.find(wanted, place + 1)

    def _choose(
        self, scores: NDArray[np.float64], firsts: NDArray[np.int64], lengths: NDArray[np.int64], *, limit: int
    ) -> tuple[Passage, ...]:
        """Take the best candidates that share no line, and join those that are said at the same time."""
        if not len(scores):
            return ()
        taken: set[int] = set()
        passages: list[Passage] = []
        floor = scores.max() * _MIN_OF_BEST
        for index in np.lexsort((lengths, firsts, -scores)):
            lines = range(firsts[index], firsts[index] + lengths[index])
            if len(passages) == limit or scores[index] < floor:
                break
            if taken.isdisjoint(lines):
                taken.update(lines)
                passages.append(Passage(lines=tuple(int(line) for line in lines), score=float(scores[index])))
        return tuple(sorted(self._join(passages), key=lambda passage: (-passage.score, passage.lines)))

    def _join(self, passages: Sequence[Passage]) -> list[Passage]:
        joined: list[Passage] = []
        for passage in sorted(passages, key=lambda passage: passage.lines):
            if joined and self._starts[passage.lines[0]] < self._ends[list(joined[-1].lines)].max():
                other = joined.pop()
                passage = Passage(lines=other.lines + passage.lines, score=max(other.score, passage.score))
            joined.append(passage)
        return joined


def _running_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate(([0.0], np.cumsum(values)))


def _holds(places: Sequence[tuple[int, int]], num_lines: int, num_runs: int) -> NDArray[np.bool_]:
    """Tell which runs of lines hold one of the places entirely."""
    holds = np.zeros(num_runs, dtype=bool)
    for first, last in places:
        holds[max(0, last - num_lines + 1) : first + 1] = True
    return holds
