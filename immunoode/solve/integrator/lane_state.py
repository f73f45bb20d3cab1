"""The eight lanes: their vectors, and operations on one of them between steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.integrator.copying import copy_progress
from immunoode.solve.integrator.domain import clip_dense_output, cut_at_root
from immunoode.solve.integrator.interpolation import interpolate
from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.records import (
    EVENTS_APPLIED,
    HANDED_OVER,
    PARAMETERS_SET,
    STEPPING,
    Batch,
    VectorLayout,
    aligned_zeros,
)
from immunoode.solve.integrator.segment import begin_segment, end_subject, load_subject, pass_stop, renew_rates
from immunoode.solve.problem.packed_input import ITERATE_AT, LANES, STATES_AT

EMPTY = -2
"""Status of a lane that has no subject."""


class ImplicitRoom(NamedTuple):
    """Working memory for implicit steps of eight subjects: see `immunoode.solve.integrator.rodas5p_lanes`.

    `one` contains ones, `inverse` the reciprocal of each step size. `right` is added to the rates of a stage, of the states or
    of one sensitivity. `scales` is the input of `lane_setup`: the reciprocal of step size and coefficient, and the weights of
    the n states. `prepared` is its output, of which `drift` is a part, with one row for the states and one for each sensitivity
    (none if the rates do not depend on time). `stages` are those of the steps.
    """

    one: Any
    inverse: Any
    right: Any
    scales: Any
    prepared: Any
    drift: Any
    stages: Any


class Lanes(NamedTuple):
    """Vectors of eight subjects: number i of lane l is at index 8 i + l.

    All other progress of a lane is in its `Progress`. `debris` is the amount by which a state may be negative because of
    rounding: its absolute tolerance, and NaN for derivatives, which may be negative. `status` is STEPPING, EMPTY, or the code
    with which a subject ends. The last ones are computed in each step: the flags of
    `immunoode.solve.integrator.simd8.check_steps`, scaled errors, sizes of leading eigenvalues, whether a step is accepted (1),
    the logarithm of its error and the factor of the next step. `waiting` (1,) is the next subject without a lane, `mode` (1,)
    whether the steps of this turn are implicit.
    """

    x: Any
    y: Any
    stages: Any
    trial: Any
    sixth: Any
    dense: Any
    atol: Any
    atol_share: Any
    debris: Any
    thresholds: Any
    infusion: Any
    units: Any
    status: Any
    flags: Any
    error: Any
    stiffness: Any
    accepted: Any
    logged: Any
    factor: Any
    waiting: Any
    mode: Any
    implicit: ImplicitRoom


def lanes_for(batch: Batch, layout: VectorLayout, rows: int = 1, drift_at: int = 0) -> Lanes:
    """Return empty lanes.

    Of the `rows` that implicit steps prepare, the derivatives with respect to time begin at `drift_at` (0: none).
    """
    size, x = layout.size, aligned_zeros(batch.x.shape[1])
    length = LANES * size
    atol, debris = aligned_zeros(size), aligned_zeros(layout.states)
    atol[:], debris[:] = 1.0, np.nan
    return Lanes(
        x=x,
        y=aligned_zeros(size),
        stages=aligned_zeros(8 * size).reshape(8, length),
        trial=x[LANES * STATES_AT : LANES * STATES_AT + length],  # rates were last asked for at the ends of steps
        sixth=aligned_zeros(size),
        dense=aligned_zeros(5 * size).reshape(5, length),
        atol=atol,
        atol_share=aligned_zeros(size),
        debris=debris,
        thresholds=aligned_zeros(layout.states),
        infusion=aligned_zeros(size),
        units=aligned_zeros(1 + layout.varied),
        status=np.full(LANES, EMPTY),
        flags=np.zeros(LANES, np.int64),
        error=aligned_zeros(1),
        stiffness=aligned_zeros(1),
        accepted=aligned_zeros(1),
        logged=aligned_zeros(1),
        factor=aligned_zeros(1),
        waiting=np.zeros(1, np.int64),
        mode=np.zeros(1, np.int64),
        implicit=_implicit_room(size, layout.states, rows, drift_at),
    )


def _implicit_room(size: int, states: int, rows: int, drift_at: int) -> ImplicitRoom:
    prepared, count = aligned_zeros(rows), size if drift_at else 0
    drift = prepared[LANES * drift_at : LANES * (drift_at + count)].reshape(count // states, LANES * states)
    one, stages = aligned_zeros(1), aligned_zeros(8 * size).reshape(8, LANES * size)
    one[:] = 1.0
    return ImplicitRoom(one, aligned_zeros(1), aligned_zeros(states), aligned_zeros(1 + states), prepared, drift, stages)


@inner
def gather_lane(vector: Any, lane: int, one: Any) -> None:
    """Copy the numbers of one subject out of a vector of eight."""
    for i in range(vector.size // LANES):
        one[i] = vector[LANES * i + lane]


@inner
def scatter_lane(one: Any, vector: Any, lane: int) -> None:
    """Copy the numbers of one subject into a vector of eight."""
    for i in range(vector.size // LANES):
        vector[LANES * i + lane] = one[i]


@rare
def load_lane(run: Any, lanes: Any, checkpoints: Any, lane: int, p: int) -> None:
    """Assign a lane to subject p; a subject that was handed over continues with implicit steps."""
    own, batch, prepared = run.progress, run.batch, lanes.implicit.prepared
    load_subject(run, lane, p)
    if batch.codes[p] == HANDED_OVER:
        copy_progress(checkpoints, p, own, lane)
        own.stop[lane], own.implicit[lane] = own.t[lane], 1
    scatter_lane(own.x[lane], lanes.x, lane)
    scatter_lane(own.y[lane], lanes.y, lane)
    scatter_lane(own.infusion[lane], lanes.infusion, lane)
    scatter_lane(batch.atol[p], lanes.atol, lane)
    scatter_lane(batch.atol_share[p], lanes.atol_share, lane)
    scatter_lane(batch.units[p], lanes.units, lane)
    for i in range(run.layout.states):
        lanes.debris[LANES * i + lane] = batch.atol[p, i]
        lanes.thresholds[LANES * i + lane] = run.settings.thresholds[i]
        prepared[LANES * min(ITERATE_AT + i, prepared.size // LANES - 1) + lane] = (
            0.0  # the leading eigenvalue is estimated anew
        )


@rare
def advance_lane(run: Any, lanes: Any, lane: int) -> int:
    """Process the stop that a lane has reached, and begin its next segment; return STEPPING or a status code."""
    own = run.progress
    gather_lane(lanes.y, lane, own.y[lane])
    gather_lane(lanes.atol, lane, run.batch.atol[own.subject[lane]])
    status = pass_stop(run, lane)
    if own.events_done[lane] & EVENTS_APPLIED:
        scatter_lane(own.y[lane], lanes.y, lane)
        scatter_lane(own.infusion[lane], lanes.infusion, lane)
    if own.events_done[lane] & PARAMETERS_SET:
        scatter_lane(own.x[lane], lanes.x, lane)
    if status == STEPPING:
        begin_segment(run, lane)
        scatter_lane(run.work.slope, lanes.stages[0], lane)
    return status


@rare
def store_lane(run: Any, lanes: Any, checkpoints: Any, lane: int, status: int) -> None:
    """Write the results of a subject that has ended, or the checkpoint of one that is handed over."""
    own, batch = run.progress, run.batch
    p = own.subject[lane]
    gather_lane(lanes.y, lane, own.y[lane])
    gather_lane(lanes.atol, lane, batch.atol[p])
    if status == HANDED_OVER:
        batch.codes[p] = status
        copy_progress(own, lane, checkpoints, p)
    else:
        end_subject(run, lane, status)


@inner
def gather_step(run: Any, lanes: Any, lane: int) -> None:
    """Copy the step of one lane into the record that functions of both engines use: its start, end and tolerances."""
    own, work = run.progress, run.work
    gather_lane(lanes.y, lane, own.y[lane])
    gather_lane(lanes.trial, lane, work.trial)
    gather_lane(lanes.atol, lane, run.batch.atol[own.subject[lane]])


@rare
def gather_interpolant(run: Any, lanes: Any, lane: int) -> None:
    """Copy the interpolant of one lane's step as well."""
    gather_step(run, lanes, lane)
    for row in range(5):
        gather_lane(lanes.dense[row], lane, run.work.dense[row])


@rare
def cut_lane(run: Any, lanes: Any, lane: int, theta: float) -> None:
    """End the step of one lane at theta, at which a state falls below its threshold."""
    own = run.progress
    cut_at_root(run, lane, theta)
    scatter_lane(own.y[lane], lanes.y, lane)
    renew_rates(run, lane, min(own.t[lane], own.latest[lane]))
    scatter_lane(run.work.slope, lanes.stages[0], lane)


@inner
def save_dense_lane(run: Any, lanes: Any, lane: int, t: float, reached: float, at_end: bool) -> None:
    """Save the states of one lane for all outputs within its step from t; with `at_end` also at its end."""
    own, dense, p, reported = run.progress, lanes.dense, run.progress.subject[lane], run.layout.reported
    times, count, g = run.batch.times[p], run.batch.lengths[p], own.output[lane]
    while g < count and (times[g] < reached or (times[g] == reached and at_end)):
        theta, lowest = (times[g] - t) / own.size[lane], 0.0
        for r in range(reported.size):
            i = reported[r]
            value = interpolate(dense, LANES * i + lane, theta)
            own.saved[lane, g, i] = value
            if i < run.layout.states:
                lowest = min(lowest, value)
        if lowest < 0.0:
            _clip_lane(run, lanes, lane, g, theta)
        g += 1
    own.output[lane] = g


@rare
def _clip_lane(run: Any, lanes: Any, lane: int, g: int, theta: float) -> None:
    """Set saved states to zero if they are negative but should not be."""
    own = run.progress
    for i in range(run.layout.size):
        own.saved[lane, g, i] = interpolate(lanes.dense, LANES * i + lane, theta)
    gather_step(run, lanes, lane)
    t = min(run.batch.times[own.subject[lane], g], own.latest[lane])
    clip_dense_output(run, lane, t, own.saved[lane, g])
