"""Switches of rates that depend on the state: steps end at a switch, and the state and its sensitivities are moved across it.

A condition is a difference whose sign decides between expressions. A step in which a condition changes its sign is shortened to
end just before the root; then one small Euler step moves the state to the other side. A difference that is not larger than its
rounding error keeps its previous sign. Otherwise, a state exactly at a switch, such as max(0, x) with x = 0 at the start, would
change the sign at random and without end.
"""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.controller import time_epsilon
from immunoode.solve.integrator.interpolation import MOST_HALVINGS, interpolate_into, locate_root
from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.native import call, evaluate_rates, set_packed_state

ROUNDING = 64 * 2.220446049250313e-16
"""The rounding error of a sum, relative to the sizes of its terms."""


@rare
def condition_signs(run: Any, lane: int, t: float) -> None:
    """Store the signs of the conditions at the state: 1 if a condition is above zero, otherwise 0."""
    work, own = run.work, run.progress
    set_packed_state(t, own.y[lane], own.x[lane])
    call(run.functions.conditions, work.condition_values, own.x[lane])
    for c in range(work.condition_signs.size):
        work.condition_signs[c] = 1 if work.condition_values[c] > 0.0 else 0


@inner
def _has_changed(work: Any, c: int) -> bool:
    """Whether the sign of a condition differs from the stored one by more than the rounding error."""
    value, sizes = work.condition_values[c], work.condition_values[work.condition_signs.size + c]
    return (value > 0.0) != (work.condition_signs[c] == 1) and abs(value) > ROUNDING * sizes


@inner
def any_sign_changed(run: Any, lane: int, t: float, y: Any) -> bool:
    """Whether a condition has a different sign at (t, y) from the stored one."""
    work, x = run.work, run.progress.x[lane]
    set_packed_state(t, y, x)
    call(run.functions.conditions, work.condition_values, x)
    for c in range(work.condition_signs.size):
        if _has_changed(work, c):
            return True
    return False


@inner
def crosses_discontinuity(run: Any, lane: int, reached: float) -> bool:
    """Whether a condition has changed its sign in a step that ends at the time `reached`."""
    return run.layout.conditions > 0 and any_sign_changed(run, lane, min(reached, run.progress.latest[lane]), run.work.trial)


@inner
def _sign_changed_at(run: Any, lane: int, which: int, theta: float) -> bool:
    own, work = run.progress, run.work
    interpolate_into(work.trial, work.dense, theta)
    return any_sign_changed(run, lane, min(own.t[lane] + theta * own.size[lane], own.latest[lane]), work.trial)


@rare
def locate_discontinuity(run: Any, lane: int) -> float:
    """Return the largest theta in [0, 1] at which no condition has yet changed its sign. The step must end with a change."""
    own = run.progress
    resolution = time_epsilon(own.t[lane]) / own.size[lane]
    return locate_root(_sign_changed_at, run, lane, 0, 0.0, 1.0, resolution).low


@rare
def cross_discontinuity(run: Any, lane: int, farthest: float) -> None:
    """Move the state across a root that is immediately ahead, not beyond the time `farthest`.

    Update the time, the rates and the signs.
    """
    own, work = run.progress, run.work
    t, latest, y, slope = own.t[lane], own.latest[lane], own.y[lane], work.slope
    width = 16.0 * time_epsilon(t)
    for _ in range(MOST_HALVINGS):
        if t + width >= farthest:
            width = farthest - t
        for i in range(y.size):
            y[i] += width * slope[i]
        if any_sign_changed(run, lane, min(t + width, latest), y) or t + width >= farthest:
            break
        for i in range(y.size):
            y[i] -= width * slope[i]
        width *= 2.0
    if run.layout.varied:
        _carry_sensitivities(run, lane, width)
    own.t[lane] = t + width
    condition_signs(run, lane, min(t + width, latest))
    evaluate_rates(run, lane, min(t + width, latest), slope)


@inner
def _carry_sensitivities(run: Any, lane: int, width: float) -> None:
    """Apply the jump of derivatives at a discontinuity.

    The difference of the rates before and after, times the derivative of the time of the root. `width` is the time by which the
    state was moved across.
    """
    own, work, n, m = run.progress, run.work, run.layout.states, run.layout.varied
    t, latest, x, y, slope, rows = own.t[lane], own.latest[lane], own.x[lane], own.y[lane], work.slope, work.crossing_rows
    which = -1
    for c in range(work.condition_signs.size):
        if _has_changed(work, c):
            which = c
    if which < 0:
        return
    set_packed_state(min(t, latest), y, x)
    direction = x[x.size - m - n :]
    for i in range(n):
        direction[i] = slope[i]
    call(run.functions.crossings, rows, x)
    first = which * (1 + m)
    speed = rows[first]
    for k in range(m):
        work.root_gradient[k] = -rows[first + 1 + k] / speed if speed != 0.0 else 0.0
        for i in range(n):
            y[(k + 1) * n + i] += slope[i] * work.root_gradient[k]
    add_saltation(run, lane, min(t + width, latest), work.root_gradient, -1.0)


@rare
def add_saltation(run: Any, lane: int, t: float, gradient: Any, sign: float) -> None:
    """Add to the sensitivities `sign` times the rates at time t times the gradient of the time of an event.

    The contributions of the rates before it (1) and after it (-1) to their jump. The rates are left in the slope of the
    workspace.
    """
    y, slope, n = run.progress.y[lane], run.work.slope, run.layout.states
    set_packed_state(t, y, run.progress.x[lane])
    evaluate_rates(run, lane, t, slope)
    for k in range(gradient.size):
        for i in range(n):
            y[(k + 1) * n + i] += sign * slope[i] * gradient[k]
