"""The arguments of a kernel as one block of 64-bit words, and what kind each is."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np


class ArrayKind(NamedTuple):
    """An array as a kernel takes it."""

    dtype: Any
    ndim: int


class RecordKind(NamedTuple):
    """A NamedTuple as a kernel takes it: its name, its fields and the kind of each."""

    name: str
    fields: tuple[str, ...]
    kinds: tuple[Any, ...]


def packed(arguments: Sequence[Any]) -> tuple[tuple[Any, ...], bytes]:
    """Return the kind of each argument, and all of them as a block.

    A number is a word, of kind 'int', 'float' or 'bool'. An array, in C order, is its address and lengths. A NamedTuple is what
    it holds, one after another, and so is a tuple, which has a tuple of kinds.
    """
    words: list[Any] = []
    kinds = tuple([_add(words, argument) for argument in arguments])
    return kinds, _layout(kinds).pack(*words)


def _add(words: list[Any], argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        words.append(argument.__array_interface__["data"][0])
        words += argument.shape
        if not argument.flags.c_contiguous:
            raise TypeError("a kernel cannot take an array whose items do not lie side by side, in C order")
        return ArrayKind(argument.dtype, argument.ndim)
    if isinstance(argument, tuple):
        kinds = tuple([_add(words, part) for part in argument])
        return RecordKind(type(argument).__name__, argument._fields, kinds) if hasattr(argument, "_fields") else kinds
    value = argument.item() if isinstance(argument, np.generic) else argument
    kind = type(value).__name__
    if kind not in ("int", "float", "bool"):
        raise TypeError(f"a kernel cannot take {argument!r}: it takes numbers, arrays, and tuples of these")
    words.append(value)
    return kind


@cache
def _layout(kinds: tuple[Any, ...]) -> struct.Struct:
    return struct.Struct("=" + "".join(map(_letters, kinds)))


def _letters(kind: Any) -> str:
    if isinstance(kind, str):
        return "d" if kind == "float" else "q"
    if isinstance(kind, ArrayKind):
        return "q" * (1 + kind.ndim)
    return "".join(map(_letters, kind.kinds if isinstance(kind, RecordKind) else kind))
