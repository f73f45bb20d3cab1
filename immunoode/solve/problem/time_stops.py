"""Times at which steps (floor) and conditions on time alone switch rates; they are found one after another before a run."""

from __future__ import annotations

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.solve.problem.compiled_model import CompiledModel
from immunoode.solve.problem.packed_input import TIME_AT, FloatArray

MOST = 200_000
"""Switches of one subject."""
AFTER, BEFORE = 1e-9, 1e-15
"""Fractions of a span after which a switch has passed, and by which the derivatives of its time are evaluated before it."""


def stops(system: CompiledModel, x: FloatArray, start: float, end: float) -> FloatArray:
    """Return the switches of one subject: rows of a time and its derivatives with respect to the sensitivity parameters.

    Between two switches, quantities are assumed to be linear in time, as in pulse trains and courses; if they are not (a sine
    of time), step-size control locates the switch.

    Raises
    ------
    SolveError
        If there are more than a model can plausibly need.
    """
    span, found, time = max(end - start, 0.0), list[list[float]](), start
    steps, packed = np.array([step for step, _ in system.equations.clock]), x.copy()
    while len(found) < MOST:
        packed[TIME_AT] = here = time + AFTER * span
        values, slopes = system.clock(packed), _gradients(system, packed)[:, 0]
        level = np.where(steps, np.where(slopes > 0, np.floor(values) + 1.0, np.ceil(values) - 1.0), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            roots = here + (level - values) / slopes
        roots[~(np.isfinite(roots) & (roots > here))] = np.inf
        switch = int(np.argmin(roots))
        if not roots[switch] < end:
            return np.array(found).reshape(-1, 1 + len(system.by))
        time = float(roots[switch])
        packed[TIME_AT] = time - BEFORE * span
        slope, *by = _gradients(system, packed)[switch]
        found.append([time, *(-derivative / slope for derivative in by)])
    right = "a shorter span, or fewer steps in time"
    raise SolveError(Problem("the equations", f"switch more than {MOST} times", right))


def _gradients(system: CompiledModel, packed: FloatArray) -> FloatArray:
    """Return the derivatives of all switching quantities with respect to time and the sensitivity parameters."""
    return system.clock_gradients(packed).reshape(-1, 1 + len(system.by))
