"""Likelihoods of measurements as defined by PEtab, with derivatives with respect to prediction and noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode.fitting import densities
from immunoode.fitting.observations import FloatArray

LN10 = math.log(10)
_TRANSFORMED: Mapping[str, Callable[..., Any]] = {"lin": lambda x: x, "log": np.log, "log10": np.log10}
_RATE: Mapping[str, Callable[..., Any]] = {"lin": np.ones_like, "log": lambda x: 1 / x, "log10": lambda x: 1 / (x * LN10)}
"""The derivative of each transformation."""
DISTRIBUTIONS, TRANSFORMATIONS = ("normal", "laplace"), tuple(_TRANSFORMED)
DISTRIBUTIONS_2: Mapping[str, tuple[str, str]] = {
    "normal": ("normal", "lin"),
    "log-normal": ("normal", "log"),
    "laplace": ("laplace", "lin"),
    "log-laplace": ("laplace", "log"),
}
"""Distribution and transformation of version 1 by the distribution of version 2."""


@dataclass(frozen=True)
class Likelihood:
    """The log-likelihood of each measurement, and quantities for fits.

    These are its derivatives with respect to prediction and noise, the residual in units of the noise, and the decrease of the
    residual per unit of the prediction.
    """

    each: FloatArray
    by_prediction: FloatArray
    by_noise: FloatArray
    residual: FloatArray
    per_prediction: FloatArray


def likelihood(
    measured: FloatArray, predicted: FloatArray, noise: FloatArray, distribution: str, transformation: str
) -> Likelihood:
    """Return the likelihood of each measurement.

    -inf if the transformation needs a logarithm that the prediction does not have.

    Parameters
    ----------
    measured, predicted, noise : ndarray, shape (n,)
        The noise is on the transformed scale.
    distribution : {"normal", "laplace"}
    transformation : {"lin", "log", "log10"}
    """
    change, rate = _TRANSFORMED[transformation], _RATE[transformation]
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = (change(measured) - change(predicted)) / noise
        stretch = np.log(rate(np.abs(measured)))
        slope = rate(predicted) / noise
        if distribution == "normal":
            log_density, score = densities.log_density(residual), densities.log_density_slope(residual)
        else:
            log_density, score = densities.log_laplace(residual)
        each = log_density - np.log(noise) + stretch
        by_noise = -(1 + score * residual) / noise
    return Likelihood(np.where(np.isfinite(each), each, -np.inf), -score * slope, by_noise, residual, slope)
