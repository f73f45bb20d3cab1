"""Standard errors of population parameters: the curvature of the marginal likelihood, by differences of its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fit.observations import FloatArray
from immunoode.population.marginal import marginal
from immunoode.population.problem import Point, Problem

STEP = 0.25
"""Of the differences, in units of a parameter's standard error: above the solver's noise, within the parabola."""


@dataclass(frozen=True)
class Uncertainty:
    """Covariance (V, V) of the vector of population parameters, and by which way it was found."""

    covariance: FloatArray
    method: str


def uncertainty(problem: Problem, point: Point, eta: FloatArray) -> Uncertainty:
    """Return the covariance: the inverse of the observed information; where this is not definite, of the scores' products."""
    vector = problem.vector(point)
    first = marginal(problem, vector, eta)
    scores = 0.5 * first.gradients
    products = scores.T @ scores
    size = np.sqrt(np.maximum(np.diag(products), 1e-8))
    steps = np.minimum(STEP / size, 0.2)
    information = np.empty((len(vector), len(vector)))
    for j, step in enumerate(steps):
        moved = [vector.copy(), vector.copy()]
        moved[0][j] += step
        moved[1][j] -= step
        up, down = (marginal(problem, v, first.modes.eta).gradients.sum(axis=0) for v in moved)
        information[j] = 0.5 * (up - down) / (2.0 * step)
    information = 0.5 * (information + information.T)
    scaled = information / np.outer(size, size)
    values = np.linalg.eigvalsh(scaled)
    if np.isfinite(scaled).all() and values[0] > 1e-6 * values[-1]:
        return Uncertainty(np.asarray(np.linalg.inv(information), dtype=np.float64), "observed information")
    rough = np.asarray(np.linalg.pinv(products, rcond=1e-10), dtype=np.float64)
    return Uncertainty(rough, "products of scores (the information is not definite)")
