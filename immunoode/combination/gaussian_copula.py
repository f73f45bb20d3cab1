"""The Gaussian copula: the joint distribution of two outcomes with given marginals and a given rank correlation.

The bivariate normal distribution function is written with Owen's T function [1]_, which SciPy evaluates to machine precision.

.. [1] Owen DB (1956). Tables for computing bivariate normal probabilities. Annals of Mathematical Statistics 27, 1075-1090,
   doi 10.1214/aoms/1177728074.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def pearson_of_spearman(spearman: ArrayLike) -> Any:
    """Return the correlation of the normal scores of a Gaussian copula with a Spearman correlation: 2 sin(pi rho / 6)."""
    return np.clip(2.0 * np.sin(np.pi * np.asarray(spearman, np.float64) / 6.0), -1.0, 1.0)


def joint_probability(first: ArrayLike, second: ArrayLike, spearman: ArrayLike) -> FloatArray:
    """Return C(u, v), the probability that both of two events of probabilities u and v happen.

    Parameters
    ----------
    first, second : array_like
        Probabilities; they are broadcast.
    spearman : array_like
        Spearman correlation from -1 to 1: 0 gives u v, 1 the smaller of both, -1 the excess of u + v over 1.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> joint_probability(0.5, 0.5, 0.0).item(), joint_probability(0.3, 0.6, 1.0).item()
    (0.25, 0.3)
    """
    u, v, rho = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (first, second, spearman)))
    least, most = np.maximum(u + v - 1.0, 0.0), np.minimum(u, v)
    found = np.select([rho >= 1, rho <= -1, rho == 0], [most, least, u * v], default=most)
    inside = (u > 0) & (v > 0) & (u < 1) & (v < 1) & (rho != 0) & (np.abs(rho) < 1)
    found[inside] = _bivariate_normal(u[inside], v[inside], pearson_of_spearman(rho[inside]))
    return np.clip(found, least, most)


def _bivariate_normal(u: FloatArray, v: FloatArray, correlation: FloatArray) -> FloatArray:
    """Return the bivariate normal distribution function at the scores of u and v."""
    from scipy.special import owens_t

    h, k = normal_scores(u), normal_scores(v)
    rest = np.sqrt((1.0 - correlation) * (1.0 + correlation))
    both_zero = (h == 0) & (k == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (k / h - correlation) / rest, (h / k - correlation) / rest
    apart = (h * k < 0) | ((h * k == 0) & (h + k < 0))
    found = 0.5 * (u + v - apart) - owens_t(h, a) - owens_t(k, b)
    return np.where(both_zero, 0.25 + np.arcsin(correlation) / (2 * np.pi), found)


def normal_scores(probability: ArrayLike) -> FloatArray:
    """Return the quantiles of the standard normal distribution at probabilities."""
    from scipy.special import ndtri

    return np.asarray(ndtri(probability))


def conditional_probability(second: FloatArray, first: FloatArray, spearman: float) -> FloatArray:
    """Return the probability of an event with a normal score, given the score of the other outcome; arrays of scores."""
    from scipy.special import ndtr

    correlation = float(np.clip(pearson_of_spearman(spearman), -1 + 1e-12, 1 - 1e-12))
    rest = np.sqrt((1.0 - correlation) * (1.0 + correlation))
    return np.asarray(ndtr((second - correlation * first) / rest))
