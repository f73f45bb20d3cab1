"""Checks of the types of arguments."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
"""The pattern of a number in a text."""


def is_number(value: Any) -> bool:
    """Return whether it is a real number, and not a Boolean."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Return whether it is a whole number, and not a Boolean."""
    return isinstance(value, Integral) and not isinstance(value, bool)
