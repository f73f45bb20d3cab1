"""The compiled engine for many patients: eight of them step abreast, each over its own events, with a step of its own.

The method is that of `immunoode.solve.integrator.scalar`, in explicit steps: what a step does to a state it does to those of
eight
patients in one wide register. What is decided once a step (its size, outputs, events, extinction) is decided for each patient;
one that has ended makes room for the next. Nothing that is computed for a patient depends on the others, nor on whether there
are any. A patient whose steps are held down by stability is walked to its end alone, where implicit steps can be taken.
"""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.controller import SMALLEST, ratio, shrinkage
from immunoode.solve.integrator.discontinuities import evaluate
from immunoode.solve.integrator.domain import dips, end_of, lift, overshoots, when_fallen
from immunoode.solve.integrator.jit import entry, inner
from immunoode.solve.integrator.lane_state import (
    EMPTY,
    OUTPUT,
    PATIENT,
    STEPPING,
    STREAK,
    TAKEN,
    Places,
    leave,
    pause,
    put_in,
    renew_slope,
    seat,
    take_out,
)
from immunoode.solve.integrator.native import call, lent
from immunoode.solve.integrator.records import HANDED_OVER, Checkpoints, Patients, copy_row
from immunoode.solve.integrator.scalar import AUTOMATIC, EVALUATIONS, LARGEST, REJECTIONS, STEPS, SWITCHES
from immunoode.solve.integrator.simd8 import (
    FALLS,
    OVERSHOOTS,
    UNBOUNDED,
    accept,
    errors,
    examine,
    propose,
    stage,
    stiffness,
    weigh,
)
from immunoode.solve.integrator.tsit5 import DENSE, ERROR, STABLE, A, C
from immunoode.solve.problem.compiled_model import ABREAST, STATES_AT, TIME_AT
from immunoode.solve.status import NOT_FINITE, TOO_MANY, TOO_SMALL

_PATIENCE = 10
"""Steps at the edge of stability, after which a patient may be walked alone."""
_ADVANTAGE = 20.0
"""How much less a step costs than one that is taken alone, about: what implicit steps have to make up for."""


@inner
def _attempt(f: Any, added: int, t: Any, step: Any, latest: Any, x: Any, y: Any, k: Any, sixth: Any) -> None:
    """Try a step of each place (see `immunoode.solve.integrator.tsit5.attempt`).

    The states in x become those at its end; the last row of k gets the errors.
    """
    base, n = STATES_AT * ABREAST, y.size
    b, c, d, e, g, q = A[2], A[3], A[4], A[5], A[6], ERROR
    stage(x, base, y, k, (A[1][0],), step)
    _rates(f, added, C[1], t, step, latest, x, k, n)
    stage(x, base, y, k, (b[0], b[1]), step)
    _rates(f, added, C[2], t, step, latest, x, k, 2 * n)
    stage(x, base, y, k, (c[0], c[1], c[2]), step)
    _rates(f, added, C[3], t, step, latest, x, k, 3 * n)
    stage(x, base, y, k, (d[0], d[1], d[2], d[3]), step)
    _rates(f, added, C[4], t, step, latest, x, k, 4 * n)
    stage(x, base, y, k, (e[0], e[1], e[2], e[3], e[4]), step)
    for i in range(n):
        sixth[i] = x[base + i]
    _rates(f, added, C[5], t, step, latest, x, k, 5 * n)
    stage(x, base, y, k, (g[0], g[1], g[2], g[3], g[4], g[5]), step)
    _rates(f, added, C[6], t, step, latest, x, k, 6 * n)
    weigh(k, 7 * n, k, (q[0], q[1], q[2], q[3], q[4], q[5], q[6]), step)


@inner
def _rates(f: Any, added: int, share: float, t: Any, step: Any, latest: Any, x: Any, k: Any, first: int) -> None:
    for l in range(ABREAST):  # noqa: E741
        x[TIME_AT * ABREAST + l] = min(t[l] + share * step[l], latest[l])
    call(f[0], added, k, first, x, 0)


@inner
def _interpolate(step: Any, y: Any, k: Any, dense: Any) -> None:
    """Fill `dense` with the interpolants of the steps."""
    for i in range(y.size):
        dense[0, i] = y[i]
    for p in range(4):
        weigh(
            dense,
            (p + 1) * y.size,
            k,
            (DENSE[0, p], DENSE[1, p], DENSE[2, p], DENSE[3, p], DENSE[4, p], DENSE[5, p], DENSE[6, p]),
            step,
        )


@inner
def _share(s: Patients, a: Places, l: int) -> float:  # noqa: E741
    """Return the share of a step after which to try again, where a state has gone below zero (see `overshoots`)."""
    p = a.marks[PATIENT, l]
    take_out(a.y, l, a.one_y)
    take_out(a.trial, l, a.one_trial)
    take_out(a.atol, l, s.atol[p])
    return overshoots(
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
        j = ABREAST * i + l
        value = dense[0, j] + u * (dense[1, j] + u * (dense[2, j] + u * (dense[3, j] + u * dense[4, j])))
        states[l, g, i] = value
        if i < n:
            lowest = min(lowest, value)
    return lowest


@inner
def _lift(s: Patients, a: Places, l: int, g: int) -> None:  # noqa: E741
    """Set states that a report has below zero, and would not go there, to zero (see `lift`)."""
    p, n = a.marks[PATIENT, l], s.extinct.size
    u = (s.times[p, g] - a.t[l]) / a.step[l]
    _report(g, u, a.dense, l, a.every, n, a.own_states)
    take_out(a.y, l, a.one_y)
    take_out(a.trial, l, a.one_trial)
    take_out(a.atol, l, s.atol[p])
    if dips(a.own_states[l, g], a.one_y, a.one_trial, n):
        lift(
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
def _step_of_one(a: Places, l: int) -> None:  # noqa: E741
    """Take the step of one patient out: its start, its end and its interpolant."""
    take_out(a.y, l, a.one_y)
    take_out(a.trial, l, a.one_trial)
    for row in range(5):
        take_out(a.dense[row], l, a.one_dense[row])


@inner
def _fallen_after(s: Patients, a: Places, l: int) -> float:  # noqa: E741
    """Return after which share of a step a state first falls below its threshold."""
    _step_of_one(a, l)
    theta = 1.0
    for i in range(s.extinct.size):
        if a.one_y[i] >= s.extinct[i] > a.one_trial[i] and s.extinct[i] > 0.0:
            theta = min(theta, when_fallen(a.one_dense, i, s.extinct[i]))
    return theta


@inner
def _extinguish(s: Patients, a: Places, l: int, theta: float) -> None:  # noqa: E741
    """Cut a step after a share of it: what has come to its threshold there becomes zero."""
    _step_of_one(a, l)
    n = s.extinct.size
    for i in range(s.atol.shape[1]):
        a.one_trial[i] = evaluate(a.one_dense, i, theta)
    for i in range(n):
        a.one_room[i] = a.one_y[i] >= s.extinct[i] > a.one_trial[i] and s.extinct[i] > 0.0
    copy_row(a.one_y, a.one_trial)
    for i in range(n):
        if a.one_room[i]:
            end_of(i, s.f, min(a.t[l], a.latest[l]), a.one_y, a.own_x[l], a.own_flows[l], n, a.one_slope, a.by)
    put_in(a.one_y, a.y, l)
    renew_slope(s, a, l, min(a.t[l], a.latest[l]), a.one_y)


@entry
def solve_abreast(patients: Patients, places: Places, checkpoints: Checkpoints) -> None:
    """Solve patients, eight at a time; those that need implicit steps are handed over (see
    `immunoode.solve.integrator.records`)."""
    s, a, c = lent(patients), lent(places), lent(checkpoints)
    marks, t, h, step, latest, stop, previous = a.marks, a.t, a.h, a.step, a.latest, a.stop, a.previous
    x, y, k, trial, sixth, dense, atol, states = a.x, a.y, a.k, a.trial, a.sixth, a.dense, a.atol, a.own_states
    times, lengths, counts, ended, fast, rtol = s.times, s.lengths, s.counts, s.ended, s.rates_abreast, s.rtol
    ends, found, error, large, good, factors, logged = a.ends, a.found, a.error, a.large, a.good, a.factors, a.logged
    n, most_steps, automatic, added = s.extinct.size, s.most_steps, s.method == AUTOMATIC, a.infusion.ctypes.data
    cost, waiting = _ADVANTAGE * ratio(n), 0
    while True:
        stepping = 0
        for l in range(ABREAST):  # noqa: E741
            while ends[l] != STEPPING or t[l] >= stop[l] or marks[TAKEN, l] >= most_steps:
                if ends[l] == STEPPING:
                    ends[l] = pause(s, a, l) if t[l] >= stop[l] else TOO_MANY
                    continue
                if ends[l] != EMPTY:
                    leave(s, a, c, l, ends[l])
                ends[l] = EMPTY
                if waiting == lengths.size:
                    break
                seat(s, a, l, waiting)
                ends[l], waiting = STEPPING, waiting + 1
            stepping += ends[l] == STEPPING
            step[l] = stop[l] - t[l] if 1.01 * h[l] >= stop[l] - t[l] else h[l]
            if ends[l] == EMPTY:
                step[l] = 0.0
        if not stepping:
            return
        _attempt(fast, added, t, step, latest, x, y, k, sixth)
        errors(error, k, 7 * y.size, y, trial, rtol, atol)
        examine(found, y, trial, a.debris, a.extinct, LARGEST)
        if automatic:
            stiffness(large, k, trial, sixth, rtol, atol)
        interpolated = False
        for l in range(ABREAST):  # noqa: E741
            good[l], p = 0.0, marks[PATIENT, l]
            if ends[l] == EMPTY:
                continue
            marks[TAKEN, l] += 1
            counts[p, EVALUATIONS] += 6
            share = 1.0
            if error[l] <= 1.0 and found[l] & OVERSHOOTS:
                share = _share(s, a, l)
            if not error[l] <= 1.0 or share < 1.0:
                counts[p, REJECTIONS] += 1
                h[l] = step[l] * (shrinkage(error[l]) if share == 1.0 else share)
                if h[l] <= SMALLEST * max(abs(t[l]), 1e-3):
                    ends[l] = TOO_SMALL
            elif found[l] & UNBOUNDED:
                ends[l] = NOT_FINITE
            else:
                counts[p, STEPS] += 1
                good[l], g = 1.0, marks[OUTPUT, l]
                interpolated |= found[l] & FALLS != 0 or (g < lengths[p] and times[p, g] <= t[l] + 1.01 * step[l])
        if interpolated:
            _interpolate(step, y, k, dense)
        propose(factors, logged, error, previous)
        for l in range(ABREAST):  # noqa: E741
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
        accept(good, y, trial, a.debris, k, atol, a.shares)
        for l in range(ABREAST if automatic else 0):  # noqa: E741
            if good[l] != 0.0 and t[l] < stop[l]:
                marks[STREAK, l] = marks[STREAK, l] + 1 if step[l] * large[l] > 0.8 * STABLE else max(0, marks[STREAK, l] - 1)
                if marks[STREAK, l] >= _PATIENCE and (stop[l] - t[l]) * large[l] > 8.0 * STABLE * cost:
                    ends[l] = HANDED_OVER
                    counts[marks[PATIENT, l], SWITCHES] += 1
