"""The compiled engine: Numba kernels, compiled once and cached on disk, that step any system through its addresses.

One patient at a time over its events; output by dense interpolation; steps end at events only, and the step size survives
them. Compartments with a threshold become exactly zero when they cross it downwards (root of the dense output).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from immunoode.solve import tsit5
from immunoode.solve.events import DOSE, INFUSION_END
from immunoode.solve.status import FINISHED, NOT_FINITE, TOO_MANY, TOO_SMALL

A, C, ERROR, DENSE = tsit5.A, tsit5.C, tsit5.ERROR, tsit5.DENSE
_FAST = {"contract", "arcp", "nsz", "reassoc"}  # NaN keeps its meaning: failures are found by it
STEPS, REJECTIONS, EVALUATIONS = range(3)


@intrinsic
def _call(typingctx: Any, function: Any, context: Any, out: Any, inputs: Any) -> Any:
    """Call `void f(double *out, const double *in, void *context)` at an address."""
    pointer_type = types.CPointer(types.double)
    signature = types.void(types.intp, types.intp, pointer_type, pointer_type)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.PointerType(ir.DoubleType())
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, pointer])
        out, given = builder.bitcast(args[2], pointer), builder.bitcast(args[3], pointer)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [out, given, builder.inttoptr(args[1], pointer)])
        return cgctx.get_dummy_value()

    return signature, generate


@njit(inline="always")
def _rates(f: Any, t: float, y: Any, x: Any, infusion: Any, out: Any) -> None:
    """Rates of change at (t, y); x is the packed input, its parameters in place."""
    x[0] = t
    for i in range(y.size):
        x[2 + i] = y[i]
    _call(f[0], f[1], out.ctypes, x.ctypes)
    for i in range(y.size):
        out[i] += infusion[i]


@njit(inline="always")
def _interpolate(theta: float, h: float, y: Any, k: Any, out: Any) -> None:
    """State at t + theta h, fourth order."""
    for i in range(y.size):
        total = 0.0
        for s in range(7):
            d = DENSE[s]
            total += theta * (d[0] + theta * (d[1] + theta * (d[2] + theta * d[3]))) * k[s, i]
        out[i] = y[i] + h * total


@njit(inline="always")
def _value(i: int, theta: float, h: float, y: Any, k: Any) -> float:
    total = 0.0
    for s in range(7):
        d = DENSE[s]
        total += theta * (d[0] + theta * (d[1] + theta * (d[2] + theta * d[3]))) * k[s, i]
    return y[i] + h * total


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _first_step(f: Any, t: float, y: Any, x: Any, infusion: Any, rtol: float, atol: Any, k: Any, trial: Any) -> float:
    """Hairer, Norsett and Wanner, Solving ODEs I, section II.4: a first step from the sizes of two derivatives."""
    n = y.size
    d0 = d1 = 0.0
    for i in range(n):
        scale = atol[i] + rtol * abs(y[i])
        d0 += (y[i] / scale) ** 2
        d1 += (k[0, i] / scale) ** 2
    h = 1e-6 if d0 < 1e-10 or d1 < 1e-10 else 0.01 * np.sqrt(d0 / d1)
    for i in range(n):
        trial[i] = y[i] + h * k[0, i]
    _rates(f, t + h, trial, x, infusion, k[1])
    d2 = 0.0
    for i in range(n):
        d2 += ((k[1, i] - k[0, i]) / (atol[i] + rtol * abs(y[i]))) ** 2
    d2 = np.sqrt(d2 / n) / h
    most = max(np.sqrt(d1 / n), d2)
    if not most < 1e300:
        return 1e-6
    second = max(1e-6, h * 1e-3) if most <= 1e-15 else (0.01 / most) ** 0.2
    return min(100 * h, second)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _arrive(
    kind: int,
    which: int,
    amount: float,
    duration: float,
    f: Any,
    pulse_table: Any,
    input_states: Any,
    y: Any,
    x: Any,
    infusion: Any,
    active: Any,
    before: Any,
    pulse_values: Any,
    scales: Any,
    extinct: Any,
) -> None:
    """Apply one event: pulses from the state before it, then the amount, at once or as a rate."""
    n = y.size
    state = input_states[which]
    x[1] = amount
    for i in range(n):
        x[2 + i] = y[i]
        before[i] = y[i]
    _call(f[4], f[5], scales.ctypes, x.ctypes)
    if kind == INFUSION_END:
        active[state] -= 1
        infusion[state] -= amount * scales[which] / duration
        if active[state] == 0:
            infusion[state] = 0.0
        return
    if pulse_table.shape[0] > 0:
        _call(f[2], f[3], pulse_values.ctypes, x.ctypes)
        for p in range(pulse_table.shape[0]):
            if pulse_table[p, 0] == which:
                moved = pulse_values[2 * p] * before[pulse_table[p, 1]]
                y[pulse_table[p, 1]] -= moved
                if pulse_table[p, 2] >= 0:
                    y[pulse_table[p, 2]] += moved * pulse_values[2 * p + 1]
    if kind == DOSE:
        y[state] += amount * scales[which]
    else:
        active[state] += 1
        infusion[state] += amount * scales[which] / duration
    for i in range(n):
        if before[i] >= extinct[i] > y[i]:
            y[i] = 0.0


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def solve(
    f: Any,
    x: Any,
    y: Any,
    times: Any,
    start: float,
    event_times: Any,
    event_kinds: Any,
    event_inputs: Any,
    event_amounts: Any,
    event_durations: Any,
    pulse_table: Any,
    input_states: Any,
    extinct: Any,
    rtol: float,
    atol: Any,
    most_steps: int,
    out: Any,
    counts: Any,
    ended: Any,
) -> int:
    """Step one patient from `start` over its events; fill `out` at `times`; return a status code.

    `f` holds address and context of rates, pulses and scales. `y` is the initial state, and the last one on return;
    `ended[0]` is the time reached.
    """
    n = y.size
    k = np.empty((7, n))
    trial, before = np.empty(n), np.empty(n)
    infusion, active = np.zeros(n), np.zeros(n, dtype=np.int64)
    pulse_values, scales = np.empty(2 * pulse_table.shape[0] + 1), np.empty(input_states.size + 1)
    t, end = start, max(start, times[-1])
    e = g = steps = 0
    h, previous = 0.0, 1.0
    while True:
        while e < event_times.size and event_times[e] <= t:
            if event_kinds[e] <= INFUSION_END:
                _arrive(event_kinds[e], event_inputs[e], event_amounts[e], event_durations[e], f, pulse_table,
                        input_states, y, x, infusion, active, before, pulse_values, scales, extinct)  # fmt: skip
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
        _rates(f, t, y, x, infusion, k[0])
        counts[EVALUATIONS] += 1
        if h == 0.0:
            h = _first_step(f, t, y, x, infusion, rtol, atol, k, trial)
            counts[EVALUATIONS] += 1
        while t < stop:
            if steps >= most_steps:
                return TOO_MANY
            steps += 1
            last = h >= stop - t
            step = stop - t if last else h
            if step <= 1e-14 * max(abs(t), 1e-3) and not last:
                return TOO_SMALL
            for s in range(1, 7):
                for i in range(n):
                    total = 0.0
                    for j in range(s):
                        total += A[s, j] * k[j, i]
                    trial[i] = y[i] + step * total
                _rates(f, t + C[s] * step, trial, x, infusion, k[s])
            counts[EVALUATIONS] += 6
            error = 0.0
            for i in range(n):
                total = 0.0
                for j in range(7):
                    total += ERROR[j] * k[j, i]
                error += (step * total / (atol[i] + rtol * max(abs(y[i]), abs(trial[i])))) ** 2
            error = np.sqrt(error / n)
            if not error <= 1.0:  # a rate that is not finite is rejected as well
                counts[REJECTIONS] += 1
                h = step * (max(0.2, 0.9 * error**-0.2) if error < 1e300 else 0.1)
                if h <= 1e-14 * max(abs(t), 1e-3):
                    return TOO_SMALL
                continue
            counts[STEPS] += 1
            theta, gone = 1.0, -1
            for i in range(n):
                if y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0:
                    low, high = 0.0, 1.0
                    for _ in range(60):
                        middle = 0.5 * (low + high)
                        if _value(i, middle, step, y, k) >= extinct[i]:
                            low = middle
                        else:
                            high = middle
                    if high < theta or gone < 0:
                        theta, gone = high, i
            reached = t + theta * step if gone >= 0 else (stop if last else t + step)
            while g < times.size and (times[g] < reached or (times[g] == reached and reached < stop and gone < 0)):
                _interpolate((times[g] - t) / step, step, y, k, out[g])
                g += 1
            factor = min(5.0, max(0.2, 0.9 * (error + 1e-10) ** -0.14 * previous**0.04))
            previous = max(error, 1e-4)
            h = max(h, step * factor) if last else step * factor
            if gone < 0:
                t = reached
                for i in range(n):  # what is empty stays empty: no debris of rounding below zero
                    y[i] = 0.0 if -atol[i] <= trial[i] < 0.0 <= y[i] else trial[i]
                k[0] = k[6]
            else:
                _interpolate(theta, step, y, k, trial)
                t = reached
                y[:] = trial
                y[gone] = 0.0
                _rates(f, t, y, x, infusion, k[0])
                counts[EVALUATIONS] += 1
            ended[0] = t


@njit(cache=True, nogil=True, error_model="numpy")
def solve_many(
    f: Any,
    x: Any,
    y: Any,
    times: Any,
    lengths: Any,
    starts: Any,
    offsets: Any,
    event_times: Any,
    event_kinds: Any,
    event_inputs: Any,
    event_amounts: Any,
    event_durations: Any,
    pulse_table: Any,
    input_states: Any,
    extinct: Any,
    rtol: float,
    atol: Any,
    most_steps: int,
    out: Any,
    counts: Any,
    ended: Any,
    codes: Any,
) -> None:
    """Solve patients one after another: rows of x, y, times, atol, out; events of patient p at offsets[p]:offsets[p + 1]."""
    for p in range(y.shape[0]):
        a, b = offsets[p], offsets[p + 1]
        codes[p] = solve(
            f, x[p], y[p], times[p, : lengths[p]], starts[p], event_times[a:b], event_kinds[a:b], event_inputs[a:b],
            event_amounts[a:b], event_durations[a:b], pulse_table, input_states, extinct, rtol, atol[p], most_steps,
            out[p], counts[p], ended[p : p + 1],
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate_outputs(f: Any, x: Any, times: Any, states: Any, values: Any) -> None:
    """Fill values[p, t] with the outputs at states[p, t]; x rows are the patients' packed inputs."""
    n = states.shape[2]
    for p in range(states.shape[0]):
        for g in range(times.shape[1]):
            x[p, 0] = times[p, g]
            for i in range(n):
                x[p, 2 + i] = states[p, g, i]
            _call(f[0], f[1], values[p, g].ctypes, x[p].ctypes)
