"""The steady state of repeated doses.

Dosing intervals are integrated one after another until the state at the end equals that at the beginning. Only the compartments
that exchange matter with the dosed one change, at a fixed time: a tumour under treatment has no steady state, but the drug has.
Steps are those of `immunoode.solve.integrator.tsit5`, with separate rates.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator import tsit5
from immunoode.solve.integrator.controller import accept_factor, log_error, reject_factor
from immunoode.solve.integrator.copying import copy_vector
from immunoode.solve.integrator.dosing import dose_effect, infusion_rate, is_varied
from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.native import call, set_packed_state
from immunoode.solve.integrator.simd4 import axpy, copy
from immunoode.solve.problem.event_table import SUPERPOSE
from immunoode.solve.problem.packed_input import TIME_AT

MOST_INTERVALS = 20_000
_MOST_STEPS = 100_000
CLOSE = 0.02
"""The permitted remaining change, in units of the tolerances."""
_attempt = tsit5.attempt


@rare
def periodic_steady_state(run: Any, lane: int, e: int) -> bool:
    """Bring the moving states to the steady state of event e, or add it to them; False if none is reached."""
    event, work, y = run.batch.events[e], run.work, run.progress.y[lane]
    n, size, z, moving = run.layout.states, run.layout.size, work.steady_state, work.steady_moving
    for i in range(n):
        moving[i] = run.layout.exchange[event.target, i]
    copy_vector(z, y)
    for i in range(z.size):
        work.steady_inflow[i] = 0.0
    for i in range(size):
        work.tolerance[i] = run.batch.atol[run.progress.subject[lane], i]
    endless = not event.interval < np.inf
    h = _converge(run, lane, e, endless)
    if h < 0.0:
        return False
    if not endless and event.phase > 0.0:
        h = _advance_interval(run, lane, e, event.phase, h)
        if h < 0.0:
            return False
    if is_varied(run.batch.gradients.phase[e]):
        _evaluate_steady_rates(run, lane, z, work.scratch)
        for i in range(n, size):
            if moving[i % n]:
                z[i] += work.scratch[i % n] * run.batch.gradients.phase[e, i // n - 1]
    for i in range(size):
        if moving[i % n]:
            y[i] = y[i] + z[i] if event.kind == SUPERPOSE else z[i]
    return True


@rare
def _converge(run: Any, lane: int, e: int, endless: bool) -> float:
    """Repeat intervals until the state at the end equals that at the beginning.

    Return the last full step, negative if this is not reached.
    """
    event, work = run.batch.events[e], run.work
    length = 1.0 if endless else event.interval
    h, change = 1e-2 * length, 0.0
    for cycle in range(MOST_INTERVALS):
        copy_vector(work.steady_start, work.steady_state)
        if endless:
            dose_effect(run, lane, e, work.steady_state)
            added = work.dose_effect[(2 * event.target + 1) * run.layout.size :]
            for i in range(run.layout.size):
                work.steady_inflow[i] = added[i]
            h = _advance(run, lane, length, h)
            length = min(2.0 * length, 1e5)
        else:
            h = _advance_interval(run, lane, e, length, h)
        if h < 0.0:
            return h
        last, change = change, _largest_change(run, lane)
        if not change < 1e300:
            return -1.0
        share = min(change / last, 0.9999) if last > 0.0 else 0.9999
        if change == 0.0 or (cycle > 0 and change * max(1.0, share / (1.0 - share)) < CLOSE):
            return h
    return -1.0


@inner
def _largest_change(run: Any, lane: int) -> float:
    """Return the largest change of a moving state over an interval, in units of the tolerances."""
    work, n, change = run.work, run.layout.states, 0.0
    z, before, atol = work.steady_state, work.steady_start, run.batch.atol[run.progress.subject[lane]]
    for i in range(run.layout.size):
        if work.steady_moving[i % n]:
            change = max(change, abs(z[i] - before[i]) / (atol[i] + run.settings.rtol * abs(z[i])))
    return change


@rare
def _advance_interval(run: Any, lane: int, e: int, length: float, h: float) -> float:
    """Give a dose and integrate over `length`, at most one interval; return the same as `_advance`."""
    event, work, n, size = run.batch.events[e], run.work, run.layout.states, run.layout.size
    z, inflow, running, moving = work.steady_state, work.steady_inflow, work.steady_running, work.steady_moving
    dose_effect(run, lane, e, z)
    added = work.dose_effect[(2 * event.target + 1) * size :]
    if event.duration <= 0.0:
        for i in range(size):
            if moving[i % n]:
                z[i] += added[i]
            inflow[i] = 0.0
        return _advance(run, lane, length, h)
    for i in range(size):
        running[i] = infusion_rate(run, e, added, i)
    overlap = np.floor(event.duration / event.interval)
    first = min(event.duration - overlap * event.interval, length)
    for part in range(2):
        span = first if part == 0 else length - first
        if span > 0.0:
            for i in range(size):
                inflow[i] = running[i] * (overlap + 1 - part)
            h = _advance(run, lane, span, h)
            if h < 0.0:
                return h
        if part == 0 and first < length:  # an infusion ends, which a longer one does later
            for i in range(n, size):
                if moving[i % n]:
                    z[i] += running[i % n] * run.batch.gradients.duration[e, i // n - 1]
    return h


@rare
def _advance(run: Any, lane: int, length: float, h: float) -> float:
    """Integrate the steady state over `length` days; return the last full step, negative if it fails."""
    work, z = run.work, run.work.steady_state
    done, previous = 0.0, 0.0
    _evaluate_steady_rates(run, lane, z, work.slope)
    for _ in range(_MOST_STEPS):
        if done >= length:
            return h
        last = h >= length - done
        step = length - done if last else h
        error = _attempt(_steady_rates, run, lane, z, 0.0, step)
        if error <= 1.0:
            copy(z, 0, work.trial, 0, z.size)
            copy(work.slope, 0, work.stages, 6 * z.size, z.size)
            done = length if last else done + step
            logged = log_error(error)
            factor, previous = accept_factor(logged, previous), logged
            h = max(h, step * factor) if last else step * factor
        else:
            h = step * reject_factor(error)
            if not h > 1e-12 * length:
                return -1.0
    return h if done >= length else -1.0


@inner
def _evaluate_steady_rates(run: Any, lane: int, z: Any, out: Any) -> None:
    set_packed_state(run.progress.t[lane], z, run.progress.x[lane])
    _steady_rates(run, lane, 0.0, out)


@inner
def _steady_rates(run: Any, lane: int, t: float, out: Any) -> None:
    """Set `out` to the rates of the moving states at the time of the event, including infusions.

    The rates of other states are zero.
    """
    work, x, n = run.work, run.progress.x[lane], run.layout.states
    x[TIME_AT] = run.progress.t[lane]
    call(run.functions.rates, out, x)
    axpy(out, 0, work.steady_inflow, 0, out.size, 1.0)
    for i in range(run.layout.size):
        if not work.steady_moving[i % n]:
            out[i] = 0.0
