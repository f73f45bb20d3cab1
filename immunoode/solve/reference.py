"""The reference engine: a step method of SciPy (LSODA) over the same compiled functions, with a separate event loop."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from immunoode.solve.integrator.records import Run
from immunoode.solve.integrator.steady_state import CLOSE, MOST_INTERVALS
from immunoode.solve.problem.codegen import NativeFunction
from immunoode.solve.problem.compiled_model import CompiledModel
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
)
from immunoode.solve.problem.packed_input import DOSE_AT, NEVER, STATES_AT, TIME_AT, FloatArray
from immunoode.solve.problem.tolerances import of_empty
from immunoode.solve.reference_triggers import TriggerStates
from immunoode.solve.status import FINISHED, NOT_FINITE, NOT_STEADY, TOO_MANY, TOO_SMALL

_MOST_INVALID = 1000
"""The number of successive non-finite rates after which the solver is stopped; SciPy's would continue for ever."""
_EVALUATIONS_PER_STEP = 5


class _Stopped(Exception):  # noqa: N818
    """Raised from within a solve, because SciPy bounds neither steps nor evaluations."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def solve(system: CompiledModel, run: Run, quantities: NativeFunction | None, method: Callable[..., Any]) -> int:
    """Integrate the subject in lane 0 of a run as `immunoode.solve.integrator.scalar.integrate` does; return a status code.
    Tolerances grow from one span to the next. `quantities` computes the quantities that triggers watch, None if there are none;
    `method` creates the step method, like subclasses of `scipy.integrate.OdeSolver`.
    """
    subject = _Subject(system, run, quantities, method)
    try:
        with np.errstate(all="ignore"):
            return subject.integrate()
    except _Stopped as stopped:
        return stopped.code
    finally:
        run.batch.statistics[subject.p]["evaluations"] = subject.evaluations


class _Subject:
    """The progress of one subject: time, state, packed input, infusions, and the number of evaluations of the rates."""

    def __init__(self, system: CompiledModel, run: Run, quantities: NativeFunction | None, method: Callable[..., Any]) -> None:
        batch, own, p = run.batch, run.progress, int(run.progress.subject[0])
        self.system, self.run, self.p, self.own, self.method = system, run, p, own, method
        self.x, self.last = batch.x[p].copy(), batch.y[p, : system.base]
        self.t, self.y = float(batch.starts[p]), self.last.copy()
        self.times = batch.times[p, : batch.lengths[p]]
        self.end = max(self.t, float(self.times[-1]))
        self.thresholds, self.rtol = run.settings.thresholds, run.settings.rtol
        self.atol, self.shares = batch.atol[p], batch.atol_share[p]
        self.statistics = batch.statistics[p : p + 1]
        self.running: dict[int, FloatArray] = {}
        self.evaluations = self.invalid = 0
        own.event[0], own.output[0] = batch.offsets[p], 0
        own.saved[0] = np.nan
        self.triggers: TriggerStates | None = None
        if quantities is not None:
            self.triggers = TriggerStates(lambda t, y: quantities(self.packed(t, y)), run)
            self.triggers.begin(self.t, self.y)

    def integrate(self) -> int:
        """Step from one stop to the next, in the order of `immunoode.solve.integrator.segment`."""
        while True:
            self.apply_due_events()
            self.reach(self.t, self.y)
            if not np.isfinite(self.y).all():
                return NOT_FINITE
            if self.triggers and self.triggers.update_continuous(self.t, self.y):
                continue
            while self.is_due(self.t, inclusive=True):
                self.save(self.y)
            if self.t >= self.end:
                return FINISHED
            stop = self.end
            if self.own.event[0] < self.run.batch.offsets[self.p + 1]:
                stop = min(stop, float(self.run.batch.events[self.own.event[0]]["time"]))
            while self.t < stop:
                stop = self.span(stop)

    def reach(self, t: float, y: FloatArray) -> None:
        """Store the progress of the subject."""
        self.t, self.y = t, y
        self.run.batch.ended[self.p], self.last[:] = t, y

    def is_due(self, reached: float, inclusive: bool = False) -> bool:
        """Whether an output is to be saved before a time, or at it."""
        g = self.own.output[0]
        return g < self.times.size and bool(self.times[g] <= reached if inclusive else self.times[g] < reached)

    def save(self, y: FloatArray) -> None:
        """Save a state for the next output."""
        self.own.saved[0, self.own.output[0], : y.size] = y
        self.own.output[0] += 1

    def apply_due_events(self) -> None:
        """Apply the events up to the time that the subject has reached."""
        batch, own = self.run.batch, self.own
        while own.event[0] < batch.offsets[self.p + 1] and batch.events[own.event[0]]["time"] <= self.t:
            event = batch.events[own.event[0]]
            own.event[0] += 1
            if event["kind"] == REPORT:
                for _ in range(int(event["amount"])):
                    self.save(self.y)
            elif self.triggers and event["kind"] == VISIT:
                self.triggers.update(int(event["target"]), self.t, self.y)
            elif event["kind"] != STOP and (self.triggers is None or self.triggers.scales_dose(event)):
                self.y = self.applied(self.y, self.t, event)

    def span(self, stop: float) -> float:
        """Integrate until the stop, or until a state falls below its threshold or a trigger changes; return the stop."""
        steps = self.stepper(self.y, self.t, stop)
        while steps.status == "running":
            before = steps.y.copy()
            steps.step()
            self.statistics["steps"] += 1
            if steps.status == "failed" or steps.t <= self.t or not np.isfinite(steps.y).all():
                raise _Stopped(TOO_SMALL)
            if self.statistics["steps"][0] > self.run.settings.max_steps:
                raise _Stopped(TOO_MANY)
            fallen = self.crossing(before, steps.y, steps)
            changed = self.triggers.locate(steps) if self.triggers else None
            triggered = changed is not None and (fallen is None or changed <= fallen)
            root = changed if triggered else fallen
            dense = steps.dense_output() if root is not None or self.is_due(steps.t) else None
            while dense and self.is_due(steps.t if root is None else root):
                self.save(dense(self.times[self.own.output[0]]))
            if root is not None:
                assert dense is not None
                y = dense(root)
                y[(self.thresholds > 0) & (before >= self.thresholds) & (y <= self.thresholds * (1 + 1e-9))] = 0.0
                self.reach(float(root), y)
                return self.t if triggered else stop
            self.reach(float(steps.t), steps.y.copy())
            np.maximum(self.atol, self.shares * np.abs(self.y), out=self.atol)
            if self.triggers:
                self.triggers.update_nadirs(self.t, self.y)
        return stop

    def packed(self, time: float, y: FloatArray) -> FloatArray:
        self.x[TIME_AT] = time
        self.x[STATES_AT : STATES_AT + y.size] = y
        return self.x

    def infusion(self, size: int) -> FloatArray:
        return sum(self.running.values(), np.zeros(size))

    def applied(self, y: FloatArray, time: float, event: Any) -> FloatArray:
        """Return the state after an event; store the infusions that run from then on."""
        kind, target, infusion = int(event["kind"]), int(event["target"]), int(event["infusion"])
        new = y.copy()
        if kind == INFUSION_END:
            self.running.pop(infusion, None)
        elif kind == SET:
            self.x[self.system.parameters_at + target] = event["amount"]
            self.system.set_constants(self.x)
        elif kind == RESET:
            self.running.clear()
            self.x[self.system.clocks[self.system.clocks >= 0]] = NEVER
            new = self.system.initial(self.packed(time, y))
        elif kind == MULTIPLY:
            new[self.system.input_states[target]] *= event["amount"]
        elif kind == FIRST:
            place = self.system.clocks[target]
            if place >= 0 and self.x[place] == NEVER:
                self.x[place] = event["time"] - event["duration"]
        elif kind == STEADY:
            new = self.steady_state(y, time, event)
        elif kind == SUPERPOSE:
            moving = self.system.exchange[target]
            new[moving] += self.steady_state(y, time, event)[moving]
        else:
            moved, added = self.dose_effect(y, time, event)
            if kind == REPLACE:
                state = self.system.input_states[target]
                new[state] = added[state]
                return new
            new += moved
            if kind == DOSE:
                new += added
            else:
                self.running[infusion] = added / event["duration"]
            new[(y >= self.thresholds) & (new < self.thresholds)] = 0.0
        return new

    def dose_effect(self, y: FloatArray, time: float, event: Any) -> tuple[FloatArray, FloatArray]:
        """Return the amounts that the pulses of an event move, and those that its dose adds."""
        packed = self.packed(time, y)
        packed[DOSE_AT] = event["amount"]
        moved, added = self.system.arrivals(packed).reshape(-1, 2, y.size)[event["target"]]
        return moved, added

    def steady_state(self, y: FloatArray, time: float, event: Any) -> FloatArray:
        """Return the state after thousands of intervals: the compartments linked to the dosed one are at steady state."""
        from scipy.integrate import solve_ivp

        moving = self.system.exchange[event["target"]]
        interval, duration = float(event["interval"]), float(event["duration"])
        endless = not np.isfinite(interval)

        def advance(z: FloatArray, length: float, inflow: FloatArray) -> FloatArray:
            def rates(_: float, z: FloatArray) -> FloatArray:
                found = np.where(moving, self.system.rates(self.packed(time, z)) + inflow, 0.0)
                self.count(found)
                return found

            return solve_ivp(rates, (0.0, length), z, "LSODA", rtol=self.rtol, atol=self.atol).y[:, -1] if length else z

        def given(z: FloatArray, length: float) -> FloatArray:
            added = np.where(moving, self.dose_effect(z, time, event)[1], 0.0)
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
                return given(z, float(event["phase"])) if event["phase"] > 0 else z
        raise _Stopped(NOT_STEADY)

    def count(self, rates: FloatArray) -> None:
        """Count an evaluation; stop the integration if there are too many, or if rates remain non-finite."""
        self.evaluations += 1
        self.invalid = 0 if np.isfinite(rates).all() else self.invalid + 1
        if self.invalid > _MOST_INVALID:
            raise _Stopped(TOO_SMALL)
        if self.evaluations > _EVALUATIONS_PER_STEP * self.run.settings.max_steps:
            raise _Stopped(TOO_MANY)

    def stepper(self, y: FloatArray, start: float, stop: float) -> Any:
        """Return the step method from `start` to `stop`; rates are those within, not those that apply from `stop` on."""
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

        fell = np.flatnonzero((self.thresholds > 0) & (before >= self.thresholds) & (after < self.thresholds))
        if not fell.size:
            return None
        dense = steps.dense_output()
        return min(self.root(dense, int(i), steps.t_old, steps.t, brentq) for i in fell)

    def root(self, dense: Any, i: int, low: float, high: float, find: Callable[..., float]) -> float:
        def above(t: float) -> float:
            return float(dense(t)[i] - self.thresholds[i])

        if above(low) <= 0.0:
            return low
        return find(above, low, high, xtol=1e-13) if above(high) < 0.0 else high
