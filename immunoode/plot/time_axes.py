"""Time axes: the unit that fits the span, and round ticks."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.panels import width

WEEK, MONTH, YEAR = 7.0, 30.4375, 365.25
UNITS = {"day": 1.0, "week": WEEK, "month": MONTH, "year": YEAR}
_LONGEST = (("day", 8 * WEEK), ("week", 60 * WEEK), ("month", 5 * YEAR))
"""Spans up to which a unit is used."""
_STEPS = {
    "day": (1, 2, 7, 14, 28, 56),
    "week": (1, 2, 3, 4, 6, 8, 12, 13, 26, 52),
    "month": (1, 2, 3, 6, 12, 24, 36),
    "year": (1, 2, 5, 10, 20, 50),
}
"""Distances between ticks."""


def time_unit(days: float, unit: str | None = None) -> tuple[float, str]:
    """Return the days per unit of time and the plural of its name; by default, a unit suitable for the span.

    Raises
    ------
    DataError
        If the unit is unknown.
    """
    if unit is None:
        unit = next((name for name, longest in _LONGEST if days <= longest), "year")
    if unit not in UNITS:
        raise DataError(Problem("unit", f"is {unit!r}", "day, week, month or year"))
    return UNITS[unit], f"{unit}s"


def round_times(last: float, most: float, unit: str = "months") -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return round times from 0 to the last, in the unit, about as many as have room."""
    return np.arange(0, last + 1e-9, _step(last, most, unit))


def _step(span: float, most: float, unit: str) -> float:
    most = max(min(most, 9), 3)
    steps = _STEPS[unit.removesuffix("s")]
    for finer, step in zip((None, *steps), steps, strict=False):
        if span / step <= most:
            return finer if finer and span / step < 2 else step  # at least three ticks
    return float(steps[-1] * np.ceil(span / steps[-1] / most))


def time_axis(axes: Any, first: float, last: float, unit: str | None = None, name: str = "Time") -> None:
    """Label an axis that is in days: with the unit that fits the span, and ticks at whole numbers of it."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    days, plural = time_unit(last - first, unit)
    axes.set_xlim(first, last)
    axes.set_xlabel(f"{name} ({plural})")
    if (last - first) / days < 3:
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        return
    every = _step((last - first) / days, 1.6 * width(axes), plural)
    start = int(np.floor(first / (days * every) + 1e-9)) * every
    ticks = [k * days for k in np.arange(start, last / days + 1e-9, every) if k * days >= first - 1e-9]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda day, _: f"{day / days:.0f}"))
