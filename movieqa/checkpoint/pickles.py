"""A pickle reader that can build dictionaries, strings, numbers and numpy arrays, and nothing else.

Unpickling a file can run any program. This reader is not Python's: it knows the few opcodes that a dictionary of
arrays and strings is written with, and the only names it accepts are numpy's array, its type and their builder, which
it replaces by its own. Any other opcode or name ends the reading. Arrays are views of the mapped file, so a film of
five gigabytes is not copied.
"""

from __future__ import annotations

import mmap
import pickle
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import CheckpointError

NUMBER_KINDS = "fiub"
"""Kinds of numbers an array may hold: float, integer, unsigned, bool. Never objects."""
MOST_STEPS = 1_000_000
"""Opcodes after which a file is no film: a real one takes some fifty."""

_MARK = object()
_ARRAY_NAMES = {("numpy", "ndarray")}
_DTYPE_NAMES = {("numpy", "dtype")}
_RECONSTRUCT_NAMES = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
_FROM_BUFFER_NAMES = {("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer")}
_LATIN_NAMES = {("_codecs", "encode")}
_EMPTY_NAMES = {("__builtin__", "bytes"), ("builtins", "bytes")}
_KNOWN_NAMES = _ARRAY_NAMES | _DTYPE_NAMES | _RECONSTRUCT_NAMES | _FROM_BUFFER_NAMES | _LATIN_NAMES | _EMPTY_NAMES


class _Refused(Exception):
    """The file asks for something that arrays and strings do not need."""


@dataclass(frozen=True)
class _Name:
    """A name that the file mentions; only its text is kept."""

    module: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        return self.module, self.name


@dataclass
class _Type:
    """A numpy number type under construction."""

    code: str
    order: Any = "="

    def build(self) -> np.dtype[Any]:
        dtype = np.dtype(self.code) if self.code.isalnum() and len(self.code) <= 3 else np.dtype(object)
        if dtype.kind not in NUMBER_KINDS or self.order not in ("<", ">", "=", "|"):
            raise _Refused(f"an array of type {self.code!r}")
        return dtype.newbyteorder(self.order)


@dataclass
class _Array:
    """An array under construction."""

    values: NDArray[Any] | None = None

    def fill(self, shape: tuple[int, ...], dtype: Any, is_fortran: Any, content: Any) -> None:
        if not (isinstance(dtype, _Type) and isinstance(content, (bytes, memoryview))):
            raise _Refused("an array whose parts are not a shape, a type and bytes")
        built = dtype.build()
        total = 1
        for size in shape:
            total *= size
        if total * built.itemsize != len(content):
            raise _Refused(f"an array of shape {shape} with {len(content)} bytes")
        self.values = np.frombuffer(content, dtype=built).reshape(shape, order="F" if is_fortran else "C")


@dataclass
class _Reader:
    """The state of a reading: the bytes, the stack, the remembered objects."""

    data: memoryview
    place: int = 0
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def take(self, count: int) -> memoryview:
        if count < 0 or self.place + count > len(self.data):
            raise _Refused("an end in the middle")
        part = self.data[self.place : self.place + count]
        self.place += count
        return part

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def line(self) -> str:
        for length in range(1, 257):
            if self.place + length > len(self.data):
                break
            if self.data[self.place + length - 1] == 0x0A:
                return bytes(self.take(length))[:-1].decode("ascii")
        raise _Refused("a line without an end")

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise _Refused("an empty stack")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self.stack:
            item = self.stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(item)
        raise _Refused("a missing mark")

    def run(self) -> Any:
        for _ in range(MOST_STEPS):
            code = bytes(self.take(1))
            if code == pickle.STOP:
                return _finish(self.pop())
            if code in _NUMBERS:
                self.stack.append(self.number(_NUMBERS[code]))
            elif code in _CONSTANTS:
                self.stack.append(_CONSTANTS[code])
            elif code in _TEXTS:
                self.stack.append(str(self.take(self.number(_TEXTS[code])), "utf-8", "surrogatepass"))
            elif code in _BYTES:
                self.stack.append(self.take(self.number(_BYTES[code])))
            elif code in _TUPLES:
                items = [self.pop() for _ in range(_TUPLES[code])]
                self.stack.append(tuple(items[::-1]))
            elif code in _PUTS:
                self.memo[self.number(_PUTS[code])] = self.stack[-1] if self.stack else self.pop()
            elif code in _GETS:
                self.recall(self.number(_GETS[code]))
            else:
                self.step(code)
        raise _Refused("more steps than a film takes")

    def recall(self, place: int) -> None:
        if place not in self.memo:
            raise _Refused("an object it has not made")
        self.stack.append(self.memo[place])

    def step(self, code: bytes) -> None:
        """Do one of the opcodes that are more than a value."""
        match code:
            case pickle.PROTO:
                if self.number("<B") > pickle.HIGHEST_PROTOCOL:
                    raise _Refused("an unknown protocol")
            case pickle.FRAME:
                self.take(8)
            case pickle.MARK:
                self.stack.append(_MARK)
            case pickle.MEMOIZE:
                self.memo[len(self.memo)] = self.stack[-1] if self.stack else self.pop()
            case pickle.EMPTY_DICT:
                self.stack.append({})
            case pickle.TUPLE:
                self.stack.append(tuple(self.pop_to_mark()))
            case pickle.SETITEM:
                value, key = self.pop(), self.pop()
                self.set_items([key, value])
            case pickle.SETITEMS:
                self.set_items(self.pop_to_mark())
            case pickle.GLOBAL:
                self.push_name(self.line(), self.line())
            case pickle.STACK_GLOBAL:
                name, module = self.pop(), self.pop()
                self.push_name(module, name)
            case pickle.REDUCE:
                arguments, name = self.pop(), self.pop()
                self.stack.append(_call(name, arguments))
            case pickle.BUILD:
                state = self.pop()
                _set_state(self.stack[-1] if self.stack else None, state)
            case _:
                raise _Refused(f"opcode {code!r}")

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1] if self.stack else None
        if not isinstance(target, dict) or len(items) % 2 or not all(isinstance(key, str) for key in items[::2]):
            raise _Refused("a dictionary whose keys are not strings")
        target.update(zip(items[::2], items[1::2], strict=True))

    def push_name(self, module: Any, name: Any) -> None:
        if (module, name) not in _KNOWN_NAMES:
            raise _Refused(f"{module}.{name}")
        self.stack.append(_Name(module, name))


_NUMBERS = {pickle.BININT: "<i", pickle.BININT1: "<B", pickle.BININT2: "<H"}
_CONSTANTS = {pickle.NONE: None, pickle.NEWTRUE: True, pickle.NEWFALSE: False, pickle.EMPTY_TUPLE: ()}
_TEXTS = {pickle.SHORT_BINUNICODE: "<B", pickle.BINUNICODE: "<I", pickle.BINUNICODE8: "<Q"}
_BYTES = {pickle.SHORT_BINBYTES: "<B", pickle.BINBYTES: "<I", pickle.BINBYTES8: "<Q", pickle.BYTEARRAY8: "<Q"}
_TUPLES = {pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}
_PUTS = {pickle.BINPUT: "<B", pickle.LONG_BINPUT: "<I"}
_GETS = {pickle.BINGET: "<B", pickle.LONG_BINGET: "<I"}


def _call(name: Any, arguments: Any) -> Any:
    """Do what one of the known names would do, by our own means."""
    if not isinstance(name, _Name) or not isinstance(arguments, tuple):
        raise _Refused("a call of something that is no name")
    if name.key in _RECONSTRUCT_NAMES and isinstance(arguments[0], _Name) and arguments[0].key in _ARRAY_NAMES:
        return _Array()
    if name.key in _DTYPE_NAMES and arguments and isinstance(arguments[0], str):
        return _Type(arguments[0])
    if name.key in _FROM_BUFFER_NAMES and len(arguments) == 4:
        content, dtype, shape, order = arguments
        array = _Array()
        array.fill(_checked_shape(shape), dtype, order == "F", content)
        return array
    if name.key in _LATIN_NAMES and len(arguments) == 2 and isinstance(arguments[0], str) and arguments[1] == "latin1":
        return arguments[0].encode("latin-1")
    if name.key in _EMPTY_NAMES and not arguments:
        return b""
    raise _Refused(f"{name.module}.{name.name} with unknown arguments")


def _set_state(target: Any, state: Any) -> None:
    """Fill an array or a type that was made empty."""
    if isinstance(target, _Array) and isinstance(state, tuple) and len(state) == 5:
        _, shape, dtype, is_fortran, content = state
        target.fill(_checked_shape(shape), dtype, is_fortran, content)
    elif isinstance(target, _Type) and isinstance(state, tuple) and len(state) >= 2 and isinstance(state[1], str):
        target.order = state[1]
    else:
        raise _Refused("a state for something that is neither array nor type")


def _checked_shape(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise _Refused(f"an array of shape {shape!r}")
    return shape


def _finish(value: Any) -> Any:
    """Return what was built, if it is of the kinds that may be built."""
    if isinstance(value, dict):
        return {key: _finish(item) for key, item in value.items()}
    if isinstance(value, _Array) and value.values is not None:
        return value.values
    if value is None or isinstance(value, (str, int)):
        return value
    raise _Refused(f"a {type(value).__name__} where a string or an array belongs")


def read_pickle(path: str | Path) -> dict[str, Any]:
    """Read a pickled dictionary of strings, numbers and numpy arrays.

    Args:
        path: The file; arrays in the result are read-only views of it.

    Returns:
        The dictionary.

    Raises:
        CheckpointError: If the file holds anything else. Nothing in it is run.
    """
    try:
        with Path(path).open("rb") as file:
            content = _Reader(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))).run()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error})") from error
    except (_Refused, ValueError, TypeError, IndexError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is not a dictionary of arrays and strings: it holds {error}", hint="nothing in it was run"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not a dictionary of arrays and strings: it holds a {type(content).__name__}")
    return content
