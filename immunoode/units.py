"""Units by pint, at the borders only: texts become plain numbers in days and in the units that models state."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from immunoode.errors import Problem, UnitError
from immunoode.unit_words import find_time_unit, unit_text

Dimension = tuple[tuple[str, float], ...]
"""Exponents of the base dimensions, sorted by name; () is dimensionless."""

TIME_UNIT = "day"
_EXTRA = (
    "cell = [cell_count] = cells",
    "copy = [copy_count] = copies",
    "international_unit = [drug_activity] = IU",
)
_PLAIN_POWER = re.compile(r"\b([munckd]?m)([23])\b")
_UNIT_TEXT = re.compile(r"[A-Za-z0-9µ%°_ .*/^()\-]{0,80}")
_UNREADABLE = re.compile(r"//|(\*\*|\^)\s*\(?-?\d{2,}|(\*\*|\^)[^*^]*\d\s*(\*\*|\^)")
"""Floor division, and exponents or towers of them that could keep a parser busy."""
_QUANTITY_TEXT = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


@cache
def registry() -> Any:
    """Return the package's pint registry (cells, gene copies and international units are dimensions of their own)."""
    import pint

    units: Any = pint.UnitRegistry(cache_folder=None)
    for line in _EXTRA:
        units.define(line)
    return units


@cache
def _base(text: str) -> tuple[float, Dimension]:
    """Return the factor to base units and the dimension of a unit text."""
    text = find_time_unit(text) if len(text) > 1 and find_time_unit(text) else unit_text(text)
    if not _UNIT_TEXT.fullmatch(text) or _UNREADABLE.search(text):
        raise UnitError(Problem(f"unit {text[:80]!r}", "cannot be read", "write for example 'mg/L' or '1/(cell*day)'"))
    try:
        quantity = registry().Quantity(1.0, _PLAIN_POWER.sub(r"\1**\2", text.strip()) or "1").to_base_units()
    except Exception as error:  # pint raises many kinds, for tokens, names and offsets
        raise UnitError(
            Problem(f"unit {text!r}", f"cannot be read ({error})", "write for example 'mg/L', 'cell' or '1/(cell*day)'")
        ) from None
    dimension = tuple(sorted((str(k), float(v)) for k, v in quantity.dimensionality.items()))
    return float(quantity.magnitude), dimension


def dimension(unit: str) -> Dimension:
    """Return the dimension of a unit text.

    Raises
    ------
    UnitError
        If the text is not a unit.
    """
    return _base(unit)[1]


def factor(unit: str, to: str) -> float:
    """Return the number by which values in `unit` are multiplied to be in unit `to`.

    Raises
    ------
    UnitError
        If either cannot be read, or they measure different things.
    """
    (a, dim_a), (b, dim_b) = _base(unit), _base(to)
    if dim_a != dim_b:
        raise UnitError(Problem(f"unit {unit!r}", f"does not measure the same thing as {to!r}", f"use a unit like {to!r}"))
    return a / b


def split(value: str | float) -> tuple[float, str]:
    """Split '200 mg' into (200.0, 'mg'); a plain number has the unit ''.

    Raises
    ------
    UnitError
        If the text does not begin with a number, or the number is not finite.
    """
    if isinstance(value, str):
        match = _QUANTITY_TEXT.fullmatch(value)
        if not match:
            raise UnitError(Problem(f"quantity {value!r}", "does not begin with a number", "write for example '200 mg'"))
        number, unit = float(match[1]), match[2]
        if unit:
            _base(unit)
    else:
        number, unit = float(value), ""
    if not math.isfinite(number):
        raise UnitError(Problem(f"quantity {value!r}", "is not finite", "give a finite number"))
    return number, unit


def convert(value: str | float, to: str) -> float:
    """Return a quantity ('3 weeks', or a plain number already in `to`) as a number in the unit `to`.

    Examples
    --------
    >>> convert("3 weeks", "day")
    21.0
    """
    number, unit = split(value)
    return number * factor(unit, to) if unit else number


def days(value: str | float) -> float:
    """Return a time ('3 weeks', or a plain number of days) in days."""
    return convert(value, TIME_UNIT)
