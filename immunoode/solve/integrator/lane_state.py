"""The places of eight patients who step abreast, compiled: taking one, what happens there between steps, leaving it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.integrator.controller import first_step, instant
from immunoode.solve.integrator.events import happen
from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import CONSTANTS, call, place, rates
from immunoode.solve.integrator.output import write_outputs
from immunoode.solve.integrator.records import HANDED_OVER, Checkpoints, Patients, copy_row, infusions_in, own_events
from immunoode.solve.integrator.scalar import EVALUATIONS, LARGEST
from immunoode.solve.integrator.simd8 import aligned
from immunoode.solve.integrator.triggers import first_look
from immunoode.solve.problem.compiled_model import ABREAST, STATES_AT
from immunoode.solve.problem.event_table import FIRST, REPORT, RESET, SET
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY

PATIENT, EVENT, OUTPUT, STREAK, TAKEN = range(5)
"""Rows of the whole numbers of each place: its patient, the next event and output, steps at the edge of stability, steps."""
STEPPING, EMPTY = -1, -2
"""Of a place, instead of the status code of a patient that has ended."""


class Places(NamedTuple):
    """The eight places. Vectors of all eight are interleaved; `own_` ones have a row a place; `one_` ones are room for one.

    `t`, `h`, `step`, `latest`, `stop` and `previous` are the time, the size of the next step and of this one, the last instant
    before what happens next, when that is, and the last error's logarithm. `debris` is how far below zero a state may come by
    rounding: its absolute tolerance, and NaN for derivatives, which may be below zero. `every` are the places of all states,
    `ends` the status of each patient (or STEPPING, EMPTY), and what follows is room for what is found in a step.
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
    shares: Any
    debris: Any
    extinct: Any
    infusion: Any
    own_x: Any
    own_states: Any
    own_flows: Any
    own_active: Any
    own_running: Any
    own_on: Any
    own_factors: Any
    own_baseline: Any
    own_nadir: Any
    one_y: Any
    one_trial: Any
    one_slope: Any
    one_room: Any
    one_dense: Any
    one_seen: Any
    moved: Any
    by: Any
    every: Any
    ends: Any
    found: Any
    error: Any
    large: Any
    good: Any
    factors: Any
    logged: Any


@inner
def take_out(vector: Any, place_: int, one: Any) -> None:
    """Copy the numbers of one patient out of an interleaved vector."""
    for i in range(vector.size // ABREAST):
        one[i] = vector[ABREAST * i + place_]


@inner
def put_in(one: Any, vector: Any, place_: int) -> None:
    """Copy the numbers of one patient into an interleaved vector."""
    for i in range(vector.size // ABREAST):
        vector[ABREAST * i + place_] = one[i]


def places_for(s: Patients) -> Places:
    """Return empty places."""
    size, width, packed, count = s.atol.shape[1], s.y.shape[1], s.x.shape[1], s.reactions[1].shape[0]
    infusions, length, x = infusions_in(s), ABREAST * size, aligned(packed)
    trial = x[ABREAST * STATES_AT : ABREAST * STATES_AT + length]  # rates were last asked for at the ends of steps
    found = Places(
        np.zeros((5, ABREAST), np.int64),
        aligned(1),
        aligned(1),
        aligned(1),
        aligned(1),
        aligned(1),
        aligned(1),
        x,
        aligned(size),
        aligned(8 * size).reshape(8, length),
        trial,
        aligned(size),
        aligned(5 * size).reshape(5, length),
        aligned(size),
        aligned(size),
        aligned(size),
        aligned(size),
        aligned(size),
        np.zeros((ABREAST, packed)),
        np.zeros((ABREAST, s.times.shape[1], width)),
        np.zeros((ABREAST, width)),
        np.zeros((ABREAST, infusions), np.int64),
        np.zeros((ABREAST, infusions, width)),
        np.zeros((ABREAST, count), np.int64),
        np.zeros((ABREAST, s.tables[0].size)),
        np.zeros((ABREAST, count)),
        np.zeros((ABREAST, count)),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width),
        np.zeros((5, width)),
        np.zeros(s.reactions[3]),
        np.empty(2 * size * s.tables[0].size),
        np.empty(s.events.time_by.shape[1]),
        np.arange(size),
        np.full(ABREAST, EMPTY),
        np.zeros(ABREAST, np.int64),
        aligned(1),
        aligned(1),
        aligned(1),
        aligned(1),
        aligned(1),
    )
    found.atol[:], found.debris[:] = 1.0, np.nan
    return found


@inner
def seat(s: Patients, a: Places, l: int, p: int) -> None:  # noqa: E741
    """Give a place to a patient."""
    for row in range(a.marks.shape[0]):
        a.marks[row, l] = 0
    a.marks[PATIENT, l] = p
    a.t[l] = a.stop[l] = s.starts[p]
    a.h[l], a.previous[l] = 0.0, 0.0
    x = a.own_x[l]
    copy_row(x, s.x[p])
    if s.f[CONSTANTS] != 0:
        call(s.f[CONSTANTS], s.f[CONSTANTS + 1], x, s.tables[3], x, 0)
    for vector, one in ((a.x, x), (a.y, s.y[p]), (a.atol, s.atol[p]), (a.shares, s.shares[p])):
        put_in(one, vector, l)
    for i in range(s.extinct.size):
        a.debris[ABREAST * i + l], a.extinct[ABREAST * i + l] = s.atol[p, i], s.extinct[i]
    for i in range(a.own_flows.shape[1]):
        a.own_flows[l, i] = 0.0
    for o in range(a.own_active.shape[1]):
        a.own_active[l, o] = 0
    put_in(a.own_flows[l], a.infusion, l)
    copy_row(a.one_y, s.y[p])
    first_look(s.reactions, s.starts[p], a.one_y, x, decided(a, l), a.one_seen)


@inner
def decided(a: Places, l: int) -> Any:  # noqa: E741
    """Return what reactions have come to for one patient."""
    return a.own_on[l], a.own_factors[l], a.own_baseline[l], a.own_nadir[l]


@inner
def pause(s: Patients, a: Places, l: int) -> int:  # noqa: E741
    """Do what happens at the time a patient has come to, and find when the next thing does; return a status code."""
    p, t, y = a.marks[PATIENT, l], a.t[l], a.one_y
    e, g, count, times = a.marks[EVENT, l], a.marks[OUTPUT, l], s.lengths[p], s.times[p]
    events = own_events(s, p)
    event_times, kinds = events.times, events.kinds
    take_out(a.y, l, y)
    take_out(a.atol, l, s.atol[p])
    if e < event_times.size and event_times[e] <= t:
        while e < event_times.size and event_times[e] <= t:
            if kinds[e] == REPORT:
                for _ in range(int(events.amounts[e])):
                    copy_row(a.own_states[l, g], y)
                    g += 1
            elif not happen(
                e,
                s.f,
                t,
                events,
                s.tables,
                s.extinct,
                s.rtol,
                s.atol[p],
                s.reactions,
                y,
                a.own_x[l],
                a.own_flows[l],
                a.own_active[l],
                a.own_running[l],
                decided(a, l),
                s.fired[p],
                a.one_seen,
                a.moved,
                a.one_slope,
            ):
                s.ended[p] = t
                return NOT_STEADY
            if kinds[e] == SET or kinds[e] == FIRST or kinds[e] == RESET:
                put_in(a.own_x[l], a.x, l)
            e += 1
        a.marks[EVENT, l] = e
        put_in(y, a.y, l)
        put_in(a.own_flows[l], a.infusion, l)
    s.ended[p] = t
    for i in range(s.atol.shape[1]):
        if not abs(y[i]) < LARGEST:
            return NOT_FINITE
    while g < count and times[g] <= t:
        copy_row(a.own_states[l, g], y)
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
    renew_slope(s, a, l, earliest, y)
    if a.h[l] == 0.0:
        a.h[l] = first_step(s.f, earliest, y, a.own_x[l], a.own_flows[l], s.rtol, s.atol[p], a.one_slope, a.one_room)
        s.counts[p, EVALUATIONS] += 1
    return STEPPING


@inner
def renew_slope(s: Patients, a: Places, l: int, t: float, y: Any) -> None:  # noqa: E741
    """Renew the rates at the state of one patient."""
    place(t, y, a.own_x[l])
    rates(s.f, t, a.own_x[l], a.own_flows[l], a.one_slope)
    put_in(a.one_slope, a.k[0], l)
    s.counts[a.marks[PATIENT, l], EVALUATIONS] += 1


@inner
def leave(s: Patients, a: Places, c: Checkpoints, l: int, code: int) -> None:  # noqa: E741
    """A patient has ended, or is handed over: write its outputs, or its checkpoint."""
    p = a.marks[PATIENT, l]
    count = s.lengths[p]
    s.codes[p] = code
    take_out(a.y, l, s.y[p])
    take_out(a.atol, l, s.atol[p])
    for g in range(a.marks[OUTPUT, l], count):
        for i in range(a.own_states.shape[2]):
            a.own_states[l, g, i] = np.nan
    if code == HANDED_OVER:
        _hand_over(a, c, l, p)
        return
    for g in range(count, s.values.shape[1]):
        for i in range(s.values.shape[2]):
            s.values[p, g, i] = np.nan
    write_outputs(
        s.outputs,
        s.x[p],
        s.times[p, :count],
        a.own_states[l],
        s.ended[p],
        code == FINISHED,
        s.rtol,
        s.atol[p],
        s.extinct,
        own_events(s, p),
        s.f[CONSTANTS:],
        s.tables[3],
        s.tables[4],
        s.values[p, :count],
    )


@inner
def _hand_over(a: Places, c: Checkpoints, l: int, p: int) -> None:  # noqa: E741
    c.marks[p, 0], c.marks[p, 1], c.marks[p, 2] = a.marks[EVENT, l], a.marks[OUTPUT, l], a.marks[TAKEN, l]
    c.numbers[p, 0], c.numbers[p, 1], c.numbers[p, 2] = a.t[l], a.h[l], a.previous[l]
    copy_row(c.x[p], a.own_x[l])
    copy_row(c.active[p], a.own_active[l])
    for g in range(c.states.shape[1]):
        copy_row(c.states[p, g], a.own_states[l, g])
    for o in range(c.running.shape[1]):
        copy_row(c.running[p, o], a.own_running[l, o])
    on, factors, baseline, nadir = decided(a, l)
    copy_row(c.on[p], on)
    copy_row(c.factors[p], factors)
    copy_row(c.baseline[p], baseline)
    copy_row(c.nadir[p], nadir)
