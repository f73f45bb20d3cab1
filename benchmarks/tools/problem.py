"""A problem for all tools alike: equations, values, doses, times; made from a model file of this folder and a regimen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import immunoode as imo
from immunoode.model.closed_model import resolve

MODELS = Path(__file__).parents[1] / "models"


@dataclass(frozen=True)
class Problem:
    """An initial value problem with doses.

    At `dose_times[d]` state `dose_states[d]` is multiplied by `factors[d]` and gets `amounts[d]`; output at the time of a dose
    is that after it. `rtol` and `atol` hold for every state.
    """

    model: imo.Model
    regimen: imo.Regimen
    dose_times: np.ndarray
    dose_states: np.ndarray
    amounts: np.ndarray
    factors: np.ndarray
    times: np.ndarray
    rtol: float
    atol: float

    @cached_property
    def equations(self) -> Any:
        return resolve(self.model).equations

    @property
    def states(self) -> tuple[str, ...]:
        return self.equations.states

    @property
    def parameters(self) -> tuple[str, ...]:
        return self.equations.parameters

    @cached_property
    def values(self) -> np.ndarray:
        return np.array(self.equations.values, dtype=float)

    @cached_property
    def initial(self) -> np.ndarray:
        known = dict(zip(self.parameters, self.values.tolist(), strict=True))
        return np.array([float(e.subs(known)) if hasattr(e, "subs") else float(e) for e in self.equations.initial])

    @cached_property
    def steps(self) -> tuple[list[tuple[Any, Any]], list[Any]]:
        """Common subexpressions, in order, and the rates in terms of them: every tool gets the same work."""
        import symengine as se

        return se.cse(list(self.equations.rhs))

    @cached_property
    def intervals(self) -> list[tuple[float, float, list[int]]]:
        """Start and end of each span without doses, and the doses at its start."""
        cuts = np.unique(np.concatenate([[self.times[0]], self.dose_times, [self.times[-1]]]))
        pairs = zip(cuts[:-1], cuts[1:], strict=True)
        return [(a, b, np.flatnonzero(self.dose_times == a).tolist()) for a, b in pairs]

    def at(self, rtol: float, atol: float) -> Problem:
        """Return the problem with other tolerances."""
        return replace(self, rtol=rtol, atol=atol)

    def over_intervals(self, solve: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """Return values at `times` from a tool without events: solve(y, times from 0) gives states at the times, (n, T)."""
        y, out = self.initial.copy(), np.empty((self.times.size, self.initial.size))
        for end, doses, grid, rows, keep in self._plan:
            for d in doses:
                y[self.dose_states[d]] = y[self.dose_states[d]] * self.factors[d] + self.amounts[d]
            found = solve(y, grid)
            out[rows] = found[:, keep].T
            y = found[:, -1].copy()
            if end == self.times[-1]:
                out[-1] = y
        return out

    @cached_property
    def _plan(self) -> list[Any]:
        plan = []
        for a, b, doses in self.intervals:
            rows = np.flatnonzero((self.times >= a) & (self.times < b))
            grid = np.unique(np.concatenate([[0.0], self.times[rows] - a, [b - a]]))
            keep = np.searchsorted(grid, self.times[rows] - a)
            plan.append((b, doses, grid, rows, keep))
        return plan


def reference_problem(rtol: float = 1e-6, atol: float = 1e-8) -> Problem:
    """Ten states, one year, 29 doses, daily output; the solution at day 100 has a tumour of 65.9726."""
    regimen = (
        imo.Regimen()
        .dose("antibody", 200.0, every="3 weeks", count=17)
        .dose("chemotherapy", 130.0, every="3 weeks", count=6)
        .dose("radiation", 1.0, every="1 day", count=5, start="1 week")
        .dose("car_t", 5.0, start=30.0)
    )
    return _problem("reference_problem", regimen, np.arange(366.0), rtol, atol)


def pembrolizumab_binding(rtol: float = 1e-6, atol: float = 1e-10) -> Problem:
    """Ten states, stiff: 200 mg every three weeks for a year, daily output."""
    regimen = imo.Regimen().dose("pembrolizumab", 200.0, every="3 weeks", count=18)
    return _problem("pembrolizumab_binding", regimen, np.arange(366.0), rtol, atol)


def _problem(name: str, regimen: imo.Regimen, times: np.ndarray, rtol: float, atol: float) -> Problem:
    model = imo.read_model(MODELS / f"{name}.toml")
    eq = resolve(model).equations
    known = dict(zip(eq.parameters, eq.values, strict=True))
    schedule = regimen.schedule({name: target.unit for name, target in eq.inputs.items()}, known)
    targets = [eq.inputs[name] for name in schedule.inputs]
    scales = [float(t.scale.subs(known)) if hasattr(t.scale, "subs") else float(t.scale) for t in targets]
    lost = {p.input: (p.source, float(p.fraction)) for p in eq.pulses}
    states = [lost[name][0] if name in lost else t.state for name, t in zip(schedule.inputs, targets, strict=True)]
    factors = [1.0 - lost[name][1] if name in lost else 1.0 for name in schedule.inputs]
    return Problem(
        model,
        regimen,
        schedule.times,
        np.array(states, dtype=np.int32),
        schedule.amounts * scales,
        np.array(factors),
        times,
        rtol,
        atol,
    )
