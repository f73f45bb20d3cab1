"""The compiled engine: one patient stepped over its events, whatever the model, through the addresses of its functions.

Steps end at events only, output is by dense interpolation, and the size of steps survives events. An explicit method steps
until its size is held down by stability over a span where implicit steps would be worth their cost; then the implicit one
does, and the explicit one again where it would pay. Compartments with a threshold become exactly zero when they cross it
downwards (root of the interpolant). Where a condition of the rates changes its sign, a step ends.

The state may be followed by its derivatives: (1 + m) n numbers, of which the first n are the model's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.integrator import rodas5p, tsit5
from immunoode.solve.integrator.controller import (
    SMALLEST,
    accept_factor,
    error_with_sensitivities,
    implicit_cost_ratio,
    initial_step,
    log_error,
    reject_factor,
    time_epsilon,
)
from immunoode.solve.integrator.discontinuities import (
    any_sign_changed,
    condition_signs,
    cross_discontinuity,
    interpolate,
    locate_discontinuity,
)
from immunoode.solve.integrator.domain import (
    clip_dense_output,
    dips_below_zero,
    extinguish,
    falls_below_threshold,
    locate_threshold,
    negativity_factor,
)
from immunoode.solve.integrator.dosing import sum_infusions
from immunoode.solve.integrator.events import apply_event
from immunoode.solve.integrator.jit import entry, inner
from immunoode.solve.integrator.lu import power_iteration
from immunoode.solve.integrator.native import CONSTANTS, DRIFT, JACOBIAN, borrow, call, evaluate_rates, set_packed_state
from immunoode.solve.integrator.output import write_outputs
from immunoode.solve.integrator.records import HANDED_OVER, Batch, Checkpoints, copy_vector, events_of_subject, infusions_in
from immunoode.solve.integrator.simd4 import copy, linear_combination
from immunoode.solve.integrator.triggers import (
    CONTINUOUS,
    evaluate_quantities,
    initialise_triggers,
    locate_trigger,
    update_trigger,
    would_change,
)
from immunoode.solve.integrator.tsit5 import STABLE
from immunoode.solve.problem.event_table import REPORT, STOP, VISIT
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY, TOO_MANY, TOO_SMALL

AUTOMATIC, EXPLICIT, IMPLICIT = range(3)
STEPS, REJECTIONS, EVALUATIONS, JACOBIANS, SWITCHES, CROSSINGS = range(6)
LARGEST = 1e290
"""States beyond this end a patient: from there on interpolants overflow."""

_explicit, _explicit_dense, _stiffness = tsit5.attempt, tsit5.interpolant, tsit5.stiffness
_implicit, _implicit_dense = rodas5p.attempt, rodas5p.interpolant


@inner
def _interpolate(implicit: bool, step: float, y: Any, trial: Any, k: Any, dense: Any) -> None:
    """Fill `dense` with the interpolant of the step that was taken."""
    if implicit:
        _implicit_dense(y, trial, k, dense)
    else:
        _explicit_dense(step, y, k, dense)


class Workspace(NamedTuple):
    """Room for one patient that steps alone: see `integrate` for what each is."""

    k: Any
    dense: Any
    jacobian: Any
    matrix: Any
    slope: Any
    trial: Any
    sixth: Any
    weights: Any
    below: Any
    tolerance: Any
    right: Any
    room: Any
    drift: Any
    vector: Any
    rows: Any
    flows: Any
    nothing: Any
    moved: Any
    by: Any
    base: Any
    values: Any
    signs: Any
    rows_of: Any
    seen: Any
    x: Any
    y: Any
    states: Any
    active: Any
    running: Any
    on: Any
    factors: Any
    baseline: Any
    nadir: Any


def workspace_for(s: Batch) -> Workspace:
    """Return room for patients that step alone, one after another."""
    size, width, packed, n, m = s.atol.shape[1], s.y.shape[1], s.x.shape[1], s.extinct.size, s.events.time_by.shape[1]
    inputs, conditions, count, infusions = s.tables[0].size, s.tables[2], s.reactions[1].shape[0], infusions_in(s)
    return Workspace(
        np.zeros((8, width)),
        np.zeros((5, width)),
        np.zeros((n, n)),
        np.zeros((n, n)),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width),
        np.zeros(size),
        np.zeros(width),
        np.ones(width),
        np.zeros(width),
        np.zeros(size),
        np.zeros(size),
        np.zeros(n),
        np.zeros(n, np.int64),
        np.zeros(width),
        np.zeros(0),
        np.zeros(2 * size * inputs),
        np.zeros(m),
        np.zeros(packed),
        np.zeros(conditions),
        np.zeros(conditions, np.int64),
        np.zeros(conditions * (1 + m)),
        np.zeros(s.reactions[3]),
        np.zeros(packed),
        np.zeros(width),
        np.zeros((s.times.shape[1], width)),
        np.zeros(infusions, np.int64),
        np.zeros((infusions, width)),
        np.zeros(count, np.int64),
        np.zeros(inputs),
        np.zeros(count),
        np.zeros(count),
    )


@inner
def integrate(
    s: Batch,
    w: Workspace,
    p: int,
    start: float,
    events: Any,
    e: int,
    g: int,
    h: float,
    previous: float,
    implicit: bool,
    most_steps: int,
    decided: Any,
) -> int:
    """Step patient p from `start` over its events; fill the reported states; return a status code.

    The state `w.y` is the initial one, and the last one on return; `ended[p]` is the time reached. `e` and `g` count the events
    and outputs that were done before `start`; `h` is the next step (0: to be found), `previous` the last error's logarithm;
    `w.active` and `w.running` are which infusions run, and what they give; `decided` is what reactions have come to.
    """
    f, x, y, out, times, tables, extinct = s.f, w.x, w.y, w.states, s.times[p, : s.lengths[p]], s.tables, s.extinct
    rtol, atol, shares, method, reactions = s.rtol, s.atol[p], s.shares[p], s.method, s.reactions
    counts, ended, fired, active, running = s.counts[p], s.ended[p : p + 1], s.fired[p], w.active, w.running
    event_times, kinds = events.times, events.kinds
    watch, table, affects, _ = reactions
    conditions, width, n, size = tables[2], y.size, extinct.size, atol.size
    k, dense, jacobian, matrix, slope, trial, sixth = w.k, w.dense, w.jacobian, w.matrix, w.slope, w.trial, w.sixth
    weights, below, tolerance, right, room, drift = w.weights, w.below, w.tolerance, w.right, w.room, w.drift
    vector, rows, flows, moved, by, base = w.vector, w.rows, w.flows, w.moved, w.by, w.base
    values, signs, rows_of, seen = w.values, w.signs, w.rows_of, w.seen
    for i in range(size):
        tolerance[i] = atol[i]
    for i in range(n):
        vector[i] = 0.0
    t, end = start, max(start, times[times.size - 1])
    steps, streak = 0, 0
    resumed, cost, patience = 0.0, implicit_cost_ratio(n), 10
    implicit = implicit or method == IMPLICIT
    count = table.shape[0]
    on, factors, baseline, nadir = decided
    continuous = False
    for r in range(count):
        continuous |= table[r, CONTINUOUS] != 0.0
    sum_infusions(y, flows, active, running)
    infusion = flows if _runs(active) else w.nothing
    while True:
        given = False
        while e < event_times.size and event_times[e] <= t:
            if kinds[e] == REPORT:
                for _ in range(int(events.amounts[e])):
                    copy(out, g * width, y, 0, width)
                    g += 1
            elif not apply_event(
                e,
                f,
                t,
                events,
                tables,
                extinct,
                rtol,
                atol,
                reactions,
                y,
                x,
                flows,
                active,
                running,
                decided,
                fired,
                seen,
                moved,
                slope,
            ):
                ended[0] = t
                return NOT_STEADY
            infusion = flows if _runs(active) else w.nothing
            given |= kinds[e] != STOP and kinds[e] != VISIT and kinds[e] != REPORT
            e += 1
        ended[0] = t
        for i in range(size):
            if not abs(y[i]) < LARGEST:
                return NOT_FINITE
        if continuous:
            evaluate_quantities(watch, t, y, x, seen)
            began = False
            for r in range(count):
                if table[r, CONTINUOUS] != 0.0:
                    began |= update_trigger(table, affects, r, t, seen[r], on, fired, factors, baseline, nadir, events, e)
            if began:
                continue
        while g < times.size and times[g] <= t:
            copy(out, g * width, y, 0, width)
            g += 1
        if t >= end:
            return FINISHED
        stop = min(end, event_times[e]) if e < event_times.size else end
        earliest, latest = t + time_epsilon(t), stop - time_epsilon(stop)
        if earliest >= latest:
            earliest = latest = 0.5 * (t + stop)
        set_packed_state(t, y, x)
        if conditions:
            condition_signs(f, earliest, y, x, values, signs)
        evaluate_rates(f, earliest, x, infusion, slope)
        counts[EVALUATIONS] += 1
        fresh = False
        if h == 0.0 or (given and implicit):  # an implicit step would pass over the fast part of what a dose begins, unseen
            first = initial_step(f, earliest, y, x, infusion, rtol, atol, slope, right)
            h = first if h == 0.0 else min(h, max(first, 100.0 * time_epsilon(t)))
            counts[EVALUATIONS] += 1
        while t < stop:
            if steps >= most_steps:
                return TOO_MANY
            steps += 1
            last = (1.01 if resumed == 0.0 else 1.0) * h >= stop - t  # a step that was cut before a root is not stretched again
            step = stop - t if last else h
            if implicit:
                if not fresh:
                    set_packed_state(max(t, earliest), y, x)
                    call(f[JACOBIAN], f[JACOBIAN + 1], jacobian, 0, x, 0)
                    if f[DRIFT] != 0:
                        call(f[DRIFT], f[DRIFT + 1], drift, 0, x, 0)
                    counts[JACOBIANS] += 1
                    fresh = True
                    if size > n:
                        for i in range(x.size):
                            base[i] = x[i]
                error = _implicit(
                    f,
                    t,
                    latest,
                    y,
                    step,
                    x,
                    base,
                    infusion,
                    k,
                    slope,
                    trial,
                    jacobian,
                    drift,
                    matrix,
                    rows,
                    right,
                    room,
                    size,
                    rtol,
                    atol,
                )
                counts[EVALUATIONS] += rodas5p.EVALUATIONS
            else:
                error = _explicit(f, t, latest, y, step, x, infusion, k, slope, trial, sixth, size, rtol, tolerance)
                counts[EVALUATIONS] += tsit5.EVALUATIONS
            if size > n and error < np.inf:
                error = error_with_sensitivities(k, y, trial, rtol, atol, s.units[p], n)
            accepted, share = error <= 1.0, 1.0
            if accepted:
                share = negativity_factor(f, min(t + step, latest), y, trial, x, infusion, atol, n, below, right)
                accepted = share == 1.0
            if not accepted:
                counts[REJECTIONS] += 1
                h = step * (reject_factor(error) if share == 1.0 else share)
                if h <= SMALLEST * max(abs(t), 1e-3):
                    return TOO_SMALL
                continue
            for i in range(size):
                if not abs(trial[i]) < LARGEST:
                    return NOT_FINITE
            fallen = falls_below_threshold(y, trial, extinct)
            reached = stop if last else t + step
            dense_made = fallen or (g < times.size and times[g] <= reached)
            if dense_made:
                _interpolate(implicit, step, y, trial, k, dense)
            if conditions and any_sign_changed(f, min(reached, latest), trial, x, values, signs):
                if not dense_made:
                    _interpolate(implicit, step, y, trial, k, dense)
                theta = locate_discontinuity(f, t, step, latest, dense, x, trial, values, signs)
                resumed = max(resumed, step)
                if theta * step > 10.0 * time_epsilon(t):
                    counts[REJECTIONS] += 1
                    h = theta * step
                    continue
                counts[CROSSINGS] += 1
                t = cross_discontinuity(f, t, min(t + step, stop), latest, y, x, infusion, slope, values, signs, rows_of, by, n)
                counts[EVALUATIONS] += 2
                h, resumed, fresh, streak = resumed, 0.0, False, 0
                ended[0] = t
                while g < times.size and times[g] <= t and t < stop:
                    copy(out, g * width, y, 0, width)
                    g += 1
                continue
            counts[STEPS] += 1
            if method == AUTOMATIC:
                for i in range(size):
                    weights[i] = atol[i] + rtol * abs(trial[i])
                if implicit:
                    large = power_iteration(jacobian, vector, weights, room)
                    streak = streak + 1 if step * large < 0.3 * STABLE * cost and not last else 0
                    change = streak >= 4
                    patience = min(2 * patience, 1000) if change else patience
                else:
                    large = _stiffness(k, trial, sixth, weights)
                    streak = streak + 1 if step * large > 0.8 * STABLE else max(0, streak - 1)
                    change = streak >= patience and (stop - t) * large > 8.0 * STABLE * cost
            else:
                change = False
            theta = 1.0
            if fallen:
                for i in range(n):
                    if y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0:
                        theta = min(theta, locate_threshold(dense, i, extinct[i]))
            decides = False
            if continuous:
                evaluate_quantities(watch, reached, trial, x, seen)
                if would_change(table, seen, on, baseline, nadir):
                    _interpolate(implicit, step, y, trial, k, dense)
                    first = locate_trigger(watch, table, t, step, dense, x, right, seen, on, baseline, nadir)
                    decides = first <= theta
                    theta = min(theta, first)
            cut = fallen or decides
            if cut:
                reached = t + theta * step
            while g < times.size and (times[g] < reached or (times[g] == reached and reached < stop and not cut)):
                u = (times[g] - t) / step
                linear_combination(out, g * width, dense, (1.0, u, u * u, u * u * u, u * u * u * u))
                if dips_below_zero(out[g], y, trial, n):
                    clip_dense_output(f, min(times[g], latest), out[g], y, trial, x, infusion, atol, n, below, right)
                g += 1
            logged = log_error(error)
            factor = accept_factor(logged, previous)
            previous = logged
            h = max(h, step * factor) if last else step * factor
            t = reached
            fresh = False
            if cut:
                for i in range(size):
                    trial[i] = interpolate(dense, i, theta)
                for i in range(n):
                    rows[i] = y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0
                copy(y, 0, trial, 0, width)
                for i in range(n):
                    if rows[i]:
                        extinguish(i, f, min(t, latest), y, x, infusion, n, slope, by)
            else:
                for i in range(n):  # what is empty stays empty: no debris of rounding below zero
                    if -atol[i] <= trial[i] < 0.0 <= y[i]:
                        trial[i] = 0.0
                copy(y, 0, trial, 0, width)
            for i in range(size):
                if shares[i] > 0.0:
                    atol[i] = tolerance[i] = max(atol[i], shares[i] * abs(y[i]))
            if continuous:
                evaluate_quantities(watch, t, y, x, seen)
                for r in range(count):
                    if table[r, CONTINUOUS] != 0.0:
                        if decides:
                            began = update_trigger(
                                table, affects, r, t, seen[r], on, fired, factors, baseline, nadir, events, e
                            )
                            stop = t if began else stop
                        nadir[r] = min(nadir[r], seen[r])
            if implicit or cut:
                set_packed_state(t, y, x)
                evaluate_rates(f, min(t, latest), x, infusion, slope)
                counts[EVALUATIONS] += 1
                if cut and conditions:
                    condition_signs(f, min(t, latest), y, x, values, signs)
            else:
                copy(slope, 0, k, 6 * width, width)
            if change:
                implicit = not implicit
                streak = 0
                counts[SWITCHES] += 1
            ended[0] = t


@inner
def _runs(active: Any) -> bool:
    """Whether an infusion runs."""
    for o in range(active.size):
        if active[o]:
            return True
    return False


@entry
def integrate_subjects(patients: Batch, workspace: Workspace, checkpoints: Checkpoints, which: Any) -> None:
    """Solve some of the patients, one after another; those that were handed over from where they are.

    Each is solved in vectors of its own, which lie at addresses that four numbers at a time are loaded from fast, and its
    outputs are written while its states are at hand.
    """
    s, w, c = borrow(patients), borrow(workspace), borrow(checkpoints)
    f, decided = s.f, (w.on, w.factors, w.baseline, w.nadir)
    for p in which:
        handed_over, events, count = s.codes[p] == HANDED_OVER, events_of_subject(s, p), s.lengths[p]
        copy_vector(w.y, s.y[p])
        if handed_over:
            _resume(w, c, p)
        else:
            _begin(s, w, p, decided)
        marks, numbers = c.marks[p], c.numbers[p]
        if handed_over:
            code = integrate(
                s, w, p, numbers[0], events, marks[0], marks[1], numbers[1], numbers[2], True, s.most_steps - marks[2], decided
            )
        else:
            code = integrate(s, w, p, s.starts[p], events, 0, 0, 0.0, 0.0, False, s.most_steps, decided)
        s.codes[p] = code
        copy_vector(s.y[p], w.y)
        for g in range(count, s.values.shape[1]):
            for i in range(s.values.shape[2]):
                s.values[p, g, i] = np.nan
        write_outputs(
            s.outputs,
            s.x[p],
            s.times[p, :count],
            w.states,
            s.ended[p],
            code == FINISHED,
            s.rtol,
            s.atol[p],
            s.extinct,
            events,
            f[CONSTANTS:],
            s.tables[3],
            s.tables[4],
            s.values[p, :count],
        )


@inner
def _begin(s: Batch, w: Workspace, p: int, decided: Any) -> None:
    """Begin with a patient."""
    copy_vector(w.x, s.x[p])
    for g in range(w.states.shape[0]):
        for i in range(w.states.shape[1]):
            w.states[g, i] = np.nan
    if s.f[CONSTANTS] != 0:
        call(s.f[CONSTANTS], s.f[CONSTANTS + 1], w.x, s.tables[3], w.x, 0)
    for o in range(w.active.size):
        w.active[o] = 0
    initialise_triggers(s.reactions, s.starts[p], w.y, w.x, decided, w.seen)


@inner
def _resume(w: Workspace, c: Checkpoints, p: int) -> None:
    """Go on with a patient that was handed over."""
    copy_vector(w.x, c.x[p])
    copy_vector(w.active, c.active[p])
    for g in range(w.states.shape[0]):
        copy_vector(w.states[g], c.states[p, g])
    for o in range(w.active.size):
        copy_vector(w.running[o], c.running[p, o])
    copy_vector(w.on, c.on[p])
    copy_vector(w.factors, c.factors[p])
    copy_vector(w.baseline, c.baseline[p])
    copy_vector(w.nadir, c.nadir[p])
