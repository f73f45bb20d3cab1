"""A hash of the inputs of a simulation: equal for equal models, regimens and tables, in any process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def digest(value: Any) -> str:
    """Return the hash of a value made of dataclasses, tables, arrays, mappings, sequences, strings and numbers.

    Examples
    --------
    >>> digest({"rate": 1.0}) == digest({"rate": 1.0}), digest(1.0) == digest(1)
    (True, False)
    """
    found = hashlib.sha256()
    for part in _parts(value):
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    yield type(value).__qualname__.encode()
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _parts(getattr(value, field.name))
    elif hasattr(value, "columns") and hasattr(value, "index"):
        for column in (value.index, value.columns, *(value.iloc[:, k] for k in range(value.shape[1]))):
            yield from _parts(column.to_numpy())
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Mapping):
        yield str(len(value)).encode()
        for key, inner in value.items():
            yield from _parts(key)
            yield from _parts(inner)
    elif isinstance(value, (list, tuple, np.ndarray)):
        yield str(len(value)).encode()
        for inner in value:
            yield from _parts(inner)
    else:
        yield repr(value).encode()
