"""Units, by pint, at the boundaries only: texts become numbers in days and in the units of models."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, UnitError
from immunoode.number_checks import NUMBER
from immunoode.unit_words import find_time_unit, unit_text

Dimension = tuple[tuple[str, float], ...]
"""Exponents of the base dimensions, sorted by name; () is dimensionless."""

TIME_UNIT = "day"
SECONDS_PER_DAY = 86_400.0
_SLACK = 1e-10
"""Rounding tolerance of times: seconds, and seconds per day of the time."""
_EXTRA = ("cell = [cell_count] = cells", "copy = [copy_count] = copies", "international_unit = [drug_activity] = IU")
_PLAIN_POWER = re.compile(r"\b([munckd]?m)([23])\b")
_UNIT_TEXT = re.compile(r"[A-Za-z0-9µ%°_ .*/^()\-]{0,80}")
_UNREADABLE = re.compile(r"//|(\*\*|\^)\s*\(?-?\d{2,}|(\*\*|\^)[^*^]*\d\s*(\*\*|\^)")
"""Floor division, and large or nested exponents that could block a parser."""
_QUANTITY_TEXT = re.compile(rf"\s*({NUMBER})\s*(.*?)\s*")

_WORD = re.compile(r"[A-Za-zµ]+")
_DOSE_WORDS = (
    "g mg ug µg mcg ng pg kg mol mmol umol µmol nmol pmol L mL uL µL dL l ml ul dl Gy cGy mGy IU MIU kIU mIU cell cells "
    "Mcells kcells m"
).split()
"""Spellings of units of doses; a unit that differs from one of them only in capitals is probably a typing error."""
_SLIP_OF = {word.casefold(): word for word in reversed(_DOSE_WORDS)}
_TOO_LARGE = re.compile(
    r"(?:[kMGTPEZYh]|da|kilo|mega|giga|tera|peta|exa|hecto|deca|deka)(?:g|grams?|grammes?|mol|moles?|l|L|lit(?:er|re)s?|Gy|grays?)"
    r"|t|tonnes?|tons?|metric_tons?"
)
_GRAIN = re.compile(r"gr|grains?")
_INVERSE = re.compile(r"\s*(?:\*\*|\^)?\s*\(?\s*-")


@cache
def registry() -> Any:
    """Return the pint registry, in which cells, gene copies and international units are separate dimensions."""
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
    """Return the factor that converts values from `unit` to the unit `to`.

    Raises
    ------
    UnitError
        If either cannot be parsed, or their dimensions differ.
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


def dose_problems(amount: str) -> list[Problem]:
    """Return the problems of the unit of a dose: capitals that change its meaning, or an implausible unit.

    Examples
    --------
    >>> print(dose_problems("100 Mg")[0])
    dose '100 Mg': 'Mg' is a million grams; did you mean 'mg'?
    >>> dose_problems("2 mg/kg")
    []
    """
    match = _QUANTITY_TEXT.fullmatch(unit_text(amount))
    return [p for word, below in _words(match[2]) for p in _implausible(amount, word, below)] if match else []


def _words(unit: str) -> Iterator[tuple[str, bool]]:
    """Yield the words of a unit, and whether each is in the denominator, like kg in mg/kg and in mg*kg^-1."""
    for match in _WORD.finditer(unit):
        before, after = unit[: match.start()], unit[match.end() :]
        yield match[0], "/" in before or bool(_INVERSE.match(after))


def _implausible(value: str, word: str, below: bool) -> Iterator[Problem]:
    where, meant = f"dose {value!r}", _SLIP_OF.get(word.casefold())
    if meant and word not in _DOSE_WORDS:
        means = "a million grams" if word == "Mg" else "not how the unit is written"
        yield Problem(where, f"{word!r} is {means}", f"did you mean {meant!r}?")
    elif not below and _TOO_LARGE.fullmatch(word):
        yield Problem(where, f"{word!r} is too large a unit for a dose", "state it in mg, g, mmol, mL or Gy")
    elif _GRAIN.fullmatch(word):
        yield Problem(where, f"{word!r} is a grain, 64.8 mg", "write 'g' for grams, or state it in mg")


def convert(value: str | float, to: str) -> float:
    """Return a quantity ('3 weeks', or a number that is already in `to`) as a number in the unit `to`.

    Examples
    --------
    >>> convert("3 weeks", "day")
    21.0
    """
    number, unit = split(value)
    return number * factor(unit, to) if unit else number


_A_TIME = "days, or a text such as '3 weeks'"


def days(value: Any) -> float:
    """Return a time in days: a text ("3 weeks", "2 hrs", "1 mo"), a plain number of days, or a timedelta of any library.

    Raises
    ------
    UnitError
        If it is anything else. Dates are refused, because days are relative to the start of the simulation.

    Examples
    --------
    >>> from datetime import timedelta
    >>> days("3 wk"), days(timedelta(hours=12))
    (21.0, 0.5)
    """
    if isinstance(value, (timedelta, np.timedelta64)):
        return _duration(value)
    if isinstance(value, (date, time, np.datetime64)):
        right = "days from the start: (date - start), or '3 weeks'"
        raise UnitError(Problem(f"time {str(value)!r}", "is a date or a time of day", right))
    if isinstance(value, bool):
        raise UnitError(Problem(f"time {value!r}", "is not a time", "days, or a text such as '3 weeks'"))
    try:
        number, unit = split(_in_words(value) if isinstance(value, str) else value)
    except TypeError:
        raise UnitError(Problem(f"time {value!r:.60}", "is not a time", _A_TIME)) from None
    except UnitError as error:
        raise UnitError([Problem(p.where.replace("quantity", "time", 1), p.what, _A_TIME) for p in error.problems]) from None
    return float(on_seconds(number * factor(unit, TIME_UNIT))) if unit else number


def _in_words(value: str) -> str:
    """Return a time with the full name of its unit, also for single letters ("3 D")."""
    match = _QUANTITY_TEXT.fullmatch(value)
    found = find_time_unit(match[2]) if match else ""
    return f"{match[1]} {found}" if match and found else value


def _duration(value: timedelta | np.timedelta64) -> float:
    """Return a timedelta in days; NumPy's months and years have no fixed length, and NaT is missing."""
    length = np.timedelta64(value) if type(value) is not np.timedelta64 else value
    if np.isnat(length):
        raise UnitError(Problem("time NaT", "is missing", "a time"))
    if np.datetime_data(length.dtype)[0] in ("generic", "M", "Y"):
        raise UnitError(Problem(f"time {length!r}", "has no fixed length", "days, or a text such as '3 months'"))
    return float(length / np.timedelta64(1, "D"))


def times(values: Any) -> NDArray[np.float64]:
    """Return times in days from numbers, or from anything that `days` takes.

    Parameters
    ----------
    values : array-like
        An array, sequence, index or series of numbers (days), texts or timedeltas.

    Returns
    -------
    ndarray, shape of `values`

    Raises
    ------
    UnitError
        If one of them is not a time.

    Examples
    --------
    >>> times(["1 day", "2 weeks"]).tolist()
    [1.0, 14.0]
    """
    try:
        one = isinstance(values, str) or hasattr(values, "__array__") or not hasattr(values, "__iter__")
        given = np.asarray(values if one else list(values))
        if given.dtype.kind in "iuf":
            return given.astype(float, copy=False)
        return np.array([_time(v) for v in given.ravel()], dtype=float).reshape(given.shape)
    except (TypeError, ValueError) as error:
        if isinstance(error, UnitError):
            raise
        raise UnitError(Problem("times", "are not an array of times", "days, for example range(0, 366)")) from None


def _time(value: Any) -> float:
    """Return an element of an array as a time in days."""
    if value is None or value != value:
        raise UnitError(Problem("time", f"is missing ({value})", "a time"))
    return days(str(value) if isinstance(value, str) else bool(value) if isinstance(value, np.bool_) else value)


def on_seconds(times: Any) -> Any:
    """Return days rounded to whole seconds, if they differ from whole seconds only by rounding of sums and factors.

    Parameters
    ----------
    times : array_like
        Days.

    Returns
    -------
    ndarray
        Days; five times eight hours equal forty hours however they are calculated.

    Examples
    --------
    >>> 5 * (8 / 24) == 40 / 24, bool(on_seconds(5 * (8 / 24)) == 40 / 24)
    (False, True)
    """
    given = np.asarray(times, dtype=float)
    seconds = given * SECONDS_PER_DAY
    whole = np.round(seconds)
    return np.where(np.abs(seconds - whole) <= _SLACK * np.maximum(1.0, np.abs(given)), whole / SECONDS_PER_DAY, given)


def times_day(unit: str) -> str:
    """Return a unit times days: mm*day, mg*day/L."""
    if unit in ("", "1"):
        return "day"
    above, per, below = unit.partition("/")
    if "(" in above:
        return f"({unit})*day"
    return f"{'day' if above == '1' else f'{above}*day'}{per}{below}"
