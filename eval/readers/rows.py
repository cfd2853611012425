"""Rows: one record of a benchmark's file, whose values are checked as they are taken, and where it stands."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movieqa.errors import EvaluationError
from movieqa.eval.sample import LETTERS, Fact, Sample

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LETTERED = re.compile(r"\s*\(?([A-Z])[.):]\s*(.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record of a file.

    Attributes:
        where: File and line, row or item, for messages.
        values: What it holds; any JSON values.

    Example:
        >>> Row(where="qa.jsonl, line 3", values={"id": 7}).name("id")
        '7'
    """

    where: str
    values: Mapping[str, Any]

    def fault(self, message: str, *, hint: str = "") -> EvaluationError:
        """Return the error that says what is wrong here."""
        return EvaluationError(f"{self.where}: {message}", hint=hint)

    def has(self, key: str) -> bool:
        """Return whether a value stands under a key."""
        return self.values.get(key) is not None

    def text(self, key: str) -> str:
        """Return a text that is not empty.

        Raises:
            EvaluationError: It is missing, empty or no text.
        """
        value = self._needed(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{key} must be a text that is not empty, not {_short(value)}")
        return self._sound(value, key)

    def maybe_text(self, key: str) -> str | None:
        """Return a text, or None where there is none.

        Raises:
            EvaluationError: It is no text.
        """
        value = self.values.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        return self.text(key)

    def name(self, key: str) -> str:
        """Return what names something, a text or a whole number, as text on one line.

        Raises:
            EvaluationError: It is missing or something else.
        """
        value = self._needed(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        text = self.text(key).strip()
        if _CONTROL.search(text):
            raise self.fault(f"{key} must be on one line, not {_short(text)}")
        return text

    def answer(self, key: str = "answer") -> str | None:
        """Return a right answer, a text or a number, as text; None where the data keeps it back.

        Raises:
            EvaluationError: It is something else.
        """
        value = self.values.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{self.number(key):g}"
        return self.maybe_text(key)

    def number(self, key: str) -> float:
        """Return a finite number.

        Raises:
            EvaluationError: It is missing, not finite or no number.
        """
        return self._finite(self._needed(key), key)

    def maybe_number(self, key: str) -> float | None:
        """Return a finite number, or None where there is none.

        Raises:
            EvaluationError: It is not finite or no number.
        """
        return self.number(key) if self.has(key) else None

    def index(self, key: str, size: int) -> int:
        """Return a whole number from 0 to `size - 1`.

        Raises:
            EvaluationError: It is missing or something else.
        """
        value = self._needed(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < size:
            raise self.fault(f"{key} must be a whole number from 0 to {size - 1}, not {_short(value)}")
        return value

    def items(self, key: str) -> list[Any]:
        """Return a list, empty where there is none.

        Raises:
            EvaluationError: It is something else.
        """
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.fault(f"{key} must be a list, not {_short(value)}")
        return list(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, numbers written as text; empty where there is none.

        Raises:
            EvaluationError: It is no list, or an entry is something else.
        """
        found = []
        for value in self.items(key):
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise self.fault(f"{key} must be a list of texts, not with {_short(value)}")
            found.append(self._sound(value, key) if isinstance(value, str) else f"{self._finite(value, key):g}")
        return tuple(found)

    def spans(self, key: str) -> tuple[tuple[float, float], ...]:
        """Return a list of pairs of times in seconds, in the order and direction of the data; empty without.

        Raises:
            EvaluationError: It is no list of pairs of finite numbers.
        """
        return tuple(self._pair(value, key) for value in self.items(key))

    def row(self, key: str) -> Row:
        """Return the record under a key.

        Raises:
            EvaluationError: It is missing or something else.
        """
        return self._row(self._needed(key), key)

    def rows(self, key: str) -> tuple[Row, ...]:
        """Return a list of records; empty where there is none.

        Raises:
            EvaluationError: It is no list of records.
        """
        return tuple(self._row(value, f"{key} {number}") for number, value in enumerate(self.items(key), start=1))

    def facts(self, *keys: str) -> dict[str, Fact]:
        """Return the plain values under some keys, those that are there.

        Raises:
            EvaluationError: One is a list, a record, or not finite.
        """
        found: dict[str, Fact] = {}
        for key in keys:
            value = self.values.get(key)
            if value is None:
                continue
            if not isinstance(value, str | int | float):
                raise self.fault(f"{key} must be a plain value, not {_short(value)}")
            if isinstance(value, float):
                self._finite(value, key)
            found[key] = self._sound(value, key) if isinstance(value, str) else value
        return found

    def tags(self, *keys: str) -> tuple[str, ...]:
        """Return `key:value` for the values under some keys, those that are there.

        Raises:
            EvaluationError: One is no plain value.
        """
        return tuple(f"{key}:{value}" for key, value in self.facts(*keys).items() if str(value).strip())

    def letter(self, key: str, options: Sequence[str], *, is_text: bool = False) -> str | None:
        """Return the letter of the right option, given as a letter or as the text of an option; None without.

        Args:
            key: Where the right answer stands.
            options: What there is to choose from.
            is_text: A right answer that is both means the option's text, and not the letter.

        Raises:
            EvaluationError: It is neither.
        """
        self._check_options(options)
        right = self.answer(key)
        if right is None:
            return None
        letter = right.strip().strip("().")
        is_letter = len(letter) == 1 and letter in LETTERS[: len(options)]
        if is_letter and not (is_text and right in options):
            return letter
        if right in options:
            return LETTERS[options.index(right)]
        raise self.fault(f"{key} {_short(right)} is none of the {len(options)} options")

    def numbered_letter(self, key: str, options: Sequence[str]) -> str:
        """Return the letter of the right option, given as its number from 0.

        Raises:
            EvaluationError: It is missing or something else.
        """
        self._check_options(options)
        return LETTERS[self.index(key, len(options))]

    def sample(self, **fields: Any) -> Sample:
        """Return a sample of this row.

        Raises:
            EvaluationError: The fields do not fit together.
        """
        try:
            return Sample(**fields)
        except ValueError as error:
            raise self.fault(str(error)) from None

    def _check_options(self, options: Sequence[str]) -> None:
        if not 0 < len(options) <= len(LETTERS):
            raise self.fault(f"1 to {len(LETTERS)} options are expected, not {len(options)}")

    def _needed(self, key: str) -> Any:
        value = self.values.get(key)
        if value is None:
            raise self.fault(f"{key} is missing")
        return value

    def _row(self, value: Any, key: str) -> Row:
        if not isinstance(value, dict):
            raise self.fault(f"{key} must be a record, not {_short(value)}")
        return Row(where=f"{self.where}, {key}", values=value)

    def _pair(self, value: Any, key: str) -> tuple[float, float]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self.fault(f"{key} must hold pairs of times, not {_short(value)}")
        return self._finite(value[0], key), self._finite(value[1], key)

    def _finite(self, value: Any, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fault(f"{key} must be a number, not {_short(value)}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.fault(f"{key} must be a finite number, not {_short(value)}")
        return number

    def _sound(self, text: str, key: str) -> str:
        """Refuse half a character, which no file or terminal takes."""
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.fault(f"{key} holds half of a character (a lone surrogate)") from None
        return text


def gather(found: Iterable[tuple[Row, Sample]], source: Path) -> tuple[Sample, ...]:
    """Return the samples of a benchmark, each with an id of its own.

    Raises:
        EvaluationError: There are none, or two have the same id.
    """
    places: dict[str, str] = {}
    samples = []
    for row, sample in found:
        if sample.id in places:
            raise row.fault(f"the id {_short(sample.id)} was used before, at {places[sample.id]}")
        places[sample.id] = row.where
        samples.append(sample)
    if not samples:
        raise EvaluationError(f"{source}: no questions in it", hint="name the file with the questions")
    return tuple(samples)


def strip_letters(options: Iterable[str]) -> tuple[str, ...]:
    """Return options without the letters in front, where all have theirs in order.

    Example:
        >>> strip_letters(["A. a book", "B. a door"]), strip_letters(["A. Lincoln", "G. Washington"])
        (('a book', 'a door'), ('A. Lincoln', 'G. Washington'))
    """
    listed = tuple(options)
    matches = [_LETTERED.match(option) for option in listed]
    if all(match and match[1] == letter for match, letter in zip(matches, LETTERS, strict=False)):
        return tuple(match[2].strip() for match in matches if match)
    return listed


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float) else type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."
