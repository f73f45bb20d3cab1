"""Simulation of experiments, period by period, with all periods at the same level integrated together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.interop.evaluate import dependencies
from immunoode.model.model import Model
from immunoode.petab.components import STEADY
from immunoode.petab.dual_numbers import Dual, choose, concatenate, take_rows
from immunoode.petab.period_integrator import PeriodIntegrator
from immunoode.petab.period_values import period_constants, true_triggers
from immunoode.petab.sbml_entities import PetabEntities
from immunoode.petab.simulated_periods import (
    ExperimentRequest,
    ExperimentResult,
    SimulatedPeriod,
    group_periods,
    label_of,
    with_main_period,
)
from immunoode.petab.steady_state import FIRST, FRACTIONS, LATEST, changing_state, refine_steady_state
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.sbml_event import Events
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.compiled_model import compiled_model_of


class ExperimentSimulator:
    """Simulates the experiments of a model.

    Parameters
    ----------
    entities : PetabEntities
    requests : sequence of ExperimentRequest
    outputs : sequence of str
        States that observables use.
    table_parameters : frozenset of str
        Constants of the model that the parameter table sets.
    """

    def __init__(
        self,
        entities: PetabEntities,
        requests: Sequence[ExperimentRequest],
        outputs: Sequence[str],
        table_parameters: frozenset[str],
    ) -> None:
        self.entities, self.requests = entities, tuple(map(with_main_period, requests))
        self.outputs = tuple(outputs) or tuple(entities.equations.states[:1])
        model = entities.model
        changed = {self._state(n) for r in self.requests for n in r.experiment.periods[0].changes}
        self.overridden = tuple(n for n in model.compartments if n in changed or n in entities.assigned_states)
        self.first_model = entities.with_start_parameters(self.overridden)
        self.later_model = entities.with_start_parameters(model.compartments)
        self.integrator = PeriodIntegrator(entities, self._regimen(table_parameters))

    def _state(self, name: str) -> str:
        return self.entities.amounts[name][0] if name in self.entities.amounts else name

    @property
    def with_events(self) -> bool:
        """Whether events of the model are executed one by one, in which case there are no derivatives."""
        return isinstance(self.integrator.regimen, Events)

    def _regimen(self, table_parameters: frozenset[str]) -> Regimen | Events | None:
        """Return doses at stated times if every experiment is one period from time 0 and sets nothing that events use."""
        entities = self.entities
        if not entities.events.events:
            return None
        if not isinstance(entities.regimen, Regimen) or self._changes_events(table_parameters):
            return entities.events
        single = all(len(r.experiment.periods) == 1 and r.experiment.periods[0].time == 0 for r in self.requests)
        return entities.regimen if single and not any(r.steady for r in self.requests) else entities.events

    def _changes_events(self, table_parameters: frozenset[str]) -> bool:
        """Return whether events use something that conditions or the parameter table set."""
        changed = {n for r in self.requests for p in r.experiment.periods for n in p.changes} | table_parameters
        changed |= set(self.entities.assigned_constants)
        events = self.entities.events.events
        texts = [t for e in events for t in (e.trigger, e.delay, e.priority, *(a.value for a in e.assignments))]
        derived = {n: d.expr for n, d in self.entities.model.derived.items()}
        return any(dependencies(text, derived) & changed for text in texts if text)

    def run(self, given: Mapping[str, Dual], solver: SolverOptions) -> list[ExperimentResult]:
        """Simulate the experiments.

        Parameters
        ----------
        given : mapping
            Values of the parameter table.
        solver : SolverOptions

        Raises
        ------
        SolveError
            If an experiment cannot be integrated or reaches no steady state, with the condition, the time and the reason.
        """
        done: dict[tuple[Any, ...], SimulatedPeriod] = {}
        periods: list[list[SimulatedPeriod]] = [[] for _ in self.requests]
        for level in range(max(len(r.experiment.periods) for r in self.requests)):
            new: dict[tuple[Any, ...], SimulatedPeriod] = {}
            for request, own in zip(self.requests, periods, strict=True):
                if level < len(request.experiment.periods):
                    period = self._period(request, level, own[-1] if own else None, given)
                    own.append(done.get(period.key) or new.setdefault(period.key, period))
            for group in group_periods(new.values(), lambda p: (p.steady, p.followed)):
                self._solve(group, self.first_model if level == 0 else self.later_model, solver)
            done |= new
        return [self._result(request, own) for request, own in zip(self.requests, periods, strict=True)]

    def _period(
        self, request: ExperimentRequest, level: int, before: SimulatedPeriod | None, given: Mapping[str, Dual]
    ) -> SimulatedPeriod:
        """Return a period with the values that it starts from."""
        experiment = request.experiment
        period, last = experiment.periods[level], level + 1 == len(experiment.periods)
        end = math.inf if last else experiment.periods[level + 1].time
        start = 0.0 if period.time == STEADY else period.time
        times = request.times[(request.times >= start) & (request.times < end)] if period.time != STEADY else np.empty(0)
        if last and not request.steady:
            end = float(times[-1]) if times.size else start
        changes = tuple(sorted((n, str(f.expression)) for n, f in period.changes.items()))
        return SimulatedPeriod(
            period,
            key=(before.key if before else (), period.time, changes, end, times.tobytes(), last),
            constants=period_constants(self.entities, self.overridden, experiment, period, before, given, start),
            start=start,
            times=times,
            label=label_of(experiment, period),
            followed=not last,
            true_triggers=true_triggers(self.entities, self.later_model, before) if before and self.with_events else None,
            end=end,
        )

    def _solve(self, group: list[SimulatedPeriod], model: Model, solver: SolverOptions) -> None:
        """Integrate periods that agree in whether they end with a steady state and whether another period follows."""
        steady, followed = group[0].steady, group[0].followed
        states = tuple(self.entities.equations.states)
        outputs = states if followed or steady else self.outputs
        finite = [p for p in group if p.times.size or p.end != math.inf and p.period.time != STEADY]
        if finite:
            times = [np.unique(np.append(p.times, p.end)) if followed else p.times for p in finite]
            times = [t if t.size else np.array([p.start]) for t, p in zip(times, finite, strict=True)]
            runs = self.integrator.integrate(model, finite, times, outputs, solver)
            for period, at, values in zip(finite, times, runs, strict=True):
                rows = np.searchsorted(at, period.times)
                period.states = {n: take_rows(v, rows) for n, v in values.items()}
                if followed:
                    period.last = {n: take_rows(v, -1) for n, v in values.items()}
        if steady:
            self._reach_steady_state(model, group, states, solver)

    def _reach_steady_state(
        self, model: Model, group: list[SimulatedPeriod], states: tuple[str, ...], solver: SolverOptions
    ) -> None:
        """Integrate over spans that increase tenfold until no state and no slope changes."""
        left, span = list(group), FIRST
        while left:
            times = [p.start + span * FRACTIONS for p in left]
            runs = self.integrator.integrate(model, left, times, states, solver)
            waiting, changing = [], ""
            for period, values in zip(left, runs, strict=True):
                changing = changing_state(values)
                if changing:
                    waiting.append(period)
                else:
                    period.last = self._refined(period, {n: take_rows(v, -1) for n, v in values.items()})
                    period.end = period.start + span
            left, span = waiting, span * 10
            if left and span > LATEST:
                what = f"reaches no steady state by time {span / 10:g}: {changing} still changes"
                right = "a condition in which nothing grows without limit, is consumed for ever, or oscillates"
                raise SolveError(Problem(f"{self.entities.where}: {left[0].label}", what, right))

    def _refined(self, period: SimulatedPeriod, states: dict[str, Dual]) -> dict[str, Dual]:
        """Return a steady state refined by Newton's method, if its steps are small enough."""
        if self.with_events:
            return states
        equations = self.entities.equations
        system = compiled_model_of(equations)
        packed = system.packed(np.array([float(period.constants[n].value) for n in equations.parameters]), period.end)
        x = np.array([float(states[n].value) for n in equations.states])
        refined = refine_steady_state(system, packed, x)
        if refined is None:
            return states
        return {n: Dual(np.asarray(v), states[n].slope) for n, v in zip(equations.states, refined, strict=True)}

    def _result(self, request: ExperimentRequest, periods: list[SimulatedPeriod]) -> ExperimentResult:
        """Return the result of an experiment, its periods joined."""
        times = np.append(request.times, math.inf) if request.steady else request.times
        parts: dict[str, list[Dual]] = {n: [p.states[n] for p in periods if p.times.size] for n in self.outputs}
        rows = [np.full(p.times.size, k) for k, p in enumerate(periods)]
        if request.steady:
            rows.append(np.array([len(periods) - 1]))
            for n in self.outputs:
                parts[n].append(take_rows(periods[-1].last[n], None))
        states = {n: concatenate(p) for n, p in parts.items()}
        index = np.concatenate(rows).astype(int)
        constants = {n: choose([p.constants[n] for p in periods], index) for n in self.entities.model.constants}
        return ExperimentResult(times, states, constants)
