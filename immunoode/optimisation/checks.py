"""Checks of schedules: doses beyond the simulation, and properties that differ between patients."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.optimisation.dosages import Dosage, FloatArray
from immunoode.optimisation.limits import Quantity
from immunoode.optimisation.schedules import ScheduleFunction

_TIME = re.compile(r"time\(\s*(\w+)\s*(,.*)?\)")


def check_horizon(function: ScheduleFunction, options: Mapping[str, Any], end: float) -> None:
    """Refuse doses outside the simulation, because they would seem to be harmless.

    Raises
    ------
    SolveError
        If numbers, or the selected options, can move a dose beyond the end.
    """
    latest = max([function.latest, *(_latest(function, name, value) for name, value in options.items())])
    if latest > end + 1e-9:
        what = f"can move a dose to day {latest:g}, after the end of the simulation, day {end:g}"
        raise SolveError(Problem("choose", what, "bounds within the simulation, or a later until="))


def _latest(function: ScheduleFunction, name: str, value: Any) -> float:
    """Return the latest dose time that an option such as "time(docetaxel)" sets; minus infinity if it is not a time."""
    said = _TIME.fullmatch(name)
    if not said:
        return -np.inf
    return float(value) if said[2] else float(function.stated.times[function.rows[said[1]]].max())


def check_dosages(functions: Sequence[ScheduleFunction], quantities: Sequence[Quantity]) -> None:
    """Refuse properties of the schedule that differ between patients.

    Raises
    ------
    SolveError
        If, for example, a cumulative amount is limited although doses are per kilogram.
    """
    dosages = [one for one in quantities if isinstance(one, Dosage)]
    if len(functions) == 1 or not dosages:
        return
    right = "a dose that is the same for all patients, or a limit on an output of the model"
    each = [function.stated_columns(function.middle).doses for function in functions]
    problems = [
        Problem(f"{one}", "differs between patients, because doses depend on their parameters", right)
        for one in dosages
        if not _alike([one.of(doses) for doses in each])
    ]
    SolveError.raise_if(problems)


def _alike(values: Sequence[FloatArray]) -> bool:
    return all(v.shape == values[0].shape and np.allclose(v, values[0], rtol=1e-9, atol=0) for v in values)
