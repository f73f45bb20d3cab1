"""Simulated trials with the design of the fitted one, for diagnostics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from immunoode.fitting.observations import FloatArray

if TYPE_CHECKING:
    from immunoode.population.finished import FinishedPopulationFit

_BLOCK = 20_000
"""Approximate number of subjects simulated at once."""


def simulated_trials(result: FinishedPopulationFit, draws: int, seed: int) -> FloatArray:
    """Return (draws, N) observations of new subjects with the covariates, doses and visits of those that were fitted.

    They are on the scale where errors are normal (the logarithm for log-normal errors), and NaN if a subject could not be
    solved.
    """
    return np.concatenate(list(_blocks(result, draws, seed)))


def _blocks(result: FinishedPopulationFit, draws: int, seed: int) -> Iterator[FloatArray]:
    random = np.random.default_rng([seed, 3])
    model, parameters = result.population_model, result.estimates
    means, lower = model.effects.means(parameters.beta), np.linalg.cholesky(parameters.omega)
    size = max(1, _BLOCK // model.subjects)
    for first in range(0, draws, size):
        count = min(size, draws - first)
        eta = random.standard_normal((count, model.subjects, len(lower))) @ lower.T
        g = model.predict(model.effects.latent(means, eta))
        yield g + np.sqrt(model.likelihood.variance(g, parameters.errors)) * random.standard_normal(g.shape)


def on_natural_scale(result: FinishedPopulationFit, values: FloatArray) -> FloatArray:
    """Return values (..., N) in their units, from the scale where errors are normal."""
    logged = result.population_model.likelihood.logged
    return np.where(logged, np.exp(np.where(logged, values, 0.0)), values)
