"""The steady state of repeated doses, compiled: intervals one after another until they end where they began.

Only the compartments that exchange matter with the dosed one move, in time that stands still: a tumour under treatment has
no steady state, its drug has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.controller import accept_factor, log_error, reject_factor
from immunoode.solve.integrator.dosing import dose_effect, infusion_rate, time_is_varied
from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import evaluate_rates, set_packed_state
from immunoode.solve.integrator.tsit5 import ERROR, A
from immunoode.solve.problem.event_table import SUPERPOSE

MOST_INTERVALS = 20_000
_MOST_STEPS = 100_000
CLOSE = 0.02
"""What may be missing at the end, in units of the tolerances."""
_TABLE = np.array([row + (0.0,) * (7 - len(row)) for row in A])
_ERROR = np.array(ERROR)


@inner
def _advance(
    f: Any,
    t: float,
    length: float,
    z: Any,
    x: Any,
    inflow: Any,
    moving: Any,
    rtol: float,
    atol: Any,
    k: Any,
    s: Any,
    size: int,
    h: float,
) -> float:
    """Move z on by `length` days; return the last full step, below zero where it fails."""
    n, done, steps, previous = moving.size, 0.0, 0, 0.0
    while done < length:
        steps += 1
        if steps > _MOST_STEPS:
            return -1.0
        last = h >= length - done
        step = length - done if last else h
        for stage in range(7):
            for i in range(size):
                total = 0.0
                for j in range(stage):
                    total += _TABLE[stage, j] * k[j, i]
                s[i] = z[i] + step * total
            set_packed_state(t, s, x)
            evaluate_rates(f, t, x, inflow, k, stage * z.size)
            for i in range(size):
                if not moving[i % n]:
                    k[stage, i] = 0.0
        error = 0.0
        for i in range(size):
            total = 0.0
            for j in range(7):
                total += _ERROR[j] * k[j, i]
            error += (step * total / (atol[i] + rtol * max(abs(z[i]), abs(s[i])))) ** 2
        error = np.sqrt(error / size)
        if error <= 1.0:
            for i in range(size):
                z[i] = s[i]
            done = length if last else done + step
            logged = log_error(error)
            factor, previous = accept_factor(logged, previous), logged
            h = max(h, step * factor) if last else step * factor
        else:
            h = step * reject_factor(error)
            if not h > 1e-12 * length:
                return -1.0
    return h


@inner
def _interval(
    f: Any,
    t: float,
    length: float,
    duration: float,
    interval: float,
    given: Any,
    z: Any,
    x: Any,
    inflow: Any,
    moving: Any,
    rtol: float,
    atol: Any,
    k: Any,
    s: Any,
    size: int,
    h: float,
    running: Any,
    duration_by: Any,
) -> float:
    """Give a dose and move on by `length`, at most one interval; return as `_advance`.

    `given` is what a bolus adds to each state, `running` what an infusion brings per day.
    """
    if duration <= 0.0:
        for i in range(size):
            if moving[i % moving.size]:
                z[i] += given[i]
            inflow[i] = 0.0
        return _advance(f, t, length, z, x, inflow, moving, rtol, atol, k, s, size, h)
    overlap = np.floor(duration / interval)
    first = min(duration - overlap * interval, length)
    for part in range(2):
        span = first if part == 0 else length - first
        if span > 0.0:
            for i in range(size):
                inflow[i] = running[i] * (overlap + 1 - part)
            h = _advance(f, t, span, z, x, inflow, moving, rtol, atol, k, s, size, h)
            if h < 0.0:
                return h
        if part == 0 and first < length:  # an infusion ends, which a longer one does later
            for i in range(moving.size, size):
                if moving[i % moving.size]:
                    z[i] += running[i % moving.size] * duration_by[i // moving.size - 1]
    return h


@inner
def periodic_steady_state(
    f: Any, t: float, e: int, events: Any, moving: Any, y: Any, x: Any, rtol: float, atol: Any, out: Any
) -> bool:
    """Bring the moving states of y to the steady state of event `e`, or add it to them; False where none is reached."""
    inputs, amounts, durations, amount_by = events.inputs, events.amounts, events.durations, events.amount_by
    interval, phase, width, n = events.intervals[e], events.phases[e], y.size, moving.size
    size = n * (1 + amount_by.shape[1])
    z, before, flows, s, k = y.copy(), np.empty(width), np.zeros(width), np.zeros(width), np.zeros((7, width))
    running = np.zeros(size)
    given = out[(2 * inputs[e] + 1) * size :]
    endless = not interval < np.inf
    length = 1.0 if endless else interval
    h, change = 1e-2 * length, 0.0
    for cycle in range(MOST_INTERVALS):
        for i in range(size):
            before[i] = z[i]
        dose_effect(f, t, amounts[e], amount_by[e], z, x, out)
        if endless:
            for i in range(size):
                flows[i] = given[i]
            h = _advance(f, t, length, z, x, flows, moving, rtol, atol, k, s, size, h)
        else:
            for i in range(size if durations[e] > 0.0 else 0):
                running[i] = infusion_rate(given, events, e, i, n)
            h = _interval(
                f,
                t,
                length,
                durations[e],
                interval,
                given,
                z,
                x,
                flows,
                moving,
                rtol,
                atol,
                k,
                s,
                size,
                h,
                running,
                events.duration_by[e],
            )
        if h < 0.0:
            return False
        last, change = change, 0.0
        for i in range(size):
            if moving[i % n]:
                change = max(change, abs(z[i] - before[i]) / (atol[i] + rtol * abs(z[i])))
        if not change < 1e300:
            return False
        if endless:
            length = min(2.0 * length, 1e5)
        share = min(change / last, 0.9999) if last > 0.0 else 0.9999
        if change == 0.0 or (cycle > 0 and change * max(1.0, share / (1.0 - share)) < CLOSE):
            break
        if cycle == MOST_INTERVALS - 1:
            return False
    if not endless and phase > 0.0:
        dose_effect(f, t, amounts[e], amount_by[e], z, x, out)
        for i in range(size if durations[e] > 0.0 else 0):
            running[i] = infusion_rate(given, events, e, i, n)
        h = _interval(
            f,
            t,
            phase,
            durations[e],
            interval,
            given,
            z,
            x,
            flows,
            moving,
            rtol,
            atol,
            k,
            s,
            size,
            h,
            running,
            events.duration_by[e],
        )
        if h < 0.0:
            return False
    if time_is_varied(events.phase_by, e):
        set_packed_state(t, z, x)
        evaluate_rates(f, t, x, flows, s)
        for i in range(n, size):
            if moving[i % n]:
                z[i] += s[i % n] * events.phase_by[e, i // n - 1]
    adding = events.kinds[e] == SUPERPOSE
    for i in range(size):
        if moving[i % n]:
            y[i] = y[i] + z[i] if adding else z[i]
    return True
