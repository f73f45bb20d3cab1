"""An event carried out, compiled: a dose, a visit at which a regimen reacts, a steady state; sensitivities carried over it."""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.controller import time_epsilon
from immunoode.solve.integrator.dosing import add_saltation, apply_dose, start_clock, time_is_varied
from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.steady_state import periodic_steady_state
from immunoode.solve.integrator.triggers import evaluate_quantities, update_trigger
from immunoode.solve.problem.event_table import DOSE, FIRST, INFUSION_START, STEADY, STOP, SUPERPOSE, VISIT


@inner
def apply_event(
    e: int,
    f: Any,
    t: float,
    events: Any,
    tables: Any,
    extinct: Any,
    rtol: float,
    atol: Any,
    reactions: Any,
    y: Any,
    x: Any,
    flows: Any,
    active: Any,
    running: Any,
    decided: Any,
    fired: Any,
    seen: Any,
    moved: Any,
    slope: Any,
) -> bool:
    """Carry out event `e` on the state `y`, and on what flows into it; False where there is no steady state.

    `decided` is what reactions have come to (see `triggers.initialise_triggers`); `seen`, `moved` and
    `slope` are room.
    """
    kinds, inputs, amounts, amount_by, time_by = events.kinds, events.inputs, events.amounts, events.amount_by, events.time_by
    input_states, exchange, _, constants_at, clocks = tables
    on, factors, baseline, nadir = decided
    kind, n = kinds[e], extinct.size
    if kind == FIRST:
        if factors[inputs[e]] == 0.0:
            kinds[e] = STOP  # the dose is left out: it is not the first
        else:
            start_clock(events, e, clocks, x)
        return True
    moves = time_is_varied(time_by, e)
    if moves:
        add_saltation(f, t - time_epsilon(t), y, x, flows, time_by[e], 1.0, n, slope)
    if kind == STEADY or kind == SUPERPOSE:
        if not periodic_steady_state(f, t, e, events, exchange[inputs[e]], y, x, rtol, atol, moved):
            return False
    elif kind == VISIT:
        evaluate_quantities(reactions[0], t, y, x, seen)
        update_trigger(
            reactions[1], reactions[2], inputs[e], t, seen[inputs[e]], on, fired, factors, baseline, nadir, events, e + 1
        )
    elif kind != STOP:
        if kind in (DOSE, INFUSION_START) and factors[inputs[e]] != 1.0:
            if factors[inputs[e]] == 0.0:
                return True
            amounts[e] *= factors[inputs[e]]
            for k in range(amount_by.shape[1]):
                amount_by[e, k] *= factors[inputs[e]]
        apply_dose(f, t, e, events, input_states, y, x, flows, active, running, moved, extinct, constants_at, clocks)
    if moves:
        add_saltation(f, t + time_epsilon(t), y, x, flows, time_by[e], -1.0, n, slope)
    return True
