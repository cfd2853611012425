"""METEOR 1.5 and the tokens it is given, for many captions in one start of Java."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from movieqa.errors import EvaluationError

from .java import ask_in_batches, meteor_program, tokenize_lines

_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-lrb-", "-rrb-", "-lcb-", "-rcb-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
_REMOVED_BY_SCRIPTS = _PUNCTUATION - {"-lrb-", "-rrb-", "-lcb-", "-rcb-"}
"""The scripts' list has the brackets in capitals, and the tokenizer writes them small: they stay."""

NOTHING = "qxzjvqkwxz"
"""Stands for a caption without words, or for no caption at all: a word that matches no other."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A caption and what it is measured by, both as tokens."""

    hypothesis: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class MeteorScores:
    """Of a group of pairs: each pair's score, and METEOR's own over all of them, which is no mean."""

    segments: tuple[float, ...]
    total: float


def tokenize(captions: Iterable[str], *, is_reference_compatible: bool = False) -> dict[str, str]:
    """Return each caption's tokens with single blanks: in small letters, without punctuation and all that is not ASCII.

    Args:
        captions: As they are written; empty ones and ones of punctuation alone have no tokens.
        is_reference_compatible: Keep brackets as the tokens -lrb- and so on, as the original scripts do by mistake.

    Raises:
        MissingDependencyError: Java or pycocoevalcap is not installed.
        EvaluationError: The tokenizer failed.
    """
    distinct = list(dict.fromkeys(captions))
    lines = [_NOT_ASCII.sub(" ", caption) for caption in distinct]
    asked = [index for index, line in enumerate(lines) if line.strip()]
    removed = _REMOVED_BY_SCRIPTS if is_reference_compatible else _PUNCTUATION
    tokens = dict.fromkeys(distinct, "")
    found = tokenize_lines([lines[index] for index in asked]) if asked else []
    for index, line in zip(asked, found, strict=True):
        tokens[distinct[index]] = " ".join(word for word in line.split() if word not in removed)
    return tokens


def meteor(groups: Sequence[Sequence[Pair]]) -> list[MeteorScores]:
    """Return METEOR of groups of pairs; 0 for a group without pairs.

    Raises:
        MissingDependencyError: Java or pycocoevalcap is not installed.
        EvaluationError: METEOR failed.
    """
    pairs = list(dict.fromkeys(pair for group in groups for pair in group))
    if not pairs:
        return [MeteorScores(segments=(), total=0.0) for _ in groups]
    scored = []
    with meteor_program() as program:
        lines = [f"SCORE ||| {_part(pair.reference)} ||| {_part(pair.hypothesis)}" for pair in pairs]
        statistics = dict(zip(pairs, ask_in_batches(program, lines), strict=True))
        for group in groups:
            if not group:
                scored.append(MeteorScores(segments=(), total=0.0))
                continue
            line = " ||| ".join(["EVAL", *(statistics[pair] for pair in group)])
            *segments, total = map(_number, program.ask([line], answers=len(group) + 1))
            scored.append(MeteorScores(segments=tuple(segments), total=total))
    return scored


def _part(tokens: str) -> str:
    """Return tokens as METEOR's lines hold them, where three bars part what is compared."""
    return tokens.replace("|||", " ").strip() or NOTHING


def _number(reply: str) -> float:
    try:
        value = float(reply)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise EvaluationError(f"METEOR answered {reply[:60]!r}, no number", hint="see that Java works")
    return value
