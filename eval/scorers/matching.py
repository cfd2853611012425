"""MM-ID's matching: which of the numbered pictures shows the person (IDA-VLM)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import LETTERS, Sample
from movieqa.eval.score import Scores

from .letters import read_letter, shorten
from .tally import Mark, make_scores, mean, reply_of, with_reference

_NUMBERED = re.compile(r"\b(?:image|picture|photo|number|no\.|option|#)\s*_?(\d{1,2})\b", re.IGNORECASE)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_ORDINAL = re.compile(rf"\b({'|'.join(_ORDINALS)})\b|\b(\d{{1,2}})(?:st|nd|rd|th)\b", re.IGNORECASE)
_BARE = re.compile(r"(?<![\d.])(\d{1,2})(?![\d.]*\d|\w)")
_DENIED = re.compile(
    r"(?:\bnot|\bneither|\bnor|n't|\brather\s+than|\binstead\s+of)\s+(?:the\s+|in\s+)*$", re.IGNORECASE
)
_REFERENCE = (("1", "first"), ("2", "second"), ("3", "third"), ("4", "fourth"))


class Matching:
    """Accuracy as a part of one; of a sample, whether it is `correct`.

    The right answer is a number, as in `Image 2`, or one of the options.

    Args:
        is_reference_compatible: Look for 1 or first anywhere, then for 2 or second, and so on, as IDA-VLM's script.
    """

    name = "matching"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score matchings.

        Raises:
            ConfigError: No sample says which picture is right.
        """
        known = with_reference(
            predictions, lambda sample: _right(sample) is not None, scorer=self.name, what="a numbered right answer"
        )
        marks = []
        for prediction in known:
            reply = reply_of(prediction)
            said = _read_reference(reply) if self._is_reference else _read(prediction.sample, reply)
            correct = float(said is not None and said == _right(prediction.sample))
            marks.append(
                Mark(prediction=prediction, values={"correct": correct}, parsed=None if said is None else str(said))
            )
        accuracy = mean(mark.values["correct"] for mark in marks)
        return make_scores(self.name, predictions, marks, {"accuracy": accuracy})


def _right(sample: Sample) -> int | None:
    """Return the number of the right picture."""
    numbers = re.findall(r"\d+", sample.answer_text or "")
    if numbers:
        return int(numbers[-1])
    return LETTERS.index(sample.answer) + 1 if sample.options and sample.answer else None


def read_number(reply: str) -> int | None:
    """Return the number of the picture a reply names: as a numbered picture, else an ordinal, else a bare number.

    Returns:
        None where none is named, or several are that are not denied.

    Example:
        >>> read_number("Image 2, not Image 1"), read_number("The second image."), read_number("Image 3 shows 1 person")
        (2, 2, 3)
    """
    text = shorten(reply)
    for pattern in (_NUMBERED, _ORDINAL, _BARE):
        named = {
            _value(match)
            for match in pattern.finditer(text)
            if not _DENIED.search(text[max(0, match.start() - 30) : match.start()])
        }
        if named:
            return named.pop() if len(named) == 1 else None
    return None


def _read(sample: Sample, reply: str) -> int | None:
    number = read_number(reply)
    if number is None and sample.options:
        letter = read_letter(reply, sample.options)
        number = LETTERS.index(letter) + 1 if letter else None
    return number


def _read_reference(reply: str) -> int | None:
    return next((int(digit) for digit, word in _REFERENCE if digit in reply or word in reply), None)


def _value(match: re.Match[str]) -> int:
    found = next(group for group in match.groups() if group)
    return int(found) if found.isdigit() else _ORDINALS.index(found.lower()) + 1
