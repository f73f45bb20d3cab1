"""The compiled engine: one patient stepped over its events, whatever the model, through the addresses of its functions.

Steps end at events only, output is by dense interpolation, and the size of steps survives events. An explicit method steps
until its size is held down by stability over a span where implicit steps would be worth their cost; then the implicit one
does, and the explicit one again where it would pay. Compartments with a threshold become exactly zero when they cross it
downwards (root of the interpolant). Where a condition of the rates changes its sign, a step ends.

The state may be followed by its derivatives: (1 + m) n numbers, of which the first n are the model's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve import rodas5p, tsit5
from immunoode.solve.calls import CONSTANTS, DRIFT, JACOBIAN, call, place, rates
from immunoode.solve.control import SMALLEST, first_step, growth, instant, logarithm, ratio, shrinkage
from immunoode.solve.crossing import evaluate, flipped, hop, root, signs_of
from immunoode.solve.decisions import CONTINUOUS, decide, first_look, newly, watched, when_newly
from immunoode.solve.dosing import flow
from immunoode.solve.events import INFUSION_START, STOP, VISIT
from immunoode.solve.happening import happen
from immunoode.solve.jit import kernel
from immunoode.solve.lanes import copy, weigh
from immunoode.solve.limits import dips, end_of, falls, lift, overshoots, when_fallen
from immunoode.solve.linear import leading_size
from immunoode.solve.outputs import write_outputs
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY, TOO_MANY, TOO_SMALL
from immunoode.solve.tsit5 import STABLE

AUTOMATIC, EXPLICIT, IMPLICIT = range(3)
STEPS, REJECTIONS, EVALUATIONS, JACOBIANS, SWITCHES, CROSSINGS = range(6)
LARGEST = 1e290
"""States beyond this end a patient: from there on interpolants overflow."""

_explicit, _explicit_dense, _stiffness = tsit5.attempt, tsit5.interpolant, tsit5.stiffness
_implicit, _implicit_dense = rodas5p.attempt, rodas5p.interpolant


@kernel
def _interpolate(implicit: bool, step: float, y: Any, trial: Any, k: Any, dense: Any) -> None:
    """Fill `dense` with the interpolant of the step that was taken."""
    if implicit:
        _implicit_dense(y, trial, k, dense)
    else:
        _explicit_dense(step, y, k, dense)


@kernel
def walk(f: Any, x: Any, y: Any, times: Any, start: float, events: Any, tables: Any, extinct: Any, rtol: float, atol: Any,
         most_steps: int, method: int, reactions: Any, out: Any, counts: Any, ended: Any, fired: Any, begun: Any, active: Any,
         running: Any, decided: Any) -> int:  # fmt: skip
    """Step one patient from `start` over its events; fill `out` at `times`; return a status code.

    `f` holds addresses and contexts in the order of `immunoode.solve.calls`, `events` the arrays of
    `immunoode.solve.events.Events`, which reactions change. `tables` are the state of each input, what exchanges matter with
    it, the number of conditions and the place of the constants; `reactions` the function that is watched, their numbers, the
    inputs that they affect, and how many numbers that function gives. `y` is the initial state, and the last one on return;
    `ended[0]` the time reached; `fired` when reactions first found their condition. `begun` says what was done before
    `start`: events, outputs, the next step (0: to be found), the last error's logarithm, and whether steps are implicit;
    `active` and `running` which infusions run, and what they give; `decided` what reactions have come to.
    """
    event_times, kinds, time_by = events[0], events[1], events[8]
    watch, table, affects, looked_at = reactions
    conditions, width, n = tables[2], y.size, extinct.size
    size = n * (1 + time_by.shape[1])
    k, dense, jacobian, matrix = np.zeros((8, width)), np.zeros((5, width)), np.empty((n, n)), np.empty((n, n))
    slope, trial, sixth, weights = np.zeros(width), np.zeros(width), np.zeros(width), np.empty(size)
    below, tolerance = np.zeros(width), np.ones(width)
    tolerance[:size] = atol
    right, room, drift, vector, rows = np.zeros(width), np.empty(size), np.zeros(size), np.zeros(n), np.empty(n, np.int64)
    flows = np.zeros(width)
    moved, by, base = np.empty(2 * size * tables[0].size), np.empty(time_by.shape[1]), np.empty(x.size)
    values, signs, rows_of = np.empty(conditions), np.empty(conditions, np.int64), np.empty(conditions * (1 + by.size))
    t, end = start, max(start, times[-1])
    e, g, h, previous, steps, streak = int(begun[0]), int(begun[1]), begun[2], begun[3], 0, 0
    resumed, cost, patience = 0.0, ratio(n), 10
    implicit = method == IMPLICIT or begun[4] != 0.0
    count = table.shape[0]
    on, factors, baseline, nadir = decided
    seen, continuous = np.empty(looked_at), False
    for r in range(count):
        continuous |= table[r, CONTINUOUS] != 0.0
    flow(y, flows, active, running)
    infusion = flows if active.any() else flows[:0]
    while True:
        given = False
        while e < event_times.size and event_times[e] <= t:
            if not happen(e, f, t, events, tables, extinct, rtol, atol, reactions, y, x, flows, active, running, decided,
                          fired, seen, moved, slope):  # fmt: skip
                ended[0] = t
                return NOT_STEADY
            infusion = flows if active.any() else flows[:0]
            given |= kinds[e] != STOP and kinds[e] != VISIT
            e += 1
        ended[0] = t
        for i in range(size):
            if not abs(y[i]) < LARGEST:
                return NOT_FINITE
        if continuous:
            watched(watch, t, y, x, seen)
            began = False
            for r in range(count):
                if table[r, CONTINUOUS] != 0.0:
                    began |= decide(table, affects, r, t, seen[r], on, fired, factors, baseline, nadir, events, e)
            if began:
                continue
        while g < times.size and times[g] <= t:
            copy(out, g * width, y, 0, width)
            g += 1
        if t >= end:
            return FINISHED
        stop = min(end, event_times[e]) if e < event_times.size else end
        earliest, latest = t + instant(t), stop - instant(stop)
        if earliest >= latest:
            earliest = latest = 0.5 * (t + stop)
        place(t, y, x)
        if conditions:
            signs_of(f, earliest, y, x, values, signs)
        rates(f, earliest, x, infusion, slope)
        counts[EVALUATIONS] += 1
        fresh = False
        if h == 0.0 or (given and implicit):  # an implicit step would pass over the fast part of what a dose begins, unseen
            first = first_step(f, earliest, y, x, infusion, rtol, atol, slope, right)
            h = first if h == 0.0 else min(h, max(first, 100.0 * instant(t)))
            counts[EVALUATIONS] += 1
        while t < stop:
            if steps >= most_steps:
                return TOO_MANY
            steps += 1
            last = (1.01 if resumed == 0.0 else 1.0) * h >= stop - t  # a step that was cut before a root is not stretched again
            step = stop - t if last else h
            if implicit:
                if not fresh:
                    place(max(t, earliest), y, x)
                    call(f[JACOBIAN], f[JACOBIAN + 1], jacobian, 0, x, 0)
                    if f[DRIFT] != 0:
                        call(f[DRIFT], f[DRIFT + 1], drift, 0, x, 0)
                    counts[JACOBIANS] += 1
                    fresh = True
                    if size > n:
                        for i in range(x.size):
                            base[i] = x[i]
                error = _implicit(f, t, latest, y, step, x, base, infusion, k, slope, trial, jacobian, drift, matrix, rows,
                                  right, room, size, rtol, atol)  # fmt: skip
                counts[EVALUATIONS] += rodas5p.EVALUATIONS
            else:
                error = _explicit(f, t, latest, y, step, x, infusion, k, slope, trial, sixth, size, rtol, tolerance)
                counts[EVALUATIONS] += tsit5.EVALUATIONS
            accepted, share = error <= 1.0, 1.0
            if accepted:
                share = overshoots(f, min(t + step, latest), y, trial, x, infusion, atol, n, below, right)
                accepted = share == 1.0
            if not accepted:
                counts[REJECTIONS] += 1
                h = step * (shrinkage(error) if share == 1.0 else share)
                if h <= SMALLEST * max(abs(t), 1e-3):
                    return TOO_SMALL
                continue
            for i in range(size):
                if not abs(trial[i]) < LARGEST:
                    return NOT_FINITE
            fallen = falls(y, trial, extinct)
            reached = stop if last else t + step
            dense_made = fallen or (g < times.size and times[g] <= reached)
            if dense_made:
                _interpolate(implicit, step, y, trial, k, dense)
            if conditions and flipped(f, min(reached, latest), trial, x, values, signs):
                if not dense_made:
                    _interpolate(implicit, step, y, trial, k, dense)
                theta = root(f, t, step, latest, dense, x, trial, values, signs)
                resumed = max(resumed, step)
                if theta * step > 10.0 * instant(t):
                    counts[REJECTIONS] += 1
                    h = theta * step
                    continue
                counts[CROSSINGS] += 1
                t = hop(f, t, min(t + step, stop), latest, y, x, infusion, slope, values, signs, rows_of, by, n)
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
                    large = leading_size(jacobian, vector, weights, room)
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
                        theta = min(theta, when_fallen(dense, i, extinct[i]))
            decides = False
            if continuous:
                watched(watch, reached, trial, x, seen)
                if newly(table, seen, on, baseline, nadir):
                    _interpolate(implicit, step, y, trial, k, dense)
                    first = when_newly(watch, table, t, step, dense, x, right, seen, on, baseline, nadir)
                    decides = first <= theta
                    theta = min(theta, first)
            cut = fallen or decides
            if cut:
                reached = t + theta * step
            while g < times.size and (times[g] < reached or (times[g] == reached and reached < stop and not cut)):
                u = (times[g] - t) / step
                weigh(out, g * width, dense, (1.0, u, u * u, u * u * u, u * u * u * u))
                if dips(out[g], y, trial, n):
                    lift(f, min(times[g], latest), out[g], y, trial, x, infusion, atol, n, below, right)
                g += 1
            logged = logarithm(error)
            factor = growth(logged, previous)
            previous = logged
            h = max(h, step * factor) if last else step * factor
            t = reached
            fresh = False
            if cut:
                for i in range(size):
                    trial[i] = evaluate(dense, i, theta)
                for i in range(n):
                    rows[i] = y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0
                copy(y, 0, trial, 0, width)
                for i in range(n):
                    if rows[i]:
                        end_of(i, f, min(t, latest), y, x, infusion, n, slope, by)
            else:
                for i in range(n):  # what is empty stays empty: no debris of rounding below zero
                    if -atol[i] <= trial[i] < 0.0 <= y[i]:
                        trial[i] = 0.0
                copy(y, 0, trial, 0, width)
            if continuous:
                watched(watch, t, y, x, seen)
                for r in range(count):
                    if table[r, CONTINUOUS] != 0.0:
                        if decides:
                            began = decide(table, affects, r, t, seen[r], on, fired, factors, baseline, nadir, events, e)
                            stop = t if began else stop
                        nadir[r] = min(nadir[r], seen[r])
            if implicit or cut:
                place(t, y, x)
                rates(f, min(t, latest), x, infusion, slope)
                counts[EVALUATIONS] += 1
                if cut and conditions:
                    signs_of(f, min(t, latest), y, x, values, signs)
            else:
                copy(slope, 0, k, 6 * width, width)
            if change:
                implicit = not implicit
                streak = 0
                counts[SWITCHES] += 1
            ended[0] = t


@kernel
def infusions_in(kinds: Any, ordinals: Any) -> int:
    """Return how many infusions some events begin."""
    count = 0
    for e in range(kinds.size):
        if kinds[e] == INFUSION_START:
            count = max(count, ordinals[e] + 1)
    return count


@kernel
def solve_many(f: Any, x: Any, y: Any, times: Any, lengths: Any, starts: Any, offsets: Any, events: Any, tables: Any,
               extinct: Any, rtol: float, atol: Any, most_steps: int, method: int, reactions: Any, outputs: Any, values: Any,
               counts: Any, ended: Any, codes: Any, fired: Any) -> None:  # fmt: skip
    """Solve patients one after another: rows of x, y, times, atol, values; events of patient p at offsets[p]:offsets[p + 1].

    Each is solved in vectors of its own, which lie at addresses that four numbers at a time are loaded from fast, and its
    outputs are written while its states are at hand.
    """
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 = events
    count = reactions[1].shape[0]
    decided = np.zeros(count, np.int64), np.ones(tables[0].size), np.empty(count), np.empty(count)
    seen = np.empty(reactions[3])
    own_x, own_y, states = np.empty(x.shape[1]), np.empty(y.shape[1]), np.empty((times.shape[1], y.shape[1]))
    for p in range(y.shape[0]):
        a, b, count = offsets[p], offsets[p + 1], lengths[p]
        own = (c0[a:b], c1[a:b], c2[a:b], c3[a:b], c4[a:b], c5[a:b], c6[a:b], c7[a:b], c8[a:b], c9[a:b])
        own_x[:], own_y[:] = x[p], y[p]
        states[:] = np.nan
        if f[CONSTANTS] != 0:
            call(f[CONSTANTS], f[CONSTANTS + 1], own_x, tables[3], own_x, 0)
        infusions = infusions_in(own[1], own[5])
        active, running = np.zeros(infusions, np.int64), np.zeros((infusions, y.shape[1]))
        first_look(reactions, starts[p], own_y, own_x, decided, seen)
        codes[p] = walk(f, own_x, own_y, times[p, :count], starts[p], own, tables, extinct, rtol, atol[p], most_steps, method,
                        reactions, states, counts[p], ended[p : p + 1], fired[p], np.zeros(5), active, running,
                        decided)  # fmt: skip
        y[p] = own_y
        values[p, count:] = np.nan
        write_outputs(outputs, x[p], times[p, :count], states, ended[p], codes[p] == FINISHED, rtol, atol[p], extinct, own,
                      f[CONSTANTS:], tables[3], values[p, :count])  # fmt: skip
