"""From the states of one patient to what was asked for, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.dosing import start_clock
from immunoode.solve.integrator.jit import entry, inner
from immunoode.solve.integrator.native import call
from immunoode.solve.integrator.simd4 import copy
from immunoode.solve.problem.compiled_model import NEVER, STATES_AT, TIME_AT
from immunoode.solve.problem.event_table import FIRST, REPORT, RESET, SET


@inner
def write_outputs(
    f: Any,
    x: Any,
    times: Any,
    states: Any,
    reached: float,
    whole: bool,
    rtol: float,
    atol: Any,
    extinct: Any,
    events: Any,
    constants: Any,
    constants_at: int,
    clocks: Any,
    values: Any,
) -> None:
    """Fill values[t] with the outputs at states[t], with the parameters of that time; NaN from where the solution stopped.

    `x` is the packed input at the start; `f` and `constants` are addresses and contexts of functions. What is below zero by
    no more than the tolerances allow, 100 absolute ones or the relative one of the largest value that is reported, is zero.
    """
    event_times, kinds = events.times, events.kinds
    count, width, n = times.size, states.shape[1], extinct.size
    last = count
    while not whole and last > 0 and times[last - 1] > reached:
        last -= 1
    below = False
    for g in range(last):
        for i in range(n):
            below |= states[g, i] < 0.0
    for i in range(n if below else 0):
        largest, lowest = 0.0, 0.0
        for g in range(last):
            largest, lowest = max(largest, states[g, i]), min(lowest, states[g, i])
        noise = max(100.0 * atol[i], rtol * largest)
        if lowest < 0.0:
            for g in range(last):
                if -noise <= states[g, i] < 0.0:
                    states[g, i] = 0.0
    e, early = 0, 0
    for g in range(last):
        changed = False
        while early == 0 and e < event_times.size and event_times[e] <= times[g]:
            if kinds[e] == REPORT:
                early = int(events.amounts[e])  # so many are taken before what follows
            elif kinds[e] == SET:
                x[STATES_AT + width + events.inputs[e]] = events.amounts[e]
                changed = True
            elif kinds[e] == FIRST:
                start_clock(events, e, clocks, x)
            elif kinds[e] == RESET:
                for i in range(clocks.size):
                    if clocks[i] >= 0:
                        x[clocks[i]] = NEVER
            e += 1
        early = max(early - 1, 0)
        if changed and constants[0] != 0:
            call(constants[0], constants[1], x, constants_at, x, 0)
        x[TIME_AT] = times[g]
        copy(x, STATES_AT, states, g * width, width)
        call(f[0], f[1], values, g * values.shape[1], x, 0)
    for g in range(last, count):
        for i in range(values.shape[1]):
            values[g, i] = np.nan


write_outputs_from_python = entry(write_outputs.py_func)
"""The same for the reference engine."""
