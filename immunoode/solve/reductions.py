"""One number per subject from a time course, for virtual trials whose time courses would not fit into memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from immunoode.errors import Problem, SolveError, nearest
from immunoode.solve.problem.packed_input import FloatArray

Reduce = Callable[[FloatArray, FloatArray], FloatArray]
CROSSING = re.compile(r"first_(below|above)\(\s*([-+0-9.eE]+)\s*\)")


def final(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the last value."""
    return values[:, -1]


def minimum(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the smallest reported value."""
    return values.min(axis=1)


def time_of_minimum(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the first time at which the smallest value is reported."""
    return times[values.argmin(axis=1)]


def maximum(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the largest reported value."""
    return values.max(axis=1)


def time_of_maximum(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the first time at which the largest value is reported."""
    return times[values.argmax(axis=1)]


def area(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the area under the curve by the trapezoidal rule, in the output's unit times days."""
    from scipy.integrate import trapezoid

    found: FloatArray = trapezoid(values, times, axis=1)
    return found


def first_crossing(limit: float, below: bool) -> Reduce:
    """Return the reduction to the first time below (above) a limit, interpolated between output times; infinite if never."""

    def crossing(times: FloatArray, values: FloatArray) -> FloatArray:
        beyond = values < limit if below else values > limit
        first = beyond.argmax(axis=1)
        rows, before = np.arange(len(values)), np.maximum(first - 1, 0)
        low, high = values[rows, before], values[rows, first]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(first > 0, (limit - low) / (high - low), 1.0)
        found = times[before] + share * (times[first] - times[before])
        return np.where(beyond.any(axis=1), found, np.inf)

    return crossing


REDUCTIONS: dict[str, Reduce] = {f.__name__: f for f in (final, minimum, time_of_minimum, maximum, time_of_maximum, area)}
"""By name; "first_below(20)" and "first_above(1e9)" are made on request."""


def reductions(names: str | Iterable[str]) -> dict[str, Reduce]:
    """Return the reductions with these names.

    Raises
    ------
    SolveError
        If one is not known.
    """
    found: dict[str, Reduce] = {}
    problems = []
    for name in [names] if isinstance(names, str) else names:
        spoken = CROSSING.fullmatch(name)
        if spoken:
            found[name] = first_crossing(float(spoken[2]), spoken[1] == "below")
        elif name in REDUCTIONS:
            found[name] = REDUCTIONS[name]
        else:
            known = [*REDUCTIONS, "first_below(20)", "first_above(20)"]
            problems.append(Problem(f"reduce: {name!r}", "is not known", nearest(name, known)))
    SolveError.raise_if(problems)
    if not found:
        raise SolveError(Problem("reduce", "is empty", f"one or more of {', '.join(REDUCTIONS)}, first_below(20)"))
    return found
