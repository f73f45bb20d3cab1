"""Effects of a dose: the transfers of its pulses, its amount, at once or as a rate; clocks that count from first doses."""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import call, set_packed_state
from immunoode.solve.problem.packed_input import DOSE_AT, NEVER


@inner
def dose_effect(run: Any, lane: int, e: int, y: Any) -> None:
    """Compute the change in state caused by a dose of event e to each input: first the transfers of its pulses, then the amount
    added. It is left in the workspace, two vectors for each input."""
    own, gradient = run.progress, run.batch.gradients.amount[e]
    x = own.x[lane]
    set_packed_state(own.t[lane], y, x)
    x[DOSE_AT] = run.batch.events[e].amount
    for k in range(gradient.size):
        x[x.size - gradient.size + k] = gradient[k]
    call(run.functions.dose_effects, run.work.dose_effect, x)


@inner
def infusion_rate(run: Any, e: int, added: Any, i: int) -> float:
    """Return the rate of the infusion of event e, which adds `added` in total, to a state or its derivative, per day."""
    duration, n = run.batch.events[e].duration, run.layout.states
    rate = added[i] / duration
    if i >= n:
        rate -= added[i % n] * run.batch.gradients.duration[e, i // n - 1] / duration**2
    return rate


@inner
def is_varied(gradient: Any) -> bool:
    """Whether any derivative of a number is not zero."""
    for k in range(gradient.size):
        if gradient[k] != 0.0:
            return True
    return False


@inner
def sum_infusions(run: Any, lane: int) -> None:
    """Recompute the total infusion rate from the active infusions, so that an ended infusion leaves no rounding error."""
    own = run.progress
    total = own.infusion[lane]
    for i in range(total.size):
        total[i] = 0.0
    own.infusing[lane] = 0
    for infusion in range(own.active.shape[1]):
        if own.active[lane, infusion]:
            own.infusing[lane] = 1
            for i in range(total.size):
                total[i] += own.running[lane, infusion, i]


@inner
def start_clock(run: Any, event: Any, x: Any) -> None:
    """Start the clock of an input's first dose at this event, unless it was started before."""
    place = run.layout.clocks[event.target]
    if place >= 0 and x[place] == NEVER:
        x[place] = event.time - event.duration


@inner
def stop_clocks(run: Any, x: Any) -> None:
    """Reset the clock of an input's first dose."""
    clocks = run.layout.clocks
    for i in range(clocks.size):
        if clocks[i] >= 0:
            x[clocks[i]] = NEVER
