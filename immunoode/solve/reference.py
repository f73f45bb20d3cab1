"""The reference engine: SciPy's `solve_ivp` over the same compiled functions, with an event loop of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from immunoode.solve.events import DOSE, INFUSION_END, INFUSION_START, Events
from immunoode.solve.status import FINISHED, NOT_FINITE, TOO_MANY, TOO_SMALL
from immunoode.solve.system import DOSE_AT, STATES_AT, TIME_AT, FloatArray, System

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
    most_evaluations: int
    running: dict[int, tuple[int, float]] = field(default_factory=dict)
    evaluations: int = 0
    invalid: int = 0

    def packed(self, time: float, y: FloatArray) -> FloatArray:
        self.x[TIME_AT] = time
        self.x[STATES_AT : STATES_AT + y.size] = y
        return self.x

    def infusion(self, size: int) -> FloatArray:
        rate = np.zeros(size)
        for state, flow in self.running.values():
            rate[state] += flow
        return rate

    def arrive(self, y: FloatArray, time: float, events: Events, e: int) -> FloatArray:
        which, amount, ordinal = int(events.inputs[e]), float(events.amounts[e]), int(events.ordinals[e])
        if events.kinds[e] == INFUSION_END:
            del self.running[ordinal]
            return y
        packed = self.packed(time, y)
        packed[DOSE_AT] = amount
        scale, values, new = self.system.scales(packed)[which], self.system.pulses(packed), y.copy()
        for p, (on, source, target) in enumerate(self.system.pulse_table):
            if on == which:
                moved = values[2 * p] * y[source]
                new[source] -= moved
                if target >= 0:
                    new[target] += moved * values[2 * p + 1]
        state = int(self.system.input_states[which])
        if events.kinds[e] == DOSE:
            new[state] += amount * scale
        elif events.kinds[e] == INFUSION_START:
            self.running[ordinal] = state, float(amount * scale / events.durations[e])
        new[(y >= self.extinct) & (new < self.extinct)] = 0.0
        return new

    def count(self, rates: FloatArray) -> None:
        """Count an evaluation; stop the solve where there are too many, or no finite ones any more."""
        self.evaluations += 1
        self.invalid = 0 if np.isfinite(rates).all() else self.invalid + 1
        if self.invalid > _MOST_INVALID:
            raise _Stopped(TOO_SMALL)
        if self.evaluations > self.most_evaluations:
            raise _Stopped(TOO_MANY)

    def segment(self, y: FloatArray, start: float, stop: float) -> Any:
        from scipy.integrate import solve_ivp

        infusion, n = self.infusion(y.size), y.size

        def rates(t: float, y: FloatArray) -> FloatArray:
            found = self.system.rates(self.packed(t, y)) + infusion
            self.count(found)
            return found

        def jacobian(t: float, y: FloatArray) -> FloatArray:
            return self.system.jacobian(self.packed(t, y)).reshape(n, n)

        falls = [_threshold(i, self.extinct[i]) for i in np.flatnonzero(self.extinct)]
        return solve_ivp(rates, (start, stop), y, method="LSODA", jac=jacobian, rtol=self.rtol, atol=self.atol,
                         dense_output=True, events=falls)  # fmt: skip


def _threshold(state: int, limit: float) -> Callable[[float, FloatArray], float]:
    """Return the event of a state that falls below its limit."""

    def event(t: float, y: FloatArray) -> float:
        return float(y[state] - limit)

    event.terminal = True  # type: ignore[attr-defined]
    event.direction = -1.0  # type: ignore[attr-defined]
    return event


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
    most_steps: int,
    out: FloatArray,
    counts: Any,
    ended: FloatArray,
) -> int:
    """Solve one patient as `immunoode.solve.kernel.solve` does, by `solve_ivp`."""
    patient = _Patient(system, x.copy(), extinct, rtol, np.maximum(atol, 1e-300),
                       _EVALUATIONS_PER_STEP * most_steps)  # fmt: skip
    t, end, e, g = start, max(start, float(times[-1])), 0, 0
    while True:
        while e < events.times.size and events.times[e] <= t:
            if events.inputs[e] >= 0:
                y = patient.arrive(y, t, events, e)
            e += 1
        ended[0] = t
        if not np.isfinite(y).all():
            return NOT_FINITE
        while g < times.size and times[g] <= t:
            out[g] = y
            g += 1
        if t >= end:
            counts[2] = patient.evaluations
            return FINISHED
        stop = min(end, float(events.times[e])) if e < events.times.size else end
        while t < stop:
            try:
                with np.errstate(all="ignore"):
                    part = patient.segment(y, t, stop)
            except _Stopped as stopped:
                counts[2] = patient.evaluations
                return stopped.code
            counts[0] += len(part.t) - 1
            reached, y = float(part.t[-1]), part.y[:, -1].copy()
            while g < times.size and times[g] < reached:
                out[g] = part.sol(times[g])
                g += 1
            if part.status < 0 or counts[0] > most_steps or not np.isfinite(y).all():
                ended[0] = reached
                return TOO_MANY if counts[0] > most_steps else TOO_SMALL
            if part.status == 1:
                for i, found in zip(np.flatnonzero(extinct), part.t_events, strict=True):
                    if found.size:
                        y[i] = 0.0
            t = stop if part.status == 0 else reached
            while g < times.size and times[g] <= t < stop:
                out[g] = y
                g += 1
