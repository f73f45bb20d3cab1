"""What happens at an event, compiled: pulses from the state before it, then the amount, at once or as a rate."""

from __future__ import annotations

from typing import Any

from immunoode.solve.calls import call, place
from immunoode.solve.events import DOSE, INFUSION_END
from immunoode.solve.jit import kernel
from immunoode.solve.system import DOSE_AT


@kernel
def arrive(f: Any, t: float, kind: int, which: int, amount: float, duration: float, ordinal: int, tables: Any, y: Any, x: Any,
           infusion: Any, active: Any, running: Any, before: Any, moves: Any, scales: Any, extinct: Any) -> None:  # fmt: skip
    """Apply one event to the state `y` and to `infusion`, what flows into each state a day.

    `tables` are the pulses (input, source, target) and the states of the inputs; `running[ordinal]` is the rate of each
    infusion, `active` how many run into each state; the others are room.
    """
    pulses, states = tables
    state = states[which]
    if kind == INFUSION_END:
        active[state] -= 1
        infusion[state] = infusion[state] - running[ordinal] if active[state] > 0 else 0.0
        return
    for i in range(y.size):
        before[i] = y[i]
    place(t, y, x)
    x[DOSE_AT] = amount
    call(f[4], f[5], scales.ctypes, x.ctypes)
    if pulses.shape[0] > 0:
        call(f[2], f[3], moves.ctypes, x.ctypes)
        for p in range(pulses.shape[0]):
            if pulses[p, 0] == which:
                moved = moves[2 * p] * before[pulses[p, 1]]
                y[pulses[p, 1]] -= moved
                if pulses[p, 2] >= 0:
                    y[pulses[p, 2]] += moved * moves[2 * p + 1]
    if kind == DOSE:
        y[state] += amount * scales[which]
    else:
        running[ordinal] = amount * scales[which] / duration
        active[state] += 1
        infusion[state] += running[ordinal]
    for i in range(y.size):
        if before[i] >= extinct[i] > y[i] and extinct[i] > 0.0:
            y[i] = 0.0
