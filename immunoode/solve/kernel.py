"""The compiled engine: one patient stepped over its events, whatever the model, through the addresses of its functions.

Steps end at events only, output is by dense interpolation, and the size of steps survives events. An explicit method steps
until its size is held down by stability over a span where implicit steps would be worth their cost; then the implicit one
does, and the explicit one again where it would pay. Compartments with a threshold become exactly zero when they cross it
downwards (root of the interpolant).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve import rodas5p, tsit5
from immunoode.solve.calls import call, place, rates
from immunoode.solve.control import SMALLEST, first_step, growth, instant, ratio, shrinkage
from immunoode.solve.dosing import arrive
from immunoode.solve.jit import kernel
from immunoode.solve.linear import leading_size
from immunoode.solve.status import FINISHED, NOT_FINITE, TOO_MANY, TOO_SMALL
from immunoode.solve.tsit5 import STABLE

AUTOMATIC, EXPLICIT, IMPLICIT = range(3)
STEPS, REJECTIONS, EVALUATIONS, JACOBIANS, SWITCHES = range(5)
_GUARDS = 8
"""How often in a row a step is halved because a state would go below zero."""

_explicit, _explicit_dense, _stiffness = tsit5.attempt, tsit5.interpolant, tsit5.stiffness
_implicit, _implicit_dense = rodas5p.attempt, rodas5p.interpolant


@kernel
def _at(dense: Any, i: int, theta: float) -> float:
    return dense[0, i] + theta * (dense[1, i] + theta * (dense[2, i] + theta * (dense[3, i] + theta * dense[4, i])))


@kernel
def _crossing(dense: Any, i: int, limit: float) -> float:
    """Return where in the step state i falls below its limit, from the side below."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if _at(dense, i, middle) >= limit:
            low = middle
        else:
            high = middle
    return high


@kernel
def _goes_negative(y: Any, trial: Any, atol: Any) -> bool:
    for i in range(y.size):
        if trial[i] < -10.0 * atol[i] and y[i] >= 0.0:
            return True
    return False


@kernel
def _falls(y: Any, trial: Any, extinct: Any) -> bool:
    for i in range(y.size):
        if y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0:
            return True
    return False


@kernel
def solve(f: Any, x: Any, y: Any, times: Any, start: float, events: Any, tables: Any, extinct: Any, rtol: float, atol: Any,
          most_steps: int, method: int, out: Any, counts: Any, ended: Any) -> int:  # fmt: skip
    """Step one patient from `start` over its events; fill `out` at `times`; return a status code.

    `f` holds address and context of rates, pulses, scales, Jacobian and time derivatives (0: none). `events` are the arrays
    of `immunoode.solve.events.Events`. `y` is the initial state, and the last one on return; `ended[0]` the time reached.
    """
    event_times, kinds, inputs, amounts, durations, ordinals = events
    n = y.size
    k, dense, jacobian, matrix = np.empty((8, n)), np.empty((5, n)), np.empty((n, n)), np.empty((n, n))
    slope, trial, sixth, weights, right, room = (
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
    )
    drift, vector, rows = np.zeros(n), np.zeros(n), np.empty(n, np.int64)
    infusion, active, running = np.zeros(n), np.zeros(n, np.int64), np.zeros(event_times.size + 1)
    moves, scales = np.empty(2 * tables[0].shape[0] + 1), np.empty(tables[1].size + 1)
    t, end = start, max(start, times[-1])
    e = g = steps = guards = streak = 0
    h, previous, cost, patience = 0.0, 1.0, ratio(n), 10
    implicit = method == IMPLICIT
    while True:
        while e < event_times.size and event_times[e] <= t:
            if inputs[e] >= 0:
                arrive(f, t, kinds[e], inputs[e], amounts[e], durations[e], ordinals[e], tables, y, x, infusion, active,
                       running, sixth, moves, scales, extinct)  # fmt: skip
            e += 1
        ended[0] = t
        for i in range(n):
            if not abs(y[i]) < 1e300:
                return NOT_FINITE
        while g < times.size and times[g] <= t:
            out[g] = y
            g += 1
        if t >= end:
            return FINISHED
        stop = min(end, event_times[e]) if e < event_times.size else end
        earliest, latest = t + instant(t), stop - instant(stop)
        if earliest >= latest:
            earliest = latest = 0.5 * (t + stop)
        place(t, y, x)
        rates(f, earliest, x, infusion, slope)
        counts[EVALUATIONS] += 1
        fresh = False
        if h == 0.0:
            h = first_step(f, earliest, y, x, infusion, rtol, atol, slope, room)
            counts[EVALUATIONS] += 1
        while t < stop:
            if steps >= most_steps:
                return TOO_MANY
            steps += 1
            last = 1.01 * h >= stop - t
            step = stop - t if last else h
            if implicit:
                if not fresh:
                    place(max(t, earliest), y, x)
                    call(f[6], f[7], jacobian.ctypes, x.ctypes)
                    if f[8] != 0:
                        call(f[8], f[9], drift.ctypes, x.ctypes)
                    counts[JACOBIANS] += 1
                    fresh = True
                error = _implicit(f, t, latest, y, step, x, infusion, k, slope, trial, jacobian, drift, matrix, rows, right,
                                  room, rtol, atol)  # fmt: skip
                counts[EVALUATIONS] += rodas5p.EVALUATIONS
            else:
                error = _explicit(f, t, latest, y, step, x, infusion, k, slope, trial, sixth, rtol, atol)
                counts[EVALUATIONS] += tsit5.EVALUATIONS
            accepted = error <= 1.0
            if accepted and guards < _GUARDS and _goes_negative(y, trial, atol):
                accepted, error = False, 4.0
                guards += 1
            if not accepted:
                counts[REJECTIONS] += 1
                h = step * shrinkage(error)
                if h <= SMALLEST * max(abs(t), 1e-3):
                    return TOO_SMALL
                continue
            counts[STEPS] += 1
            guards = 0
            for i in range(n):
                weights[i] = atol[i] + rtol * abs(trial[i])
            if method == AUTOMATIC:
                if implicit:
                    size = leading_size(jacobian, vector, weights, room)
                    streak = streak + 1 if step * size < 0.3 * STABLE * cost and not last else 0
                    change = streak >= 4
                    patience = min(2 * patience, 1000) if change else patience
                else:
                    size = _stiffness(k, trial, sixth, weights)
                    streak = streak + 1 if step * size > 0.8 * STABLE else max(0, streak - 1)
                    change = streak >= patience and (stop - t) * size > 8.0 * STABLE * cost
            else:
                change = False
            falls = _falls(y, trial, extinct)
            reached = stop if last else t + step
            if falls or (g < times.size and times[g] <= reached):
                if implicit:
                    _implicit_dense(y, trial, k, dense)
                else:
                    _explicit_dense(step, y, k, dense)
            theta = 1.0
            if falls:
                for i in range(n):
                    if y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0:
                        theta = min(theta, _crossing(dense, i, extinct[i]))
                reached = t + theta * step
            while g < times.size and (times[g] < reached or (times[g] == reached and reached < stop and not falls)):
                for i in range(n):
                    out[g, i] = _at(dense, i, (times[g] - t) / step)
                g += 1
            factor = growth(error, previous)
            previous = max(error, 1e-4)
            h = max(h, step * factor) if last else step * factor
            t = reached
            fresh = False
            if falls:
                for i in range(n):
                    value = _at(dense, i, theta)
                    y[i] = 0.0 if y[i] >= extinct[i] > value and extinct[i] > 0.0 else value
            else:
                for i in range(n):  # what is empty stays empty: no debris of rounding below zero
                    y[i] = 0.0 if -atol[i] <= trial[i] < 0.0 <= y[i] else trial[i]
            if implicit or falls:
                place(t, y, x)
                rates(f, min(t, latest), x, infusion, slope)
                counts[EVALUATIONS] += 1
            else:
                for i in range(n):
                    slope[i] = k[6, i]
            if change:
                implicit = not implicit
                streak = 0
                counts[SWITCHES] += 1
            ended[0] = t


@kernel
def solve_many(f: Any, x: Any, y: Any, times: Any, lengths: Any, starts: Any, offsets: Any, events: Any, tables: Any,
               extinct: Any, rtol: float, atol: Any, most_steps: int, method: int, out: Any, counts: Any, ended: Any,
               codes: Any) -> None:  # fmt: skip
    """Solve patients one after another: rows of x, y, times, atol, out; events of patient p at offsets[p]:offsets[p + 1]."""
    event_times, kinds, inputs, amounts, durations, ordinals = events
    for p in range(y.shape[0]):
        a, b = offsets[p], offsets[p + 1]
        own = (event_times[a:b], kinds[a:b], inputs[a:b], amounts[a:b], durations[a:b], ordinals[a:b])
        codes[p] = solve(f, x[p], y[p], times[p, : lengths[p]], starts[p], own, tables, extinct, rtol, atol[p], most_steps,
                         method, out[p], counts[p], ended[p : p + 1])  # fmt: skip
