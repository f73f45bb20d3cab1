"""What the writer and the reader of saved results share: which values are kept, and the shape of their JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

PACKAGE = "immunoode."
ARRAY = np.ndarray[Any, np.dtype[np.float64]]
OF_RESULT: Mapping[str, Any] = {
    "covar": ARRAY | None,
    "var_names": list[str],
    "residual": ARRAY | None,
    "nfev": int,
    "ndata": int,
    "nvarys": int,
    "nfree": int,
    "chisqr": float,
    "redchi": float,
    "aic": float,
    "bic": float,
    "success": bool,
    "message": str,
    "method": str,
    "aborted": bool,
    "errorbars": bool,
    "init_vals": list[float],
    "ier": int | None,
    "lmdif_message": str,
}
"""The parts of lmfit's result that are kept, in addition to its parameters."""
OF_PARAMETERS = ("value", "min", "max", "stderr", "init_value")


class Unread(ValueError):
    """A file has something that does not belong there."""


def number_or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def part_of(node: Any, name: str) -> Any:
    if not isinstance(node, dict) or name not in node:
        raise Unread(f"{name!r} is missing in {node!r:.60}")
    return node[name]


def listed(node: Any, length: int | None = None) -> list[Any]:
    if not isinstance(node, list) or length is not None and len(node) != length:
        raise Unread(f"{node!r:.60} is not a list" + (f" of {length}" if length else ""))
    return node
