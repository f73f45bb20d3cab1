"""Predictions of all subjects at their observations, for any latent values, with derivatives by these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray, Observations
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.population.covariate_model import MixedEffects
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.simulator import Simulator
from immunoode.solve.problem.solution import Solution

_FEW = 64
"""Below this many patients a second thread costs more than it gains."""


@dataclass
class Trajectories:
    """S subjects, N observations sorted by subject, K parameters that vary; what cannot be solved is NaN."""

    model: Model
    seen: Observations
    schedules: tuple[Schedule | None, ...]
    base: FloatArray
    effects: MixedEffects
    rtol: float
    threads: int | None = None
    solved: int = field(default=0, init=False)
    _place: IntArray = field(default_factory=lambda: np.zeros(0, np.int64), init=False, repr=False)
    _columns: IntArray = field(default_factory=lambda: np.zeros(0, np.int64), init=False, repr=False)
    _times: list[FloatArray] = field(default_factory=list, init=False, repr=False)
    _orders: list[FloatArray] = field(default_factory=list, init=False, repr=False)
    _simulators: dict[tuple[int, bool], Simulator] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        names = resolve(self.model).equations.parameters
        self._columns = np.array([names.index(n) for n in self.effects.names])
        self._times, self._orders, self._place = self.seen.moments()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy in another process needs: machine code is prepared there again."""
        return {**self.__dict__, "_simulators": {}}

    def __call__(self, latent: FloatArray) -> FloatArray:
        """Return predictions (B, N) of latent values (B, S, K)."""
        found = self._run(latent, False).values.reshape(*latent.shape[:2], -1, len(self.seen.outputs))
        return np.asarray(found[:, self.seen.subject, self._place, self.seen.quantity])

    def with_slopes(self, latent: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return predictions (B, N), and their derivatives (B, N, K) by the latent values."""
        solution, seen = self._run(latent, True), self.seen
        outputs = len(seen.outputs)
        f = solution.values.reshape(*latent.shape[:2], -1, outputs)[:, seen.subject, self._place, seen.quantity]
        by = solution.derivatives.reshape(*latent.shape[:2], -1, latent.shape[2], outputs)
        slopes = np.moveaxis(by[:, seen.subject, self._place, :, seen.quantity], 0, 1)  # NumPy puts the picked axis first
        return f, slopes * self.effects.slopes(latent)[:, seen.subject]

    def curves(self, latent: FloatArray, times: FloatArray) -> FloatArray:
        """Return outputs (B, S, T, Q) at days `times`; NaN before a subject's start."""
        seen, days = self.seen, np.asarray(times, dtype=np.float64)
        own = [np.unique(np.maximum(days, start)) for start in seen.start]
        simulator = self._prepare(own, False).take(np.tile(np.arange(len(own)), len(latent)))
        found = self._solve(simulator, latent).values.reshape(*latent.shape[:2], -1, len(seen.outputs))
        out = np.full((*latent.shape[:2], len(days), len(seen.outputs)), np.nan)
        for s, start in enumerate(seen.start):
            late = days >= start
            out[:, s, late] = found[:, s, np.searchsorted(own[s], days[late])]
        return out

    def of(self, subjects: IntArray) -> Trajectories:
        """Return those of some subjects."""
        schedules = tuple(self.schedules[s] for s in subjects)
        return Trajectories(
            self.model, self.seen.take(subjects), schedules, self.base[subjects], self.effects, self.rtol, self.threads
        )

    def _run(self, latent: FloatArray, slopes: bool) -> Solution:
        key = len(latent), slopes
        if key not in self._simulators:
            one = self._simulators.get((1, slopes)) or self._prepare(self._times, slopes, self._orders)
            self._simulators[1, slopes] = one
            self._simulators[key] = one.take(np.tile(np.arange(len(self._times)), key[0]))
        return self._solve(self._simulators[key], latent)

    def _prepare(self, times: list[FloatArray], slopes: bool, orders: list[FloatArray] | None = None) -> Simulator:
        return make_simulator(
            self.model,
            self.schedules,
            times,
            self.seen.outputs,
            start=self.seen.start,
            solver=SolverOptions(rtol=self.rtol),
            sensitivities=self.effects.names if slopes else (),
            orders=orders,
        )

    def _solve(self, simulator: Simulator, latent: FloatArray) -> Solution:
        matrix = np.tile(self.base, (len(latent), 1))
        with np.errstate(over="ignore"):
            matrix[:, self._columns] = self.effects.values(latent).reshape(-1, latent.shape[2])
        self.solved += len(matrix)
        solution = simulator.run(matrix, threads=1 if len(matrix) < _FEW else self.threads)
        solution.values[~solution.ok] = np.nan
        solution.derivatives[~solution.ok] = np.nan
        return solution
