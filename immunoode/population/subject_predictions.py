"""Predictions of all subjects at their observations, for any latent values, with derivatives with respect to these."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray, Observations
from immunoode.fitting.subject_simulator import SubjectSimulator
from immunoode.model.model import Model
from immunoode.population.covariate_model import MixedEffects
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions


@dataclass
class Trajectories:
    """S subjects, N observations sorted by subject, K parameters that vary; predictions that cannot be computed are NaN."""

    model: Model
    seen: Observations
    schedules: tuple[Schedule | None, ...]
    base: FloatArray
    effects: MixedEffects
    rtol: float
    threads: int | None = None
    solved: int = field(default=0, init=False)
    _simulator: SubjectSimulator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        options = SolverOptions(rtol=self.rtol, threads=self.threads)
        names = tuple(self.effects.names)
        self._simulator = SubjectSimulator(self.model, self.seen, self.schedules, self.base, names, options)

    def __call__(self, latent: FloatArray) -> FloatArray:
        """Return predictions (B, N) of latent values (B, S, K)."""
        return self._simulator.predictions(self._values(latent))

    def with_slopes(self, latent: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return predictions (B, N), and their derivatives (B, N, K) by the latent values."""
        f, slopes, _ = self._simulator.derivatives(self._values(latent))
        return f, slopes * self.effects.slopes(latent)[:, self.seen.subject]

    def curves(self, latent: FloatArray, times: FloatArray) -> FloatArray:
        """Return outputs (B, S, T, Q) at days `times`; NaN before a subject's start."""
        return self._simulator.curves(self._values(latent), times)

    def of(self, subjects: IntArray) -> Trajectories:
        """Return the predictions of some subjects."""
        schedules = tuple(self.schedules[s] for s in subjects)
        return replace(self, seen=self.seen.take(subjects), schedules=schedules, base=self.base[subjects])

    def _values(self, latent: FloatArray) -> FloatArray:
        """Return the values of the varied parameters, and count the simulations that they need."""
        self.solved += latent.shape[0] * latent.shape[1]
        with np.errstate(over="ignore"):
            return self.effects.values(latent)
