"""Steady states: whether a simulation has reached one, and its refinement by Newton's method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from immunoode.petab.dual_numbers import Dual, FloatArray

SETTLED = 1e-6
"""Relative change of a state or slope, while the time increases tenfold, below which it is steady."""
FRACTIONS = np.array([0.1, 0.25, 0.5, 1.0])
"""Fractions of the time span at which states are compared."""
FIRST, LATEST = 10.0, 1e13
"""First and last time, in the unit of the file, at which the program checks for a steady state."""
VANISHED = 1e-6
"""Fraction of the largest value of a state below which it counts as zero."""


def changing_state(values: Mapping[str, Dual]) -> str:
    """Return the first state that still changes, or has slopes that do; "" if all are steady."""
    for name, seen in values.items():
        if _changes(seen.value[:, None]) or (seen.slope is not None and _changes(seen.slope)):
            return name
    return ""


def _changes(values: FloatArray) -> bool:
    end = np.abs(values[-1])
    allowed = SETTLED * (end + VANISHED * np.abs(values).max())
    return bool((np.abs(values - values[-1]).max(axis=0) > allowed).any())


def refine_steady_state(system: Any, packed: FloatArray, x: FloatArray) -> FloatArray | None:
    """Return the root of the rates next to x, None if Newton's method moves away or does not reduce the rates."""
    from immunoode.solve.problem.packed_input import STATES_AT

    n = x.size
    scale = np.abs(x) + 1e-12 * np.abs(x).max() + 1e-300
    at = x.copy()

    def rates(states: FloatArray) -> FloatArray:
        packed[STATES_AT : STATES_AT + n] = states
        return np.asarray(system.rates(packed))[:n]

    first = np.abs(rates(x) / scale).max()
    for _ in range(3):
        left = rates(at)
        slopes = np.asarray(system.jacobian(packed)).reshape(n, n)
        with np.errstate(all="ignore"):
            if not (np.isfinite(slopes).all() and np.isfinite(left).all()):
                return None
            step = np.linalg.lstsq(slopes * scale / scale[:, None], -left / scale, rcond=1e-13)[0] * scale
        if not (np.abs(step) <= 100 * SETTLED * scale).all():
            return None
        at = at + step
    return at if np.abs(rates(at) / scale).max() < first else None
