"""Output times for endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from immunoode import units
from immunoode.errors import Problem, SolveError, UnitError
from immunoode.optimisation.dosages import FloatArray
from immunoode.optimisation.endpoints import Endpoint

_LEAST_TIMES = 400


def report_times(until: Any, times: Any, endpoints: Sequence[Endpoint]) -> FloatArray:
    """Return the output times (T,) of a simulation in days: those given, or those that endpoints need.

    Raises
    ------
    SolveError, UnitError
        If `until` is not after the start, times are not increasing, or an endpoint is at a day outside them.
    """
    try:
        end = units.days(until)
    except UnitError as error:
        if isinstance(until, str):  # a text with a message of its own
            raise
        raise SolveError(Problem("until", f"is {until!r:.60}", "a day, or a text such as '12 weeks'")) from error
    if not (np.isfinite(end) and end > 0):
        raise SolveError(Problem("until", f"is day {end:g}", "a day after the start"))
    found = _days(end, endpoints) if times is None else np.atleast_1d(np.asarray(units.times(times), dtype=float))
    if found.ndim != 1 or found.size < 2 or not (np.diff(found) > 0).all():
        raise SolveError(Problem("times", "are not two or more increasing days", "for example range(0, 85)"))
    problems = [
        Problem(f"{one}", f"is outside days {found[0]:g} to {found[-1]:g}", "a day of the simulation, or a later until=")
        for one in endpoints
        if one.day is not None and not found[0] <= one.day <= found[-1]
    ]
    SolveError.raise_if(problems)
    return found


def _days(end: float, endpoints: Sequence[Endpoint]) -> FloatArray:
    if any(one.needs_course for one in endpoints) or not endpoints:
        return np.linspace(0.0, end, max(int(np.ceil(end)), _LEAST_TIMES) + 1)
    days = [one.day for one in endpoints if one.day is not None and 0 <= one.day <= end]
    return np.array(sorted({0.0, end, *days}))
