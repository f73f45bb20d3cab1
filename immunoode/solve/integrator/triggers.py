"""Reactions to the state, compiled: is a condition found, what does it change, and when does a course begin."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.jit import entry, inner
from immunoode.solve.integrator.native import call, set_packed_state

ABOVE, LIMIT, REFERENCE, BY, FACTOR, LASTING, CONTINUOUS, COURSE = range(8)
NONE, BASELINE, NADIR = range(3)
_HALVINGS = 50


@inner
def evaluate_quantities(watch: Any, t: float, y: Any, x: Any, values: Any) -> None:
    """Fill `values` with what the reactions look at."""
    set_packed_state(t, y, x)
    call(watch[0], watch[1], values, 0, x, 0)


@inner
def initialise_triggers(reactions: Any, t: float, y: Any, x: Any, decided: Any, seen: Any) -> None:
    """Begin with what reactions compare with.

    `decided` is which are on, the factors of each input's doses, and the baseline and nadir of what each looks at.
    """
    watch, table, _, _ = reactions
    on, factors, baseline, nadir = decided
    for r in range(on.size):
        on[r] = 0
    for i in range(factors.size):
        factors[i] = 1.0
    if table.shape[0]:
        evaluate_quantities(watch, t, y, x, seen)
    for r in range(table.shape[0]):
        baseline[r] = nadir[r] = seen[r]


@inner
def condition_holds(table: Any, r: int, value: float, baseline: Any, nadir: Any) -> bool:
    """Whether the condition of reaction r holds."""
    reference = 0.0
    limit = table[r, LIMIT]
    if table[r, REFERENCE] != NONE:
        reference = baseline[r] if table[r, REFERENCE] == BASELINE else nadir[r]
        limit *= reference
    if table[r, ABOVE] != 0.0:
        return value >= limit and value - reference >= table[r, BY]
    return value <= limit and (table[r, REFERENCE] == NONE or reference - value >= table[r, BY])


@inner
def would_change(table: Any, values: Any, on: Any, baseline: Any, nadir: Any) -> bool:
    """Whether a reaction that is decided continuously would change now."""
    for r in range(table.shape[0]):
        if table[r, CONTINUOUS] != 0.0 and not (on[r] and table[r, LASTING] != 0.0):
            if condition_holds(table, r, values[r], baseline, nadir) != (on[r] != 0):
                return True
    return False


@inner
def locate_trigger(
    watch: Any,
    table: Any,
    t: float,
    step: float,
    dense: Any,
    x: Any,
    room: Any,
    values: Any,
    on: Any,
    baseline: Any,
    nadir: Any,
) -> float:
    """Return where in a step, at whose end a reaction would change, the first does."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        u = 0.5 * (low + high)
        for i in range(room.size):
            room[i] = dense[0, i] + u * (dense[1, i] + u * (dense[2, i] + u * (dense[3, i] + u * dense[4, i])))
        evaluate_quantities(watch, t + u * step, room, x, values)
        if would_change(table, values, on, baseline, nadir):
            high = u
        else:
            low = u
    return high


@inner
def update_trigger(
    table: Any,
    affects: Any,
    r: int,
    t: float,
    value: float,
    on: Any,
    fired: Any,
    factors: Any,
    baseline: Any,
    nadir: Any,
    events: Any,
    e: int,
) -> bool:
    """Take the decision of reaction r; True where a course begins, whose events are put in place from e on."""
    nadir[r] = min(nadir[r], value)
    if on[r] and table[r, LASTING] != 0.0:
        return False
    now = condition_holds(table, r, value, baseline, nadir)
    if now == (on[r] != 0):
        return False
    on[r] = 1 if now else 0
    first = now and not fired[r] < np.inf
    if first:
        fired[r] = t
    for i in range(factors.size):
        factors[i] = 1.0
        for other in range(table.shape[0]):
            if on[other] and affects[other, i]:
                factors[i] *= table[other, FACTOR]
    if first and table[r, COURSE] != 0.0:
        _begin(r, t, events, e)
        return True
    return False


@inner
def _begin(r: int, t: float, events: Any, e: int) -> None:
    """Give the events of a course their times, and put all that are to come in order."""
    times = events.times
    numbers = (times, events.amounts, events.durations, events.intervals, events.phases)
    labels = (events.kinds, events.inputs, events.ordinals)
    rows = (events.time_by, events.amount_by, events.duration_by, events.phase_by)
    for k in range(e, times.size):
        if times[k] == np.inf and events.intervals[k] == r:
            times[k] = t + events.phases[k]
    for k in range(e + 1, times.size):  # what is to come is in order but for the course, and ties stay as they are
        m = k
        while m > e and times[m - 1] > times[m]:
            _exchange(m - 1, m, numbers, labels, rows)
            m -= 1


@inner
def _exchange(a: int, b: int, numbers: Any, labels: Any, rows: Any) -> None:
    """Exchange two events."""
    for column in numbers:
        column[a], column[b] = column[b], column[a]
    for column in labels:
        column[a], column[b] = column[b], column[a]
    for matrix in rows:
        for k in range(matrix.shape[1]):
            matrix[a, k], matrix[b, k] = matrix[b, k], matrix[a, k]


update_trigger_from_python, would_change_from_python = entry(update_trigger.py_func), entry(would_change.py_func)
"""The same for the reference engine."""
