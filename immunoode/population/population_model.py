"""The mixed-effects model as numbers: coefficients, covariance of random effects, error sizes, and likelihoods."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.population.covariance import first_rows_of
from immunoode.population.covariate_model import MixedEffects
from immunoode.population.likelihood import ObservationLikelihood
from immunoode.population.subject_predictions import Trajectories

TIGHT = 1e-7
"""Relative tolerance of the solver for derivatives."""


@dataclass(frozen=True)
class PopulationParameters:
    """Population parameters: coefficients (P,), covariance (r, r), logarithms of error sizes (q,)."""

    beta: FloatArray
    omega: FloatArray
    errors: FloatArray


@dataclass(frozen=True)
class PopulationModel:
    """The mixed-effects model of S subjects with N observations: predictions, mixed effects, likelihood.

    `first_rows` (S,) are the rows of each subject's first observation, `other_starts` further coefficients (P,) to start from.
    """

    trajectories: Trajectories
    effects: MixedEffects
    likelihood: ObservationLikelihood
    first_rows: IntArray
    other_starts: tuple[FloatArray, ...] = ()

    @property
    def subjects(self) -> int:
        """S."""
        return len(self.first_rows)

    @property
    def subject(self) -> IntArray:
        """Index (N,) of the subject of each observation."""
        return self.trajectories.seen.subject

    def with_tight_tolerance(self) -> PopulationModel:
        """Return the model with a solver tolerance tight enough for second derivatives by finite differences."""
        if self.trajectories.rtol <= TIGHT:
            return self
        return replace(self, trajectories=replace(self.trajectories, rtol=TIGHT))

    def start(self, beta: FloatArray | None = None) -> PopulationParameters:
        """Return the starting values of a fit."""
        first = self.effects.start if beta is None else beta
        return PopulationParameters(first.copy(), self.effects.start_omega.copy(), self.likelihood.start.copy())

    def vector(self, parameters: PopulationParameters) -> FloatArray:
        """Return population parameters as a vector of unbounded numbers."""
        return np.concatenate([parameters.beta, self.effects.pattern.vector(parameters.omega), parameters.errors])

    def parameters_of(self, vector: FloatArray) -> PopulationParameters:
        """Return the population parameters of a vector."""
        p, q = len(self.effects.coefficients), len(self.likelihood.names)
        omega = self.effects.pattern.matrix(vector[p : len(vector) - q])
        return PopulationParameters(vector[:p].copy(), omega, vector[len(vector) - q :].copy())

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each element of a vector."""
        return (*self.effects.coefficients, *self.effects.covariance_names, *self.likelihood.names)

    def per_subject(self, values: FloatArray, axis: int = -1) -> FloatArray:
        """Return the sums over each subject's observations along an axis."""
        return np.add.reduceat(values, self.first_rows, axis=axis)

    def predict(self, latent: FloatArray) -> FloatArray:
        """Return the predictions (B, N), on the scale on which errors are normal, for latent values (B, S, K)."""
        return self.likelihood.transformed(self.trajectories(latent))[0]

    def predict_with_jacobian(self, latent: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the predictions, and their derivatives (B, N, K) by the latent values."""
        f, by = self.trajectories.with_slopes(latent)
        g, slope = self.likelihood.transformed(f)
        return g, by * slope[..., None]

    def minus_two_log(self, latent: FloatArray, errors: FloatArray) -> FloatArray:
        """Return -2 log-likelihood (B, S) of each subject given its latent values; infinite if it cannot be simulated."""
        return self.per_subject(self.likelihood.minus_two_log(self.predict(latent), errors))


def population_model(trajectories: Trajectories, effects: MixedEffects, likelihood: ObservationLikelihood) -> PopulationModel:
    """Return the population model of these parts."""
    return PopulationModel(
        trajectories, effects, likelihood, first_rows_of(trajectories.seen.subject, len(trajectories.seen.subjects))
    )
