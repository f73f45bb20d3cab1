"""What happens at an event, compiled: pulses from the state before it, then the amount, at once or as a rate."""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import ARRIVALS, CONSTANTS, INITIAL, call, evaluate_rates, set_packed_state
from immunoode.solve.problem.compiled_model import DOSE_AT, NEVER, STATES_AT, TIME_AT
from immunoode.solve.problem.event_table import DOSE, INFUSION_END, INFUSION_START, MULTIPLY, REPLACE, RESET, SET


@inner
def dose_effect(f: Any, t: float, amount: float, amount_by: Any, y: Any, x: Any, out: Any) -> None:
    """Fill `out` with what doses of this amount would do to the state y: for each input what pulses move, what is added."""
    set_packed_state(t, y, x)
    x[DOSE_AT] = amount
    for k in range(amount_by.size):
        x[x.size - amount_by.size + k] = amount_by[k]
    call(f[ARRIVALS], f[ARRIVALS + 1], out, 0, x, 0)


@inner
def infusion_rate(added: Any, events: Any, e: int, i: int, n: int) -> float:
    """Return what the infusion of event e, which adds `added` in all, brings to a state, or to its derivative, per day."""
    rate = added[i] / events.durations[e]
    if i >= n:
        rate -= added[i % n] * events.duration_by[e, i // n - 1] / events.durations[e] ** 2
    return rate


@inner
def sum_infusions(y: Any, infusion: Any, active: Any, running: Any) -> None:
    """Sum what runs anew: what has ended leaves nothing behind, not even by rounding."""
    for i in range(y.size):
        infusion[i] = 0.0
    for o in range(active.size):
        if active[o]:
            for i in range(y.size):
                infusion[i] += running[o, i]


@inner
def apply_dose(
    f: Any,
    t: float,
    e: int,
    events: Any,
    input_states: Any,
    y: Any,
    x: Any,
    infusion: Any,
    active: Any,
    running: Any,
    out: Any,
    extinct: Any,
    constants_at: int,
    clocks: Any,
) -> None:
    """Apply event `e` to the state `y` and to `infusion`, what flows into each state a day.

    `running[ordinal]` is what each infusion gives, `active[ordinal]` whether it runs; `out` is room.
    """
    amounts, amount_by = events.amounts, events.amount_by
    kind, which, ordinal, n = events.kinds[e], events.inputs[e], events.ordinals[e], extinct.size
    size = n * (1 + amount_by.shape[1])
    if kind == INFUSION_END:
        if active[ordinal]:
            active[ordinal] = 0
            sum_infusions(y, infusion, active, running)
    elif kind == SET:
        x[STATES_AT + y.size + which] = amounts[e]
        if f[CONSTANTS] != 0:
            call(f[CONSTANTS], f[CONSTANTS + 1], x, constants_at, x, 0)
    elif kind == RESET:
        for o in range(active.size):
            active[o] = 0
        sum_infusions(y, infusion, active, running)
        for i in range(clocks.size):
            if clocks[i] >= 0:
                x[clocks[i]] = NEVER
        x[TIME_AT] = t
        call(f[INITIAL], f[INITIAL + 1], y, 0, x, 0)
    elif kind == MULTIPLY:
        for i in range(input_states[which], size, n):
            y[i] *= amounts[e]
    elif kind == REPLACE:
        dose_effect(f, t, amounts[e], amount_by[e], y, x, out)
        for i in range(input_states[which], size, n):
            y[i] = out[(2 * which + 1) * size + i]
    elif kind in (DOSE, INFUSION_START):
        dose_effect(f, t, amounts[e], amount_by[e], y, x, out)
        moved, added = out[2 * which * size :], out[(2 * which + 1) * size :]
        below = False
        for i in range(size):
            before = y[i]
            y[i] += moved[i]
            if kind == DOSE:
                y[i] += added[i]
            else:
                running[ordinal, i] = infusion_rate(added, events, e, i, n)
            if i < n and before >= extinct[i] > y[i] and extinct[i] > 0.0:
                below = True
                y[i] = 0.0
        if below:
            for i in range(n, size):
                if extinct[i % n] > 0.0 and y[i % n] == 0.0:
                    y[i] = 0.0
        if kind == INFUSION_START:
            active[ordinal] = 1
            sum_infusions(y, infusion, active, running)


@inner
def start_clock(events: Any, e: int, clocks: Any, x: Any) -> None:
    """Let what counts from an input's first dose count from event e, unless there was one before."""
    place_ = clocks[events.inputs[e]]
    if place_ >= 0 and x[place_] == NEVER:
        x[place_] = events.times[e] - events.durations[e]


@inner
def time_is_varied(time_by: Any, e: int) -> bool:
    """Whether the time of an event depends on what sensitivities are by."""
    for k in range(time_by.shape[1]):
        if time_by[e, k] != 0.0:
            return True
    return False


@inner
def add_saltation(f: Any, t: float, y: Any, x: Any, infusion: Any, by: Any, sign: float, n: int, slope: Any) -> None:
    """Carry sensitivities over a moved event: add sign times the rates at (t, y) times the derivatives of its time."""
    set_packed_state(t, y, x)
    evaluate_rates(f, t, x, infusion, slope)
    for k in range(by.size):
        for i in range(n):
            y[(k + 1) * n + i] += sign * slope[i] * by[k]
