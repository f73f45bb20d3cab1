"""The interpolant of a step, and the search for roots on it: of thresholds, rate conditions, triggers and SBML events alike.

The state at t + theta h is a polynomial of theta, whose coefficients are the five rows of `dense`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.simd4 import linear_combination

MOST_HALVINGS = 60


class Bracket(NamedTuple):
    """Two values of theta that enclose a root: at `low` nothing has changed yet, at `high` it has."""

    low: float
    high: float


@inner
def interpolate(dense: Any, i: int, theta: float) -> float:
    """Return number i of the vectors at t + theta h."""
    return dense[0, i] + theta * (dense[1, i] + theta * (dense[2, i] + theta * (dense[3, i] + theta * dense[4, i])))


@inner
def interpolate_into(out: Any, dense: Any, theta: float) -> None:
    """Fill a vector with the states at t + theta h."""
    for i in range(out.size):
        out[i] = interpolate(dense, i, theta)


@inner
def save_interpolated(saved: Any, row: int, dense: Any, theta: float) -> None:
    """Fill a row of the saved states with those at t + theta h, four at a time."""
    square = theta * theta
    powers = (1.0, theta, square, square * theta, square * theta * theta)
    linear_combination(saved, row * saved.shape[1], dense, powers)


@inner
def locate_root(changed: Any, run: Any, lane: int, which: int, low: float, high: float, resolution: float) -> Bracket:
    """Bisect a part of a step, at whose end something has changed, until it is not longer than `resolution`.

    `changed(run, lane, which, theta)` returns whether it has changed; `which` is passed to it.
    """
    for _ in range(MOST_HALVINGS):
        if high - low <= resolution:
            break
        middle = 0.5 * (low + high)
        if changed(run, lane, which, middle):
            high = middle
        else:
            low = middle
    return Bracket(low, high)
