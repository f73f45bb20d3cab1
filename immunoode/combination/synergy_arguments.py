"""Checks of the arguments of `synergy`: those that do not apply to its source, and invalid values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from immunoode import units
from immunoode.combination.four_arms import FloatArray
from immunoode.errors import DataError, Problem, nearest
from immunoode.number_checks import is_finite, is_whole

SOLVER_OPTIONS = ("start", "solver", "engine", "method", "rtol", "atol", "extinction", "most_steps", "threads")
TIMES = 40


def unknown_options(options: Iterable[str]) -> list[Problem]:
    """Return the options that are not options of the solver."""
    known = (*SOLVER_OPTIONS, *_ARGUMENTS)
    return [Problem(f"option {n!r}", "is not known", nearest(n, known)) for n in options if n not in SOLVER_OPTIONS]


_ARGUMENTS = ("until", "times", "scale", "measure", "endpoint", "parameters", "uncertainty", "loewe", "loewe_draws") + (
    *("largest_multiple", "robust", "confidence", "draws", "seed", "control"),
)


def inapplicable(given: Mapping[str, bool], options: Iterable[str], source: str, right: str) -> list[Problem]:
    """Return the given arguments that do not apply to a source.

    Parameters
    ----------
    given : mapping of str to bool
        Whether an argument differs from its default.
    options : iterable of str
        Names of further options.
    source, right : str
    """
    stated = [name for name, is_given in given.items() if is_given] + list(options)
    return [Problem(name, f"does not apply to {source}", right) for name in stated]


def loewe_problems(loewe_draws: Any, largest: Any) -> list[Problem]:
    """Return what is wrong with the options of Loewe additivity."""
    problems = []
    if not is_whole(loewe_draws, 0):
        problems.append(Problem("loewe_draws", f"is {loewe_draws!r}", "a whole number of zero or more: 40"))
    if not (is_finite(largest) and largest >= 2):
        problems.append(Problem("largest_multiple", f"is {largest!r}", "a number of at least 2: 1000"))
    return problems


def robust_problems(robust: Any) -> list[Problem]:
    """Return what is wrong with the option for robust standard errors."""
    return [] if isinstance(robust, (bool, np.bool_)) else [Problem("robust", f"is {robust!r}", "True or False")]


def simulated_days(until: str | float | None, times: Any) -> FloatArray:
    """Return the output times later than 0.

    Raises
    ------
    DataError
    """
    end = None if until is None else units.days(until)
    if end is not None and not end > 0:
        raise DataError(Problem("until", f"is day {end:g}", "a time after the start: '12 weeks'"))
    if times is not None:
        return _stated_days(times, end)
    if end is None:
        raise DataError(Problem("until", "is not stated", "the end of the simulation: '12 weeks'"))
    return np.linspace(end / TIMES, end, TIMES)


def _stated_days(times: Any, end: float | None) -> FloatArray:
    days = np.unique(np.atleast_1d(units.times(times)))
    if days[0] < 0 or (end is not None and days[-1] > end):
        last = "" if end is None else f" up to day {end:g}, until="
        raise DataError(Problem("times", f"are from day {days[0]:g} to day {days[-1]:g}", f"times after the start{last}"))
    if not (days > 0).any():
        raise DataError(Problem("times", "are not later than the start", "times later than 0"))
    return days[days > 0]


def loewe_days(loewe: bool | Sequence[str | float], days: FloatArray) -> list[float]:
    """Return the output times at which Loewe additivity is computed: those nearest to the stated ones.

    Raises
    ------
    DataError
        If a time is not within the simulation.
    """
    if isinstance(loewe, (bool, np.bool_)):
        return [float(days[-1])] if loewe else []
    wanted = np.atleast_1d(units.times(loewe))
    outside = [day for day in wanted if not 0 < day <= days[-1]]
    if outside:
        right = f"True, False, or times after the start up to day {days[-1]:g}"
        raise DataError([Problem("loewe", f"is day {day:g}", right) for day in outside])
    return [float(days[np.argmin(np.abs(days - day))]) for day in wanted]
