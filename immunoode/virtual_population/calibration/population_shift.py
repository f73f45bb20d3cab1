"""How populations may differ from the prior one: shifts of the distribution of parameters, and their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.dual import spread_of
from immunoode.virtual_population.calibration.stacked import StackedTargets

if TYPE_CHECKING:
    import pandas as pd

SCALE = 0.3
"""Half of all populations are assumed to differ by less than this from their prior, in standard deviations of each
parameter."""
GRID = np.geomspace(0.01, 4.0, 40)
RIDGE = 1e-9


@dataclass(frozen=True)
class ShiftSize:
    """The posterior distribution of the size of the shift, on a grid.

    Attributes
    ----------
    sizes : ndarray, shape (k,)
        In standard deviations of each parameter.
    probabilities : ndarray, shape (k,)
    """

    sizes: FloatArray
    probabilities: FloatArray

    @property
    def mean(self) -> float:
        """The mean size."""
        return float(self.sizes @ self.probabilities)


def shift_features(parameters: pd.DataFrame, prior: FloatArray) -> FloatArray:
    """Return the features in which populations may be shifted, shape (patients, features), each of mean 0 and variance 1.

    They are the normal scores of the parameters, made independent, and their squares: if the density of a population relative
    to the prior one is the exponential of a small combination of these, its parameters have other means and variances.

    Parameters
    ----------
    parameters : DataFrame
        Columns that are not numbers, or do not vary, are left out.
    prior : ndarray, shape (patients,)
    """
    numbers = parameters.select_dtypes("number").to_numpy(np.float64)
    varied = [column for column in numbers.T if np.isfinite(column).all() and column.min() < column.max()]
    if not varied:
        return np.zeros((len(parameters), 0))
    scores = np.column_stack([_normal_scores(column, prior) for column in varied])
    scores = scores @ _whitening(scores, prior)
    both = np.concatenate([scores, scores**2], axis=1)
    both -= prior @ both
    return np.asarray(both / np.sqrt(prior @ both**2))


def shift_size(stacked: StackedTargets, features: FloatArray, prior: FloatArray) -> ShiftSize:
    """Return the size of the shift, given the distance of the targets from the statistics under the prior weights.

    To first order, the targets differ from the prior by a normal deviate with covariance V + size^2 G G', where V is the
    covariance of the sampling errors and G that of moments and features. The size has a half-Cauchy prior distribution with
    the scale `SCALE`.

    Parameters
    ----------
    stacked : StackedTargets
    features : ndarray, shape (patients, features)
    prior : ndarray, shape (patients,)
    """
    gain = (stacked.moments * prior[:, None]).T @ features
    away = stacked.observed - prior @ stacked.moments
    unit = spread_of(stacked.moments, prior)
    gain, away, covariance = gain / unit[:, None], away / unit, stacked.covariance / np.outer(unit, unit)
    fixed, moved = covariance + RIDGE * np.eye(len(away)), gain @ gain.T
    log = np.array([_log_density(fixed + size**2 * moved, away) for size in GRID])
    mass = np.exp(log - log.max()) * GRID / (1 + (GRID / SCALE) ** 2)  # the grid is equidistant in the logarithm
    return ShiftSize(GRID, mass / mass.sum())


def _log_density(covariance: FloatArray, away: FloatArray) -> float:
    return float(-(np.linalg.slogdet(covariance)[1] + away @ np.linalg.solve(covariance, away)) / 2)


def _normal_scores(values: FloatArray, prior: FloatArray) -> FloatArray:
    """Return the normal quantiles of the weighted ranks; equal values share a rank."""
    from scipy.special import ndtri

    _, which = np.unique(values, return_inverse=True)
    mass = np.bincount(which, prior)
    return np.asarray(ndtri(np.cumsum(mass) - mass / 2)[which])


def _whitening(scores: FloatArray, prior: FloatArray) -> FloatArray:
    centred = scores - prior @ scores
    values, vectors = np.linalg.eigh((centred * prior[:, None]).T @ centred)
    kept = values > 1e-8 * values[-1]
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept]))
