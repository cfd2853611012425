"""Records from plain values: JSON and `--set section.field=value` become typed dataclasses, or one clear error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from movieqa.errors import ConfigError

_Record = TypeVar("_Record")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def build(kind: type[_Record], content: Any, where: str) -> _Record:
    """Build a record of nested dataclasses from JSON's objects, lists and values.

    Args:
        kind: A dataclass.
        content: What JSON holds.
        where: What errors call it.

    Raises:
        ConfigError: If a field is unknown, missing, or of another type.
    """
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where} must hold an object, not {type(content).__name__}")
    hints = _hints(kind)
    for name in content:
        if name not in hints:
            raise _unknown(f"{where}: {name}", name, hints)
    values = {
        name: build(hints[name], value, f"{where}: {name}")
        if is_dataclass(hints[name])
        else _convert(value, hints[name], f"{where}: {name}")
        for name, value in content.items()
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where} is not complete ({error})") from error


def override(record: _Record, settings: Iterable[str]) -> _Record:
    """Return the record with fields changed.

    Args:
        record: A dataclass of dataclasses.
        settings: Each `section.field=value`; lists are separated by commas, `none` empties what may be empty.

    Raises:
        ConfigError: If a field is unknown, or a value is not of its type.

    Example:
        >>> from movieqa.train.recipes import align
        >>> override(align(), ["optimizer.lr=1e-5"]).optimizer.lr
        1e-05
    """
    changes: dict[str, Any] = {}
    for setting in settings:
        path, mark, value = setting.partition("=")
        if not mark:
            raise ConfigError(f"--set {setting} has no value", hint="write it as optimizer.lr=1e-5")
        _note(changes, type(record), path.strip(), path.strip().split("."), value.strip())
    changed: _Record = _apply(record, changes)
    return changed


def _note(changes: dict[str, Any], kind: type[Any], path: str, names: list[str], value: str) -> None:
    """Note a change; all are made at once, for what one field may be can depend on another."""
    hints, name = _hints(kind), names[0]
    if name not in hints:
        raise _unknown(path, name, hints, prefix=path[: len(path) - len(".".join(names))])
    if is_dataclass(hints[name]):
        if len(names) == 1:
            example = f"{path}.{fields(hints[name])[0].name}"
            raise ConfigError(f"--set {path} is a section", hint=f"name one of its fields, such as {example}")
        _note(changes.setdefault(name, {}), hints[name], path, names[1:], value)
    elif len(names) > 1:
        raise ConfigError(f"--set {path}: {name} has no fields")
    else:
        changes[name] = _convert(value, hints[name], path)


def _apply(record: Any, changes: dict[str, Any]) -> Any:
    inner = {name for name in changes if is_dataclass(getattr(record, name))}
    values = {name: _apply(getattr(record, name), value) if name in inner else value for name, value in changes.items()}
    return replace(record, **values)


def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}


def _unknown(path: str, name: str, known: Iterable[str], *, prefix: str = "") -> ConfigError:
    near = get_close_matches(name, list(known), n=1, cutoff=0.0)
    hint = f"did you mean {prefix}{near[0]}?" if near else ""
    return ConfigError(f"no field {path!r}", hint=hint)


def _convert(value: Any, hint: Any, where: str) -> Any:
    """Return a value as the type that a field has; texts are read as that type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        inner = [one for one in arguments if one is not NoneType]
        if value is None or (
            NoneType in arguments and isinstance(value, str) and value.lower() in ("none", "null", "")
        ):
            return None
        return _first_fit(value, inner, where)
    if origin is Literal:
        for choice in arguments:
            if str(choice) == str(value):
                return choice
        raise ConfigError(f"{where}={value} is not one of {', '.join(map(str, arguments))}")
    if origin in (tuple, list):
        return _convert_list(value, arguments, where, origin)
    if origin is dict:
        return _convert_object(value, arguments, where)
    return _convert_plain(value, hint, where)


def _first_fit(value: Any, hints: list[Any], where: str) -> Any:
    for index, hint in enumerate(hints):
        try:
            return _convert(value, hint, where)
        except ConfigError:
            if index + 1 == len(hints):
                raise
    raise AssertionError(f"{where} has no type")


def _convert_list(value: Any, arguments: tuple[Any, ...], where: str, origin: Any) -> Any:
    items = [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ConfigError(f"{where}={value} must be a list")
    is_open = origin is list or arguments[1:] == (...,)
    if not is_open and len(items) != len(arguments):
        raise ConfigError(f"{where}={value} must have {len(arguments)} values")
    hints = [arguments[0]] * len(items) if is_open else list(arguments)
    return origin(_convert(item, hint, where) for item, hint in zip(items, hints, strict=True))


def _convert_object(value: Any, arguments: tuple[Any, ...], where: str) -> Any:
    content = value
    if isinstance(value, str):
        try:
            content = json.loads(value)
        except ValueError as error:
            raise ConfigError(f"{where}={value} must be a JSON object ({error})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{where}={value} must be an object")
    return {str(key): _convert(item, arguments[1], f"{where}.{key}") for key, item in content.items()}


def _convert_plain(value: Any, hint: Any, where: str) -> Any:
    if hint is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in (*_TRUE, *_FALSE):
            return value.lower() in _TRUE
        raise ConfigError(f"{where}={value} must be true or false")
    if hint in (int, float) and not isinstance(value, bool) and isinstance(value, str | int | float):
        try:
            return hint(value) if isinstance(value, str) or hint is float else _whole(value)
        except ValueError:
            pass
    elif hint in (str, Path) and isinstance(value, str | Path):
        return hint(value)
    words = {int: "a whole number", float: "a number", str: "a text", Path: "a path"}
    raise ConfigError(f"{where}={value} must be {words.get(hint, hint)}")


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueError
    return int(value)
