"""Checks of arguments that must be numbers, the same for all functions; NumPy's numbers are numbers, Booleans are not."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, TypeGuard

from immunoode.errors import Problem

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
"""The pattern of a number in a text."""


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a real number, which may be infinite but is not NaN."""
    return isinstance(value, Real) and not isinstance(value, bool) and value == value


def is_finite(value: Any) -> TypeGuard[float]:
    """Return whether a value is a finite number."""
    return is_number(value) and abs(value) < math.inf


def is_whole(value: Any, least: float = -math.inf) -> TypeGuard[int]:
    """Return whether a value is an integer of at least `least`; 2.0 is not an integer."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def has_whole_value(value: Any) -> bool:
    """Return whether a value is a number without a fraction, such as 2 or 2.0."""
    return is_finite(value) and float(value).is_integer()


def is_number_text(text: str) -> bool:
    """Return whether a text is a number that is not NaN."""
    try:
        return "_" not in text and is_number(float(text))
    except ValueError:
        return False


def confidence_problems(confidence: Any, name: str = "confidence") -> list[Problem]:
    """Return what is wrong with a confidence level."""
    right = "a number between 0 and 1: 0.95"
    return [] if is_number(confidence) and 0 < confidence < 1 else [Problem(name, f"is {confidence!r:.60}", right)]
