"""The compiled engine for many patients: eight of them step abreast, each over its own events, with a step of its own.

The method is that of `immunoode.solve.integrator.scalar`: what a step does to a state it does to those of
eight
patients in one wide register. What is decided once a step (its size, outputs, events, extinction) is decided for each patient;
one that has ended makes room for the next. Nothing that is computed for a patient depends on the others, nor on whether there
are any.

A patient whose steps are held down by stability goes on in implicit ones, and in explicit ones again where these are cheaper.
One turn of the loop steps the patients of one method; where there are both, the others wait for the next turn.
"""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator import rodas5p_lanes
from immunoode.solve.integrator.controller import SMALLEST, lane_cost_ratio, reject_factor
from immunoode.solve.integrator.discontinuities import interpolate
from immunoode.solve.integrator.domain import (
    clip_dense_output,
    dips_below_zero,
    extinguish,
    locate_threshold,
    negativity_factor,
)
from immunoode.solve.integrator.jit import entry, inner
from immunoode.solve.integrator.lane_state import (
    EMPTY,
    IMPLICIT_MODE,
    OUTPUT,
    PATIENCE,
    PATIENT,
    STEPPING,
    STREAK,
    TAKEN,
    Lanes,
    advance_lane,
    gather_lane,
    load_lane,
    renew_rates,
    resume_lane,
    scatter_lane,
    store_lane,
)
from immunoode.solve.integrator.native import borrow, call
from immunoode.solve.integrator.records import HANDED_OVER, Batch, Checkpoints, copy_vector
from immunoode.solve.integrator.rodas5p_lanes import FLAG, SIZE
from immunoode.solve.integrator.scalar import AUTOMATIC, EVALUATIONS, JACOBIANS, LARGEST, REJECTIONS, STEPS, SWITCHES
from immunoode.solve.integrator.simd8 import (
    FALLS,
    OVERSHOOTS,
    UNBOUNDED,
    accept_steps,
    check_steps,
    error_norms,
    linear_combination,
    propose_factors,
    stage_sum,
    stiffness,
)
from immunoode.solve.integrator.tsit5 import DENSE, ERROR, STABLE, A, C
from immunoode.solve.problem.compiled_model import LANES, STATES_AT, TIME_AT
from immunoode.solve.status import NOT_FINITE, TOO_MANY, TOO_SMALL

_implicit, _implicit_dense = rodas5p_lanes.attempt, rodas5p_lanes.interpolant


@inner
def _attempt(f: Any, added: int, t: Any, step: Any, latest: Any, x: Any, y: Any, k: Any, sixth: Any) -> None:
    """Try a step of each place (see `immunoode.solve.integrator.tsit5.attempt`).

    The states in x become those at its end; the last row of k gets the errors.
    """
    base, n = STATES_AT * LANES, y.size
    b, c, d, e, g, q = A[2], A[3], A[4], A[5], A[6], ERROR
    stage_sum(x, base, y, k, (A[1][0],), step)
    _rates(f, added, C[1], t, step, latest, x, k, n)
    stage_sum(x, base, y, k, (b[0], b[1]), step)
    _rates(f, added, C[2], t, step, latest, x, k, 2 * n)
    stage_sum(x, base, y, k, (c[0], c[1], c[2]), step)
    _rates(f, added, C[3], t, step, latest, x, k, 3 * n)
    stage_sum(x, base, y, k, (d[0], d[1], d[2], d[3]), step)
    _rates(f, added, C[4], t, step, latest, x, k, 4 * n)
    stage_sum(x, base, y, k, (e[0], e[1], e[2], e[3], e[4]), step)
    for i in range(n):
        sixth[i] = x[base + i]
    _rates(f, added, C[5], t, step, latest, x, k, 5 * n)
    stage_sum(x, base, y, k, (g[0], g[1], g[2], g[3], g[4], g[5]), step)
    _rates(f, added, C[6], t, step, latest, x, k, 6 * n)
    linear_combination(k, 7 * n, k, (q[0], q[1], q[2], q[3], q[4], q[5], q[6]), step)


@inner
def _rates(f: Any, added: int, share: float, t: Any, step: Any, latest: Any, x: Any, k: Any, first: int) -> None:
    for l in range(LANES):  # noqa: E741
        x[TIME_AT * LANES + l] = min(t[l] + share * step[l], latest[l])
    call(f[0], added, k, first, x, 0)


@inner
def _interpolate(step: Any, y: Any, k: Any, dense: Any) -> None:
    """Fill `dense` with the interpolants of the steps."""
    for i in range(y.size):
        dense[0, i] = y[i]
    for p in range(4):
        linear_combination(
            dense,
            (p + 1) * y.size,
            k,
            (DENSE[0, p], DENSE[1, p], DENSE[2, p], DENSE[3, p], DENSE[4, p], DENSE[5, p], DENSE[6, p]),
            step,
        )


@inner
def _share(s: Batch, a: Lanes, l: int) -> float:  # noqa: E741
    """Return the share of a step after which to try again, where a state has gone below zero (see `negativity_factor`)."""
    p = a.marks[PATIENT, l]
    gather_lane(a.y, l, a.one_y)
    gather_lane(a.trial, l, a.one_trial)
    gather_lane(a.atol, l, s.atol[p])
    return negativity_factor(
        s.f,
        min(a.t[l] + a.step[l], a.latest[l]),
        a.one_y,
        a.one_trial,
        a.own_x[l],
        a.own_flows[l],
        s.atol[p],
        s.extinct.size,
        a.one_room,
        a.one_slope,
    )


@inner
def _report(g: int, u: float, dense: Any, l: int, read: Any, n: int, states: Any) -> float:  # noqa: E741
    """Write states at a share of the step, those of the places in `read`; return the lowest of the model's own n."""
    lowest = 0.0
    for i in read:
        j = LANES * i + l
        value = dense[0, j] + u * (dense[1, j] + u * (dense[2, j] + u * (dense[3, j] + u * dense[4, j])))
        states[l, g, i] = value
        if i < n:
            lowest = min(lowest, value)
    return lowest


@inner
def _lift(s: Batch, a: Lanes, l: int, g: int) -> None:  # noqa: E741
    """Set states that a report has below zero, and would not go there, to zero (see `clip_dense_output`)."""
    p, n = a.marks[PATIENT, l], s.extinct.size
    u = (s.times[p, g] - a.t[l]) / a.step[l]
    _report(g, u, a.dense, l, a.every, n, a.own_states)
    gather_lane(a.y, l, a.one_y)
    gather_lane(a.trial, l, a.one_trial)
    gather_lane(a.atol, l, s.atol[p])
    if dips_below_zero(a.own_states[l, g], a.one_y, a.one_trial, n):
        clip_dense_output(
            s.f,
            min(s.times[p, g], a.latest[l]),
            a.own_states[l, g],
            a.one_y,
            a.one_trial,
            a.own_x[l],
            a.own_flows[l],
            s.atol[p],
            n,
            a.one_room,
            a.one_slope,
        )


@inner
def _step_of_one(a: Lanes, l: int) -> None:  # noqa: E741
    """Take the step of one patient out: its start, its end and its interpolant."""
    gather_lane(a.y, l, a.one_y)
    gather_lane(a.trial, l, a.one_trial)
    for row in range(5):
        gather_lane(a.dense[row], l, a.one_dense[row])


@inner
def _fallen_after(s: Batch, a: Lanes, l: int) -> float:  # noqa: E741
    """Return after which share of a step a state first falls below its threshold."""
    _step_of_one(a, l)
    theta = 1.0
    for i in range(s.extinct.size):
        if a.one_y[i] >= s.extinct[i] > a.one_trial[i] and s.extinct[i] > 0.0:
            theta = min(theta, locate_threshold(a.one_dense, i, s.extinct[i]))
    return theta


@inner
def _extinguish(s: Batch, a: Lanes, l: int, theta: float) -> None:  # noqa: E741
    """Cut a step after a share of it: what has come to its threshold there becomes zero."""
    _step_of_one(a, l)
    n = s.extinct.size
    for i in range(s.atol.shape[1]):
        a.one_trial[i] = interpolate(a.one_dense, i, theta)
    for i in range(n):
        a.one_room[i] = a.one_y[i] >= s.extinct[i] > a.one_trial[i] and s.extinct[i] > 0.0
    copy_vector(a.one_y, a.one_trial)
    for i in range(n):
        if a.one_room[i]:
            extinguish(i, s.f, min(a.t[l], a.latest[l]), a.one_y, a.own_x[l], a.own_flows[l], n, a.one_slope, a.by)
    scatter_lane(a.one_y, a.y, l)
    renew_rates(s, a, l, min(a.t[l], a.latest[l]), a.one_y)


@entry
def integrate_lanes(patients: Batch, places: Lanes, checkpoints: Checkpoints, which: Any) -> None:
    """Solve some of the patients, eight at a time.

    Those that need implicit steps are handed over (see `immunoode.solve.integrator.records`), where there are no functions for
    these; those that were handed over go on from where they are.
    """
    s, a, c = borrow(patients), borrow(places), borrow(checkpoints)
    marks, t, h, step, latest, stop, previous = a.marks, a.t, a.h, a.step, a.latest, a.stop, a.previous
    x, y, k, trial, sixth, dense, atol, states = a.x, a.y, a.k, a.trial, a.sixth, a.dense, a.atol, a.own_states
    times, lengths, counts, ended, fast, rtol = s.times, s.lengths, s.counts, s.ended, s.lane_rates, s.rtol
    ends, found, error, large, good, factors, logged = a.ends, a.found, a.error, a.large, a.good, a.factors, a.logged
    n, most_steps, automatic, added = s.extinct.size, s.most_steps, s.method == AUTOMATIC, a.infusion.ctypes.data
    room, implicit, size = a.implicit, 0, y.size
    cost, waiting, switches = lane_cost_ratio(n), 0, fast[2] != 0
    while True:
        stepping = implicit_ones = 0
        for l in range(LANES):  # noqa: E741
            while ends[l] != STEPPING or t[l] >= stop[l] or marks[TAKEN, l] >= most_steps:
                if ends[l] == STEPPING:
                    ends[l] = advance_lane(s, a, l) if t[l] >= stop[l] else TOO_MANY
                    continue
                if ends[l] != EMPTY:
                    store_lane(s, a, c, l, ends[l])
                ends[l] = EMPTY
                if waiting == which.size:
                    break
                load_lane(s, a, l, which[waiting])
                if s.codes[which[waiting]] == HANDED_OVER:
                    resume_lane(s, a, c, l)
                ends[l], waiting = STEPPING, waiting + 1
            stepping += ends[l] == STEPPING
            implicit_ones += ends[l] == STEPPING and marks[IMPLICIT_MODE, l] == 1
        if not stepping:
            return
        implicit = 1 - implicit if 0 < implicit_ones < stepping else int(implicit_ones > 0)
        for l in range(LANES):  # noqa: E741
            step[l] = stop[l] - t[l] if 1.01 * h[l] >= stop[l] - t[l] else h[l]
            if ends[l] == EMPTY or marks[IMPLICIT_MODE, l] != implicit:
                step[l] = 0.0
        if implicit:
            for i in range(LANES * n if automatic else 0):
                room.scales[LANES + i] = atol[i] + rtol * abs(y[i])
            _implicit(fast, a.infusion, t, step, a.earliest, latest, x, y, room, trial)
            error_norms(error, room.k, 7 * size, y, trial, rtol, atol, a.units)
            for l in range(LANES):  # noqa: E741
                error[l] += room.prepared[FLAG * LANES + l]
                large[l] = room.prepared[SIZE * LANES + l]
        else:
            _attempt(fast, added, t, step, latest, x, y, k, sixth)
            error_norms(error, k, 7 * size, y, trial, rtol, atol, a.units)
            if automatic:
                stiffness(large, k, trial, sixth, rtol, atol)
        check_steps(found, y, trial, a.debris, a.extinct, LARGEST)
        interpolated = False
        for l in range(LANES):  # noqa: E741
            good[l], p = 0.0, marks[PATIENT, l]
            if ends[l] == EMPTY or marks[IMPLICIT_MODE, l] != implicit:
                continue
            marks[TAKEN, l] += 1
            counts[p, EVALUATIONS] += 8 if implicit else 6
            counts[p, JACOBIANS] += implicit
            share = 1.0
            if error[l] <= 1.0 and found[l] & OVERSHOOTS:
                share = _share(s, a, l)
            if not error[l] <= 1.0 or share < 1.0:
                counts[p, REJECTIONS] += 1
                h[l] = step[l] * (reject_factor(error[l]) if share == 1.0 else share)
                if h[l] <= SMALLEST * max(abs(t[l]), 1e-3):
                    ends[l] = TOO_SMALL
            elif found[l] & UNBOUNDED:
                ends[l] = NOT_FINITE
            else:
                counts[p, STEPS] += 1
                good[l], g = 1.0, marks[OUTPUT, l]
                interpolated |= found[l] & FALLS != 0 or (g < lengths[p] and times[p, g] <= t[l] + 1.01 * step[l])
        if interpolated and implicit:
            _implicit_dense(y, trial, room.k, room.one, dense)
        elif interpolated:
            _interpolate(step, y, k, dense)
        propose_factors(factors, logged, error, previous)
        for l in range(LANES):  # noqa: E741
            if good[l] == 0.0:
                continue
            p, cut, last = marks[PATIENT, l], found[l] & FALLS != 0, step[l] == stop[l] - t[l]
            reached = stop[l] if last else t[l] + step[l]
            theta = _fallen_after(s, a, l) if cut else 1.0
            if cut:
                reached = t[l] + theta * step[l]
            g, to_stop = marks[OUTPUT, l], cut or reached >= stop[l]
            while g < lengths[p] and (times[p, g] < reached or (times[p, g] == reached and not to_stop)):
                if _report(g, (times[p, g] - t[l]) / step[l], dense, l, s.read, n, states) < 0.0:
                    _lift(s, a, l, g)
                g += 1
            marks[OUTPUT, l] = g
            previous[l] = logged[l]
            h[l] = max(h[l], step[l] * factors[l]) if last else step[l] * factors[l]
            t[l] = ended[p] = reached
            if cut:
                good[l] = 0.0
                _extinguish(s, a, l, theta)
        accept_steps(good, y, trial, a.debris, room.k if implicit else k, atol, a.shares)
        for l in range(LANES if automatic else 0):  # noqa: E741
            if good[l] == 0.0 or t[l] >= stop[l]:
                continue
            if implicit:
                cheap = step[l] * large[l] < 0.3 * STABLE * cost
                marks[STREAK, l] = marks[STREAK, l] + 1 if cheap else 0
                if marks[STREAK, l] >= 4:
                    marks[PATIENCE, l] = min(2 * marks[PATIENCE, l], 1000)
                    _change(s, a, l, 0)
            else:
                marks[STREAK, l] = marks[STREAK, l] + 1 if step[l] * large[l] > 0.8 * STABLE else max(0, marks[STREAK, l] - 1)
                if marks[STREAK, l] >= marks[PATIENCE, l] and (stop[l] - t[l]) * large[l] > 8.0 * STABLE * cost:
                    if switches:
                        _change(s, a, l, 1)
                    else:
                        ends[l] = HANDED_OVER
                        counts[marks[PATIENT, l], SWITCHES] += 1


@inner
def _change(s: Batch, a: Lanes, l: int, implicit: int) -> None:  # noqa: E741
    """Go on with the other method."""
    a.marks[IMPLICIT_MODE, l], a.marks[STREAK, l] = implicit, 0
    s.counts[a.marks[PATIENT, l], SWITCHES] += 1
    if not implicit:
        gather_lane(a.y, l, a.one_y)
        renew_rates(s, a, l, min(max(a.t[l], a.earliest[l]), a.latest[l]), a.one_y)
