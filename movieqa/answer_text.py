"""Writes an answer for a terminal: plain text, wrapped, the best moment first."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Sequence

from movieqa.answer import Answer, Span
from movieqa.plain_text import strip_controls
from movieqa.times import format_time

_MIN_WIDTH, _MAX_WIDTH = 40, 100


def render_answers(answers: Sequence[Answer], *, width: int | None = None) -> str:
    """Write the answers to several questions as plain text, each under its question."""
    columns = _columns(width)
    return "\n\n".join(
        "\n".join([*_wrap(f"> {answer.question}", columns, hanging=2), render_answer(answer, width=columns)])
        for answer in answers
    )


def render_answer(answer: Answer, *, width: int | None = None) -> str:
    """Write an answer as plain text: what it says, the moments that prove it, who speaks, and notes.

    Args:
        answer: The answer.
        width: Columns, at least 40; by default the terminal's, at most 100.

    Example:
        >>> print(render_answer(Answer(question="Who?", text="Nothing supports an answer.", answerer="extractive")))
        Nothing supports an answer.
    """
    columns = _columns(width)
    text = "\n".join(line for part in answer.text.splitlines() for line in _wrap(part, columns, hanging=2))
    return "\n\n".join(block for block in (text, render_evidence(answer, width=columns)) if block)


def render_piece(text: str) -> str:
    """Write a piece of an answer's text as it comes, unwrapped."""
    return strip_controls(text)


def render_evidence(answer: Answer, *, width: int | None = None) -> str:
    """Write an answer without its text, for where that has been shown: moments, who speaks, and notes."""
    columns = _columns(width)
    blocks = [
        [line for span in answer.spans for line in _wrap(_describe(span, answer.text), columns, hanging=4)],
        _wrap(f"Names: {', '.join(answer.names)}", columns, hanging=2) if answer.names else [],
        [line for note in answer.notes for line in _wrap(f"({note})", columns, hanging=1)],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _columns(width: int | None) -> int:
    return max(_MIN_WIDTH, min(_MAX_WIDTH, shutil.get_terminal_size().columns) if width is None else width)


def _describe(span: Span, text: str) -> str:
    """Write a moment; its lines are left out where the answer's text quotes them already."""
    is_told = span.quote is None or " / ".join(span.quote.splitlines()) in text
    speaker = f"{span.speaker}: " if span.speaker else ""
    said = "" if is_told else f"{speaker}“{span.quote}”"
    times = f"[{format_time(span.start)}-{format_time(span.end)}]"
    return " ".join(part for part in (times, span.known, f"{span.score:.2f}", said, span.keyframe) if part)


def _wrap(text: str, columns: int, *, hanging: int) -> list[str]:
    """Break one paragraph into lines that fit, the later ones indented; only a word wider than a line is broken."""
    lines: list[str] = []
    line, used = "", 0
    for word in strip_controls(text).split():
        needed = _width(word)
        if line.strip() and used + 1 + needed > columns:
            lines.append(line)
            line, used = " " * hanging, hanging
        elif line.strip():
            line, used = f"{line} ", used + 1
        if used + needed <= columns:
            line, used = line + word, used + needed
            continue
        for letter in word:
            if used + _width(letter) > columns:
                lines.append(line)
                line, used = " " * hanging, hanging
            line, used = line + letter, used + _width(letter)
    return [*lines, line] if line.strip() else lines


def _width(text: str) -> int:
    """Count terminal columns: East Asian letters and emoji take two, marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
