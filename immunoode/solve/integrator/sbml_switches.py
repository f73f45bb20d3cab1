"""The switches of SBML events: their values at a time, the next change by time, and changes by the state within a step.

A switch is a difference whose sign is a condition, or the argument of a step (floor). At a time at which a switch changes, it
has one value exactly at that time, and another right after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.controller import time_epsilon
from immunoode.solve.integrator.copying import copy_vector
from immunoode.solve.integrator.interpolation import interpolate_into, locate_root
from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.native import call, set_packed_state
from immunoode.solve.problem.event_functions import CURVED, LINEAR, MOVED

CLOSE, _ROUNDED = 1e-13, 1e-14
"""Part of the sides of a switch within which they are equal: where time moves them, and otherwise."""
_FINEST, _MOST_LOOKS = 2.0**-16, 4000
"""Shortest part of a step on which a switch is examined, and the maximum number of subdivisions."""
_START, _MIDDLE, _END, _OTHER = range(4)
"""Rows of `gaps` and `speeds`: the positions within a part of a step that are examined."""


@inner
def evaluate_sides(run: Any, lane: int, sbml: Any, t: float, y: Any) -> None:
    """Evaluate both sides of all switches, and the rates of change of their differences."""
    x = run.progress.x[lane]
    set_packed_state(t, y, x)
    call(sbml.functions.sides, sbml.sides, x)
    call(sbml.functions.slopes, sbml.slopes, x)


@inner
def switch_tolerance(kind: int, left: float, right: float, slope: float, t: float) -> float:
    """Return the difference up to which the sides of a switch count as equal."""
    size = max(abs(left), abs(right))
    found = CLOSE * (size + abs(t * slope)) if kind == LINEAR or kind == CURVED else _ROUNDED * size
    return found if found < np.inf else 0.0


@inner
def update_switches(run: Any, lane: int, sbml: Any, after: bool) -> None:
    """Store the values of the switches, at the time or right after it, in the packed input."""
    own = run.progress
    x = own.x[lane]
    for _ in range(sbml.levels):
        evaluate_sides(run, lane, sbml, own.t[lane], own.y[lane])
        for k in range(sbml.switches.size):
            x[sbml.switches_at + k] = _switch_value(sbml, k, own.t[lane], after)


@inner
def _switch_value(sbml: Any, k: int, t: float, after: bool) -> float:
    """Return the value of switch k at a time, or right after it: the sign of a difference, or the integer of a step.

    `crossed` is the sign of a difference right after it has crossed zero, if it does so at this time; `blur` is the accuracy of
    that time.
    """
    switch, left, right, slope = sbml.switches[k], sbml.sides[2 * k], sbml.sides[2 * k + 1], sbml.slopes[k]
    crossed, blur = sbml.crossed[k], sbml.state[0].blur
    near = switch_tolerance(switch.kind, left, right, slope, t)
    if blur > 0.0 and switch.kind == MOVED:
        near += abs(slope) * blur
    if switch.step != 0:
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
def next_linear_switch(run: Any, lane: int, sbml: Any) -> float:
    """Return the next time at which a switch that is linear in time changes; infinite if none does."""
    t, found = run.progress.t[lane], np.inf
    evaluate_sides(run, lane, sbml, t, run.progress.y[lane])
    for k in range(sbml.switches.size):
        left, right, slope = sbml.sides[2 * k], sbml.sides[2 * k + 1], sbml.slopes[k]
        if sbml.switches[k].kind != LINEAR or slope == 0.0:
            continue
        near = switch_tolerance(LINEAR, left, right, slope, t)
        if sbml.switches[k].step != 0:
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
def distance(step: bool, held: float, left: float, right: float) -> float:
    """Return the distance of a switch, which was `held`, from changing; negative if it has changed."""
    if step:
        return min(left - held, held + 1.0 - left)
    difference = 0.0 if left == right else left - right
    return held * difference if held != 0.0 else -abs(difference)


@inner
def _approach(step: bool, held: float, left: float, right: float, slope: float) -> float:
    """Return the rate of change of `distance`."""
    if step:
        return slope if left - held < held + 1.0 - left else -slope
    if held != 0.0:
        return held * slope
    return -slope if left > right else slope


@inner
def _measure(run: Any, lane: int, sbml: Any, theta: float, row: int) -> bool:
    """Fill a row with the distances of state-dependent switches from changing at theta, and their rates of change.

    Returns whether one has changed.
    """
    own, state = run.progress, run.work.scratch
    t, x = own.t[lane], own.x[lane]
    interpolate_into(state, run.work.dense, theta)
    evaluate_sides(run, lane, sbml, min(t + theta * own.size[lane], own.latest[lane]), state)
    changed = False
    for k in range(sbml.switches.size):
        if sbml.switches[k].kind == MOVED:
            left, right, held = sbml.sides[2 * k], sbml.sides[2 * k + 1], x[sbml.switches_at + k]
            step = sbml.switches[k].step != 0
            sbml.gaps[row, k] = distance(step, held, left, right)
            sbml.speeds[row, k] = _approach(step, held, left, right, sbml.slopes[k])
            sbml.noise[k] = abs(left) + abs(right)
            changed |= sbml.gaps[row, k] < -switch_tolerance(MOVED, left, right, 0.0, t)
    return changed


@inner
def _changed_at(run: Any, lane: int, sbml: Any, theta: float) -> bool:
    return _measure(run, lane, sbml, theta, _OTHER)


@inner
def locate_switch(run: Any, lane: int, sbml: Any) -> float:
    """Return the theta of a step right after which a switch that depends on the state first changes; 2.0 if none does.

    Between the examined positions, a cubic through values and slopes shows whether the resolution is sufficient; parts are
    subdivided until it is.
    """
    low, part, looked, size = 0.0, 0.25, 0, run.progress.size[lane]
    if _measure(run, lane, sbml, 0.0, _START):
        return 0.0
    while low < 1.0:
        high = low + part if low + 1.5 * part < 1.0 else 1.0
        middle = 0.5 * (low + high)
        at_middle = _measure(run, lane, sbml, middle, _MIDDLE)
        at_high = _measure(run, lane, sbml, high, _END)
        if high - low > _FINEST and looked < _MOST_LOOKS and not _is_resolved(run, sbml, (high - low) * size):
            part, looked = 0.5 * (high - low), looked + 1
            continue
        found = middle if at_middle else (high if at_high else 2.0)
        found = _locate_touch(run, lane, sbml, low, middle, _START, found)
        if found > middle:
            found = _locate_touch(run, lane, sbml, middle, high, _MIDDLE, found)
        if found <= 1.0:
            resolution = max(time_epsilon(run.progress.t[lane]) / size, 1e-15)
            return locate_root(_changed_at, run, lane, sbml, low, found, resolution).high
        copy_vector(sbml.gaps[_START], sbml.gaps[_END])
        copy_vector(sbml.speeds[_START], sbml.speeds[_END])
        low, part = high, min(0.25, 2.0 * part)
    return 2.0


@inner
def _is_resolved(run: Any, sbml: Any, width: float) -> bool:
    """Whether cubics through the ends of a part of a step agree with the values in its middle."""
    a, m, b = sbml.gaps[_START], sbml.gaps[_MIDDLE], sbml.gaps[_END]
    for k in range(sbml.switches.size):
        if sbml.switches[k].kind == MOVED:
            bend = 0.125 * width * (sbml.speeds[_START, k] - sbml.speeds[_END, k])
            missed = abs(m[k] - 0.5 * (a[k] + b[k]) - bend)
            nearest = min(a[k], m[k], b[k])
            least = max(0.1 * nearest, 1e-3 * (abs(a[k]) + abs(m[k]) + abs(b[k])), run.settings.rtol * sbml.noise[k])
            if missed > least:
                return False
    return True


@inner
def _locate_touch(run: Any, lane: int, sbml: Any, low: float, high: float, row: int, found: float) -> float:
    """Return the position in a part of a step at which a switch changes and changes back.

    The ends of the part are in `row` and the next one; `found` is returned if no switch changes before it.
    """
    gaps, speeds, width = sbml.gaps, sbml.speeds, (high - low) * run.progress.size[lane]
    for k in range(sbml.switches.size):
        if sbml.switches[k].kind == MOVED and speeds[row, k] < 0.0 < speeds[row + 1, k] and found >= high:
            falling, rising = speeds[row, k], speeds[row + 1, k]
            lowest = gaps[row, k] * rising - gaps[row + 1, k] * falling + falling * rising * width
            if lowest < 0.0:  # tangents meet below: it may change and change back
                nearest = _locate_nearest(run, lane, sbml, k, low, high)
                if _measure(run, lane, sbml, nearest, _OTHER):
                    found = nearest
    return found


@inner
def _locate_nearest(run: Any, lane: int, sbml: Any, k: int, low: float, high: float) -> float:
    """Return the position in a part of a step at which switch k, after approaching, is closest to changing."""
    for _ in range(40):
        middle = 0.5 * (low + high)
        _measure(run, lane, sbml, middle, _OTHER)
        if sbml.speeds[_OTHER, k] < 0.0:
            low = middle
        else:
            high = middle
    return high


@rare
def note_crossings(run: Any, lane: int, sbml: Any) -> None:
    """Store which differences have crossed zero by the solution itself at the end of a step, and to which side."""
    own = run.progress
    x = own.x[lane]
    evaluate_sides(run, lane, sbml, own.t[lane], own.y[lane])
    for k in range(sbml.switches.size):
        if sbml.switches[k].kind == MOVED and sbml.switches[k].step == 0:
            left, right = sbml.sides[2 * k], sbml.sides[2 * k + 1]
            gap = distance(False, x[sbml.switches_at + k], left, right)
            if gap < -switch_tolerance(MOVED, left, right, 0.0, own.t[lane]):
                sbml.crossed[k] = 1.0 if left > right else -1.0
