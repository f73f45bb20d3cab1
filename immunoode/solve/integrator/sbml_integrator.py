"""A patient with events, compiled: stepped from one change of a switch to the next, events carried out as SBML defines them.

At a time where a switch changes, triggers are looked at twice: exactly there, and right after it. Known times are stops of
steps. What the state moves is looked for within each step, on its interpolant, as finely as it bends; the step then ends
right after the first change.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator import rodas5p, tsit5
from immunoode.solve.integrator.controller import (
    SMALLEST,
    accept_factor,
    implicit_cost_ratio,
    initial_step,
    log_error,
    reject_factor,
    time_epsilon,
)
from immunoode.solve.integrator.discontinuities import (
    any_sign_changed,
    condition_signs,
    cross_discontinuity,
    interpolate,
    locate_discontinuity,
)
from immunoode.solve.integrator.domain import (
    clip_dense_output,
    dips_below_zero,
    falls_below_threshold,
    locate_threshold,
    negativity_factor,
)
from immunoode.solve.integrator.jit import entry, inner
from immunoode.solve.integrator.lu import power_iteration
from immunoode.solve.integrator.native import DRIFT, JACOBIAN, call, evaluate_rates, set_packed_state
from immunoode.solve.integrator.scalar import AUTOMATIC, IMPLICIT, LARGEST
from immunoode.solve.integrator.simd4 import copy
from immunoode.solve.integrator.tsit5 import STABLE
from immunoode.solve.problem.event_functions import AT_FIRING, CURVED, DELAYED, LINEAR, MOVED, PERSISTENT, URGENT
from immunoode.solve.status import FINISHED, NOT_FINITE, TOO_MANY, TOO_SMALL

RENEW, ENDLESS, CROWDED, WAITING, DELAY, VALUE = range(10, 16)
"""Codes beside those of `immunoode.solve.status`: times of curved switches are to be found anew; events set off each other
without end, or come without time between them; too many wait; a delay, or a value, is no number."""
SIDES, SLOPES, TRIGGERS, DELAYS, PRIORITIES, VALUES = range(0, 12, 2)
"""Where address and context of each function stand in `EventFunctions.addresses`."""
T, STEP, ERROR, START, WINDOW, WRONG = range(6)
"""Places in the record of numbers: the time, the next step, the last error's logarithm, the start, since when events are
counted, and a delay that is none."""
BEGUN, OUTPUT, IMPLICIT_NOW, WAIT, ORDER, RANDOM, BUSY, HAPPENED, WHICH, ASSIGNED = range(10)
"""Places in the record of whole numbers: whether events were looked at, the next output, whether steps are implicit, how many
events wait, how many have fired, the state of the random order, how many happened in the window and in all, and the event and
the assignment that are wrong."""
MOST_AT_ONCE = 10_000
"""Events at one time, and within a billionth of the span."""
_CLOSE, _ROUNDED = 1e-13, 1e-14
"""Part of the sides of a switch within which they are equal: where time moves them, and otherwise."""
_FINEST, _MOST_LOOKS = 2.0**-16, 4000
"""Shortest part of a step on which a switch is looked at, and how often parts are made shorter."""
STEPS, REJECTIONS, EVALUATIONS, JACOBIANS, SWITCHES, CROSSINGS = range(6)


@inner
def switch_tolerance(kind: int, left: float, right: float, slope: float, t: float) -> float:
    """Return how far the sides of a switch may be apart and are equal still."""
    size = max(abs(left), abs(right))
    found = _CLOSE * (size + abs(t * slope)) if kind == LINEAR or kind == CURVED else _ROUNDED * size
    return found if found < np.inf else 0.0


@inner
def switch_value(
    kind: int, step: bool, left: float, right: float, slope: float, t: float, after: bool, crossed: float, blur: float
) -> float:
    """Return what a switch is at a time, or right after it: the sign of a difference, or the whole number of a step.

    `crossed` is the sign that a difference has right after it crossed zero, where it does so at this time; `blur` how well
    that time is known.
    """
    near = switch_tolerance(kind, left, right, slope, t) + (abs(slope) * blur if blur > 0.0 and kind == MOVED else 0.0)
    if step:
        whole = np.rint(left)
        if abs(left - whole) <= near:
            return whole - 1.0 if after and slope < 0.0 else whole
        return np.floor(left)
    if crossed != 0.0:
        return crossed if after else 0.0
    difference = 0.0 if left == right else left - right
    if abs(difference) <= near:
        return 0.0 if not after or slope == 0.0 else (1.0 if slope > 0.0 else -1.0)
    return 1.0 if difference > 0.0 else (-1.0 if difference < 0.0 else np.nan)


@inner
def update_switches(
    v: Any,
    kinds: Any,
    levels: int,
    t: float,
    y: Any,
    x: Any,
    first: int,
    after: bool,
    crossed: Any,
    blur: float,
    sides: Any,
    slopes: Any,
) -> None:
    """Put what switches are, at a time or right after it, into the packed input."""
    set_packed_state(t, y, x)
    for _ in range(levels):
        call(v[SIDES], v[SIDES + 1], sides, 0, x, 0)
        call(v[SLOPES], v[SLOPES + 1], slopes, 0, x, 0)
        for k in range(kinds.shape[0]):
            left, right, step = sides[2 * k], sides[2 * k + 1], kinds[k, 1] != 0
            x[first + k] = switch_value(kinds[k, 0], step, left, right, slopes[k], t, after, crossed[k], blur)


@inner
def distance(step: bool, held: float, left: float, right: float) -> float:
    """Return how far a switch is from changing; below zero where it has."""
    if step:
        return min(left - held, held + 1.0 - left)
    difference = 0.0 if left == right else left - right
    return held * difference if held != 0.0 else -abs(difference)


@inner
def approach(step: bool, held: float, left: float, right: float, slope: float) -> float:
    """Return how fast `distance` changes."""
    if step:
        return slope if left - held < held + 1.0 - left else -slope
    if held != 0.0:
        return held * slope
    return -slope if left > right else slope


@inner
def measure_switches(
    v: Any,
    kinds: Any,
    t: float,
    step: float,
    latest: float,
    theta: float,
    dense: Any,
    room: Any,
    x: Any,
    first: int,
    sides: Any,
    slopes: Any,
    gaps: Any,
    speeds: Any,
    noise: Any,
) -> bool:
    """Fill how far switches that the state moves are from changing, somewhere in a step; return whether one has."""
    for i in range(room.size):
        room[i] = interpolate(dense, i, theta)
    set_packed_state(min(t + theta * step, latest), room, x)
    call(v[SIDES], v[SIDES + 1], sides, 0, x, 0)
    call(v[SLOPES], v[SLOPES + 1], slopes, 0, x, 0)
    changed = False
    for k in range(kinds.shape[0]):
        if kinds[k, 0] == MOVED:
            left, right, held = sides[2 * k], sides[2 * k + 1], x[first + k]
            gaps[k] = distance(kinds[k, 1] != 0, held, left, right)
            speeds[k] = approach(kinds[k, 1] != 0, held, left, right, slopes[k])
            noise[k] = abs(left) + abs(right)
            changed |= gaps[k] < -switch_tolerance(MOVED, left, right, 0.0, t)
    return changed


@inner
def locate_nearest_approach(
    v: Any,
    kinds: Any,
    k: int,
    low: float,
    high: float,
    t: float,
    step: float,
    latest: float,
    dense: Any,
    room: Any,
    x: Any,
    first: int,
    sides: Any,
    slopes: Any,
    gaps: Any,
    speeds: Any,
    noise: Any,
) -> float:
    """Return where in a part of a step switch k is nearest to changing, which it approaches first and leaves then."""
    for _ in range(40):
        middle = 0.5 * (low + high)
        measure_switches(v, kinds, t, step, latest, middle, dense, room, x, first, sides, slopes, gaps, speeds, noise)
        if speeds[k] < 0.0:
            low = middle
        else:
            high = middle
    return high


@inner
def locate_switch(
    v: Any,
    kinds: Any,
    t: float,
    step: float,
    latest: float,
    dense: Any,
    room: Any,
    x: Any,
    first: int,
    sides: Any,
    slopes: Any,
    gaps: Any,
    speeds: Any,
    noise: Any,
    rtol: float,
) -> float:
    """Return right after which share of a step a switch that the state moves changes first; 2 where none does.

    `gaps` and `speeds` are room for four rows. Between the places that are looked at, a cubic through values and slopes tells
    whether what lies between is seen; parts are made shorter until it is.
    """
    low, part, looked = 0.0, 0.25, 0
    ga, gm, gb, go = gaps[0], gaps[1], gaps[2], gaps[3]
    sa, sm, sb, so = speeds[0], speeds[1], speeds[2], speeds[3]
    if measure_switches(v, kinds, t, step, latest, 0.0, dense, room, x, first, sides, slopes, ga, sa, noise):
        return 0.0
    while low < 1.0:
        high = low + part if low + 1.5 * part < 1.0 else 1.0
        middle = 0.5 * (low + high)
        at_middle = measure_switches(v, kinds, t, step, latest, middle, dense, room, x, first, sides, slopes, gm, sm, noise)
        at_high = measure_switches(v, kinds, t, step, latest, high, dense, room, x, first, sides, slopes, gb, sb, noise)
        width, seen = (high - low) * step, True
        for k in range(kinds.shape[0]):
            if kinds[k, 0] == MOVED:
                missed = abs(gm[k] - 0.5 * (ga[k] + gb[k]) - 0.125 * width * (sa[k] - sb[k]))
                nearest = min(ga[k], gm[k], gb[k])
                least = max(0.1 * nearest, 1e-3 * (abs(ga[k]) + abs(gm[k]) + abs(gb[k])), rtol * noise[k])
                seen &= not missed > least
        if not seen and high - low > _FINEST and looked < _MOST_LOOKS:
            part, looked = 0.5 * (high - low), looked + 1
            continue
        last = middle if at_middle else (high if at_high else 2.0)
        for half in range(2 if last == 2.0 else (1 if last == middle else 2)):
            a, b = (low, middle) if half == 0 else (middle, high)
            ends = (ga, sa, gm, sm) if half == 0 else (gm, sm, gb, sb)
            for k in range(kinds.shape[0]):
                if kinds[k, 0] == MOVED and ends[1][k] < 0.0 < ends[3][k]:
                    lowest = ends[0][k] * ends[3][k] - ends[2][k] * ends[1][k] + ends[1][k] * ends[3][k] * (b - a) * step
                    if lowest < 0.0 and last > b - 1e-300:  # tangents meet below: it may change and change back
                        there = locate_nearest_approach(
                            v, kinds, k, a, b, t, step, latest, dense, room, x, first, sides, slopes, go, so, noise
                        )
                        if measure_switches(
                            v, kinds, t, step, latest, there, dense, room, x, first, sides, slopes, go, so, noise
                        ):
                            last = min(last, there)
        if last <= 1.0:
            unchanged = low
            while (last - unchanged) * step > time_epsilon(t) and last - unchanged > 1e-15:
                theta = 0.5 * (unchanged + last)
                if measure_switches(v, kinds, t, step, latest, theta, dense, room, x, first, sides, slopes, go, so, noise):
                    last = theta
                else:
                    unchanged = theta
            return last
        copy_vector(ga, gb)
        copy_vector(sa, sb)
        low, part = high, min(0.25, 2.0 * part)
    return 2.0


@inner
def grow_tolerances(atol: Any, tolerance: Any, shares: Any, y: Any) -> None:
    """Let absolute tolerances grow with the states (see `immunoode.solve.problem.tolerances`)."""
    for i in range(atol.size):
        if shares[i] > 0.0:
            atol[i] = tolerance[i] = max(atol[i], shares[i] * abs(y[i]))


@inner
def copy_vector(to: Any, of: Any) -> None:
    for k in range(to.size):
        to[k] = of[k]


@inner
def next_linear_switch(v: Any, kinds: Any, t: float, y: Any, x: Any, sides: Any, slopes: Any) -> float:
    """Return the next time at which a switch that is linear in time changes; infinite where none does."""
    found = np.inf
    set_packed_state(t, y, x)
    call(v[SIDES], v[SIDES + 1], sides, 0, x, 0)
    call(v[SLOPES], v[SLOPES + 1], slopes, 0, x, 0)
    for k in range(kinds.shape[0]):
        if kinds[k, 0] != LINEAR or slopes[k] == 0.0:
            continue
        left, right, slope = sides[2 * k], sides[2 * k + 1], slopes[k]
        near = switch_tolerance(LINEAR, left, right, slope, t)
        if kinds[k, 1] != 0:
            whole = np.rint(left)
            rising = slope > 0.0
            if abs(left - whole) <= near:
                level = whole + 1.0 if rising else whole - 1.0
            else:
                level = np.floor(left) + 1.0 if rising else np.ceil(left) - 1.0
            found = min(found, t + (level - left) / slope)
        elif abs(left - right) > near:
            root_at = t - (left - right) / slope
            if root_at > t:
                found = min(found, root_at)
    return found


@inner
def update_event_triggers(
    v: Any,
    flags: Any,
    offsets: Any,
    t: float,
    x: Any,
    holds: Any,
    numbers: Any,
    whole: Any,
    now: Any,
    room: Any,
    waiting: Any,
    values: Any,
) -> int:
    """Note which events fire, as their triggers became true, and forget those that do not persist. Returns a code, or -1."""
    call(v[TRIGGERS], v[TRIGGERS + 1], now, 0, x, 0)
    computed = False
    events = flags.shape[0]
    for k in range(events):
        on = now[k] > 0.5
        if on and holds[k] == 0:
            if not computed:
                call(v[DELAYS], v[DELAYS + 1], room, 0, x, 0)
                call(v[VALUES], v[VALUES + 1], room, events, x, 0)
                computed = True
            n, delay = whole[WAIT], room[k] if flags[k, DELAYED] else 0.0
            if n == waiting.shape[0]:
                return WAITING
            if not delay >= 0.0:
                whole[WHICH], numbers[WRONG] = k, delay
                return DELAY
            whole[ORDER] += 1
            waiting[n, 0], waiting[n, 1], waiting[n, 2] = t + delay, k, whole[ORDER]
            if flags[k, AT_FIRING]:
                for a in range(offsets[k], offsets[k + 1]):
                    value = room[events + a]
                    if value != value:
                        whole[WHICH], whole[ASSIGNED] = k, a
                        return VALUE
                    values[n, a - offsets[k]] = value
            whole[WAIT] = n + 1
        elif not on and holds[k] != 0 and flags[k, PERSISTENT] == 0:
            kept = 0
            for n in range(whole[WAIT]):
                if waiting[n, 1] != k:
                    move_waiting(waiting, values, kept, n)
                    kept += 1
            whole[WAIT] = kept
        holds[k] = 1 if on else 0
    return -1


@inner
def move_waiting(waiting: Any, values: Any, to: int, of: int) -> None:
    """Move an event that waits to another place."""
    if to != of:
        for c in range(3):
            waiting[to, c] = waiting[of, c]
        for c in range(values.shape[1]):
            values[to, c] = values[of, c]


@inner
def next_event(v: Any, flags: Any, t: float, x: Any, whole: Any, room: Any, waiting: Any) -> int:
    """Return which of the events that are due comes first, -1 where none is due.

    The one with the largest priority; of equal priorities any one, by a random order that is the same in each run; those
    without one last, in the order in which they fired.
    """
    found, asked, best, alike = -1, False, 0.0, 0
    for n in range(whole[WAIT]):
        if not waiting[n, 0] - t <= _CLOSE * abs(t):
            continue
        k = int(waiting[n, 1])
        priority = -np.inf
        if flags[k, URGENT]:
            if not asked:
                call(v[PRIORITIES], v[PRIORITIES + 1], room, 0, x, 0)
                asked = True
            priority = room[k] if room[k] == room[k] else -np.inf
        if found == -1 or priority > best:
            found, best, alike = n, priority, 1
        elif priority == best and flags[k, URGENT] and flags[int(waiting[found, 1]), URGENT]:
            alike += 1
            whole[RANDOM] = (whole[RANDOM] * 1103515245 + 12345) % 2147483648
            if (whole[RANDOM] // 65536) % alike == 0:
                found = n
        elif priority == best and waiting[n, 2] < waiting[found, 2]:
            found = n
    return found


@inner
def execute_due_events(
    v: Any,
    kinds: Any,
    levels: int,
    flags: Any,
    offsets: Any,
    targets: Any,
    t: float,
    after: bool,
    y: Any,
    x: Any,
    first: int,
    crossed: Any,
    blur: float,
    sides: Any,
    slopes: Any,
    before: Any,
    holds: Any,
    numbers: Any,
    whole: Any,
    now: Any,
    room: Any,
    waiting: Any,
    values: Any,
) -> int:
    """Look at triggers, and carry out what is due, one after another: after each, triggers are looked at anew."""
    update_switches(v, kinds, levels, t, y, x, first, after, crossed, blur, sides, slopes)
    code = update_event_triggers(v, flags, offsets, t, x, holds, numbers, whole, now, room, waiting, values)
    events, count = flags.shape[0], targets.size
    at_once = 0
    while code == -1:
        n = next_event(v, flags, t, x, whole, room, waiting)
        if n < 0:
            return -1
        at_once += 1
        whole[HAPPENED] += 1
        whole[BUSY] += 1
        if at_once > MOST_AT_ONCE:
            return ENDLESS
        k = int(waiting[n, 1])
        call(v[VALUES], v[VALUES + 1], room, events, x, 0)
        for a in range(offsets[k], offsets[k + 1]):
            value = values[n, a - offsets[k]] if flags[k, AT_FIRING] else room[events + a]
            if value != value:
                whole[WHICH], whole[ASSIGNED] = k, a
                return VALUE
            y[targets[a]] = value * room[events + count + a]
        last = whole[WAIT] - 1
        move_waiting(waiting, values, n, last)
        whole[WAIT] = last
        for j in range(kinds.shape[0]):
            before[j] = sides[2 * j] - sides[2 * j + 1]
        set_packed_state(t, y, x)
        call(v[SIDES], v[SIDES + 1], sides, 0, x, 0)
        for j in range(kinds.shape[0]):  # what crossed zero did so by its own motion; an event has put it elsewhere
            if sides[2 * j] - sides[2 * j + 1] != before[j]:
                crossed[j] = 0.0
        update_switches(v, kinds, levels, t, y, x, first, after, crossed, blur, sides, slopes)
        code = update_event_triggers(v, flags, offsets, t, x, holds, numbers, whole, now, room, waiting, values)
    return code


@entry
def integrate_with_events(
    f: Any,
    v: Any,
    kinds: Any,
    levels: int,
    flags: Any,
    offsets: Any,
    targets: Any,
    known: Any,
    until: float,
    watched: Any,
    longest: float,
    x: Any,
    y: Any,
    times: Any,
    first: int,
    conditions: int,
    extinct: Any,
    rtol: float,
    atol: Any,
    shares: Any,
    most_steps: int,
    method: int,
    numbers: Any,
    whole: Any,
    holds: Any,
    waiting: Any,
    values: Any,
    out: Any,
    counts: Any,
) -> int:
    """Step one patient over its events; fill `out` at `times`; return a code.

    `f` and `v` hold the addresses of the model's functions and of the events'; see `EventFunctions` for `kinds` to `targets`.
    `known` are the times up to `until` at which curved switches change, which hold as long as the states `watched` do not; no
    step is longer than `longest`. `numbers`,
    `whole`, `holds` (which triggers do), `waiting` (time, event, order) and `values` are where it stands, so that it goes on
    where it stopped.
    """
    width, n, switches, events = y.size, extinct.size, kinds.shape[0], flags.shape[0]
    k, dense, jacobian, matrix = np.zeros((8, width)), np.zeros((5, width)), np.empty((n, n)), np.empty((n, n))
    slope, trial, sixth, weights = np.zeros(width), np.zeros(width), np.zeros(width), np.empty(n)
    below, tolerance, room = np.zeros(width), np.ones(width), np.empty(width)
    tolerance[:n] = atol
    right, drift, vector, rows = np.zeros(width), np.zeros(n), np.zeros(n), np.empty(n, np.int64)
    none, nothing, base = np.zeros(0), np.zeros(0), np.empty(x.size)
    signs_values, signs = np.empty(conditions), np.empty(conditions, np.int64)
    sides, slopes, crossed, before = np.empty(2 * switches + 1), np.empty(switches + 1), np.zeros(switches), np.empty(switches)
    gaps, speeds, noise = np.zeros((4, switches)), np.zeros((4, switches)), np.zeros(switches)
    now, own = np.empty(events + 1), np.empty(events + 2 * targets.size + 1)
    kept = np.empty(watched.size)
    moved = False
    for j in range(switches):
        moved |= kinds[j, 0] == MOVED
    start, end = numbers[START], times[-1]
    t, h, previous = numbers[T], numbers[STEP], numbers[ERROR]
    implicit, patience, streak, steps = method == IMPLICIT or whole[IMPLICIT_NOW] != 0, 10, 0, 0
    cost, resumed, g, at = implicit_cost_ratio(n), 0.0, whole[OUTPUT], 0
    due_now, blur = whole[BEGUN] == 0, 0.0
    span = max(end - start, 1e-300)
    while at < known.size and known[at] <= t:
        at += 1
    for j in range(switches if not due_now else 0):
        crossed[j] = 0.0
    if not due_now:
        update_switches(v, kinds, levels, t, y, x, first, True, crossed, 0.0, sides, slopes)
    while True:
        numbers[T], numbers[STEP], numbers[ERROR], whole[OUTPUT], whole[IMPLICIT_NOW] = t, h, previous, g, int(implicit)
        if due_now:
            due_now = False
            whole[BEGUN] = 1
            for i in range(watched.size):
                kept[i] = y[watched[i]]
            happened = whole[HAPPENED]
            for half in range(2):
                code = execute_due_events(
                    v,
                    kinds,
                    levels,
                    flags,
                    offsets,
                    targets,
                    t,
                    half == 1,
                    y,
                    x,
                    first,
                    crossed,
                    blur,
                    sides,
                    slopes,
                    before,
                    holds,
                    numbers,
                    whole,
                    now,
                    own,
                    waiting,
                    values,
                )
                if code != -1:
                    numbers[T] = t
                    return code
            for j in range(switches):
                crossed[j] = 0.0
            blur = 0.0
            grow_tolerances(atol, tolerance, shares, y)
            if t - numbers[WINDOW] > 1e-9 * span:
                numbers[WINDOW], whole[BUSY] = t, 0
            if whole[BUSY] > MOST_AT_ONCE:
                return CROWDED
            if whole[HAPPENED] != happened:
                steps, streak = 0, 0
                if implicit:
                    h = -abs(h)  # to be looked at anew: a step would pass over the fast part of what an event begins
            for i in range(watched.size):
                if y[watched[i]] != kept[i]:
                    return RENEW
        for i in range(n):
            if not abs(y[i]) < LARGEST:
                return NOT_FINITE
        while g < times.size and times[g] <= t:
            copy(out, g * width, y, 0, width)
            g += 1
        whole[OUTPUT] = g
        if t >= end:
            return FINISHED
        if t >= until:
            return RENEW
        stop, looks = min(end, until), False
        coming = next_linear_switch(v, kinds, t, y, x, sides, slopes)
        if at < known.size:
            coming = min(coming, known[at])
        for i in range(whole[WAIT]):
            coming = min(coming, waiting[i, 0])
        if coming <= stop + _CLOSE * abs(stop):
            stop, looks = min(max(coming, t), stop), True
            if g < times.size and abs(times[g] - stop) <= 10.0 * _CLOSE * abs(stop):
                stop = times[g]  # equal but for rounding
        if stop <= t:
            due_now = looks
            while at < known.size and known[at] <= t:
                at += 1
            continue
        earliest, latest = t + time_epsilon(t), stop - time_epsilon(stop)
        if earliest >= latest:
            earliest = latest = 0.5 * (t + stop)
        set_packed_state(t, y, x)
        if conditions:
            condition_signs(f, earliest, y, x, signs_values, signs)
        evaluate_rates(f, earliest, x, nothing, slope)
        counts[EVALUATIONS] += 1
        fresh = False
        if h <= 0.0:
            begun = initial_step(f, earliest, y, x, nothing, rtol, atol, slope, right)
            h = begun if h == 0.0 else min(-h, max(begun, 100.0 * time_epsilon(t)))
            counts[EVALUATIONS] += 1
        while t < stop:
            if steps >= most_steps:
                numbers[T] = t
                return TOO_MANY
            steps += 1
            h = min(h, longest)
            last = (1.01 if resumed == 0.0 else 1.0) * h >= stop - t
            step = stop - t if last else h
            if implicit:
                if not fresh:
                    set_packed_state(max(t, earliest), y, x)
                    call(f[JACOBIAN], f[JACOBIAN + 1], jacobian, 0, x, 0)
                    if f[DRIFT] != 0:
                        call(f[DRIFT], f[DRIFT + 1], drift, 0, x, 0)
                    counts[JACOBIANS] += 1
                    fresh = True
                error = rodas5p.attempt(
                    f,
                    t,
                    latest,
                    y,
                    step,
                    x,
                    base,
                    nothing,
                    k,
                    slope,
                    trial,
                    jacobian,
                    drift,
                    matrix,
                    rows,
                    right,
                    room,
                    n,
                    rtol,
                    atol,
                )
                counts[EVALUATIONS] += rodas5p.EVALUATIONS
            else:
                error = tsit5.attempt(f, t, latest, y, step, x, nothing, k, slope, trial, sixth, n, rtol, tolerance)
                counts[EVALUATIONS] += tsit5.EVALUATIONS
            accepted, share = error <= 1.0, 1.0
            if accepted:
                share = negativity_factor(f, min(t + step, latest), y, trial, x, nothing, atol, n, below, right)
                accepted = share == 1.0
            if not accepted:
                counts[REJECTIONS] += 1
                h = step * (reject_factor(error) if share == 1.0 else share)
                if h <= SMALLEST * max(abs(t), 1e-3):
                    numbers[T] = t
                    return TOO_SMALL
                continue
            for i in range(n):
                if not abs(trial[i]) < LARGEST:
                    numbers[T] = t
                    return NOT_FINITE
            reached = stop if last else t + step
            if implicit:
                rodas5p.interpolant(y, trial, k, dense)
            else:
                tsit5.interpolant(step, y, k, dense)
            if conditions and any_sign_changed(f, min(reached, latest), trial, x, signs_values, signs):
                theta = locate_discontinuity(f, t, step, latest, dense, x, trial, signs_values, signs)
                resumed = max(resumed, step)
                if theta * step > 10.0 * time_epsilon(t):
                    counts[REJECTIONS] += 1
                    h = theta * step
                    continue
                counts[CROSSINGS] += 1
                t = cross_discontinuity(
                    f, t, min(t + step, stop), latest, y, x, nothing, slope, signs_values, signs, none, none, n
                )
                counts[EVALUATIONS] += 2
                h, resumed, fresh, streak = resumed, 0.0, False, 0
                while g < times.size and times[g] <= t and t < stop:
                    copy(out, g * width, y, 0, width)
                    g += 1
                continue
            counts[STEPS] += 1
            change = False
            if method == AUTOMATIC:
                for i in range(n):
                    weights[i] = atol[i] + rtol * abs(trial[i])
                if implicit:
                    large = power_iteration(jacobian, vector, weights, room)
                    streak = streak + 1 if step * large < 0.3 * STABLE * cost and not last else 0
                    change = streak >= 4
                    patience = min(2 * patience, 1000) if change else patience
                else:
                    large = tsit5.stiffness(k, trial, sixth, weights)
                    streak = streak + 1 if step * large > 0.8 * STABLE else max(0, streak - 1)
                    change = streak >= patience and (end - t) * large > 8.0 * STABLE * cost
            theta, changed = 1.0, False
            if moved:
                found = locate_switch(
                    v, kinds, t, step, latest, dense, room, x, first, sides, slopes, gaps, speeds, noise, rtol
                )
                if found <= 1.0:
                    theta, changed = found, True
            fallen = falls_below_threshold(y, trial, extinct)
            if fallen:
                for i in range(n):
                    if y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0:
                        theta = min(theta, locate_threshold(dense, i, extinct[i]))
                changed = True
            if theta < 1.0:
                reached = t + theta * step
            while g < times.size and times[g] < reached:
                for i in range(width):
                    trial_at = interpolate(dense, i, (times[g] - t) / step)
                    room[i] = trial_at
                if dips_below_zero(room, y, trial, n):
                    clip_dense_output(f, min(times[g], latest), room, y, trial, x, nothing, atol, n, below, right)
                copy(out, g * width, room, 0, width)
                g += 1
            factor = accept_factor(log_error(error), previous)
            previous = log_error(error)
            h = max(h, step * factor) if last else step * factor
            if theta < 1.0:
                for i in range(n):
                    rows[i] = 1 if fallen and y[i] >= extinct[i] > interpolate(dense, i, theta) and extinct[i] > 0.0 else 0
                for i in range(width):
                    trial[i] = interpolate(dense, i, theta)
                for i in range(n):
                    if rows[i] != 0:
                        trial[i] = 0.0
            else:
                for i in range(n):
                    if fallen and y[i] >= extinct[i] > trial[i] and extinct[i] > 0.0:
                        trial[i] = 0.0
            for i in range(n):  # what is empty stays empty: no debris of rounding below zero
                if -atol[i] <= trial[i] < 0.0 <= y[i]:
                    trial[i] = 0.0
            t = reached
            fresh = False
            copy(y, 0, trial, 0, width)
            grow_tolerances(atol, tolerance, shares, y)
            if change:
                implicit = not implicit
                streak = 0
                counts[SWITCHES] += 1
            if changed:
                set_packed_state(t, y, x)
                call(v[SIDES], v[SIDES + 1], sides, 0, x, 0)
                for j in range(switches):
                    if kinds[j, 0] == MOVED and kinds[j, 1] == 0:
                        gap = distance(False, x[first + j], sides[2 * j], sides[2 * j + 1])
                        if gap < -switch_tolerance(MOVED, sides[2 * j], sides[2 * j + 1], 0.0, t):
                            crossed[j] = 1.0 if sides[2 * j] > sides[2 * j + 1] else -1.0
                due_now, blur = True, 4.0 * time_epsilon(t)
                break
            if implicit or theta < 1.0:
                set_packed_state(t, y, x)
                evaluate_rates(f, min(t, latest), x, nothing, slope)
                counts[EVALUATIONS] += 1
            else:
                copy(slope, 0, k, 6 * width, width)
        if t >= stop and looks:
            due_now = True
            while at < known.size and known[at] <= t * (1.0 + _CLOSE):
                at += 1
