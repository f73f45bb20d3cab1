"""Step-size control, compiled: the first step, the next step, and the choice between the methods by their cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.native import evaluate_rates
from immunoode.solve.integrator.tsit5 import STABLE, held_down
from immunoode.solve.problem.packed_input import STATES_AT

LEAST = -9.21
"""Logarithm of an error below which smaller errors do not affect the next step."""
NO_ERROR = 1e-10
"""Added to errors, which may be zero."""
SMALLEST_FACTOR, LARGEST_FACTOR, SAFETY, RESPONSE, MEMORY = 0.2, 5.0, 0.9, 0.14, 0.04
"""Of the proportional-integral rule of the next step."""
SMALLEST = 1e-14
"""If a step becomes smaller than this fraction of the time, the integration fails."""
_EXPLICIT_AFTER, _MOST_PATIENCE = 4, 4000
"""The streak of implicit steps after which explicit ones are taken again; then `patience` doubles, up to this."""


@rare
def initial_step(run: Any, lane: int) -> float:
    """Return the size of a first step, from the sizes of two derivatives (Hairer, Norsett and Wanner, Solving ODEs I, II.4)."""
    own, slope, second_slope = run.progress, run.work.slope, run.work.scratch
    t, x, y, atol, rtol = own.earliest[lane], own.x[lane], own.y[lane], run.batch.atol[own.subject[lane]], run.settings.rtol
    n = run.layout.size
    d0 = d1 = d2 = 0.0
    for i in range(n):
        scale = atol[i] + rtol * abs(y[i])
        d0 += (y[i] / scale) ** 2
        d1 += (slope[i] / scale) ** 2
    h = 1e-6 if d0 < 1e-10 or d1 < 1e-10 else 0.01 * np.sqrt(d0 / d1)
    for i in range(n):
        x[STATES_AT + i] = y[i] + h * slope[i]
    evaluate_rates(run, lane, t + h, second_slope)
    for i in range(n):
        d2 += ((second_slope[i] - slope[i]) / (atol[i] + rtol * abs(y[i]))) ** 2
    most = max(np.sqrt(d1 / n), np.sqrt(d2 / n) / h)
    if not most < 1e300:
        return 1e-6
    second = max(1e-6, h * 1e-3) if most <= 1e-15 else (0.01 / most) ** 0.2
    return min(100 * h, second)


@inner
def time_epsilon(t: float) -> float:
    """Return the smallest time offset that is certainly past a discontinuity at t, allowing for rounding."""
    return 1e-14 * max(1.0, abs(t))


@inner
def accept_factor(error: float, previous: float) -> float:
    """Return the factor by which to change the size of steps after an accepted one, by a proportional-integral rule.

    `error` is the logarithm of its error, `previous` that of the one before.
    """
    factor = SAFETY * np.exp(MEMORY * max(previous, LEAST) - RESPONSE * error)
    return min(LARGEST_FACTOR, max(SMALLEST_FACTOR, factor))


@inner
def log_error(error: float) -> float:
    """Return the logarithm of an error, which may be zero."""
    return np.log(error + NO_ERROR)


@inner
def reject_factor(error: float) -> float:
    """Return the factor by which to shorten a rejected step; if a rate is not finite, neither is the error."""
    return max(0.2, 0.9 * error**-0.2) if error < 1e300 else 0.1


@inner
def implicit_cost_ratio(n: int) -> float:
    """Return the cost of an implicit step divided by that of an explicit one, for n states (measured on shipped models)."""
    return 4.0 + 0.5 * n


@inner
def lane_cost_ratio(n: int) -> float:
    """Return the same for steps of eight subjects at a time."""
    return 2.5 + 0.1 * n


@inner
def other_method_pays(own: Any, lane: int, reach: float, ahead: float, cost: float) -> bool:
    """Count an accepted step in the lane's streak; return whether switching to the other method is worth its cost.

    `reach` is |h lambda| of the step, `ahead` that of the remaining span, `cost` the cost of an implicit step divided by that
    of an explicit one.
    """
    if own.implicit[lane]:
        own.streak[lane] = own.streak[lane] + 1 if reach < 0.3 * STABLE * cost else 0
        if own.streak[lane] < _EXPLICIT_AFTER:
            return False
        own.patience[lane] = min(2 * own.patience[lane], _MOST_PATIENCE)
        return True
    own.streak[lane] = held_down(own.streak[lane], reach)
    return own.streak[lane] >= own.patience[lane] and ahead > 8.0 * STABLE * cost


@inner
def error_with_sensitivities(run: Any, lane: int) -> float:
    """Return the error of a step: the largest root mean square of the last row of the stages, scaled, over the states and over
    each sensitivity.

    For sensitivity j the size of a state times units[j] counts as well; units[0] is zero.
    """
    own, work, n = run.progress, run.work, run.layout.states
    p, y, trial, errors = own.subject[lane], own.y[lane], work.trial, work.stages[7]
    atol, units, worst = run.batch.atol[p], run.batch.units[p], 0.0
    for j in range(units.size):
        total = 0.0
        for i in range(n):
            at = j * n + i
            size = max(abs(y[at]), abs(trial[at]), units[j] * max(abs(y[i]), abs(trial[i])))
            total += (errors[at] / (atol[at] + run.settings.rtol * size)) ** 2
        worst = max(worst, total) if total == total else np.inf
    return np.sqrt(worst / n)
