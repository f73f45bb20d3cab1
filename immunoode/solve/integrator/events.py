"""An event carried out, compiled: a dose, a visit at which a regimen reacts, a steady state; sensitivities carried over it."""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.controller import instant
from immunoode.solve.integrator.dosing import arrive, carry, count_from, moves_in_time
from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.steady_state import settle
from immunoode.solve.integrator.triggers import decide, watched
from immunoode.solve.problem.event_table import DOSE, FIRST, INFUSION_START, STEADY, STOP, SUPERPOSE, VISIT


@inner
def happen(
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

    `decided` is what reactions have come to (see `immunoode.solve.integrator.triggers.first_look`); `seen`, `moved` and
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
            count_from(events, e, clocks, x)
        return True
    moves = moves_in_time(time_by, e)
    if moves:
        carry(f, t - instant(t), y, x, flows, time_by[e], 1.0, n, slope)
    if kind == STEADY or kind == SUPERPOSE:
        if not settle(f, t, e, events, exchange[inputs[e]], y, x, rtol, atol, moved):
            return False
    elif kind == VISIT:
        watched(reactions[0], t, y, x, seen)
        decide(reactions[1], reactions[2], inputs[e], t, seen[inputs[e]], on, fired, factors, baseline, nadir, events, e + 1)
    elif kind != STOP:
        if kind in (DOSE, INFUSION_START) and factors[inputs[e]] != 1.0:
            if factors[inputs[e]] == 0.0:
                return True
            amounts[e] *= factors[inputs[e]]
            for k in range(amount_by.shape[1]):
                amount_by[e, k] *= factors[inputs[e]]
        arrive(f, t, e, events, input_states, y, x, flows, active, running, moved, extinct, constants_at, clocks)
    if moves:
        carry(f, t + instant(t), y, x, flows, time_by[e], -1.0, n, slope)
    return True
