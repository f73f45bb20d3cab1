"""Where states may not go, compiled: below zero by a step that is too long, and below the threshold of the last cell."""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.discontinuities import interpolate
from immunoode.solve.integrator.dosing import add_saltation
from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import evaluate_rates, set_packed_state
from immunoode.solve.integrator.simd4 import copy


@inner
def locate_threshold(dense: Any, i: int, limit: float) -> float:
    """Return where in the step state i falls below its limit, from the side below."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if interpolate(dense, i, middle) >= limit:
            low = middle
        else:
            high = middle
    return high


@inner
def negativity_factor(
    f: Any, t: float, y: Any, trial: Any, x: Any, infusion: Any, atol: Any, n: int, below: Any, slope: Any
) -> float:
    """Return the share of a step after which to try again, where it takes states below zero that would not go there; else 1.

    They would not where their rate at zero does not point below: a step has passed over what happens near zero. `below` and
    `slope` are room.
    """
    share = 1.0
    for i in range(n):
        if trial[i] < -atol[i] and y[i] >= 0.0:
            share = min(share, 0.5 * y[i] / (y[i] - trial[i]))
    if share == 1.0:
        return 1.0
    copy(below, 0, trial, 0, y.size)
    for i in range(n):
        below[i] = max(trial[i], 0.0) if y[i] >= 0.0 else trial[i]
    set_packed_state(t, below, x)
    evaluate_rates(f, t, x, infusion, slope)
    for i in range(n):
        if trial[i] < -atol[i] and y[i] >= 0.0 and not slope[i] < -atol[i]:  # also where it has no value there
            return max(share, 0.02)
    return 1.0


@inner
def dips_below_zero(out: Any, y: Any, trial: Any, n: int) -> bool:
    """Whether a state is below zero within a step, `out`, whose ends are not."""
    found = False
    for i in range(n):
        found |= out[i] < 0.0 and y[i] >= 0.0 and trial[i] >= 0.0
    return found


@inner
def clip_dense_output(
    f: Any, t: float, out: Any, y: Any, trial: Any, x: Any, infusion: Any, atol: Any, n: int, below: Any, slope: Any
) -> None:
    """Set what dips below zero, and would not go there (see `negativity_factor`), to zero: an interpolant errs freely."""
    for i in range(y.size):
        below[i] = max(out[i], 0.0) if i < n and y[i] >= 0.0 and trial[i] >= 0.0 else out[i]
    set_packed_state(t, below, x)
    evaluate_rates(f, t, x, infusion, slope)
    for i in range(n):
        if out[i] < below[i] and not slope[i] < -atol[i]:
            out[i] = 0.0


@inner
def falls_below_threshold(y: Any, trial: Any, extinct: Any) -> bool:
    for i in range(extinct.size):
        if y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0:
            return True
    return False


@inner
def extinguish(i: int, f: Any, t: float, y: Any, x: Any, infusion: Any, n: int, slope: Any, by: Any) -> None:
    """State i has come to its threshold: it becomes zero, and so do its derivatives."""
    if by.size:
        set_packed_state(t, y, x)
        evaluate_rates(f, t, x, infusion, slope)
        for k in range(by.size):
            by[k] = -y[(k + 1) * n + i] / slope[i] if slope[i] != 0.0 else 0.0
        add_saltation(f, t, y, x, infusion, by, 1.0, n, slope)
    for j in range(i, n * (1 + by.size), n):
        y[j] = 0.0
    if by.size:
        add_saltation(f, t, y, x, infusion, by, -1.0, n, slope)
