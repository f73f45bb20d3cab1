"""The reference engine: SciPy's `solve_ivp` over the same compiled functions, with an event loop of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from immunoode.solve.events import DOSE, INFUSION_END, INFUSION_START, STOP, Events
from immunoode.solve.status import FINISHED, NOT_FINITE, TOO_MANY, TOO_SMALL
from immunoode.solve.system import STATES_AT, FloatArray, System

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
    running: list[tuple[int, float, float]] = field(default_factory=list)
    most_evaluations: int = 10**9
    evaluations: int = 0
    invalid: int = 0

    def packed(self, time: float, y: FloatArray) -> FloatArray:
        self.x[0] = time
        self.x[STATES_AT : STATES_AT + y.size] = y
        return self.x

    def count(self, rates: FloatArray) -> None:
        """Count an evaluation; stop the solve where there are too many, or no finite ones any more."""
        self.evaluations += 1
        self.invalid = 0 if np.isfinite(rates).all() else self.invalid + 1
        if self.invalid > _MOST_INVALID:
            raise _Stopped(TOO_SMALL)
        if self.evaluations > self.most_evaluations:
            raise _Stopped(TOO_MANY)

    def infusion(self, y: FloatArray, time: float) -> FloatArray:
        rate = np.zeros(y.size)
        if self.running:
            scales = self.system.scales(self.packed(time, y))
            for which, amount, duration in self.running:
                rate[self.system.input_states[which]] += amount * scales[which] / duration
        return rate

    def arrive(self, y: FloatArray, time: float, kind: int, which: int, amount: float, duration: float) -> FloatArray:
        if kind == INFUSION_END:
            self.running.remove((which, amount, duration))
            return y
        packed = self.packed(time, y)
        packed[1] = amount
        scale, values, new = self.system.scales(packed)[which], self.system.pulses(packed), y.copy()
        for p, (on, source, target) in enumerate(self.system.pulse_table):
            if on == which:
                moved = values[2 * p] * y[source]
                new[source] -= moved
                if target >= 0:
                    new[target] += moved * values[2 * p + 1]
        if kind == DOSE:
            new[self.system.input_states[which]] += amount * scale
        elif kind == INFUSION_START:
            self.running.append((which, amount, duration))
        new[(y >= self.extinct) & (new < self.extinct)] = 0.0
        return new

    def segment(self, y: FloatArray, start: float, stop: float) -> Any:
        from scipy.integrate import solve_ivp

        infusion, n = self.infusion(y, start), y.size

        def rates(t: float, y: FloatArray) -> FloatArray:
            found = self.system.rates(self.packed(t, y)) + infusion
            self.count(found)
            return found

        def jacobian(t: float, y: FloatArray) -> FloatArray:
            return self.system.jacobian(self.packed(t, y)).reshape(n, n)

        alive = [i for i in range(n) if y[i] >= self.extinct[i] > 0]
        return solve_ivp(rates, (start, stop), y, method="LSODA", jac=jacobian, rtol=self.rtol, atol=self.atol,
                         dense_output=True, events=[_threshold(i, self.extinct[i]) for i in alive])  # fmt: skip


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
    most = _EVALUATIONS_PER_STEP * most_steps
    patient = _Patient(system, x.copy(), extinct, rtol, np.maximum(atol, 1e-300), most_evaluations=most)
    t, end, e, g = start, max(start, float(times[-1])), 0, 0
    while True:
        while e < events.times.size and events.times[e] <= t:
            if events.kinds[e] != STOP:
                y = patient.arrive(y, t, int(events.kinds[e]), int(events.inputs[e]), float(events.amounts[e]),
                                   float(events.durations[e]))  # fmt: skip
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
                ended[0] = t
                return stopped.code
            counts[0] += len(part.t) - 1
            if part.status < 0 or not np.isfinite(part.y[:, -1]).all():
                ended[0] = part.t[-1]
                return TOO_SMALL
            if counts[0] > most_steps:
                return TOO_MANY
            reached, y = float(part.t[-1]), part.y[:, -1].copy()
            while g < times.size and times[g] < reached:
                out[g] = part.sol(times[g])
                g += 1
            if part.status == 1:
                alive = [i for i in range(y.size) if part.y[i, 0] >= extinct[i] > 0]
                for i, found in zip(alive, part.t_events, strict=True):
                    if found.size:
                        y[i] = 0.0
            t = stop if part.status == 0 else reached
            while g < times.size and times[g] <= t < stop:
                out[g] = y
                g += 1
