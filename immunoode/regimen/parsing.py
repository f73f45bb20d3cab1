"""Parsers of names, amounts and times that users write; problems are collected in a list."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from immunoode import units
from immunoode.errors import Problem, UnitError

EXPOSURE_UNIT = "mg*min/mL"
_EXPOSURE = re.compile(r"\s*AUC\s*(\d+\.?\d*)\s*", re.IGNORECASE)
_ADVICE_AMOUNT = "for example '200 mg', '2 mg/kg', '75 mg/m2', '2 Gy', '2e6 cells/kg' or 'AUC 5'"
_ADVICE_TIME = "for example '3 weeks', '30 min' or a number of days"


def checked_name(what: str, name: str, kind: str, example: str, problems: list[Problem]) -> str:
    """Return a checked name of a `kind` of thing ("therapy"); `what` begins the message ("dose of")."""
    if isinstance(name, str) and name.isidentifier():
        return name
    text = name if isinstance(name, str) else repr(name)[:40]
    problems.append(Problem(f"{what} {text}", f"is not the name of a {kind}", example))
    return text


def checked_amount(where: str, amount: str | float, problems: list[Problem], advice: str = _ADVICE_AMOUNT) -> tuple[float, str]:
    """Return the number and unit of an amount, or (nan, "") if it is invalid."""
    exposure = _EXPOSURE.fullmatch(amount) if isinstance(amount, str) else None
    if exposure:
        return float(exposure[1]), EXPOSURE_UNIT
    ambiguous = units.dose_problems(amount) if isinstance(amount, str) else []
    if ambiguous:
        problems += [Problem(where, p.what, p.right) for p in ambiguous]
        return math.nan, ""
    try:
        value, unit = _split(amount)
    except (UnitError, TypeError, ValueError) as error:
        problems.append(Problem(where, _what(error, "is not an amount"), advice))
        return math.nan, ""
    if value < 0:
        problems.append(Problem(where, "is negative", "zero or more"))
    return value, unit


def checked_days(where: str, value: Any, problems: list[Problem], signed: bool = False) -> float:
    """Return a time in days, or 0 if it is invalid."""
    try:
        if value is None or isinstance(value, bool):
            raise TypeError("not a time")
        time = units.days(value)
    except (UnitError, TypeError, ValueError) as error:
        problems.append(Problem(where, _what(error, "is not a time"), _ADVICE_TIME))
        return 0.0
    if time < 0 and not signed:
        problems.append(Problem(where, "is negative", "a time of zero or more"))
    return time


def checked_times(where: str, at: Any, problems: list[Problem]) -> tuple[float, ...]:
    """Return one or more times in days."""
    times: list[Any] = [at] if isinstance(at, str) or not isinstance(at, Iterable) else list(at)
    if not times:
        problems.append(Problem(where, "is empty", _ADVICE_TIME))
    return tuple(checked_days(where, time, problems, signed=True) for time in times)


def checked_number(where: str, value: float, problems: list[Problem]) -> float:
    """Return a finite number without a unit, or 0 if it is invalid."""
    try:
        if isinstance(value, (bool, str)):
            raise TypeError("not a number")
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        problems.append(Problem(where, "is not a number", "a finite number without a unit"))
        return 0.0
    return number


def _split(value: str | float) -> tuple[float, str]:
    if isinstance(value, bool):
        raise TypeError("True and False are not amounts")
    if not isinstance(value, str) and hasattr(value, "dtype") and value.dtype.kind in "mM":
        raise TypeError("a time is not an amount")
    return units.split(value)


def _what(error: Exception, otherwise: str) -> str:
    return error.problems[0].what if isinstance(error, UnitError) else otherwise
