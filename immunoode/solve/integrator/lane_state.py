"""The places of eight patients who step abreast, compiled: taking one, what happens there between steps, leaving it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.integrator.controller import initial_step, time_epsilon
from immunoode.solve.integrator.dosing import sum_infusions
from immunoode.solve.integrator.events import apply_event
from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import CONSTANTS, call, evaluate_rates, set_packed_state
from immunoode.solve.integrator.output import write_outputs
from immunoode.solve.integrator.records import HANDED_OVER, Batch, Checkpoints, copy_vector, events_of_subject, infusions_in
from immunoode.solve.integrator.scalar import EVALUATIONS, IMPLICIT, LARGEST
from immunoode.solve.integrator.simd8 import aligned
from immunoode.solve.integrator.triggers import initialise_triggers
from immunoode.solve.problem.compiled_model import LANES, STATES_AT
from immunoode.solve.problem.event_table import FIRST, REPORT, RESET, SET, STOP, VISIT
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY

PATIENT, EVENT, OUTPUT, STREAK, TAKEN, IMPLICIT_MODE, PATIENCE = range(7)
"""Rows of the whole numbers of each lane: its patient, the next event and output, steps that speak for the other method, all
steps, whether they are implicit, and how many of the former it takes to change to implicit ones."""
SWITCH_AFTER = 10
"""Explicit steps at the edge of stability after which implicit ones are taken, at first."""
STEPPING, EMPTY = -1, -2
"""Of a place, instead of the status code of a patient that has ended."""


class ImplicitRoom(NamedTuple):
    """Room for implicit steps of eight: see `immunoode.solve.integrator.rodas5p_lanes`.

    `one` are ones, `inverse` one over each step; `right` is the right-hand side of a stage; `scales` what `prepare` takes: one
    over the step and the coefficient, and the weights of the n states; `prepared` what it gives, of which `drift` is a part, as
    one row (none where time is not in the rates); `k` are the stages.
    """

    one: Any
    inverse: Any
    right: Any
    scales: Any
    prepared: Any
    drift: Any
    k: Any


class Lanes(NamedTuple):
    """The eight places. Vectors of all eight are interleaved; `own_` ones have a row a place; `one_` ones are room for one.

    `t`, `h`, `step`, `earliest`, `latest`, `stop` and `previous` are the time, the size of the next step and of this one, the
    first instant after what happened last, the last before what happens next, when that is, and the last error's logarithm.
    `debris` is how far below zero a state may come by rounding: its absolute tolerance, and NaN for derivatives, which may be
    below zero. `units` are those of `immunoode.solve.problem.tolerances`. `every` are the places of all states,
    `ends` the status of each patient (or STEPPING, EMPTY), and what follows is room for what is found in a step.
    """

    marks: Any
    t: Any
    h: Any
    step: Any
    earliest: Any
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
    units: Any
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
    implicit: ImplicitRoom


@inner
def gather_lane(vector: Any, place_: int, one: Any) -> None:
    """Copy the numbers of one patient out of an interleaved vector."""
    for i in range(vector.size // LANES):
        one[i] = vector[LANES * i + place_]


@inner
def scatter_lane(one: Any, vector: Any, place_: int) -> None:
    """Copy the numbers of one patient into an interleaved vector."""
    for i in range(vector.size // LANES):
        vector[LANES * i + place_] = one[i]


def implicit_room(size: int, states: int, rows: int, drift_at: int) -> ImplicitRoom:
    """Return room for implicit steps of `size` numbers; of `rows` that are prepared, those by time begin at one (0: none)."""
    prepared, count = aligned(rows), size if drift_at else 0
    drift = prepared[LANES * drift_at : LANES * (drift_at + count)].reshape(int(count > 0), LANES * count)
    k = aligned(8 * size).reshape(8, LANES * size)
    found = ImplicitRoom(aligned(1), aligned(1), aligned(size), aligned(1 + states), prepared, drift, k)
    found.one[:] = 1.0
    return found


def lanes_for(s: Batch, rows: int = 1, drift_at: int = 0) -> Lanes:
    """Return empty places."""
    size, width, packed, count = s.atol.shape[1], s.y.shape[1], s.x.shape[1], s.reactions[1].shape[0]
    infusions, length, x = infusions_in(s), LANES * size, aligned(packed)
    trial = x[LANES * STATES_AT : LANES * STATES_AT + length]  # rates were last asked for at the ends of steps
    found = Lanes(
        np.zeros((7, LANES), np.int64),
        aligned(1),
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
        aligned(s.units.shape[1]),
        aligned(size),
        aligned(size),
        aligned(size),
        np.zeros((LANES, packed)),
        np.zeros((LANES, s.times.shape[1], width)),
        np.zeros((LANES, width)),
        np.zeros((LANES, infusions), np.int64),
        np.zeros((LANES, infusions, width)),
        np.zeros((LANES, count), np.int64),
        np.zeros((LANES, s.tables[0].size)),
        np.zeros((LANES, count)),
        np.zeros((LANES, count)),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width),
        np.zeros((5, width)),
        np.zeros(s.reactions[3]),
        np.empty(2 * size * s.tables[0].size),
        np.empty(s.events.time_by.shape[1]),
        np.arange(size),
        np.full(LANES, EMPTY),
        np.zeros(LANES, np.int64),
        aligned(1),
        aligned(1),
        aligned(1),
        aligned(1),
        aligned(1),
        implicit_room(size, s.extinct.size, rows, drift_at),
    )
    found.atol[:], found.debris[:] = 1.0, np.nan
    return found


@inner
def load_lane(s: Batch, a: Lanes, l: int, p: int) -> None:  # noqa: E741
    """Give a place to a patient."""
    for row in range(a.marks.shape[0]):
        a.marks[row, l] = 0
    a.marks[PATIENT, l], a.marks[PATIENCE, l], a.marks[IMPLICIT_MODE, l] = p, SWITCH_AFTER, s.method == IMPLICIT
    a.t[l] = a.stop[l] = s.starts[p]
    a.h[l], a.previous[l] = 0.0, 0.0
    x = a.own_x[l]
    copy_vector(x, s.x[p])
    if s.f[CONSTANTS] != 0:
        call(s.f[CONSTANTS], s.f[CONSTANTS + 1], x, s.tables[3], x, 0)
    for vector, one in ((a.x, x), (a.y, s.y[p]), (a.atol, s.atol[p]), (a.shares, s.shares[p]), (a.units, s.units[p])):
        scatter_lane(one, vector, l)
    for i in range(s.extinct.size):
        a.debris[LANES * i + l], a.extinct[LANES * i + l] = s.atol[p, i], s.extinct[i]
    for i in range(a.own_flows.shape[1]):
        a.own_flows[l, i] = 0.0
    for o in range(a.own_active.shape[1]):
        a.own_active[l, o] = 0
    scatter_lane(a.own_flows[l], a.infusion, l)
    copy_vector(a.one_y, s.y[p])
    initialise_triggers(s.reactions, s.starts[p], a.one_y, x, decided(a, l), a.one_seen)
    for i in range(s.extinct.size):  # the estimate of the leading eigenvalue begins anew
        a.implicit.prepared[LANES * min(i + 2, a.implicit.prepared.size // LANES - 1) + l] = 0.0


@inner
def resume_lane(s: Batch, a: Lanes, c: Checkpoints, l: int) -> None:  # noqa: E741
    """Go on, in implicit steps, with a patient that was handed over and has been given a place."""
    p = a.marks[PATIENT, l]
    a.marks[IMPLICIT_MODE, l] = 1
    a.marks[EVENT, l], a.marks[OUTPUT, l], a.marks[TAKEN, l] = c.marks[p, 0], c.marks[p, 1], c.marks[p, 2]
    a.t[l] = a.stop[l] = c.numbers[p, 0]
    a.h[l], a.previous[l] = c.numbers[p, 1], c.numbers[p, 2]
    copy_vector(a.own_x[l], c.x[p])
    scatter_lane(a.own_x[l], a.x, l)
    copy_vector(a.own_active[l], c.active[p])
    for g in range(c.states.shape[1]):
        copy_vector(a.own_states[l, g], c.states[p, g])
    for o in range(c.running.shape[1]):
        copy_vector(a.own_running[l, o], c.running[p, o])
    sum_infusions(s.y[p], a.own_flows[l], a.own_active[l], a.own_running[l])
    scatter_lane(a.own_flows[l], a.infusion, l)
    on, factors, baseline, nadir = decided(a, l)
    copy_vector(on, c.on[p])
    copy_vector(factors, c.factors[p])
    copy_vector(baseline, c.baseline[p])
    copy_vector(nadir, c.nadir[p])


@inner
def decided(a: Lanes, l: int) -> Any:  # noqa: E741
    """Return what reactions have come to for one patient."""
    return a.own_on[l], a.own_factors[l], a.own_baseline[l], a.own_nadir[l]


@inner
def advance_lane(s: Batch, a: Lanes, l: int) -> int:  # noqa: E741
    """Do what happens at the time a patient has come to, and find when the next thing does; return a status code."""
    p, t, y = a.marks[PATIENT, l], a.t[l], a.one_y
    e, g, count, times = a.marks[EVENT, l], a.marks[OUTPUT, l], s.lengths[p], s.times[p]
    events = events_of_subject(s, p)
    event_times, kinds = events.times, events.kinds
    gather_lane(a.y, l, y)
    gather_lane(a.atol, l, s.atol[p])
    given = False
    if e < event_times.size and event_times[e] <= t:
        while e < event_times.size and event_times[e] <= t:
            if kinds[e] == REPORT:
                for _ in range(int(events.amounts[e])):
                    copy_vector(a.own_states[l, g], y)
                    g += 1
            elif not apply_event(
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
                scatter_lane(a.own_x[l], a.x, l)
            given |= kinds[e] != STOP and kinds[e] != VISIT and kinds[e] != REPORT
            e += 1
        a.marks[EVENT, l] = e
        scatter_lane(y, a.y, l)
        scatter_lane(a.own_flows[l], a.infusion, l)
    s.ended[p] = t
    for i in range(s.atol.shape[1]):
        if not abs(y[i]) < LARGEST:
            return NOT_FINITE
    while g < count and times[g] <= t:
        copy_vector(a.own_states[l, g], y)
        g += 1
    a.marks[OUTPUT, l] = g
    end = max(s.starts[p], times[count - 1])
    if t >= end:
        return FINISHED
    stop = min(end, event_times[e]) if e < event_times.size else end
    earliest, latest = t + time_epsilon(t), stop - time_epsilon(stop)
    if earliest >= latest:
        earliest = latest = 0.5 * (t + stop)
    a.stop[l], a.earliest[l], a.latest[l] = stop, earliest, latest
    renew_rates(s, a, l, earliest, y)
    if a.h[l] == 0.0 or (
        given and a.marks[IMPLICIT_MODE, l]
    ):  # an implicit step passes over the fast part of what a dose begins
        first = initial_step(s.f, earliest, y, a.own_x[l], a.own_flows[l], s.rtol, s.atol[p], a.one_slope, a.one_room)
        a.h[l] = first if a.h[l] == 0.0 else min(a.h[l], max(first, 100.0 * time_epsilon(t)))
        s.counts[p, EVALUATIONS] += 1
    return STEPPING


@inner
def renew_rates(s: Batch, a: Lanes, l: int, t: float, y: Any) -> None:  # noqa: E741
    """Renew the rates at the state of one patient."""
    set_packed_state(t, y, a.own_x[l])
    evaluate_rates(s.f, t, a.own_x[l], a.own_flows[l], a.one_slope)
    scatter_lane(a.one_slope, a.k[0], l)
    s.counts[a.marks[PATIENT, l], EVALUATIONS] += 1


@inner
def store_lane(s: Batch, a: Lanes, c: Checkpoints, l: int, code: int) -> None:  # noqa: E741
    """A patient has ended, or is handed over: write its outputs, or its checkpoint."""
    p = a.marks[PATIENT, l]
    count = s.lengths[p]
    s.codes[p] = code
    gather_lane(a.y, l, s.y[p])
    gather_lane(a.atol, l, s.atol[p])
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
        events_of_subject(s, p),
        s.f[CONSTANTS:],
        s.tables[3],
        s.tables[4],
        s.values[p, :count],
    )


@inner
def _hand_over(a: Lanes, c: Checkpoints, l: int, p: int) -> None:  # noqa: E741
    c.marks[p, 0], c.marks[p, 1], c.marks[p, 2] = a.marks[EVENT, l], a.marks[OUTPUT, l], a.marks[TAKEN, l]
    c.numbers[p, 0], c.numbers[p, 1], c.numbers[p, 2] = a.t[l], a.h[l], a.previous[l]
    copy_vector(c.x[p], a.own_x[l])
    copy_vector(c.active[p], a.own_active[l])
    for g in range(c.states.shape[1]):
        copy_vector(c.states[p, g], a.own_states[l, g])
    for o in range(c.running.shape[1]):
        copy_vector(c.running[p, o], a.own_running[l, o])
    on, factors, baseline, nadir = decided(a, l)
    copy_vector(c.on[p], on)
    copy_vector(c.factors[p], factors)
    copy_vector(c.baseline[p], baseline)
    copy_vector(c.nadir[p], nadir)
