"""The reference engine: a step method of SciPy (LSODA) over the same compiled functions, with an event loop of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np

from immunoode.solve.integrator.steady_state import CLOSE, MOST_INTERVALS
from immunoode.solve.problem.compiled_model import DOSE_AT, NEVER, STATES_AT, TIME_AT, FloatArray, Function, System
from immunoode.solve.problem.event_table import (
    DOSE,
    FIRST,
    INFUSION_END,
    MULTIPLY,
    REPLACE,
    REPORT,
    RESET,
    SET,
    STEADY,
    STOP,
    SUPERPOSE,
    VISIT,
    Events,
)
from immunoode.solve.problem.tolerances import of_empty
from immunoode.solve.problem.trigger_table import Reactions
from immunoode.solve.reference_triggers import Decisions
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY, TOO_MANY, TOO_SMALL

_MOST_INVALID = 1000
"""Rates that are not finite, one after another, before the solver is stopped; SciPy's would go on for ever."""
_EVALUATIONS_PER_STEP = 5


class _Stopped(Exception):  # noqa: N818
    """Raised from within a solve, because SciPy bounds neither steps nor evaluations."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class _Patient:
    """One patient on the way: the packed input, what flows in, and how often rates were asked for."""

    system: System
    x: FloatArray
    extinct: FloatArray
    rtol: float
    atol: FloatArray
    shares: FloatArray
    most_evaluations: int
    method: Callable[..., Any]
    running: dict[int, FloatArray] = field(default_factory=dict)
    evaluations: int = 0
    invalid: int = 0

    def packed(self, time: float, y: FloatArray) -> FloatArray:
        self.x[TIME_AT] = time
        self.x[STATES_AT : STATES_AT + y.size] = y
        return self.x

    def infusion(self, size: int) -> FloatArray:
        return sum(self.running.values(), np.zeros(size))

    def arrive(self, y: FloatArray, time: float, events: Events, e: int) -> FloatArray:
        """Return the state after event e; keep what runs from it on."""
        kind, which, ordinal = int(events.kinds[e]), int(events.inputs[e]), int(events.ordinals[e])
        new = y.copy()
        if kind == INFUSION_END:
            self.running.pop(ordinal, None)
        elif kind == SET:
            self.x[self.system.parameters_at + which] = events.amounts[e]
            self.system.set_constants(self.x)
        elif kind == RESET:
            self.running.clear()
            self.x[self.system.clocks[self.system.clocks >= 0]] = NEVER
            new = self.system.initial(self.packed(time, y))
        elif kind == MULTIPLY:
            new[self.system.input_states[which]] *= events.amounts[e]
        elif kind == FIRST:
            place = self.system.clocks[which]
            if place >= 0 and self.x[place] == NEVER:
                self.x[place] = events.times[e] - events.durations[e]
        elif kind == STEADY:
            new = self.settled(y, time, events, e)
        elif kind == SUPERPOSE:
            moving = self.system.exchange[which]
            new[moving] += self.settled(y, time, events, e)[moving]
        else:
            moved, added = self.arrival(y, time, events, e)
            if kind == REPLACE:
                state = self.system.input_states[which]
                new[state] = added[state]
                return new
            new += moved
            if kind == DOSE:
                new += added
            else:
                self.running[ordinal] = added / events.durations[e]
            new[(y >= self.extinct) & (new < self.extinct)] = 0.0
        return new

    def arrival(self, y: FloatArray, time: float, events: Events, e: int) -> tuple[FloatArray, FloatArray]:
        """Return what the pulses of an event move, and what its dose adds."""
        packed = self.packed(time, y)
        packed[DOSE_AT] = events.amounts[e]
        moved, added = self.system.arrivals(packed).reshape(-1, 2, y.size)[events.inputs[e]]
        return moved, added

    def settled(self, y: FloatArray, time: float, events: Events, e: int) -> FloatArray:
        """Return the state with what exchanges matter with the dosed compartment at steady state: thousands of intervals."""
        from scipy.integrate import solve_ivp

        moving = self.system.exchange[events.inputs[e]]
        interval, duration = float(events.intervals[e]), float(events.durations[e])
        endless = not np.isfinite(interval)

        def advance(z: FloatArray, length: float, inflow: FloatArray) -> FloatArray:
            def rates(_: float, z: FloatArray) -> FloatArray:
                found = np.where(moving, self.system.rates(self.packed(time, z)) + inflow, 0.0)
                self.count(found)
                return found

            return solve_ivp(rates, (0.0, length), z, "LSODA", rtol=self.rtol, atol=self.atol).y[:, -1] if length else z

        def given(z: FloatArray, length: float) -> FloatArray:
            added = np.where(moving, self.arrival(z, time, events, e)[1], 0.0)
            if endless:
                return advance(z, length, added)
            if duration <= 0.0:
                return advance(z + added, length, 0.0 * added)
            overlap = np.floor(duration / interval)
            first = min(duration - overlap * interval, length)
            z = advance(z, first, added / duration * (overlap + 1))
            return advance(z, length - first, added / duration * overlap)

        z, last, length = y, np.inf, 1.0 if endless else interval
        for _ in range(MOST_INTERVALS):
            new = given(z, length)
            change = float(np.max(np.abs(new - z) / (self.atol + self.rtol * np.abs(new))))
            share, z, last = min(change / last, 0.9999), new, change
            length = min(2 * length, 1e5) if endless else length
            if change * max(1.0, share / (1 - share)) < CLOSE:
                return given(z, float(events.phases[e])) if events.phases[e] > 0 else z
        raise _Stopped(NOT_STEADY)

    def count(self, rates: FloatArray) -> None:
        """Count an evaluation; stop the solve where there are too many, or no finite ones any more."""
        self.evaluations += 1
        self.invalid = 0 if np.isfinite(rates).all() else self.invalid + 1
        if self.invalid > _MOST_INVALID:
            raise _Stopped(TOO_SMALL)
        if self.evaluations > self.most_evaluations:
            raise _Stopped(TOO_MANY)

    def stepper(self, y: FloatArray, start: float, stop: float) -> Any:
        """Return what steps from `start` to `stop`; rates are those within, not those that hold from `stop` on."""

        infusion, n = self.infusion(y.size), y.size
        margin = min(1e-14 * max(1.0, abs(stop)), (stop - start) / 2)
        empty = (self.shares > 0) & (y == 0)
        if empty.any():  # what feeds it may have begun just now, and the first step must not vanish beside the time
            begun = of_empty(self.system, self.packed(start + margin, y)[None], np.abs(y)[None], self.rtol)[0]
            np.maximum(self.atol, np.where(empty, begun, 0.0), out=self.atol)

        def rates(t: float, y: FloatArray) -> FloatArray:
            found = self.system.rates(self.packed(min(max(t, start + margin), stop - margin), y)) + infusion
            self.count(found)
            return found

        def jacobian(t: float, y: FloatArray) -> FloatArray:
            return self.system.jacobian(self.packed(min(max(t, start + margin), stop - margin), y)).reshape(n, n)

        how = {"jac": jacobian} if "jac" in signature(self.method).parameters else {}
        return self.method(rates, start, y, stop, rtol=self.rtol, atol=self.atol, **how)

    def crossing(self, before: FloatArray, after: FloatArray, steps: Any) -> float | None:
        """Return when the first of the states that fell below their threshold in a step did so."""
        from scipy.optimize import brentq

        fell = np.flatnonzero((self.extinct > 0) & (before >= self.extinct) & (after < self.extinct))
        if not fell.size:
            return None
        dense = steps.dense_output()
        return min(self.root(dense, int(i), steps.t_old, steps.t, brentq) for i in fell)

    def root(self, dense: Any, i: int, low: float, high: float, find: Callable[..., float]) -> float:
        def above(t: float) -> float:
            return float(dense(t)[i] - self.extinct[i])

        if above(low) <= 0.0:
            return low
        return find(above, low, high, xtol=1e-13) if above(high) < 0.0 else high


def solve(
    system: System,
    x: FloatArray,
    y: FloatArray,
    times: FloatArray,
    start: float,
    events: Events,
    extinct: FloatArray,
    rtol: float,
    atol: FloatArray,
    shares: FloatArray,
    most_steps: int,
    out: FloatArray,
    counts: Any,
    ended: FloatArray,
    reactions: Reactions,
    watch: Function,
    fired: FloatArray,
    method: Callable[..., Any],
) -> int:
    """Solve one patient as `immunoode.solve.integrator.scalar.integrate` does, by LSODA; tolerances grow from one span to the
    next."""
    patient = _Patient(system, x.copy(), extinct, rtol, atol, shares, _EVALUATIONS_PER_STEP * most_steps, method)
    decisions = None
    if reactions.quantities:
        decisions = Decisions(lambda t, y: watch(patient.packed(t, y)), reactions, fired, events)
    t, end, e, g = start, max(start, float(times[-1])), 0, 0
    last, y = y, y.copy()
    if decisions:
        decisions.begin(t, y)
    while True:
        while e < events.times.size and events.times[e] <= t:
            if events.kinds[e] == REPORT:
                count = int(events.amounts[e])
                out[g : g + count] = y
                g += count
            elif decisions and events.kinds[e] == VISIT:
                decisions.visit(int(events.inputs[e]), t, y, e + 1)
            elif events.kinds[e] != STOP and (decisions is None or decisions.given(e)):
                try:
                    y = patient.arrive(y, t, events, e)
                except _Stopped as stopped:
                    return stopped.code
            e += 1
        ended[0], last[:] = t, y
        if not np.isfinite(y).all():
            return NOT_FINITE
        if decisions and decisions.decide(t, y, e):
            continue
        while g < times.size and times[g] <= t:
            out[g] = y
            g += 1
        if t >= end:
            counts[2] = patient.evaluations
            return FINISHED
        stop = min(end, float(events.times[e])) if e < events.times.size else end
        while t < stop:
            steps = patient.stepper(y, t, stop)
            while steps.status == "running":
                before = steps.y.copy()
                try:
                    with np.errstate(all="ignore"):
                        steps.step()
                except _Stopped as stopped:
                    counts[2] = patient.evaluations
                    return stopped.code
                counts[0], counts[2] = counts[0] + 1, patient.evaluations
                if steps.status == "failed" or steps.t <= t or not np.isfinite(steps.y).all():
                    return TOO_SMALL
                if counts[0] > most_steps:
                    return TOO_MANY
                crossed = patient.crossing(before, steps.y, steps)
                decided = decisions.first(steps) if decisions else None
                cut = decided is not None and (crossed is None or decided <= crossed)
                crossed = decided if cut else crossed
                reached = steps.t if crossed is None else crossed
                dense = steps.dense_output() if g < times.size and times[g] < reached else None
                while dense and g < times.size and times[g] < reached:
                    out[g] = dense(times[g])
                    g += 1
                if crossed is None:
                    t, y = float(steps.t), steps.y.copy()
                    ended[0], last[:] = t, y
                    np.maximum(atol, shares * np.abs(y), out=atol)
                    if decisions:
                        decisions.look(t, y)
                    continue
                y = steps.dense_output()(crossed)
                y[(extinct > 0) & (before >= extinct) & (y <= extinct * (1 + 1e-9))] = 0.0
                t = float(crossed)
                ended[0], last[:] = t, y
                stop = t if cut else stop
                break
