"""The compiled engine for many patients: eight of them step abreast, each over its own events, with a step of its own.

The method is that of `immunoode.solve.kernel`, in explicit steps: what a step does to a state it does to those of eight
patients in one wide register. What is decided once a step (its size, outputs, events, extinction) is decided for each patient;
one that has ended makes room for the next. Nothing that is computed for a patient depends on the others, nor on whether there
are any. A patient whose steps are held down by stability is walked to its end alone, where implicit steps can be taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.abreast_sums import (
    FALLS,
    OVERSHOOTS,
    UNBOUNDED,
    accept,
    aligned,
    errors,
    examine,
    stage,
    stiffness,
    weigh,
)  # fmt: skip
from immunoode.solve.calls import CONSTANTS, call, lent, place, rates
from immunoode.solve.control import SMALLEST, first_step, growth, instant, logarithm, ratio, shrinkage
from immunoode.solve.crossing import evaluate
from immunoode.solve.dosing import arrive, carry, moves_in_time
from immunoode.solve.events import SET, STEADY, STOP
from immunoode.solve.jit import kernel, part
from immunoode.solve.kernel import AUTOMATIC, EVALUATIONS, LARGEST, REJECTIONS, STEPS, SWITCHES, infusions_in, walk
from immunoode.solve.limits import end_of, overshoots, when_fallen
from immunoode.solve.outputs import write_outputs
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY, TOO_MANY, TOO_SMALL
from immunoode.solve.steady import settle
from immunoode.solve.system import STATES_AT, TIME_AT
from immunoode.solve.tsit5 import DENSE, ERROR, STABLE, A, C
from immunoode.solve.vector_math import ABREAST

PATIENT, EVENT, OUTPUT, STREAK, TAKEN = range(5)
"""Rows of the whole numbers of each place: its patient, the next event and output, steps at the edge of stability, steps."""
_STEPPING, _EMPTY = -1, -2
"""Of a place, instead of the status code of a patient that has ended."""
_PATIENCE = 10
_ADVANTAGE = 20.0
"""How much less a step costs than one that is taken alone, about: what implicit steps have to make up for."""


class Patients(NamedTuple):
    """What is to be solved, one row a patient (see `immunoode.solve.kernel.solve_many`), and where results go."""

    f: Any
    rates_abreast: Any
    x: Any
    y: Any
    times: Any
    lengths: Any
    starts: Any
    offsets: Any
    events: Any
    tables: Any
    extinct: Any
    rtol: float
    atol: Any
    most_steps: int
    method: int
    reactions: Any
    outputs: Any
    values: Any
    counts: Any
    ended: Any
    codes: Any
    fired: Any


class Places(NamedTuple):
    """The eight places. Vectors of all eight are interleaved; `own_` ones have a row a place; `one_` ones are room for one.

    `t`, `h`, `step`, `latest`, `stop` and `previous` are the time, the size of the next step and of this one, the last instant
    before what happens next, when that is, and the last error's logarithm. `debris` is how far below zero a state may come by
    rounding: its absolute tolerance, and NaN for derivatives, which may be below zero.
    """

    marks: Any
    t: Any
    h: Any
    step: Any
    latest: Any
    stop: Any
    previous: Any
    x: Any
    y: Any
    k: Any
    trial: Any
    sixth: Any
    dense: Any
    atol: Any
    debris: Any
    extinct: Any
    infusion: Any
    own_x: Any
    own_states: Any
    own_flows: Any
    own_active: Any
    own_running: Any
    one_y: Any
    one_trial: Any
    one_slope: Any
    one_room: Any
    one_dense: Any
    moved: Any
    by: Any


@kernel
def _take_out(vector: Any, place_: int, one: Any) -> None:
    """Copy the numbers of one patient out of an interleaved vector."""
    for i in range(vector.size // ABREAST):
        one[i] = vector[ABREAST * i + place_]


@kernel
def _put_in(one: Any, vector: Any, place_: int) -> None:
    """Copy the numbers of one patient into an interleaved vector."""
    for i in range(vector.size // ABREAST):
        vector[ABREAST * i + place_] = one[i]


@part
def _own_events(s: Patients, p: int) -> Any:
    a, b = s.offsets[p], s.offsets[p + 1]
    c = s.events
    return (c[0][a:b], c[1][a:b], c[2][a:b], c[3][a:b], c[4][a:b], c[5][a:b], c[6][a:b], c[7][a:b], c[8][a:b], c[9][a:b])


@kernel
def _places(s: Patients) -> Places:
    size, width, packed = s.atol.shape[1], s.y.shape[1], s.x.shape[1]
    infusions = 0
    for p in range(s.y.shape[0]):
        events = _own_events(s, p)
        infusions = max(infusions, infusions_in(events[1], events[5]))
    length = ABREAST * size
    found = Places(
        np.zeros((5, ABREAST), np.int64), aligned(1), aligned(1), aligned(1), aligned(1), aligned(1), aligned(1),
        aligned(packed), aligned(size), aligned(8 * size).reshape(8, length), aligned(size), aligned(size),
        aligned(5 * size).reshape(5, length), aligned(size), aligned(size), aligned(size), aligned(size),
        np.zeros((ABREAST, packed)), np.empty((ABREAST, s.times.shape[1], width)), np.zeros((ABREAST, width)),
        np.zeros((ABREAST, infusions), np.int64), np.zeros((ABREAST, infusions, width)), np.zeros(width), np.zeros(width),
        np.zeros(width), np.zeros(width), np.zeros((5, width)), np.empty(2 * size * s.tables[0].size),
        np.empty(s.events[8].shape[1]),
    )  # fmt: skip
    found.atol[:], found.debris[:] = 1.0, np.nan
    return found


@part
def _seat(s: Patients, a: Places, l: int, p: int) -> None:  # noqa: E741
    """Give a place to a patient."""
    a.marks[:, l] = 0
    a.marks[PATIENT, l] = p
    a.t[l] = a.stop[l] = s.starts[p]
    a.h[l], a.previous[l] = 0.0, 0.0
    x = a.own_x[l]
    x[:] = s.x[p]
    if s.f[CONSTANTS] != 0:
        call(s.f[CONSTANTS], s.f[CONSTANTS + 1], x, s.tables[3], x, 0)
    for vector, one in ((a.x, x), (a.y, s.y[p]), (a.atol, s.atol[p])):
        _put_in(one, vector, l)
    for i in range(s.extinct.size):
        a.debris[ABREAST * i + l], a.extinct[ABREAST * i + l] = s.atol[p, i], s.extinct[i]
    a.own_states[l] = np.nan
    a.own_flows[l] = 0.0
    a.own_active[l] = 0
    _put_in(a.own_flows[l], a.infusion, l)


@part
def _happen(s: Patients, a: Places, l: int, e: int, y: Any) -> bool:  # noqa: E741
    """Carry out an event on the state y; False where there is no steady state."""
    p, t, x, flows, events = a.marks[PATIENT, l], a.t[l], a.own_x[l], a.own_flows[l], _own_events(s, a.marks[PATIENT, l])
    input_states, exchange, _, constants_at = s.tables
    kind, time_by = events[1][e], events[8]
    moves = moves_in_time(time_by, e)
    if moves:
        carry(s.f, t - instant(t), y, x, flows, time_by[e], 1.0, s.extinct.size, a.one_slope)
    if kind == STEADY:
        if not settle(s.f, t, e, events, exchange[events[2][e]], y, x, s.rtol, s.atol[p], a.moved):
            return False
    elif kind != STOP:
        arrive(s.f, t, e, events, input_states, y, x, flows, a.own_active[l], a.own_running[l], a.moved, s.extinct,
               constants_at)  # fmt: skip
        if kind == SET:
            _put_in(x, a.x, l)
    if moves:
        carry(s.f, t + instant(t), y, x, flows, time_by[e], -1.0, s.extinct.size, a.one_slope)
    return True


@part
def _pause(s: Patients, a: Places, l: int) -> int:  # noqa: E741
    """Do what happens at the time a patient has come to, and find when the next thing does; return a status code."""
    p, t, y = a.marks[PATIENT, l], a.t[l], a.one_y
    e, g, count, times = a.marks[EVENT, l], a.marks[OUTPUT, l], s.lengths[p], s.times[p]
    event_times = s.events[0][s.offsets[p] : s.offsets[p + 1]]
    _take_out(a.y, l, y)
    if e < event_times.size and event_times[e] <= t:
        while e < event_times.size and event_times[e] <= t:
            if not _happen(s, a, l, e, y):
                s.ended[p] = t
                return NOT_STEADY
            e += 1
        a.marks[EVENT, l] = e
        _put_in(y, a.y, l)
        _put_in(a.own_flows[l], a.infusion, l)
    s.ended[p] = t
    for i in range(s.atol.shape[1]):
        if not abs(y[i]) < LARGEST:
            return NOT_FINITE
    while g < count and times[g] <= t:
        a.own_states[l, g, :] = y
        g += 1
    a.marks[OUTPUT, l] = g
    end = max(s.starts[p], times[count - 1])
    if t >= end:
        return FINISHED
    stop = min(end, event_times[e]) if e < event_times.size else end
    earliest, latest = t + instant(t), stop - instant(stop)
    if earliest >= latest:
        earliest = latest = 0.5 * (t + stop)
    a.stop[l], a.latest[l] = stop, latest
    _slope(s, a, l, earliest, y)
    if a.h[l] == 0.0:
        a.h[l] = first_step(s.f, earliest, y, a.own_x[l], a.own_flows[l], s.rtol, s.atol[p], a.one_slope, a.one_room)
        s.counts[p, EVALUATIONS] += 1
    return _STEPPING


@part
def _slope(s: Patients, a: Places, l: int, t: float, y: Any) -> None:  # noqa: E741
    """Renew the rates at the state of one patient."""
    place(t, y, a.own_x[l])
    rates(s.f, t, a.own_x[l], a.own_flows[l], a.one_slope)
    _put_in(a.one_slope, a.k[0], l)
    s.counts[a.marks[PATIENT, l], EVALUATIONS] += 1


@kernel
def _attempt(f: Any, added: int, t: Any, step: Any, latest: Any, x: Any, y: Any, k: Any, sixth: Any, trial: Any) -> None:
    """Try a step of each place (see `immunoode.solve.tsit5.attempt`); the last row of k gets the errors."""
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
    for i in range(n):
        trial[i] = x[base + i]
    _rates(f, added, C[6], t, step, latest, x, k, 6 * n)
    weigh(k, 7 * n, k, (q[0], q[1], q[2], q[3], q[4], q[5], q[6]), step)


@kernel
def _rates(f: Any, added: int, share: float, t: Any, step: Any, latest: Any, x: Any, k: Any, first: int) -> None:
    for l in range(ABREAST):  # noqa: E741
        x[TIME_AT * ABREAST + l] = min(t[l] + share * step[l], latest[l])
    call(f[0], added, k, first, x, 0)


@kernel
def _interpolate(step: Any, y: Any, k: Any, dense: Any) -> None:
    """Fill `dense` with the interpolants of the steps."""
    for i in range(y.size):
        dense[0, i] = y[i]
    for p in range(4):
        weigh(dense, (p + 1) * y.size, k, (DENSE[0, p], DENSE[1, p], DENSE[2, p], DENSE[3, p], DENSE[4, p], DENSE[5, p],
                                           DENSE[6, p]), step)  # fmt: skip


@kernel
def _share(s: Patients, a: Places, l: int) -> float:  # noqa: E741
    """Return the share of a step after which to try again, where a state has gone below zero (see `overshoots`)."""
    p = a.marks[PATIENT, l]
    _take_out(a.y, l, a.one_y)
    _take_out(a.trial, l, a.one_trial)
    return overshoots(s.f, min(a.t[l] + a.step[l], a.latest[l]), a.one_y, a.one_trial, a.own_x[l], a.own_flows[l], s.atol[p],
                      s.extinct.size, a.one_room, a.one_slope)  # fmt: skip


@kernel
def _report(g: int, count: int, times: Any, t: float, step: float, reached: float, to_stop: bool, dense: Any, l: int,  # noqa: E741
            size: int, p: int, states: Any) -> int:  # fmt: skip
    """Write the states at the times that a step has passed, at its end too unless something happens there; return the next."""
    while g < count and (times[p, g] < reached or (times[p, g] == reached and not to_stop)):
        u = (times[p, g] - t) / step
        for i in range(size):
            j = ABREAST * i + l
            states[l, g, i] = dense[0, j] + u * (dense[1, j] + u * (dense[2, j] + u * (dense[3, j] + u * dense[4, j])))
        for i in range(size, states.shape[2]):
            states[l, g, i] = 0.0
        g += 1
    return g


@kernel
def _fallen_after(s: Patients, a: Places, l: int) -> float:  # noqa: E741
    """Return after which share of a step a state first falls below its threshold; leave the state there in `one_trial`."""
    for row in range(5):
        _take_out(a.dense[row], l, a.one_dense[row])
    _take_out(a.trial, l, a.one_trial)
    _take_out(a.y, l, a.one_y)
    theta = 1.0
    for i in range(s.extinct.size):
        if a.one_y[i] >= s.extinct[i] > a.one_trial[i] and s.extinct[i] > 0.0:
            theta = min(theta, when_fallen(a.one_dense, i, s.extinct[i]))
    for i in range(s.atol.shape[1]):
        a.one_trial[i] = evaluate(a.one_dense, i, theta)
    return theta


@kernel
def _extinguish(s: Patients, a: Places, l: int) -> None:  # noqa: E741
    """The state of `one_trial` is where a step was cut: what has come to its threshold there becomes zero."""
    n = s.extinct.size
    for i in range(n):
        a.one_room[i] = a.one_y[i] >= s.extinct[i] > a.one_trial[i] and s.extinct[i] > 0.0
    a.one_y[:] = a.one_trial
    for i in range(n):
        if a.one_room[i]:
            end_of(i, s.f, min(a.t[l], a.latest[l]), a.one_y, a.own_x[l], a.own_flows[l], n, a.one_slope, a.by)
    _put_in(a.one_y, a.y, l)
    _slope(s, a, l, min(a.t[l], a.latest[l]), a.one_y)


@kernel
def _walk_alone(s: Patients, a: Places, l: int) -> int:  # noqa: E741
    """Walk a patient from where it is to its end, beginning with implicit steps; return its status code."""
    p, y = a.marks[PATIENT, l], a.one_y
    begun = np.array([a.marks[EVENT, l], a.marks[OUTPUT, l], a.h[l], a.previous[l], 1.0])
    _take_out(a.y, l, y)
    s.counts[p, SWITCHES] += 1
    code = walk(s.f, a.own_x[l], y, s.times[p, : s.lengths[p]], a.t[l], _own_events(s, p), s.tables, s.extinct, s.rtol,
                s.atol[p], s.most_steps - a.marks[TAKEN, l], AUTOMATIC, s.reactions, a.own_states[l], s.counts[p],
                s.ended[p : p + 1], s.fired[p], begun, a.own_active[l], a.own_running[l])  # fmt: skip
    _put_in(y, a.y, l)
    return code


@part
def _leave(s: Patients, a: Places, l: int, code: int) -> None:  # noqa: E741
    """A patient has ended: write its outputs."""
    p = a.marks[PATIENT, l]
    count = s.lengths[p]
    s.codes[p] = code
    _take_out(a.y, l, s.y[p])
    s.values[p, count:] = np.nan
    write_outputs(s.outputs, s.x[p], s.times[p, :count], a.own_states[l], s.ended[p], code == FINISHED, s.rtol, s.atol[p],
                  s.extinct, _own_events(s, p), s.f[CONSTANTS:], s.tables[3], s.values[p, :count])  # fmt: skip


@kernel
def solve_abreast(s: Patients) -> None:
    """Solve patients, eight at a time."""
    _solve(s, _places(s))


@kernel
def _solve(patients: Patients, places: Places) -> None:
    s, a = lent(patients), lent(places)
    marks, t, h, step, latest, stop, previous = a.marks, a.t, a.h, a.step, a.latest, a.stop, a.previous
    x, y, k, trial, sixth, dense, atol, states = a.x, a.y, a.k, a.trial, a.sixth, a.dense, a.atol, a.own_states
    times, lengths, counts, ended, fast, rtol = s.times, s.lengths, s.counts, s.ended, s.rates_abreast, s.rtol
    size, most_steps, automatic, added = s.atol.shape[1], s.most_steps, s.method == AUTOMATIC, a.infusion.ctypes.data
    error, large, good = aligned(1), aligned(1), aligned(1)
    found, ends = np.zeros(ABREAST, np.int64), np.zeros(ABREAST, np.int64)
    cost, waiting = _ADVANTAGE * ratio(s.extinct.size), 0
    ends[:] = _EMPTY
    while True:
        stepping = 0
        for l in range(ABREAST):  # noqa: E741
            while ends[l] != _STEPPING or t[l] >= stop[l] or marks[TAKEN, l] >= most_steps:
                if ends[l] == _STEPPING:
                    ends[l] = _pause(s, a, l) if t[l] >= stop[l] else TOO_MANY
                    continue
                if ends[l] != _EMPTY:
                    _leave(s, a, l, ends[l])
                ends[l] = _EMPTY
                if waiting == lengths.size:
                    break
                _seat(s, a, l, waiting)
                ends[l], waiting = _STEPPING, waiting + 1
            stepping += ends[l] == _STEPPING
            step[l] = stop[l] - t[l] if 1.01 * h[l] >= stop[l] - t[l] else h[l]
            if ends[l] == _EMPTY:
                step[l] = 0.0
        if not stepping:
            return
        _attempt(fast, added, t, step, latest, x, y, k, sixth, trial)
        errors(error, k, 7 * y.size, y, trial, rtol, atol)
        examine(found, y, trial, a.debris, a.extinct, LARGEST)
        if automatic:
            stiffness(large, k, trial, sixth, rtol, atol)
        interpolated = False
        for l in range(ABREAST):  # noqa: E741
            good[l], p = 0.0, marks[PATIENT, l]
            if ends[l] == _EMPTY:
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
        for l in range(ABREAST):  # noqa: E741
            if good[l] == 0.0:
                continue
            p, cut, last = marks[PATIENT, l], found[l] & FALLS != 0, step[l] == stop[l] - t[l]
            reached = stop[l] if last else t[l] + step[l]
            if cut:
                reached = t[l] + _fallen_after(s, a, l) * step[l]
            if interpolated:
                marks[OUTPUT, l] = _report(marks[OUTPUT, l], lengths[p], times, t[l], step[l], reached,
                                           cut or reached >= stop[l], dense, l, size, p, states)  # fmt: skip
            logged = logarithm(error[l])
            factor = growth(logged, previous[l])
            previous[l] = logged
            h[l] = max(h[l], step[l] * factor) if last else step[l] * factor
            t[l] = ended[p] = reached
            if cut:
                good[l] = 0.0
                _extinguish(s, a, l)
        accept(good, y, trial, a.debris, k)
        for l in range(ABREAST if automatic else 0):  # noqa: E741
            if good[l] != 0.0 and t[l] < stop[l]:
                marks[STREAK, l] = marks[STREAK, l] + 1 if step[l] * large[l] > 0.8 * STABLE else max(0, marks[STREAK, l] - 1)
                if marks[STREAK, l] >= _PATIENCE and (stop[l] - t[l]) * large[l] > 8.0 * STABLE * cost:
                    ends[l] = _walk_alone(s, a, l)
