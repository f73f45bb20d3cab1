"""What both kernels take: the patients to be solved, and where one kernel hands a patient over to the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.integrator.jit import inner
from immunoode.solve.problem.event_table import INFUSION_START, Columns

HANDED_OVER = -3
"""Instead of a status code, of a patient that needs implicit steps: its row of the checkpoints says how far it has come."""


class Batch(NamedTuple):
    """What is to be solved, one row per patient, and where results go.

    `f` holds addresses and contexts in the order of `immunoode.solve.integrator.native`, `lane_rates` those of the rates
    of eight.
    Vectors of states are filled up to a multiple of four, and `events` of patient p lie at offsets[p]:offsets[p + 1]. `tables`
    are the state of each input, what exchanges matter with it, the number of conditions, the place of the constants and that
    of the time of each input's first dose;
    `reactions` the function that is watched, their numbers, the inputs that they affect, and how many numbers that function
    gives. `read` holds the places of the states that the outputs are made of: others are not reported.
    Absolute tolerances, `atol`, grow along the way (`shares`, see `immunoode.solve.problem.tolerances`);
    `units` say what of a state's size counts for the error of its sensitivities.
    """

    f: Any
    lane_rates: Any
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
    shares: Any
    units: Any
    most_steps: int
    method: int
    reactions: Any
    outputs: Any
    values: Any
    counts: Any
    ended: Any
    codes: Any
    fired: Any


class Checkpoints(NamedTuple):
    """How far patients have come who are handed over, one row per patient; others have no values.

    `marks` are the next event, the next output and the steps that were taken; `numbers` the time, the size of the next step and
    the last error's logarithm. `x` is the packed input, `states` what was reported, `active` and `running` the infusions, and
    the others what reactions have come to (see `immunoode.solve.integrator.triggers.initialise_triggers`).
    """

    marks: Any
    numbers: Any
    x: Any
    states: Any
    active: Any
    running: Any
    on: Any
    factors: Any
    baseline: Any
    nadir: Any


def checkpoints_for(s: Batch) -> Checkpoints:
    """Return room for checkpoints; no memory is taken by those that are not filled."""
    patients, width = s.y.shape
    infusions, inputs, reactions = infusions_in(s), s.tables[0].size, s.reactions[1].shape[0]
    return Checkpoints(
        np.empty((patients, 3), np.int64),
        np.empty((patients, 3)),
        np.empty(s.x.shape),
        np.empty((patients, s.times.shape[1], width)),
        np.empty((patients, infusions), np.int64),
        np.empty((patients, infusions, width)),
        np.empty((patients, reactions), np.int64),
        np.empty((patients, inputs)),
        np.empty((patients, reactions)),
        np.empty((patients, reactions)),
    )


def infusions_in(s: Batch) -> int:
    """Return how many infusions the events of one patient begin, at most."""
    kinds, ordinals = s.events.kinds, s.events.ordinals
    return int(ordinals[kinds == INFUSION_START].max(initial=-1)) + 1


@inner
def events_of_subject(s: Batch, p: int) -> Any:
    """Return the events of one patient."""
    a, b, c = s.offsets[p], s.offsets[p + 1], s.events
    return Columns(
        c.times[a:b],
        c.kinds[a:b],
        c.inputs[a:b],
        c.amounts[a:b],
        c.durations[a:b],
        c.ordinals[a:b],
        c.intervals[a:b],
        c.phases[a:b],
        c.time_by[a:b],
        c.amount_by[a:b],
        c.duration_by[a:b],
        c.phase_by[a:b],
    )


@inner
def copy_vector(out: Any, other: Any) -> None:
    """Copy a vector of any length."""
    for i in range(other.size):
        out[i] = other[i]
