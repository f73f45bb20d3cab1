"""From one stop to the next: the order of operations at a stop, for the scalar and the lane engine.

At a stop, the events that are due are applied in their order; outputs that precede an event in the table are saved before it.
Then continuous triggers are evaluated, and if one begins a course, its events are applied as well. Outputs at this time are
saved, and a segment begins: steps continue to the next event, or to the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.controller import initial_step, time_epsilon
from immunoode.solve.integrator.copying import copy_vector
from immunoode.solve.integrator.discontinuities import condition_signs
from immunoode.solve.integrator.domain import is_bounded
from immunoode.solve.integrator.events import apply_event
from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.native import evaluate_rates, set_constants, set_packed_state
from immunoode.solve.integrator.output import write_outputs
from immunoode.solve.integrator.records import EVENTS_APPLIED, IMPLICIT, PARAMETERS_SET, STATE_SET, STEPPING
from immunoode.solve.integrator.triggers import initialise_triggers, update_continuous_triggers
from immunoode.solve.problem.event_table import FIRST, REPORT, RESET, SET, STOP, VISIT
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY

SWITCH_AFTER = 40
"""The initial number of successive steps limited by stability (see `tsit5.held_down`) after which implicit steps are taken."""


@rare
def load_subject(run: Any, lane: int, p: int) -> None:
    """Assign a lane to subject p, at its start."""
    own, batch = run.progress, run.batch
    last = batch.times[p, batch.lengths[p] - 1]
    own.subject[lane] = p
    own.t[lane] = own.stop[lane] = batch.starts[p]
    own.end[lane] = max(batch.starts[p], last)
    own.h[lane] = own.log_error[lane] = 0.0
    own.event[lane], own.output[lane], own.taken[lane], own.streak[lane] = batch.offsets[p], 0, 0, 0
    own.infusing[lane], own.patience[lane], own.implicit[lane] = 0, SWITCH_AFTER, run.settings.method == IMPLICIT
    copy_vector(own.x[lane], batch.x[p])
    set_constants(run, own.x[lane])
    copy_vector(own.y[lane], batch.y[p])
    for i in range(own.infusion.shape[1]):
        own.infusion[lane, i] = 0.0
    for infusion in range(own.active.shape[1]):
        own.active[lane, infusion] = 0
    initialise_triggers(run, lane)


@rare
def end_subject(run: Any, lane: int, status: int) -> None:
    """Write the status, the last state and the outputs of a subject that has ended."""
    own, batch = run.progress, run.batch
    p, saved = own.subject[lane], own.saved[lane]
    batch.codes[p] = status
    copy_vector(batch.y[p], own.y[lane])
    for row in range(own.output[lane], batch.lengths[p]):
        for i in range(saved.shape[1]):
            saved[row, i] = np.nan
    write_outputs(run, lane, status == FINISHED)


@rare
def pass_stop(run: Any, lane: int) -> int:
    """Process the time that a subject has reached; return STEPPING, or the status code with which it ends."""
    own, p = run.progress, run.progress.subject[lane]
    own.events_done[lane] = 0
    run.batch.ended[p] = own.t[lane]
    deciding = True
    while deciding:
        if not apply_due_events(run, lane):
            return NOT_STEADY
        if not is_bounded(own.y[lane], run.layout.size):
            return NOT_FINITE
        deciding = run.triggers.continuous != 0 and update_continuous_triggers(run, lane)
    save_reached(run, lane)
    return FINISHED if own.t[lane] >= own.end[lane] else STEPPING


@inner
def apply_due_events(run: Any, lane: int) -> bool:
    """Apply the events up to the time that a subject has reached; False if there is no steady state."""
    own, batch = run.progress, run.batch
    t, end = own.t[lane], batch.offsets[own.subject[lane] + 1]
    while own.event[lane] < end and batch.events[own.event[lane]].time <= t:
        e = own.event[lane]
        own.event[lane] = e + 1
        event = batch.events[e]
        if event.kind == REPORT:
            for _ in range(int(event.amount)):
                save_state(run, lane)
            continue
        if not apply_event(run, lane, e):
            return False
        own.events_done[lane] |= EVENTS_APPLIED
        if event.kind != STOP and event.kind != VISIT:
            own.events_done[lane] |= STATE_SET
        if event.kind == SET or event.kind == FIRST or event.kind == RESET:
            own.events_done[lane] |= PARAMETERS_SET
    return True


@inner
def save_state(run: Any, lane: int) -> None:
    """Save the state for the next output."""
    own = run.progress
    copy_vector(own.saved[lane, own.output[lane]], own.y[lane])
    own.output[lane] += 1


@inner
def save_reached(run: Any, lane: int) -> None:
    """Save the state for all outputs up to the time that a subject has reached."""
    own, p = run.progress, run.progress.subject[lane]
    while own.output[lane] < run.batch.lengths[p] and run.batch.times[p, own.output[lane]] <= own.t[lane]:
        save_state(run, lane)


@rare
def begin_segment(run: Any, lane: int) -> None:
    """Find the next stop, and begin the segment that ends at it."""
    own, batch, p = run.progress, run.batch, run.progress.subject[lane]
    stop = own.end[lane]
    if own.event[lane] < batch.offsets[p + 1]:
        stop = min(stop, batch.events[own.event[lane]].time)
    set_stop(run, lane, stop)
    start_steps(run, lane)


@rare
def start_steps(run: Any, lane: int) -> None:
    """Find the rates right after the start of a segment, and the size of the first step."""
    own, p = run.progress, run.progress.subject[lane]
    own.jacobian_known[lane] = 0
    if run.layout.conditions:
        condition_signs(run, lane, own.earliest[lane])
    renew_rates(run, lane, own.earliest[lane])
    careful = own.implicit[lane] and own.events_done[lane] & STATE_SET
    if own.h[lane] == 0.0 or careful:  # an implicit step would pass over the fast part of what a dose begins, unseen
        first = initial_step(run, lane)
        own.h[lane] = first if own.h[lane] == 0.0 else min(own.h[lane], max(first, 100.0 * time_epsilon(own.t[lane])))
        run.batch.statistics[p].evaluations += 1


@inner
def set_stop(run: Any, lane: int, stop: float) -> None:
    """Set the end of a segment; rates are evaluated strictly within it."""
    own = run.progress
    earliest, latest = own.t[lane] + time_epsilon(own.t[lane]), stop - time_epsilon(stop)
    if earliest >= latest:
        earliest = latest = 0.5 * (own.t[lane] + stop)
    own.stop[lane], own.earliest[lane], own.latest[lane] = stop, earliest, latest


@rare
def renew_rates(run: Any, lane: int, t: float) -> None:
    """Update the rates at the state of a subject."""
    own = run.progress
    set_packed_state(t, own.y[lane], own.x[lane])
    evaluate_rates(run, lane, t, run.work.slope)
    run.batch.statistics[own.subject[lane]].evaluations += 1
