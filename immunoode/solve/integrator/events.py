"""Applying an event: a dose, a change of a parameter, a visit at which a trigger is evaluated, a steady state."""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.controller import time_epsilon
from immunoode.solve.integrator.discontinuities import add_saltation
from immunoode.solve.integrator.dosing import dose_effect, infusion_rate, is_varied, start_clock, stop_clocks, sum_infusions
from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.native import call, set_constants
from immunoode.solve.integrator.steady_state import periodic_steady_state
from immunoode.solve.integrator.triggers import decide_at_visit
from immunoode.solve.problem.event_table import (
    DOSE,
    FIRST,
    INFUSION_END,
    INFUSION_START,
    MULTIPLY,
    REPLACE,
    RESET,
    SET,
    STEADY,
    STOP,
    SUPERPOSE,
    VISIT,
)
from immunoode.solve.problem.packed_input import STATES_AT, TIME_AT


@rare
def apply_event(run: Any, lane: int, e: int) -> bool:
    """Apply event e to the state and to the infusions; False if there is no steady state."""
    own, event, t = run.progress, run.batch.events[e], run.progress.t[lane]
    if event.kind == FIRST:
        if own.dose_factors[lane, event.target] == 0.0:
            event.kind = STOP  # the dose is left out: it is not the first
        else:
            start_clock(run, event, own.x[lane])
        return True
    gradient = run.batch.gradients.time[e]
    varied = is_varied(gradient)
    if varied:
        add_saltation(run, lane, t - time_epsilon(t), gradient, 1.0)
    if event.kind == STEADY or event.kind == SUPERPOSE:
        if not periodic_steady_state(run, lane, e):
            return False
    elif event.kind == VISIT:
        decide_at_visit(run, lane, event.target)
    elif event.kind == DOSE or event.kind == INFUSION_START:
        if not _scale_dose(run, lane, e):
            return True
        _give_dose(run, lane, e)
    elif event.kind != STOP:
        _set_state(run, lane, e)
    if varied:
        add_saltation(run, lane, t + time_epsilon(t), gradient, -1.0)
    return True


@inner
def _scale_dose(run: Any, lane: int, e: int) -> bool:
    """Multiply a dose by the factor that triggers have set; False if the dose is omitted."""
    event, gradient = run.batch.events[e], run.batch.gradients.amount[e]
    factor = run.progress.dose_factors[lane, event.target]
    if factor != 0.0 and factor != 1.0:
        event.amount *= factor
        for k in range(gradient.size):
            gradient[k] *= factor
    return factor != 0.0


@inner
def _give_dose(run: Any, lane: int, e: int) -> None:
    """Give a bolus, or begin an infusion: first the transfers of the input's pulses, then the amount."""
    own, event, thresholds = run.progress, run.batch.events[e], run.settings.thresholds
    y, n, size = own.y[lane], run.layout.states, run.layout.size
    dose_effect(run, lane, e, y)
    moved = run.work.dose_effect[2 * event.target * size :]
    added = run.work.dose_effect[(2 * event.target + 1) * size :]
    below = False
    for i in range(size):
        before = y[i]
        y[i] += moved[i]
        if event.kind == DOSE:
            y[i] += added[i]
        else:
            own.running[lane, event.infusion, i] = infusion_rate(run, e, added, i)
        if i < n and before >= thresholds[i] > y[i] and thresholds[i] > 0.0:
            below = True
            y[i] = 0.0
    if below:
        for i in range(n, size):
            if thresholds[i % n] > 0.0 and y[i % n] == 0.0:
                y[i] = 0.0
    if event.kind == INFUSION_START:
        own.active[lane, event.infusion] = 1
        sum_infusions(run, lane)


@inner
def _set_state(run: Any, lane: int, e: int) -> None:
    """End an infusion, set a parameter, reset the system, or multiply or replace a state."""
    own, event, layout = run.progress, run.batch.events[e], run.layout
    x, y = own.x[lane], own.y[lane]
    if event.kind == INFUSION_END:
        if own.active[lane, event.infusion]:
            own.active[lane, event.infusion] = 0
            sum_infusions(run, lane)
    elif event.kind == SET:
        x[STATES_AT + y.size + event.target] = event.amount
        set_constants(run, x)
    elif event.kind == RESET:
        for infusion in range(own.active.shape[1]):
            own.active[lane, infusion] = 0
        sum_infusions(run, lane)
        stop_clocks(run, x)
        x[TIME_AT] = own.t[lane]
        call(run.functions.initial, y, x)
    elif event.kind == MULTIPLY:
        for i in range(layout.input_states[event.target], layout.size, layout.states):
            y[i] *= event.amount
    elif event.kind == REPLACE:
        dose_effect(run, lane, e, y)
        for i in range(layout.input_states[event.target], layout.size, layout.states):
            y[i] = run.work.dose_effect[(2 * event.target + 1) * layout.size + i]
