"""Integration of the periods of experiments, many at a time, with derivatives with respect to the estimated parameters."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.model.model import Model
from immunoode.petab.dual_numbers import Dual, FloatArray, dense_slopes, slope_count
from immunoode.petab.sbml_entities import PetabEntities
from immunoode.petab.simulated_periods import SimulatedPeriod
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.sbml_event import Events
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.simulator import Simulator
from immunoode.solve.simulate import simulate

AUTO, IMPLICIT = "auto", "rodas5p"
STEPS_BEFORE_IMPLICIT = 20_000
"""Steps after which a period with automatic switching is restarted with implicit steps only."""
MOST_SIMULATORS = 64


class PeriodIntegrator:
    """Integrates periods of experiments with one model.

    Parameters
    ----------
    entities : PetabEntities
    regimen : Regimen, Events or None
        Doses; events that are executed one by one, without slopes; or neither.
    """

    def __init__(self, entities: PetabEntities, regimen: Regimen | Events | None) -> None:
        self.entities, self.regimen = entities, regimen
        self._simulators: dict[Any, Simulator] = {}

    def integrate(
        self,
        model: Model,
        periods: Sequence[SimulatedPeriod],
        times: Sequence[FloatArray],
        outputs: tuple[str, ...],
        solver: SolverOptions,
    ) -> list[dict[str, Dual]]:
        """Return outputs at times (in the unit of the file) of each period, with slopes if its constants have slopes.

        Raises
        ------
        SolveError
            If a period cannot be integrated, with the condition, the time and the reason.
        """
        if isinstance(self.regimen, Events):
            return [self._with_events(model, p, at, outputs, solver) for p, at in zip(periods, times, strict=True)]
        days = self.entities.days
        varying = [{n: v for n, v in p.constants.items() if v.slope is not None and n in model.constants} for p in periods]
        by = tuple(n for n in model.constants if any(n in own for own in varying))
        starts = np.array([p.start * days for p in periods])
        rows = [np.maximum(at * days, start) for at, start in zip(times, starts, strict=True)]
        simulator = self._simulator(model, rows, starts, outputs, by, solver)
        matrix = np.array([[float(p.constants[n].value) for n in simulator.parameters] for p in periods])
        solution = simulator.run(matrix, 1)
        count = slope_count(v for own in varying for v in own.values())
        found = []
        for k, (period, at) in enumerate(zip(periods, times, strict=True)):
            if not solution.ok[k]:
                if solver.method != AUTO:
                    raise self._failure(period, solution.status(k))
                found += self.integrate(model, [period], [at], outputs, replace(solver, method=IMPLICIT))
                continue
            values = {n: solution.values[k, : at.size, j] for j, n in enumerate(outputs)}
            slopes: Mapping[str, FloatArray | None] = dict.fromkeys(outputs)
            if by:
                seeds = np.array([dense_slopes(varying[k][n], count) if n in varying[k] else np.zeros(count) for n in by])
                total = np.einsum("tbk,bm->tkm", solution.derivatives[k, : at.size], seeds)
                slopes = {n: total[:, j] for j, n in enumerate(outputs)}
            found.append({n: Dual(v, slopes[n]) for n, v in values.items()})
        return found

    def _simulator(
        self,
        model: Model,
        rows: list[FloatArray],
        starts: FloatArray,
        outputs: tuple[str, ...],
        by: tuple[str, ...],
        solver: SolverOptions,
    ) -> Simulator:
        key = id(model), tuple(r.tobytes() for r in rows), starts.tobytes(), outputs, by, solver
        if key not in self._simulators:
            if len(self._simulators) > MOST_SIMULATORS:
                self._simulators.clear()
            inputs = {name: target.unit for name, target in self.entities.equations.inputs.items()}
            schedule = self.regimen.schedule(inputs, {}) if isinstance(self.regimen, Regimen) else None
            self._simulators[key] = make_simulator(
                model, [schedule] * len(rows), rows, outputs, start=starts, solver=_first_attempt(solver), sensitivities=by
            )
        return self._simulators[key]

    def _with_events(
        self, model: Model, period: SimulatedPeriod, times: FloatArray, outputs: tuple[str, ...], solver: SolverOptions
    ) -> dict[str, Dual]:
        days = self.entities.days
        events = self.entities.events
        if period.true_triggers is not None:
            pairs = zip(events.events, period.true_triggers, strict=True)
            events = Events(tuple(replace(e, starts=true) for e, true in pairs), events.title)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            run = simulate(
                model,
                events,
                times=np.maximum(times, period.start) * days,
                start=period.start * days,
                parameters={n: float(period.constants[n].value) for n in model.constants},
                outputs=list(outputs),
                solver=_first_attempt(solver),
            )
        if not run.ok and solver.method == AUTO:
            return self._with_events(model, period, times, outputs, replace(solver, method=IMPLICIT))
        if not run.ok:
            raise self._failure(period, run.status[0])
        return {n: Dual(run.values[0, :, k]) for k, n in enumerate(outputs)}

    def _failure(self, period: SimulatedPeriod, status: Any) -> SolveError:
        time = status.time / self.entities.days
        right = f"{status.advice}; or other tolerances, method or limit of steps (with_solver)"
        where = f"{self.entities.where}: {period.label}"
        return SolveError(Problem(where, f"stopped at time {time:g}: {status.message}", right))


def _first_attempt(solver: SolverOptions) -> SolverOptions:
    """Return the options with a smaller limit of steps if the method may still be changed to the implicit one."""
    return replace(solver, max_steps=min(STEPS_BEFORE_IMPLICIT, solver.max_steps)) if solver.method == AUTO else solver
