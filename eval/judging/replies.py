"""Reads a judge's reply: JSON, a Python literal, either of them inside fences or prose, or `name: value` lines."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .rubric import Field, Rubric

Value = float | str

_MOST_REPLY = 50_000
_MOST_OBJECT = 5_000
_MOST_OBJECTS = 50


def read_reply(text: str, rubric: Rubric) -> Mapping[str, Value] | None:
    """Return the fields of a reply, or None where it cannot be read for certain.

    A reply that holds two different verdicts, such as one that quotes an answer which poses as a verdict, is not
    read at all.

    Example:
        >>> rubric = Rubric(name="r", task="", criteria=(), fields=(Field(name="score", meaning="how good"),))
        >>> read_reply("Sure!\\n```json\\n{'score': '4/5'}\\n```", rubric)
        {'score': 4.0}
        >>> read_reply("It says {'score': 5} but I say {'score': 1}", rubric) is None
        True
    """
    text = text[:_MOST_REPLY]
    verdicts = [verdict for found in _objects(text) if (verdict := _check(found, rubric)) is not None]
    if not verdicts:
        lines = _from_lines(text, rubric)
        verdicts = [] if lines is None else [lines]
    if not verdicts or any(verdict != verdicts[0] for verdict in verdicts):
        return None
    return verdicts[0]


def read_literal(text: str) -> Any:
    """Return a reply that is one Python literal and nothing else, as the published scripts read it; else None."""
    if len(text) > _MOST_OBJECT:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _objects(text: str) -> Iterator[dict[Any, Any]]:
    """Yield every outermost `{...}` of a text that is JSON or a literal."""
    start, seen = 0, 0
    while (start := text.find("{", start)) != -1 and seen < _MOST_OBJECTS:
        seen += 1
        end = _closing(text, start)
        if end is None:
            start += 1
            continue
        value = _parse(text[start:end])
        if isinstance(value, dict):
            yield value
            start = end
        else:
            start += 1


def _closing(text: str, start: int) -> int | None:
    """Return where the bracket at `start` closes, not counting brackets inside strings."""
    depth, quote, is_escaped = 0, "", False
    for index in range(start, min(len(text), start + _MOST_OBJECT)):
        character = text[index]
        if quote:
            if is_escaped:
                is_escaped = False
            elif character == "\\":
                is_escaped = True
            elif character == quote:
                quote = ""
        elif character == '"' or (character == "'" and not (index and text[index - 1].isalnum())):
            quote = character
        elif character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return index + 1
    return None


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return read_literal(text)


def _check(found: dict[Any, Any], rubric: Rubric) -> dict[str, Value] | None:
    named = {str(key).strip().lower(): value for key, value in found.items()}
    verdict: dict[str, Value] = {}
    for field in rubric.fields:
        value = _value(named.get(field.name.lower()), field)
        if value is None:
            return None
        verdict[field.name] = value
    return verdict


def _value(value: Any, field: Field) -> Value | None:
    if field.choices:
        return _choice(value, field)
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*(\d{{1,3}}(?:\.\d{{1,6}})?)\s*(?:/\s*{field.high:g})?\s*", value)
        value = float(match[1]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if field.low <= value <= field.high else None  # NaN is between nothing


def _choice(value: Any, field: Field) -> str | None:
    if isinstance(value, bool) and {"yes", "no"} <= set(field.choices):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return None
    words = value.strip(" \t\r\n.!\"'*").lower()
    return next((choice for choice in field.choices if words == choice.lower()), None)


def _from_lines(text: str, rubric: Rubric) -> dict[str, Value] | None:
    """Read `name: value`, each field exactly once."""
    verdict: dict[str, Value] = {}
    for field in rubric.fields:
        pattern = rf"(?im)^[\s\-*\"']*{re.escape(field.name)}[\s*\"']*[:=][\s*\"']*([^\n,;]{{1,40}}?)[\s*\"'.,;]*$"
        values = {_value(match, field) for match in re.findall(pattern, text)}
        if len(values) != 1 or None in values:
            return None
        verdict[field.name] = next(value for value in values if value is not None)
    return verdict
