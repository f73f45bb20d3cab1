"""One subject with SBML events.

It is integrated from one change of a switch to the next, and events are executed as SBML defines them. At a time at which a
switch changes, triggers are evaluated twice: exactly at this time, and right after it. Steps stop at known times. Changes of
switches that depend on the state are searched within each step, on its interpolant, with a resolution that depends on its
curvature; the step then ends right after the first change. Steps are those of `immunoode.solve.integrator.scalar`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.domain import falls_below_threshold, grow_tolerances, is_bounded, locate_threshold
from immunoode.solve.integrator.jit import entry, inner, rare
from immunoode.solve.integrator.native import call, call_address
from immunoode.solve.integrator.records import STATE_SET, STEPPING, Run
from immunoode.solve.integrator.sbml_records import SbmlEvents
from immunoode.solve.integrator.sbml_switches import (
    CLOSE,
    evaluate_sides,
    locate_switch,
    next_linear_switch,
    note_crossings,
    update_switches,
)
from immunoode.solve.integrator.scalar import (
    REPEATED,
    THRESHOLD,
    accept_step,
    make_interpolant,
    prepare_steps,
    renew_slope,
    save_dense,
    switch_method,
    try_step,
    wants_switch,
)
from immunoode.solve.integrator.segment import save_reached, set_stop, start_steps
from immunoode.solve.status import FINISHED, NOT_FINITE

RENEW, ENDLESS, CROWDED, WAITING, DELAY, VALUE = range(10, 16)
"""Codes in addition to those of `immunoode.solve.status`: times of non-linear switches must be computed again.

Events trigger each other without end, or follow each other without time between them; too many events wait; a delay, or a
value, is not a number.
"""
MOST_AT_ONCE = 10_000
"""Events at one time, and within a billionth of the span."""
SWITCH = 4
"""A reason for shortening a step, in addition to those of the scalar engine: a switch that changes."""


@entry
def integrate_with_events(run: Run, sbml: SbmlEvents) -> int:
    """Integrate a subject over its events until `until`; return a code. A further call continues where this one stopped."""
    own, state = run.progress, sbml.state[0]
    prepare_steps(run, 0)
    own.taken[0] = 0
    if state.begun:
        for k in range(sbml.crossed.size):
            sbml.crossed[k] = 0.0
        update_switches(run, 0, sbml, True)
    _skip_known_times(sbml, own.t[0])
    while True:
        code = pass_events(run, 0, sbml) if state.due else STEPPING
        if code != STEPPING:
            return code
        if not is_bounded(own.y[0], run.layout.size):
            return NOT_FINITE
        save_reached(run, 0)
        if own.t[0] >= own.end[0]:
            return FINISHED
        if own.t[0] >= sbml.until:
            return RENEW
        code = integrate_segment(run, 0, sbml, find_stop(run, 0, sbml))
        if code != STEPPING:
            return code


@inner
def integrate_segment(run: Any, lane: int, sbml: Any, stop: float) -> int:
    """Step to a stop, or to the first change of a switch; return STEPPING or a status code."""
    own, state = run.progress, sbml.state[0]
    set_stop(run, lane, stop)
    if own.t[lane] < stop:
        start_steps(run, lane)
        own.events_done[lane] = 0
    while own.t[lane] < own.stop[lane]:
        own.h[lane] = min(own.h[lane], sbml.longest)
        status = try_step(run, lane)
        if status == REPEATED:
            continue
        if status != STEPPING:
            return status
        switching = wants_switch(run, lane, own.end[lane])
        find_change(run, lane, sbml)
        save_dense(run, lane)
        accept_step(run, lane)
        if own.root[lane]:
            note_crossings(run, lane, sbml)
            state.due, state.blur = 1, 4e-14 * max(1.0, abs(own.t[lane]))
        else:
            renew_slope(run, lane)
        if switching:
            switch_method(run, lane)
        if own.root[lane]:
            break
    if state.stop_is_due and own.t[lane] >= stop:
        state.due = 1
        _skip_known_times(sbml, own.t[lane] * (1.0 + CLOSE))
    return STEPPING


@rare
def find_stop(run: Any, lane: int, sbml: Any) -> float:
    """Return the next stop of steps: a time at which a switch changes, a waiting event is due, or the span ends."""
    own, batch, state, p = run.progress, run.batch, sbml.state[0], run.progress.subject[lane]
    stop, g = min(own.end[lane], sbml.until), own.output[lane]
    coming = next_linear_switch(run, lane, sbml)
    if state.next_known < sbml.known_times.size:
        coming = min(coming, sbml.known_times[state.next_known])
    for i in range(state.waiting):
        coming = min(coming, sbml.waiting[i].time)
    state.stop_is_due = 0
    if coming <= stop + CLOSE * abs(stop):
        stop, state.stop_is_due = min(max(coming, own.t[lane]), stop), 1
        if g < batch.lengths[p] and abs(batch.times[p, g] - stop) <= 10.0 * CLOSE * abs(stop):
            stop = batch.times[p, g]  # equal but for rounding
    return stop


@inner
def _skip_known_times(sbml: Any, t: float) -> None:
    state = sbml.state[0]
    while state.next_known < sbml.known_times.size and sbml.known_times[state.next_known] <= t:
        state.next_known += 1


@inner
def find_change(run: Any, lane: int, sbml: Any) -> None:
    """Find the position in a step at which a switch changes or a state becomes extinct, and the end of the step."""
    own, batch, p = run.progress, run.batch, run.progress.subject[lane]
    own.theta[lane], own.root[lane] = 1.0, 0
    falls, g = falls_below_threshold(run, lane), own.output[lane]
    if sbml.moved or falls or (g < batch.lengths[p] and batch.times[p, g] <= own.reached[lane]):
        make_interpolant(run, lane)
    if sbml.moved:
        theta = locate_switch(run, lane, sbml)
        if theta <= 1.0:
            own.theta[lane], own.root[lane] = theta, SWITCH
    if falls:
        own.theta[lane] = min(own.theta[lane], locate_threshold(run, lane))
        own.root[lane] |= THRESHOLD
    if own.theta[lane] < 1.0:
        own.reached[lane] = own.t[lane] + own.theta[lane] * own.size[lane]


@rare
def pass_events(run: Any, lane: int, sbml: Any) -> int:
    """Evaluate triggers at the present time and right after it, and execute events that are due; return a code."""
    own, state = run.progress, sbml.state[0]
    y, happened = own.y[lane], state.happened
    state.due, state.begun = 0, 1
    for i in range(sbml.kept.size):
        sbml.kept[i] = y[sbml.kept_states[i]]
    for half in range(2):
        code = execute_due_events(run, lane, sbml, half == 1)
        if code != STEPPING:
            return code
    for k in range(sbml.crossed.size):
        sbml.crossed[k] = 0.0
    state.blur = 0.0
    grow_tolerances(run, lane)
    if own.t[lane] - state.window > 1e-9 * max(own.end[lane] - run.batch.starts[own.subject[lane]], 1e-300):
        state.window, state.busy = own.t[lane], 0
    if state.busy > MOST_AT_ONCE:
        return CROWDED
    if state.happened != happened:
        own.taken[lane], own.streak[lane] = 0, 0
        own.events_done[lane] = STATE_SET
    for i in range(sbml.kept.size):
        if y[sbml.kept_states[i]] != sbml.kept[i]:
            return RENEW
    return STEPPING


@rare
def execute_due_events(run: Any, lane: int, sbml: Any, after: bool) -> int:
    """Evaluate triggers, and execute events that are due one by one; after each event, triggers are evaluated again."""
    state, at_once = sbml.state[0], 0
    update_switches(run, lane, sbml, after)
    code = note_firings(run, lane, sbml)
    while code == STEPPING:
        n = next_event(run, lane, sbml)
        if n < 0:
            return STEPPING
        at_once += 1
        state.happened += 1
        state.busy += 1
        if at_once > MOST_AT_ONCE:
            return ENDLESS
        if not _assign(run, lane, sbml, n):
            return VALUE
        _renew_crossed(run, lane, sbml)
        update_switches(run, lane, sbml, after)
        code = note_firings(run, lane, sbml)
    return code


@inner
def _assign(run: Any, lane: int, sbml: Any, n: int) -> bool:
    """Execute the assignments of a waiting event, and remove it; False if a value is not a number."""
    own, state, events, count = run.progress, sbml.state[0], sbml.traits.size, sbml.targets.size
    k = sbml.waiting[n].event
    call_address(sbml.functions.values.address, sbml.functions.values.context, sbml.evaluated, events, own.x[lane], 0)
    for a in range(sbml.offsets[k], sbml.offsets[k + 1]):
        at_firing = sbml.traits[k].at_firing != 0
        value = sbml.waiting_values[n, a - sbml.offsets[k]] if at_firing else sbml.evaluated[events + a]
        if value != value:
            state.event, state.assignment = k, a
            return False
        own.y[lane, sbml.targets[a]] = value * sbml.evaluated[events + count + a]
    state.waiting -= 1
    _move_waiting(sbml, n, state.waiting)
    return True


@inner
def _renew_crossed(run: Any, lane: int, sbml: Any) -> None:
    """Forget zero crossings of differences that an event has changed: only crossings by the solution count."""
    own = run.progress
    for k in range(sbml.switches.size):
        sbml.differences[k] = sbml.sides[2 * k] - sbml.sides[2 * k + 1]
    evaluate_sides(run, lane, sbml, own.t[lane], own.y[lane])
    for k in range(sbml.switches.size):
        if sbml.sides[2 * k] - sbml.sides[2 * k + 1] != sbml.differences[k]:
            sbml.crossed[k] = 0.0


@inner
def note_firings(run: Any, lane: int, sbml: Any) -> int:
    """Record which events fire because their triggers became true, and remove those that do not persist. Return a code."""
    own, holds = run.progress, sbml.holds
    call(sbml.functions.triggers, sbml.holds_now, own.x[lane])
    evaluated = False
    for k in range(sbml.traits.size):
        on = sbml.holds_now[k] > 0.5
        if on and holds[k] == 0:
            if not evaluated:
                _evaluate_firing(run, lane, sbml)
                evaluated = True
            code = _let_wait(run, lane, sbml, k)
            if code != STEPPING:
                return code
        elif not on and holds[k] != 0 and sbml.traits[k].persistent == 0:
            _forget(sbml, k)
        holds[k] = 1 if on else 0
    return STEPPING


@inner
def _evaluate_firing(run: Any, lane: int, sbml: Any) -> None:
    """Evaluate the delays of events and, after them, the values of their assignments."""
    x, functions = run.progress.x[lane], sbml.functions
    call(functions.delays, sbml.evaluated, x)
    call_address(functions.values.address, functions.values.context, sbml.evaluated, sbml.traits.size, x, 0)


@inner
def _let_wait(run: Any, lane: int, sbml: Any, k: int) -> int:
    """Put event k, which fires, into the queue until its time; return STEPPING or a code."""
    state, events, n = sbml.state[0], sbml.traits.size, sbml.state[0].waiting
    delay = sbml.evaluated[k] if sbml.traits[k].delayed != 0 else 0.0
    if n == sbml.waiting.size:
        return WAITING
    if not delay >= 0.0:
        state.event, state.wrong_delay = k, delay
        return DELAY
    state.order += 1
    waiting = sbml.waiting[n]
    waiting.time, waiting.event, waiting.order = run.progress.t[lane] + delay, k, state.order
    for a in range(sbml.offsets[k], sbml.offsets[k + 1] if sbml.traits[k].at_firing != 0 else sbml.offsets[k]):
        value = sbml.evaluated[events + a]
        if value != value:
            state.event, state.assignment = k, a
            return VALUE
        sbml.waiting_values[n, a - sbml.offsets[k]] = value
    state.waiting = n + 1
    return STEPPING


@inner
def _forget(sbml: Any, k: int) -> None:
    """Remove event k from the queue."""
    state, kept = sbml.state[0], 0
    for n in range(state.waiting):
        if sbml.waiting[n].event != k:
            _move_waiting(sbml, kept, n)
            kept += 1
    state.waiting = kept


@inner
def _move_waiting(sbml: Any, to: int, of: int) -> None:
    """Move a waiting event to another position."""
    target, source = sbml.waiting[to], sbml.waiting[of]
    target.time, target.event, target.order = source.time, source.event, source.order
    for a in range(sbml.waiting_values.shape[1]):
        sbml.waiting_values[to, a] = sbml.waiting_values[of, a]


@inner
def next_event(run: Any, lane: int, sbml: Any) -> int:
    """Return the first of the events that are due, -1 if none is due.

    Events with the largest priority come first; equal priorities are ordered at random, in the same way in each run; events
    without a priority come last, in the order in which they fired.
    """
    state, t, waiting = sbml.state[0], run.progress.t[lane], sbml.waiting
    found, asked, best, alike = -1, False, 0.0, 0
    for n in range(state.waiting):
        if not waiting[n].time - t <= CLOSE * abs(t):
            continue
        k, priority = waiting[n].event, -np.inf
        if sbml.traits[k].prioritised != 0:
            if not asked:
                call(sbml.functions.priorities, sbml.evaluated, run.progress.x[lane])
                asked = True
            priority = sbml.evaluated[k] if sbml.evaluated[k] == sbml.evaluated[k] else -np.inf
        if found == -1 or priority > best:
            found, best, alike = n, priority, 1
        elif priority == best and sbml.traits[k].prioritised != 0 and sbml.traits[waiting[found].event].prioritised != 0:
            alike += 1
            state.random = (state.random * 1103515245 + 12345) % 2147483648
            if (state.random // 65536) % alike == 0:
                found = n
        elif priority == best and waiting[n].order < waiting[found].order:
            found = n
    return found
