"""From the states of one subject to the requested outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.dosing import start_clock, stop_clocks
from immunoode.solve.integrator.jit import entry, inner, rare
from immunoode.solve.integrator.native import call_address, set_constants
from immunoode.solve.integrator.simd4 import copy
from immunoode.solve.problem.event_table import FIRST, REPORT, RESET, SET
from immunoode.solve.problem.packed_input import STATES_AT, TIME_AT


@rare
def write_outputs(run: Any, lane: int, finished: bool) -> None:
    """Write the outputs at the saved states, with the parameters of each time; NaN from where the solution stopped.

    The packed input of the batch, which is that at the start, is overwritten.
    """
    own, batch = run.progress, run.batch
    p = own.subject[lane]
    x, times, values, saved = batch.x[p], batch.times[p], batch.values[p], own.saved[lane]
    last = batch.lengths[p]
    while not finished and last > 0 and times[last - 1] > batch.ended[p]:
        last -= 1
    _remove_noise(run, lane, last)
    e, end, early = batch.offsets[p], batch.offsets[p + 1], 0
    for row in range(last):
        while early == 0 and e < end and batch.events[e].time <= times[row]:
            if batch.events[e].kind == REPORT:
                early = int(batch.events[e].amount)  # so many are taken before what follows
            else:
                _apply_to_input(run, e, x)
            e += 1
        early = max(early - 1, 0)
        x[TIME_AT] = times[row]
        copy(x, STATES_AT, saved, row * saved.shape[1], saved.shape[1])
        call_address(run.functions.outputs.address, run.functions.outputs.context, values, row * values.shape[1], x, 0)
    for row in range(last, values.shape[0]):
        for i in range(values.shape[1]):
            values[row, i] = np.nan


@inner
def _remove_noise(run: Any, lane: int, rows: int) -> None:
    """Set slightly negative saved states to zero.

    The limit is 100 absolute tolerances, or the relative tolerance of the largest saved value.
    """
    saved, atol, n = run.progress.saved[lane], run.batch.atol[run.progress.subject[lane]], run.layout.states
    below = False
    for row in range(rows):
        for i in range(n):
            below |= saved[row, i] < 0.0
    for i in range(n if below else 0):
        largest, lowest = 0.0, 0.0
        for row in range(rows):
            largest, lowest = max(largest, saved[row, i]), min(lowest, saved[row, i])
        noise = max(100.0 * atol[i], run.settings.rtol * largest)
        for row in range(rows if lowest < 0.0 else 0):
            if -noise <= saved[row, i] < 0.0:
                saved[row, i] = 0.0


@inner
def _apply_to_input(run: Any, e: int, x: Any) -> None:
    """Apply an event to the packed input, except the states."""
    event = run.batch.events[e]
    if event.kind == SET:
        x[STATES_AT + run.layout.width + event.target] = event.amount
        set_constants(run, x)
    elif event.kind == FIRST:
        start_clock(run, event, x)
    elif event.kind == RESET:
        stop_clocks(run, x)


write_outputs_from_python = entry(write_outputs.py_func)
"""The same for the reference engine."""
