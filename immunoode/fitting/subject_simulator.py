"""`SubjectSimulator`: subjects with their own schedules, starts and observation times, simulated for any values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.fitting.observations import FloatArray, Observations
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.simulator import Simulator
from immunoode.solve.problem.solution import Solution

_FEW = 64
"""Below this many simulated subjects a second thread costs more than it gains."""


@dataclass
class SubjectSimulator:
    """S subjects, N observations, K parameters that vary.

    `base` (S, P) are the values of all parameters in each subject, `names` those that vary. Values are (B, S, K):
    B sets of them. Values that cannot be computed are NaN.
    """

    model: Model
    observations: Observations
    schedules: tuple[Schedule | None, ...]
    base: FloatArray
    names: tuple[str, ...]
    solver: SolverOptions
    _simulators: dict[tuple[int, bool], Simulator] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._times, self._orders, self._place = self.observations.moments()
        column = resolve(self.model).column
        self._columns = np.array([column[name] for name in self.names], dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state that a copy in another process needs; machine code is prepared there again."""
        return {**self.__dict__, "_simulators": {}}

    def predictions(self, values: FloatArray) -> FloatArray:
        """Return (B, N) the outputs at the observations."""
        return self._at_observations(self._run(self._simulator(len(values), False), values).values, len(values))

    def derivatives(self, values: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """Return the predictions (B, N), their derivatives (B, N, K) with respect to the varied parameters, and which
        subjects were solved, (B, S).
        """
        count = len(values)
        solution = self._run(self._simulator(count, True), values)
        f = self._at_observations(solution.values, count)
        by = self._at_observations(np.moveaxis(solution.derivatives, 2, 3), count)
        return f, by, solution.ok.reshape(count, -1)

    def curves(self, values: FloatArray, times: FloatArray) -> FloatArray:
        """Return (B, S, T, Q) the observed outputs at `times`; NaN before a subject's start."""
        seen, count, days = self.observations, len(values), np.asarray(times, dtype=np.float64)
        own = [np.unique(np.maximum(days, start)) for start in seen.start]
        simulator = self._prepare(own, False).take(np.tile(np.arange(len(own)), count))
        found = self._run(simulator, values).values.reshape(count, len(own), -1, len(seen.outputs))
        out = np.full((count, len(own), len(days), len(seen.outputs)), np.nan)
        for s, start in enumerate(seen.start):
            late = days >= start
            out[:, s, late] = found[:, s, np.searchsorted(own[s], days[late])]
        return out

    def _at_observations(self, found: FloatArray, count: int) -> FloatArray:
        """Return the entries of (B S, T, Q, ...) that belong to the observations."""
        seen = self.observations
        shaped = found.reshape(count, len(seen.subjects), *found.shape[1:])
        return np.asarray(shaped[:, seen.subject, self._place, seen.quantity])

    def _simulator(self, count: int, sensitivities: bool) -> Simulator:
        key = count, sensitivities
        if key not in self._simulators:
            one = self._simulators.get((1, sensitivities)) or self._prepare(self._times, sensitivities, self._orders)
            self._simulators[1, sensitivities] = one
            self._simulators[key] = one if count == 1 else one.take(np.tile(np.arange(len(self._times)), count))
        return self._simulators[key]

    def _prepare(self, times: list[FloatArray], sensitivities: bool, orders: list[FloatArray] | None = None) -> Simulator:
        return make_simulator(
            self.model,
            self.schedules,
            times,
            self.observations.outputs,
            start=self.observations.start,
            solver=self.solver,
            sensitivities=self.names if sensitivities else (),
            orders=orders,
        )

    def _run(self, simulator: Simulator, values: FloatArray) -> Solution:
        matrix = np.tile(self.base, (len(values), 1))
        matrix[:, self._columns] = values.reshape(-1, values.shape[2])
        solution = simulator.run(matrix, threads=1 if len(matrix) < _FEW else self.solver.threads)
        solution.values[~solution.ok] = np.nan
        solution.derivatives[~solution.ok] = np.nan
        return solution
