"""The places of eight patients who step abreast, compiled: taking one, what happens there between steps, leaving it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.abreast_sums import aligned
from immunoode.solve.calls import CONSTANTS, call, place, rates
from immunoode.solve.control import first_step, instant
from immunoode.solve.decisions import first_look
from immunoode.solve.events import SET
from immunoode.solve.happening import happen
from immunoode.solve.jit import kernel, part
from immunoode.solve.kernel import EVALUATIONS, LARGEST, infusions_in
from immunoode.solve.outputs import write_outputs
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY
from immunoode.solve.system import ABREAST, STATES_AT

PATIENT, EVENT, OUTPUT, STREAK, TAKEN = range(5)
"""Rows of the whole numbers of each place: its patient, the next event and output, steps at the edge of stability, steps."""
STEPPING, EMPTY = -1, -2
"""Of a place, instead of the status code of a patient that has ended."""


class Patients(NamedTuple):
    """What is to be solved, one row a patient (see `immunoode.solve.kernel.solve_many`), and where results go.

    `read` holds the places of the states that the outputs are made of: others are not reported.
    """

    f: Any
    rates_abreast: Any
    read: Any
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


@kernel
def take_out(vector: Any, place_: int, one: Any) -> None:
    """Copy the numbers of one patient out of an interleaved vector."""
    for i in range(vector.size // ABREAST):
        one[i] = vector[ABREAST * i + place_]


@kernel
def put_in(one: Any, vector: Any, place_: int) -> None:
    """Copy the numbers of one patient into an interleaved vector."""
    for i in range(vector.size // ABREAST):
        vector[ABREAST * i + place_] = one[i]


@part
def own_events(s: Patients, p: int) -> Any:
    a, b = s.offsets[p], s.offsets[p + 1]
    c = s.events
    return (c[0][a:b], c[1][a:b], c[2][a:b], c[3][a:b], c[4][a:b], c[5][a:b], c[6][a:b], c[7][a:b], c[8][a:b], c[9][a:b])


@kernel
def places_for(s: Patients) -> Places:
    size, width, packed, count = s.atol.shape[1], s.y.shape[1], s.x.shape[1], s.reactions[1].shape[0]
    infusions = 0
    for p in range(s.y.shape[0]):
        events = own_events(s, p)
        infusions = max(infusions, infusions_in(events[1], events[5]))
    length, x = ABREAST * size, aligned(packed)
    trial = x[ABREAST * STATES_AT : ABREAST * STATES_AT + length]  # rates were last asked for at the ends of steps
    found = Places(
        np.zeros((5, ABREAST), np.int64), aligned(1), aligned(1), aligned(1), aligned(1), aligned(1), aligned(1),
        x, aligned(size), aligned(8 * size).reshape(8, length), trial, aligned(size),
        aligned(5 * size).reshape(5, length), aligned(size), aligned(size), aligned(size), aligned(size),
        np.zeros((ABREAST, packed)), np.zeros((ABREAST, s.times.shape[1], width)), np.zeros((ABREAST, width)),
        np.zeros((ABREAST, infusions), np.int64), np.zeros((ABREAST, infusions, width)),
        np.zeros((ABREAST, count), np.int64), np.zeros((ABREAST, s.tables[0].size)), np.zeros((ABREAST, count)),
        np.zeros((ABREAST, count)), np.zeros(width), np.zeros(width), np.zeros(width), np.zeros(width), np.zeros((5, width)),
        np.zeros(s.reactions[3]), np.empty(2 * size * s.tables[0].size),
        np.empty(s.events[8].shape[1]),
    )  # fmt: skip
    found.atol[:], found.debris[:] = 1.0, np.nan
    return found


@part
def seat(s: Patients, a: Places, l: int, p: int) -> None:  # noqa: E741
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
        put_in(one, vector, l)
    for i in range(s.extinct.size):
        a.debris[ABREAST * i + l], a.extinct[ABREAST * i + l] = s.atol[p, i], s.extinct[i]
    a.own_flows[l] = 0.0
    a.own_active[l] = 0
    put_in(a.own_flows[l], a.infusion, l)
    a.one_y[:] = s.y[p]
    first_look(s.reactions, s.starts[p], a.one_y, x, decided(a, l), a.one_seen)


@part
def decided(a: Places, l: int) -> Any:  # noqa: E741
    """Return what reactions have come to for one patient."""
    return a.own_on[l], a.own_factors[l], a.own_baseline[l], a.own_nadir[l]


@part
def pause(s: Patients, a: Places, l: int) -> int:  # noqa: E741
    """Do what happens at the time a patient has come to, and find when the next thing does; return a status code."""
    p, t, y = a.marks[PATIENT, l], a.t[l], a.one_y
    e, g, count, times = a.marks[EVENT, l], a.marks[OUTPUT, l], s.lengths[p], s.times[p]
    events = own_events(s, p)
    event_times = events[0]
    take_out(a.y, l, y)
    if e < event_times.size and event_times[e] <= t:
        while e < event_times.size and event_times[e] <= t:
            if not happen(e, s.f, t, events, s.tables, s.extinct, s.rtol, s.atol[p], s.reactions, y, a.own_x[l], a.own_flows[l],
                          a.own_active[l], a.own_running[l], decided(a, l), s.fired[p], a.one_seen, a.moved,
                          a.one_slope):  # fmt: skip
                s.ended[p] = t
                return NOT_STEADY
            if events[1][e] == SET:
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
    renew_slope(s, a, l, earliest, y)
    if a.h[l] == 0.0:
        a.h[l] = first_step(s.f, earliest, y, a.own_x[l], a.own_flows[l], s.rtol, s.atol[p], a.one_slope, a.one_room)
        s.counts[p, EVALUATIONS] += 1
    return STEPPING


@part
def renew_slope(s: Patients, a: Places, l: int, t: float, y: Any) -> None:  # noqa: E741
    """Renew the rates at the state of one patient."""
    place(t, y, a.own_x[l])
    rates(s.f, t, a.own_x[l], a.own_flows[l], a.one_slope)
    put_in(a.one_slope, a.k[0], l)
    s.counts[a.marks[PATIENT, l], EVALUATIONS] += 1


@part
def leave(s: Patients, a: Places, l: int, code: int) -> None:  # noqa: E741
    """A patient has ended: write its outputs."""
    p = a.marks[PATIENT, l]
    count = s.lengths[p]
    s.codes[p] = code
    take_out(a.y, l, s.y[p])
    a.own_states[l, a.marks[OUTPUT, l] : count] = np.nan
    s.values[p, count:] = np.nan
    write_outputs(s.outputs, s.x[p], s.times[p, :count], a.own_states[l], s.ended[p], code == FINISHED, s.rtol, s.atol[p],
                  s.extinct, own_events(s, p), s.f[CONSTANTS:], s.tables[3], s.values[p, :count])  # fmt: skip
