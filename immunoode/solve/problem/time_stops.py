"""Times at which steps (floor) and conditions of time alone switch rates: found one after another before a run."""

from __future__ import annotations

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.solve.problem.compiled_model import CompiledModel
from immunoode.solve.problem.packed_input import TIME_AT, FloatArray

MOST = 200_000
"""Switches of one patient."""
AFTER, AHEAD = 1e-9, 1e-6
"""Parts of a span after which a switch is past, and over which the next one is foreseen."""


def stops(system: CompiledModel, x: FloatArray, start: float, end: float) -> FloatArray:
    """Return the switches of one patient, rows of a time and zeros for its derivatives.

    Between two switches what is looked at is taken for linear in time, as pulse trains and courses are; where it is not (a
    sine of time), the size of steps finds the switch.

    Raises
    ------
    SolveError
        If there are more than can be meant.
    """
    span, found, time = max(end - start, 0.0), list[float](), start
    steps = np.array([step for step, _ in system.equations.clock])
    packed = x.copy()

    def at(moment: float) -> FloatArray:
        packed[TIME_AT] = moment
        return system.clock(packed)

    while len(found) < MOST:
        here, there = time + AFTER * span, time + (AFTER + AHEAD) * span
        first, second = at(here), at(there)
        slopes = (second - first) / (there - here) if there > here else np.zeros(steps.size)
        level = np.where(steps, np.where(slopes > 0, np.floor(first) + 1.0, np.ceil(first) - 1.0), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            roots = here + (level - first) / slopes
        later = roots[np.isfinite(roots) & (roots > here)]
        if not later.size or later.min() >= end:
            return np.array([[t, *[0.0] * len(system.by)] for t in found]).reshape(-1, 1 + len(system.by))
        time = float(later.min())
        found.append(time)
    right = "a shorter span, or fewer steps in time"
    raise SolveError(Problem("the equations", f"switch more than {MOST} times", right))
