"""Triggers: evaluation of conditions on the state, their effects, and the start of courses of doses."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.interpolation import interpolate_into, locate_root
from immunoode.solve.integrator.jit import entry, inner, rare
from immunoode.solve.integrator.native import call, set_packed_state
from immunoode.solve.problem.trigger_table import BASELINE, NO_REFERENCE

_RESOLUTION = 2.0**-50


@inner
def evaluate_quantities(run: Any, lane: int, t: float, y: Any) -> None:
    """Fill the workspace's `quantities` with those that the triggers watch."""
    x = run.progress.x[lane]
    set_packed_state(t, y, x)
    call(run.functions.quantities, run.work.quantities, x)


@rare
def initialise_triggers(run: Any, lane: int) -> None:
    """Initialise the triggers: all are off, doses are unchanged, and reference values are set."""
    own, quantities = run.progress, run.work.quantities
    for i in range(own.dose_factors.shape[1]):
        own.dose_factors[lane, i] = 1.0
    count = run.triggers.table.size
    if count:
        evaluate_quantities(run, lane, own.t[lane], own.y[lane])
    for r in range(count):
        own.trigger_on[lane, r] = 0
        own.baseline[lane, r] = own.nadir[lane, r] = quantities[r]


@inner
def condition_holds(run: Any, lane: int, r: int, value: float) -> bool:
    """Whether the condition of trigger r holds for a value of its quantity; if it is on, whether it still holds."""
    own, trigger = run.progress, run.triggers.table[r]
    reference, limit = 0.0, trigger.release if own.trigger_on[lane, r] else trigger.limit
    if trigger.reference != NO_REFERENCE:
        reference = own.baseline[lane, r] if trigger.reference == BASELINE else own.nadir[lane, r]
        limit *= reference
    if trigger.above != 0:
        return value >= limit and value - reference >= trigger.by
    return value <= limit and (trigger.reference == NO_REFERENCE or reference - value >= trigger.by)


@inner
def would_change(run: Any, lane: int) -> bool:
    """Whether a continuous trigger would change now, given the quantities in the workspace."""
    table, on = run.triggers.table, run.progress.trigger_on[lane]
    for r in range(table.size):
        if table[r].continuous != 0 and not (on[r] and table[r].lasting != 0):
            if condition_holds(run, lane, r, run.work.quantities[r]) != (on[r] != 0):
                return True
    return False


@inner
def _would_change_at(run: Any, lane: int, which: int, theta: float) -> bool:
    own, state = run.progress, run.work.scratch
    interpolate_into(state, run.work.dense, theta)
    evaluate_quantities(run, lane, own.t[lane] + theta * own.size[lane], state)
    return would_change(run, lane)


@rare
def locate_trigger(run: Any, lane: int) -> float:
    """Return the theta of the first trigger that changes in a step at whose end at least one has changed."""
    return locate_root(_would_change_at, run, lane, 0, 0.0, 1.0, _RESOLUTION).high


@rare
def decide_at_visit(run: Any, lane: int, r: int) -> None:
    """Evaluate trigger r at a visit."""
    evaluate_quantities(run, lane, run.progress.t[lane], run.progress.y[lane])
    update_trigger(run, lane, r, run.work.quantities[r])


@rare
def update_continuous_triggers(run: Any, lane: int) -> bool:
    """Evaluate the continuous triggers; True if a course begins."""
    evaluate_quantities(run, lane, run.progress.t[lane], run.progress.y[lane])
    began = False
    for r in range(run.triggers.table.size):
        if run.triggers.table[r].continuous != 0:
            began |= update_trigger(run, lane, r, run.work.quantities[r])
    return began


@inner
def update_nadirs(run: Any, lane: int) -> None:
    """Store the lowest values of the quantities of continuous triggers."""
    nadir = run.progress.nadir[lane]
    for r in range(run.triggers.table.size):
        if run.triggers.table[r].continuous != 0:
            nadir[r] = min(nadir[r], run.work.quantities[r])


@rare
def update_trigger(run: Any, lane: int, r: int, value: float) -> bool:
    """Evaluate trigger r for a value of its quantity; True if a course begins, whose events are added to the future events."""
    own, trigger, fired = run.progress, run.triggers.table[r], run.batch.fired[run.progress.subject[lane]]
    on, nadir = own.trigger_on[lane], own.nadir[lane]
    nadir[r] = min(nadir[r], value)
    if on[r] and trigger.lasting != 0:
        return False
    holds = condition_holds(run, lane, r, value)
    if holds == (on[r] != 0):
        return False
    on[r] = 1 if holds else 0
    first = holds and not fired[r] < np.inf
    if first:
        fired[r] = own.t[lane]
    _set_dose_factors(run, lane)
    if first and trigger.course != 0:
        _begin_course(run, lane, r)
        return True
    return False


@inner
def _set_dose_factors(run: Any, lane: int) -> None:
    """Set the factor for doses of each input to the product of the factors of all triggers that are on and affect it."""
    factors, on, triggers = run.progress.dose_factors[lane], run.progress.trigger_on[lane], run.triggers
    for i in range(factors.size):
        factors[i] = 1.0
        for r in range(on.size):
            if on[r] and triggers.affects[r, i]:
                factors[i] *= triggers.table[r].factor


@inner
def _begin_course(run: Any, lane: int, r: int) -> None:
    """Set the times of the events of a course, and sort all future events."""
    own, batch = run.progress, run.batch
    first, end = own.event[lane], batch.offsets[own.subject[lane] + 1]
    for e in range(first, end):
        event = batch.events[e]
        if event.time == np.inf and event.trigger == r:
            event.time = own.t[lane] + event.phase
    for e in range(first + 1, end):  # what is to come is in order but for the course, and ties stay as they are
        m = e
        while m > first and batch.events[m - 1].time > batch.events[m].time:
            _exchange_events(batch, m - 1, m)
            m -= 1


@inner
def _exchange_events(batch: Any, a: int, b: int) -> None:
    one, other = batch.events[a], batch.events[b]
    one.time, other.time = other.time, one.time
    one.kind, other.kind = other.kind, one.kind
    one.target, other.target = other.target, one.target
    one.amount, other.amount = other.amount, one.amount
    one.duration, other.duration = other.duration, one.duration
    one.infusion, other.infusion = other.infusion, one.infusion
    one.interval, other.interval = other.interval, one.interval
    one.phase, other.phase = other.phase, one.phase
    one.trigger, other.trigger = other.trigger, one.trigger


update_trigger_from_python, would_change_from_python = entry(update_trigger.py_func), entry(would_change.py_func)
"""The same for the reference engine."""
