"""Where rates switch by the state, compiled: steps end there, and the state is carried across.

A condition is a difference whose sign decides between expressions. A step in which one changes its sign is cut before the
root, until what is left is an instant; then one small step of Euler's carries the state to the other side.
"""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.controller import time_epsilon
from immunoode.solve.integrator.dosing import add_saltation
from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import CONDITIONS, CROSSINGS, call, evaluate_rates, set_packed_state

_HALVINGS = 60


@inner
def interpolate(dense: Any, i: int, theta: float) -> float:
    """State i at t + theta h."""
    return dense[0, i] + theta * (dense[1, i] + theta * (dense[2, i] + theta * (dense[3, i] + theta * dense[4, i])))


@inner
def _conditions(f: Any, t: float, y: Any, x: Any, values: Any) -> None:
    set_packed_state(t, y, x)
    call(f[CONDITIONS], f[CONDITIONS + 1], values, 0, x, 0)


@inner
def condition_signs(f: Any, t: float, y: Any, x: Any, values: Any, signs: Any) -> None:
    """Fill `signs` with 1 where a condition is above zero, else 0."""
    _conditions(f, t, y, x, values)
    for c in range(values.size):
        signs[c] = 1 if values[c] > 0.0 else 0


@inner
def any_sign_changed(f: Any, t: float, y: Any, x: Any, values: Any, signs: Any) -> bool:
    """Whether a condition has another sign than `signs` says."""
    _conditions(f, t, y, x, values)
    for c in range(values.size):
        if (values[c] > 0.0) != (signs[c] == 1):
            return True
    return False


@inner
def locate_discontinuity(
    f: Any, t: float, step: float, latest: float, dense: Any, x: Any, room: Any, values: Any, signs: Any
) -> float:
    """Return up to which theta of a step no condition has changed its sign, of one that ends with a change."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        for i in range(room.size):
            room[i] = interpolate(dense, i, middle)
        if any_sign_changed(f, min(t + middle * step, latest), room, x, values, signs):
            high = middle
        else:
            low = middle
        if (high - low) * step <= time_epsilon(t):
            break
    return low


@inner
def cross_discontinuity(
    f: Any,
    t: float,
    most: float,
    latest: float,
    y: Any,
    x: Any,
    infusion: Any,
    slope: Any,
    values: Any,
    signs: Any,
    rows: Any,
    by: Any,
    n: int,
) -> float:
    """Carry y, whose rates are `slope`, over a root right ahead; renew `slope` and `signs`; return the time reached.

    Derivatives jump there: by the difference of the rates before and after, times the derivative of the time of the root.
    """
    width = 16.0 * time_epsilon(t)
    for _ in range(_HALVINGS):
        if t + width >= most:
            width = most - t
        for i in range(y.size):
            y[i] += width * slope[i]
        if any_sign_changed(f, min(t + width, latest), y, x, values, signs) or t + width >= most:
            break
        for i in range(y.size):
            y[i] -= width * slope[i]
        width *= 2.0
    if by.size:
        which = -1
        for c in range(values.size):
            if (values[c] > 0.0) != (signs[c] == 1):
                which = c
        if which >= 0:
            set_packed_state(min(t, latest), y, x)
            direction = x[x.size - by.size - n :]
            for i in range(n):
                direction[i] = slope[i]
            call(f[CROSSINGS], f[CROSSINGS + 1], rows, 0, x, 0)
            width_of = 1 + by.size
            speed = rows[which * width_of]
            for k in range(by.size):
                by[k] = -rows[which * width_of + 1 + k] / speed if speed != 0.0 else 0.0
                for i in range(n):
                    y[(k + 1) * n + i] += slope[i] * by[k]
            add_saltation(f, min(t + width, latest), y, x, infusion, by, -1.0, n, slope)
    t += width
    condition_signs(f, min(t, latest), y, x, values, signs)
    evaluate_rates(f, min(t, latest), x, infusion, slope)
    return t
