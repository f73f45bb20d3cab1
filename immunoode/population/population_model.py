"""A population fit as numbers: coefficients, covariance of random effects, error sizes; and each subject's likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.population.covariance import starts_of
from immunoode.population.covariate_model import Effects
from immunoode.population.likelihood import Likelihood
from immunoode.population.subject_predictions import Trajectories

TIGHT = 1e-7
"""Relative tolerance of the solver for derivatives."""


@dataclass(frozen=True)
class Point:
    """Population parameters: coefficients (P,), covariance (r, r), logarithms of error sizes (q,)."""

    beta: FloatArray
    omega: FloatArray
    errors: FloatArray


@dataclass(frozen=True)
class Problem:
    """What is to be fitted: trajectories of S subjects, their effects, and how N observations scatter.

    `starts` (S,) is where each subject's observations begin, `others` are further coefficients (P,) to start from.
    """

    trajectories: Trajectories
    effects: Effects
    likelihood: Likelihood
    starts: IntArray
    others: tuple[FloatArray, ...] = ()

    @property
    def subjects(self) -> int:
        """S."""
        return len(self.starts)

    @property
    def subject(self) -> IntArray:
        """(N,) whose each observation is."""
        return self.trajectories.seen.subject

    def tight(self) -> Problem:
        """Return the same problem, solved well enough for second derivatives by differences."""
        if self.trajectories.rtol <= TIGHT:
            return self
        old = self.trajectories
        made = Trajectories(old.model, old.seen, old.schedules, old.base, old.effects, TIGHT, old.threads)
        return replace(self, trajectories=made)

    def start(self, beta: FloatArray | None = None) -> Point:
        """Return where a fit starts."""
        first = self.effects.start if beta is None else beta
        return Point(first.copy(), self.effects.start_omega.copy(), self.likelihood.start.copy())

    def vector(self, point: Point) -> FloatArray:
        """Return a point as numbers without bounds."""
        return np.concatenate([point.beta, self.effects.pattern.vector(point.omega), point.errors])

    def point(self, vector: FloatArray) -> Point:
        """Return the point of a vector."""
        p, q = len(self.effects.coefficients), len(self.likelihood.names)
        omega = self.effects.pattern.matrix(vector[p : len(vector) - q])
        return Point(vector[:p].copy(), omega, vector[len(vector) - q :].copy())

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each number of a vector."""
        return (*self.effects.coefficients, *self.effects.covariance_names, *self.likelihood.names)

    def by_subject(self, values: FloatArray) -> FloatArray:
        """Return sums over each subject's observations, the last axis."""
        return np.add.reduceat(values, self.starts, axis=-1)

    def sums(self, values: FloatArray) -> FloatArray:
        """Return sums over each subject's observations, the first axis."""
        return np.add.reduceat(values, self.starts, axis=0)

    def sums_over(self, values: FloatArray) -> FloatArray:
        """Return sums over each subject's observations, the last axis but one."""
        return np.add.reduceat(values, self.starts, axis=-2)

    def scaled(self, latent: FloatArray) -> FloatArray:
        """Return predictions (B, N) on the scale where errors are normal, of latent values (B, S, K)."""
        return self.likelihood.scaled(self.trajectories(latent))[0]

    def scaled_with_slopes(self, latent: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return these, and their derivatives (B, N, K) by the latent values."""
        f, by = self.trajectories.with_slopes(latent)
        g, slope = self.likelihood.scaled(f)
        return g, by * slope[..., None]

    def minus_two_log(self, latent: FloatArray, errors: FloatArray) -> FloatArray:
        """Return (B, S) of each subject's observations, given its latent values; infinite where nothing is predicted."""
        return self.by_subject(self.likelihood.minus_two_log(self.scaled(latent), errors))


def problem_of(trajectories: Trajectories, effects: Effects, likelihood: Likelihood) -> Problem:
    """Return the problem of these parts."""
    return Problem(trajectories, effects, likelihood, starts_of(trajectories.seen.subject, len(trajectories.seen.subjects)))
